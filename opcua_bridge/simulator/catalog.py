"""The factory's description: machines, their signals, recipes and habits. Seconds are simulated seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LINE: Final = "SMT-1"
DEPANEL: Final = "DEPANEL-1"
TEST: Final = "TEST-1"
CNC: Final = "CNC-1"
PACK: Final = "PACK-1"
TARGETS: Final = (LINE, DEPANEL, TEST, CNC)
"""Who takes a job: the line as a whole, and three machines that stand alone."""

JOB_CONTROL: Final = frozenset({TEST})
"""Targets that take jobs as OPC 10031-4 has it; the others by plain variables."""

NAMESPACE_URI: Final = "urn:lineside:simulator"
BOARDS_PER_PANEL: Final = 8
GOOD, REJECT, XOUT = "GoodCount", "RejectCount", "XOutCount"


@dataclass(frozen=True)
class CounterKind:
    """A counter shows 0 … modulus-1 and starts again at 0."""

    name: str
    data_type: str = "UInt32"
    modulus: int = 2**32
    first_value: int = 0
    """What it shows when the factory is opened for the first time; after a restart it shows 0."""


@dataclass(frozen=True)
class MachineKind:
    name: str
    lane: str
    """The job target it works for."""
    cycle_s: float
    spread: float = 0.04
    capacity: int = 1
    entry_gap_s: float = 0.0
    counters: tuple[CounterKind, ...] = (CounterKind(GOOD), CounterKind(REJECT))
    speaks: str = "packml"
    micro_stop_every_s: float = 2400.0
    breakdown_every_s: float = 36000.0
    idle_kw: float = 0.4
    busy_kw: float = 1.6


_PRINTER_COUNTERS = (CounterKind(GOOD, modulus=1000, first_value=985), CounterKind(REJECT))
_AOI_COUNTERS = (CounterKind(GOOD), CounterKind(REJECT), CounterKind(XOUT))
_COBOT_COUNTERS = (CounterKind(GOOD, "UInt16", 65536, 65500), CounterKind(REJECT))
_TESTER_COUNTERS = (CounterKind(GOOD, modulus=10000, first_value=9960), CounterKind(REJECT))

MACHINES: Final[tuple[MachineKind, ...]] = (
    MachineKind("SMT-1-LASER", LINE, 17.0, busy_kw=0.9),
    MachineKind("SMT-1-PRINTER", LINE, 19.0, counters=_PRINTER_COUNTERS),
    MachineKind("SMT-1-SPI", LINE, 18.0, busy_kw=0.8),
    MachineKind("SMT-1-PLACER-A", LINE, 23.0, busy_kw=3.1),
    MachineKind("SMT-1-PLACER-B", LINE, 24.0, busy_kw=3.1),
    MachineKind("SMT-1-OVEN", LINE, 170.0, 0.0, 8, 20.0, idle_kw=9.0, busy_kw=14.0, micro_stop_every_s=20000.0),
    MachineKind("SMT-1-AOI", LINE, 20.0, counters=_AOI_COUNTERS, busy_kw=0.8),
    MachineKind(DEPANEL, DEPANEL, 20.0, counters=_COBOT_COUNTERS),
    MachineKind(TEST, TEST, 9.0, 0.1, counters=_TESTER_COUNTERS, micro_stop_every_s=3600.0),
    MachineKind(CNC, CNC, 75.0, 0.02, speaks="machinery", idle_kw=1.2, busy_kw=7.5),
)
BY_NAME: Final = {machine.name: machine for machine in MACHINES}
LINE_CELLS: Final = tuple(machine for machine in MACHINES if machine.lane == LINE)

RECIPES: Final[dict[str, str]] = {LINE: "WM-CB-SMT", DEPANEL: "WM-CB-DEPANEL", TEST: "WM-CB-TEST", CNC: "WM-BH-MILL"}
UPSTREAM: Final[dict[str, str]] = {DEPANEL: LINE, TEST: DEPANEL}
COUNTING_POINTS: Final[dict[str, str]] = {LINE: "SMT-1-AOI", DEPANEL: DEPANEL, TEST: TEST, CNC: CNC}
PIECES_PER_COUNT: Final[dict[str, int]] = {"SMT-1-AOI": 1, DEPANEL: 1, TEST: 1, CNC: 2}
"""At the counting points; one count of an SMT machine before the AOI is a panel of eight board positions."""

REELS: Final[dict[str, tuple[str, ...]]] = {
    "SMT-1-PLACER-A": ("Reel1", "Reel2", "Reel3", "Reel4"),
    "SMT-1-PLACER-B": ("Reel1", "Reel2", "Reel3", "Reel4"),
}
SPLICING: Final = frozenset({"SMT-1-PLACER-B"})
"""Placers whose reels are spliced while they work; the others stand until a reel is changed."""
SERIALS: Final[dict[str, str]] = {
    "SMT-1-LASER": "Serial",
    "SMT-1-PLACER-A": "Serial",
    "SMT-1-PLACER-B": "Serial",
    "SMT-1-AOI": "Serial",
    TEST: "Serial",
    PACK: "Scanner",
}
DEFECTS: Final = (("NO-BOOT", "U3"), ("SHORT", "C17"), ("OPEN", "J2"))
"""What fails at the tester, and where."""
VERDICT_FIELDS: Final = ("Verdict", "DefectCode", "DefectPosition")
QUESTION_FIELDS: Final[dict[str, str]] = {
    "Serial": "String",
    "Question": "UInt32",
    "Allowed": "Boolean",
    "Code": "String",
    "Answer": "UInt32",
}
"""Of `<tester>.MayI`: the first two are its question, the others are written by whoever answers, `Answer` last."""
OVEN_SETPOINTS_C: Final = (110.0, 150.0, 165.0, 180.0, 200.0, 235.0, 250.0, 120.0)


def signal_types() -> dict[str, str]:
    """Every tag the factory has, with its OPC UA type, grouped by equipment in order."""
    tags: dict[str, str] = {f"{LINE}.State": "Int32", f"{LINE}.Mode": "Int32"}
    for machine in MACHINES:
        tags.update(_machine_tags(machine))
    for target in TARGETS:
        tags.update(_target_tags(target))
    for equipment, name in SERIALS.items():
        tags[f"{equipment}.{name}"] = "String"
    tags |= {f"{TEST}.{field}": "String" for field in VERDICT_FIELDS}
    return tags | {f"{TEST}.MayI.{field}": kind for field, kind in QUESTION_FIELDS.items()}


def _machine_tags(machine: MachineKind) -> dict[str, str]:
    name = machine.name
    tags = {f"{name}.State": "Int32", f"{name}.Mode": "Int32", f"{name}.StartedAt": "DateTime"}
    tags |= {f"{name}.{counter.name}": counter.data_type for counter in machine.counters}
    tags |= {f"{name}.CycleTimeS": "Double", f"{name}.EnergyKwh": "Double", f"{name}.WorkMaster": "String"}
    tags |= {f"{name}.{reel}": "String" for reel in REELS.get(name, ())}
    return tags | {f"{name}.{measurement}": "Double" for measurement in measurements(name)}


def measurements(name: str) -> tuple[str, ...]:
    """Process values a machine has besides its energy meter."""
    if name == "SMT-1-OVEN":
        return tuple(f"Zone{zone}" for zone in range(1, len(OVEN_SETPOINTS_C) + 1))
    return {"SMT-1-PRINTER": ("SqueegeePressure",), CNC: ("SpindleLoad",)}.get(name, ())


COMMAND_FIELDS: Final = ("Token", "OrderId", "WorkMaster", "Material", "WorkRequest", "Action")


def job_tags(target: str) -> dict[str, str]:
    """What a target says of its job: variables of its own, or what is made of its job order list."""
    return {f"{target}.Job.OrderId": "String", f"{target}.Job.State": "Int32", f"{target}.Job.Substate": "Int32"}


def _target_tags(target: str) -> dict[str, str]:
    tags = {f"{target}.Remote": "Boolean"}
    if target in JOB_CONTROL:
        return tags
    tags |= job_tags(target)
    tags |= {f"{target}.Cmd.{field}": "String" for field in COMMAND_FIELDS}
    tags |= {f"{target}.Cmd.Cycles": "Int32", f"{target}.Cmd.Trigger": "UInt32"}
    return tags | {f"{target}.Cmd.{field}": "String" for field in ("AckToken", "AckResult", "AckText")}
