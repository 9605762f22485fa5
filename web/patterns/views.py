"""View model of the patterns page. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from mes.genealogy.at_station.types import Line
from mes.materials.errors import FloorLifeOver
from mes.orders.types import JobView
from standards.isa95.job_control import EndedSubstate, InterruptedSubstate, JobState
from standards.packml.states import EquipmentState
from web.components.job import JobPanel, view_job
from web.components.machine import MachineView, view_machine
from web.components.material import LineView, line_view
from web.patterns.samples import NOW, job, lot, machine

LONG = "Lagergehäusehälfte mit Schmiernippelgewindebohrung, gefräst, entgratet und gewaschen"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a scan is answered with: tone and icon, and the key of its words."""

    tone: str
    icon: str
    kind: str
    what: str = "R-00000042"


@dataclass(frozen=True, slots=True)
class PatternsPage:
    machines: tuple[MachineView, ...]
    jobs: tuple[JobPanel, ...]
    tones: tuple[str, ...]
    answers: tuple[Answered, ...]
    lines: tuple[LineView, ...]


def patterns() -> PatternsPage:
    """Each state of a machine and of a job, an interval, an unknown bound, a long name."""
    jobs = tuple(view_job(one, NOW) for one in _jobs())
    return PatternsPage(
        _machines(), jobs, ("info", "warn", "bad"), ANSWERS, tuple(line_view(one, NOW) for one in _lines())
    )


ANSWERS: Final = (
    Answered("idle", "scan-barcode", "ready"),
    Answered("ask", "chevron-right", "lot"),
    Answered("run", "check", "mounted"),
    Answered("warn", "triangle-alert", "failed", LONG),
    Answered("down", "ban", "no-job"),
)


def _lines() -> tuple[Line, ...]:
    """A slot or a line of the bill: right, empty, free, not usable, of another material, not for this job."""
    good, over = lot("R-00000042", 29), lot("R-00000031", -1, FloorLifeOver())
    names = ("MCU-32",), "Microcontroller"
    return (
        Line("1", *names, mounted=good),
        Line("2", *names),
        Line("3", (), ""),
        Line("4", *names, mounted=over),
        Line("5", ("LGH-42",), LONG, mounted=good),
        Line("@MCU-32", *names, by_hand=True, mounted=good, stray=True),
    )


def _machines() -> tuple[MachineView, ...]:
    each = [machine(state.value, state) for state in EquipmentState]
    bench = machine("BENCH", manual=True)
    local = machine("LOCAL", remote=False, mode=2)
    long = replace(machine("LONG"), description=LONG, since=NOW - timedelta(days=12))
    return tuple(view_machine(status, NOW) for status in (*each, bench, local, long))


def _jobs() -> list[JobView]:
    return [
        job("BLOCKED", JobState.NotAllowedToStart),
        job("RELEASED", JobState.AllowedToStart),
        job("BEHIND"),
        job("AHEAD", good_low=Decimal(40), good_high=Decimal(46), target_now=Decimal(32)),
        job("LEVEL", target_now=Decimal(32)),
        job("AT-LEAST", good_high=None),
        job("PAUSED", JobState.Interrupted, substate=InterruptedSubstate.Suspended),
        job("HELD", JobState.Interrupted, substate=InterruptedSubstate.Held),
        job("DONE", JobState.Ended, substate=EndedSubstate.Completed, good_low=Decimal(56), good_high=Decimal(56)),
        job("ABORTED", JobState.Aborted),
        job("LONG", description=LONG, material_description=LONG, good_low=Decimal("12480.5"), quantity=Decimal(99999)),
    ]
