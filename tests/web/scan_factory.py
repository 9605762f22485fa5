"""Made-up stations, lots and units for the screen of scanning, in every state."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from mes.access.types import Voucher
from mes.genealogy.at_station.types import (
    NOTHING_HELD,
    CartonAt,
    Held,
    HeldKind,
    Lately,
    Line,
    LotAt,
    Part,
    Place,
    SetUp,
    UnitAt,
    UnitEvent,
    Where,
)
from mes.genealogy.may_i.types import Permission, Why
from mes.genealogy.tools.types import Spent, ToolLife, ToolSpec, ToolView
from mes.kernel.errors import Refusal
from mes.kernel.sqltypes import to_us
from mes.materials.errors import FloorLifeOver, LotOnHold, WrongMaterial
from mes.materials.types import Storage
from mes.quality.types import DefectCodeView, DefectView
from tests.web import factory as f
from tests.web import material_factory as m
from web.components.material import lot_view
from web.components.tools import tool_line
from web.scan.views import (
    UNITS,
    AlikePanel,
    NothingPanel,
    OverrideView,
    Panel,
    Said,
    ScanPage,
    Told,
    ToolPanel,
    answer,
    base_of,
    carton_panel,
    lately_region,
    lot_panel,
    material_region,
    override_view,
    said_of_unit,
    slot_panel,
    station_of,
    tools_region,
    unit_panel,
)
from web.tools.views import ToolList, ToolsPage

ZONE = ZoneInfo("Europe/Berlin")
LONG = "Lagergehäusehälfte mit Schmiernippelgewindebohrung, gefräst und entgratet"
LONG_ID = "SN-2026-11-21-ABCDEFGHIJKLMNOPQRSTUVWXYZ-0000000000000017"
PEOPLE = (Voucher(1, "SVEN", "Sven Lindqvist"), Voucher(2, "PRIYA", "Priya Raman"))
CODES = tuple(
    DefectCodeView(n, code, text, True, 1)
    for n, (code, text) in enumerate(
        (("BRIDGED", "Solder bridge"), ("MISSING", "Part missing"), ("TOMBSTONE", "Tombstone"), ("TURNED", "Turned"))
    )
)
REASONS = (("SOLDER", "Solder defect"), ("DAMAGE", "Damaged in handling"), ("OTHER", "Other"))


def lot(
    lot_id: str,
    hours: float = 20,
    *,
    msl: str = "3",
    left: str = "840",
    refusal: Refusal | None = None,
    of: tuple[str, str] = ("MCU-32", "Microcontroller"),
) -> LotAt:
    """A lot that has been open for so long."""
    view = m.life(lot_id, hours, msl=msl, storage=Storage.open)
    return LotAt(lot_id, *of, Decimal(left), "pcs", view.clocks, refusal)


def slot(slot_id: str, material: str, mounted: LotAt | None, *, by_hand: bool = False, stray: bool = False) -> Line:
    names = {"R": "Resistor 10 kOhm 0402", "C": "Capacitor 100 nF 0402", "M": "Microcontroller", "L": LONG}
    ids = {"R": "R-10K-0402", "C": "C-100N-0402", "M": "MCU-32", "L": "LGH-42"}
    known = (ids[material],) if material else ()
    return Line(slot_id, known, names.get(material, ""), "pcs", by_hand, mounted=mounted, since=f.NOW, stray=stray)


RES = ("R-10K-0402", "Resistor 10 kOhm 0402")
CAP = ("C-100N-0402", "Capacitor 100 nF 0402")
SLOTS = (
    slot("1", "R", lot("R-00000017", msl="", left="7420", of=RES)),
    slot("2", "C", None),
    slot("3", "M", lot("R-00000023", 139)),
    slot("4", "M", lot("R-00000031", 169, refusal=FloorLifeOver())),
    slot("10", "", None),
)
BILL = (
    slot("@R-10K-0402", "R", lot("R-00000017", msl="", left="7420", of=RES), by_hand=True),
    slot("@MCU-32", "M", None, by_hand=True),
    slot("@C-100N-0402", "C", lot("R-00000019", msl="", of=CAP), by_hand=True, stray=True),
)


def place(*lines: Line, running: bool = True) -> Place:
    job = f.job("SMT-1") if running else None
    return Place("SMT-1", "SMT line", False, job, lines)


def lately() -> tuple[Lately, ...]:
    kinds = ("verdict-passed", "mounted", "installed", "packed", "verdict-failed", "unmounted")
    return tuple(
        Lately(
            f.NOW - timedelta(minutes=3 * n),
            kind,
            f"SN-00{n}" if n else LONG_ID,
            "Ada Okafor",
            undone=n == 1,
            note="Solder bridge R17" if kind == "verdict-failed" else "",
        )
        for n, kind in enumerate(kinds)
    )


def page(
    told: Told,
    *lines: Line,
    held: Held = NOTHING_HELD,
    panel: Panel | None = None,
    said: Said | None = None,
    override: OverrideView | None = None,
    running: bool = True,
    events: tuple[Lately, ...] | None = None,
) -> tuple[str, ScanPage]:
    here = place(*(lines or SLOTS), running=running)
    shown = answer(
        "SMT-1",
        told,
        held=held,
        now=f.NOW,
        request_id="r" * 32,
        panel=panel,
        said=said or Said(),
        override=override,
    )
    return "scan/page.html", ScanPage(
        "SMT-1",
        here.name,
        base_of("SMT-1"),
        station_of("SMT-1"),
        "r" * 32,
        shown,
        material_region(here, f.NOW),
        tools_region(here, set_up(), f.NOW, ZONE),
        lately_region("SMT-1", lately() if events is None else events, ZONE),
    )


def tools() -> tuple[ToolView, ...]:
    limits = {"life_cycles": 80_000, "clean_cycles": 500, "clean_hours": 8}
    soon = ToolLife(Spent.not_clean, 12, 500, to_us(f.NOW + timedelta(hours=3)))
    return (
        ToolView(
            ToolSpec("ST-4", "stencil", "CB-100 top, 120 µm", **limits),
            31_412,
            488,
            "SMT-1",
            None,
            1,
            (ToolLife(Spent.worn_out, 48_588, 80_000, 0), soon),
        ),
        ToolView(
            ToolSpec(LONG_ID, "nozzle", LONG, life_cycles=10),
            10,
            10,
            "SMT-1",
            Spent.worn_out,
            1,
            (ToolLife(Spent.worn_out, 0, 10, 0, over=True),),
        ),
        ToolView(ToolSpec("BLADE-2"), 7, 7, "", None, 1),
        ToolView(ToolSpec("ST-5", "stencil"), 900, 9, "", None, 1, (ToolLife(None, 100, None, 0),)),
    )


def set_up() -> SetUp:
    return SetUp(tools()[:2], "CB-100 C", "CB-100 B", differs=True)


def tool() -> tuple[str, ScanPage]:
    panel = ToolPanel(tool_line(tools()[1], f.NOW, ZONE), here=True)
    return page(Told("tool", LONG_ID), held=Held(HeldKind.tool, LONG_ID), panel=panel)


def tool_list(*shown: ToolView) -> tuple[str, ToolsPage]:
    return "tools/page.html", ToolsPage(ToolList(tuple(tool_line(one, f.NOW, ZONE) for one in shown), "r" * 32))


def ready() -> tuple[str, ScanPage]:
    return page(Told("ready"))


def empty() -> tuple[str, ScanPage]:
    template, made = page(Told("ready"), running=False, events=())
    return template, replace(made, material=material_region(place(running=False), f.NOW))


def which_slot() -> tuple[str, ScanPage]:
    reel = lot("R-00000042", 30)
    panel = lot_panel(reel, SLOTS[2:4], ("SMT-1 · 3",), f.NOW)
    return page(Told("lot", reel.lot_id), held=Held(HeldKind.lot, reel.lot_id), panel=panel)


def mounted() -> tuple[str, ScanPage]:
    return page(Told("mounted", "R-00000042", "3", "u" * 32))


def occupied() -> tuple[str, ScanPage]:
    panel = slot_panel(SLOTS[2], lot("R-00000042", 30), f.NOW)
    return page(Told("occupied", "R-00000042", "3"), panel=panel)


def which_reel() -> tuple[str, ScanPage]:
    return page(Told("slot", "3"), held=Held(HeldKind.slot, "3"), panel=slot_panel(SLOTS[2], None, f.NOW))


def refused(refusal: Refusal, *, why: str = "", overridable: bool = True) -> tuple[str, ScanPage]:
    asked = (("lot_id", "R-00000042"), ("slot_id", "2"))
    override = override_view("mount", asked, PEOPLE, chosen="SVEN" if why else "", why=why) if overridable else None
    said = Said(refusal.title, refusal.detail, refusal.next_step)
    return page(Told("refused", "R-00000042"), said=said, override=override)


def wrong() -> tuple[str, ScanPage]:
    return refused(WrongMaterial("R-00000042 is MCU-32; C-100N-0402 is asked for."))


def wrong_pin() -> tuple[str, ScanPage]:
    return refused(LotOnHold("R-00000042 is Restricted."), why="wrong")


HERE = Where("TEST", "Functional test", "TEST-1", "Functional tester")
STEPS = (Where("SMT", "SMT assembly", "SMT-1", "SMT line"), HERE)


def unit(
    unit_id: str = "SN-000123", *, why: Why | None = None, failed: bool = False, long: bool = False, known: bool = True
) -> UnitAt:
    defect = DefectView(7, unit_id, "BRIDGED", "Solder bridge", "R17", "", "SMT", f.NOW, None)
    events = (
        UnitEvent(f.NOW, "verdict-failed", "TEST-1", "Ada Okafor", "Solder bridge R17"),
        UnitEvent(f.NOW - timedelta(minutes=12), "installed", "BENCH-1", "Ben Okafor"),
        UnitEvent(f.NOW - timedelta(minutes=40), "produced", "SMT-1-LASER", ""),
    )
    return UnitAt(
        Permission(unit_id, why, "TEST", "PO-1-TEST", "SMT" if why else ""),
        (LONG if long else "Controller board") if known else "",
        HERE,
        STEPS[0] if why else None,
        (Part("HSK-2611-0042", "Heat sink"), Part(LONG_ID, LONG)) if known else (),
        events if known else (),
        (defect,) if failed else (),
        STEPS,
        failed,
        "BOX-00017" if long else "",
    )


def of_unit(found: UnitAt, told: Told | None = None, *, kind: HeldKind = HeldKind.unit) -> tuple[str, ScanPage]:
    unit_id = found.permission.unit_id
    panel = unit_panel(found, may_begin=True, codes=CODES, reasons=REASONS, zone=ZONE, records=UNITS)
    told = told or Told("unit" if found.permission.allowed else "unit-no", unit_id)
    return page(told, *BILL, held=Held(kind, unit_id), panel=panel, said=said_of_unit(found))


def unit_yes() -> tuple[str, ScanPage]:
    return of_unit(unit())


def unit_no() -> tuple[str, ScanPage]:
    return of_unit(unit(why=Why.step_missing))


def unit_new() -> tuple[str, ScanPage]:
    return of_unit(unit("SN-000999", why=Why.unknown, known=False))


def unit_failed() -> tuple[str, ScanPage]:
    return of_unit(unit(failed=True), Told("failed", "SN-000123"))


def unit_long() -> tuple[str, ScanPage]:
    return of_unit(unit(LONG_ID, why=Why.in_rework, failed=True, long=True))


def into() -> tuple[str, ScanPage]:
    return of_unit(unit(), Told("into", "SN-000123"), kind=HeldKind.into)


def carton() -> tuple[str, ScanPage]:
    parts = tuple(Part(f"SN-0001{n:02}", "Controller board") for n in range(6))
    panel = carton_panel(CartonAt("BOX-00017", parts, more=False))
    told = Told("packed", "SN-000105", "BOX-00017", "u" * 32)
    return page(told, *BILL, held=Held(HeldKind.carton, "BOX-00017"), panel=panel)


def carton_empty() -> tuple[str, ScanPage]:
    panel = carton_panel(CartonAt(LONG_ID, (), more=False))
    return page(Told("carton", LONG_ID), *BILL, held=Held(HeldKind.carton, LONG_ID), panel=panel)


def alike() -> tuple[str, ScanPage]:
    lots = (lot("R-00000042"), lot("R-00000041", refusal=LotOnHold()))
    return page(Told("alike", "R-00000042"), panel=AlikePanel(tuple(lot_view(one, f.NOW) for one in lots)))


def nothing() -> tuple[str, ScanPage]:
    return page(Told("nothing", LONG_ID), *BILL, panel=NothingPanel(LONG_ID, may_begin=True))
