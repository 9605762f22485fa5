"""Made-up genealogy for screens."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from mes.genealogy.process_values.queries import COMPARED_COLUMNS, PROCESS_COLUMNS
from mes.genealogy.queries.steps import Layers, Node, Step, StepLine, Way
from mes.genealogy.queries.tables import ACT_COLUMNS, GROUP_COLUMNS, LOT_COLUMNS, SIGNATURE_COLUMNS
from mes.genealogy.types import Answer, HeldBecause, Released, Standings, Table
from mes.quality.types import DefectView, Measurement, ResultView, Verdict
from tests.web import factory as f
from tests.web.material_factory import properties
from web.trace.forms import Compared, Typed
from web.trace.recall_views import (
    RecallPage,
    SharedPage,
    first_step,
    holds_of,
    recall_page,
    released_page,
    shared_page,
)
from web.trace.unit_views import difference_page, unit_page
from web.trace.views import TracePage, explored, step_view

ZONE = ZoneInfo("Europe/Berlin")
AT = f.NOW.isoformat()
LONG = "REEL-2026-11-21-ABCDEFGHIJKLMNOPQRSTUVWXYZ-0000000000000017-C"
LONG_MATERIAL = "Lagergehäusehälfte mit Schmiernippelgewindebohrung, gefräst und entgratet"
MILLION = 1_000_000
Page = tuple[str, object]
SOLDER = "Solder does not wet"
HELD_FOR = (
    HeldBecause(SOLDER, tuple(f"SN-{n:06}" for n in range(12_420)), {"unit": 12_400, "container": 20}, 2),
    HeldBecause(LONG_MATERIAL * 3, ("SN-900001", LONG), {"unit": 2}, 1),
    HeldBecause("", ("R-00000044",), {"lot": 1}, 0),
)


def node(
    lot_id: str = "SN-000123", kind: str = "unit", *, held: bool = False, more: bool = True, long: bool = False
) -> Node:
    material = ("CB-100", LONG_MATERIAL if long else "Controller board")
    if kind == "lot":
        material = ("RES-10K", "Resistor 10 kΩ 0402")
    shipment = "DEL-77" if kind == "unit" and held else ""
    state = "Restricted" if held else "UnRestricted"
    return Node(lot_id, kind, *material, 5_000 * MILLION if kind == "lot" else MILLION, "pcs", state, shipment, more)


def line(one: Node, *, possible: bool = False, acts: int = 1) -> StepLine:
    return StepLine(one, 4 * MILLION, "pcs", "consumed", possible, AT, "SMT-1", "PO-1001-SMT", acts)


def lines() -> tuple[StepLine, ...]:
    return (
        line(node("R-00000041", "lot", more=False)),
        line(node("R-00000042", "lot", held=True), possible=True),
        line(node("PANEL-0007"), acts=3),
        line(node(LONG, long=True, held=True), possible=True),
    )


def trace_list(way: Way = Way.made_of, *, long: bool = False, total: int = 4) -> Page:
    root = node(LONG, long=True, held=True) if long else node()
    step = Step(root, way, lines() if total else (), 0, total)
    return "trace/page.html", TracePage(explored(root, way, step_view(step, ZONE), None))


def trace_drawing() -> Page:
    second = (*(node(f"R-{n:08}", "lot", held=n == 3) for n in range(11)), node(LONG, long=True))
    third = tuple(node(f"LOT-{n}", "lot") for n in range(3))
    links = [(0, 0, n, n == 3) for n in range(12)] + [(1, n, n % 3, False) for n in range(12)]
    root = node("LOT-2026-11-28", "lot")
    layers = Layers(Way.made_of, ((root,), second, third), (0, 140, 0), tuple(links), True)
    return "trace/page.html", TracePage(explored(root, Way.made_of, None, layers, request_id="count-1"))


def trace_home(unknown: str = "") -> Page:
    return "trace/page.html", TracePage(unknown=unknown)


def result(verdict: Verdict, hours: int) -> ResultView:
    at = f.NOW - timedelta(hours=hours)
    failed = verdict is Verdict.failed
    measured = (
        Measurement(
            "Supply voltage", "5.41" if failed else "5.02", "V", "4.9", "5.1", "failed" if failed else "passed"
        ),
        Measurement("Quiescent current", "12.4", "mA", "", "15", "passed"),
    )
    defect = DefectView(1, "SN-000123", "SHORT", "Solder short", "R17", "", "TEST", at, at if hours > 3 else None)
    return ResultView(
        pk=hours,
        source="ICT",
        result_id=str(hours),
        unit_id="SN-000123",
        verdict=verdict,
        segment_id="TEST",
        job_id="PO-1001-TEST",
        equipment_id="TEST-1",
        program="CB-100",
        program_revision="C",
        at=at,
        recorded_at=at,
        actor=None,
        note="",
        flag="",
        measurements=measured if verdict is not Verdict.rework else (),
        defects=(defect,) if failed else (),
    )


def unit(*, bare: bool = False, long: bool = False) -> Page:
    lot_id = LONG if long else "SN-000123"
    mine = (lot_id, "unit", "CB-100", "1", "Restricted" if long else "UnRestricted", "PO-1001", "PACK-1", "", "certain")
    parts = [(f"R-{n:08}", "lot", f"RES-{n % 7}", "5000", "UnRestricted", "", "", "", "certain") for n in range(40)]
    parts += [(LONG + "-X", "lot", LONG_MATERIAL, "1", "Restricted", "", "", "", "possible")]
    parameters = '{"Reflow peak °C": 243.5, "Force N": 41}'
    acts = [
        (
            1,
            "passed",
            AT,
            lot_id,
            "SMT-1",
            412,
            "PO-1001-SMT",
            "ADA",
            "CB-100 rev C",
            "STENCIL-4",
            parameters,
            None,
            "unit-held",
            "",
        ),
        (2, "consumed", AT, "PANEL-0007", "DEPANEL-1", None, "PO-1001", "ADA", "", "", "{}", None, "", ""),
        (3, "replaced", AT, lot_id, "TEST-1", None, "", "SVEN", "", "", "{}", 4, "", "Wrong part"),
    ]
    ended = [("R-00000042", lot_id, "1", 3, 4)]
    shipments = [("DEL-77", "ACME Robotics", "LS-4711", AT, 1)]
    reason = LONG_MATERIAL if long else ""
    signed = (1, "release-lot", f"material-lot/{lot_id}", "approved", "SVEN", "Sven Hartmann", AT, reason)
    tables = {
        "lots": Table(LOT_COLUMNS, [mine] if bare else [mine, *parts]),
        "acts": Table(ACT_COLUMNS, [] if bare else acts),
        "ended": Table(("parent_id", "child_id", "quantity", "act", "ended_by"), [] if bare else ended),
        "shipments": Table(
            ("shipment_id", "customer_id", "delivery_note", "shipped_at", "lots"), [] if bare else shipments
        ),
        "process_values": Table(PROCESS_COLUMNS, [] if bare else _process_values(lot_id, long=long)),
        "signatures": Table(SIGNATURE_COLUMNS, [] if bare else [signed]),
    }
    facts = {
        "lot_id": lot_id,
        "disposition": mine[4],
        "held_in": "" if long else "PALLET-4",
        "truncated": "lots" if long else "",
    }
    around = Step(node(lot_id, long=long), Way.used_in, () if bare else (line(node("BOX-12", "container")),), 0, 1)
    back = replace(result(Verdict.failed, 0), ended_by=9)
    results = () if bare else (back, result(Verdict.passed, 1), result(Verdict.rework, 2), result(Verdict.failed, 4))
    said = () if bare else properties("lot", lot_id, long=long) + properties("material", "CB-100")
    return "trace/unit.html", unit_page(Answer(facts, tables), around, results, ZONE, "NO-SUCH" if long else "", said)


def _process_values(lot_id: str, *, long: bool) -> list[tuple[Any, ...]]:
    """Within, outside, with a gap, of which nothing is known, kept by the minute only, over days, no longer kept."""
    since, until, later = AT, (f.NOW + timedelta(seconds=140)).isoformat(), (f.NOW + timedelta(days=2)).isoformat()
    job, name = "PO-1001-SMT", "SMT-1-OVEN." + (LONG_MATERIAL if long else "Zone1")
    limits, none = ("zone", "105", "115"), (None,) * 4

    def oven(tag: str, *told: Any) -> tuple[Any, ...]:
        return (lot_id, "SMT-1-OVEN", False, since, until, job, tag, *told)

    def test(tag: str) -> tuple[Any, ...]:
        where = ("PANEL-0007", "TEST-1", True, since, later, "")
        return (*where, tag, "", "V", 0, *none, "not-kept", 0.0, False, "", "", "", "")

    return [
        oven(name, "", "Cel", 14, 109.4, 110.625, 110.0213, 110.1, "all", 140.0, False, *limits, "within"),
        oven("Zone2", "", "Cel", 14, 148.0, 163.5, 155.1, None, "part", 84.0, True, *limits, "outside"),
        oven("Zone3", "", "Cel", 0, 1e12, 1e12, 1e12, 1e12, "part", 1.0, False, *limits, "not-known"),
        oven("O2", "Oxygen", "", 0, *none, "none", 0.0, False, "", "", "", ""),
        test("TEST-1.A"),
        test("TEST-1.B"),
    ]


def difference(*rows: tuple[str, ...]) -> Page:
    facts = {"first_id": "SN-000123", "second_id": LONG, "truncated": ""}
    table = Table(("what", "where", "only_in", "value", "certainty"), rows)
    values = [
        ("SMT-1-OVEN", "SMT-1-OVEN.Zone1", "Cel", 110.02, 109.4, -0.62, "all", "part"),
        ("TEST-1", LONG_MATERIAL, "", None, 12.5, None, "none", "all"),
        ("TEST-2", "TEST-2.A", "V", 4.0, None, None, "all", ""),
    ]
    compared = Table(COMPARED_COLUMNS, values if rows else [])
    return "trace/difference.html", difference_page(Answer(facts, {"difference": table, "process_values": compared}))


DIFFERENT = (
    ("lot", "RES-10K", "first", "R-00000041", "certain"),
    ("lot", "RES-10K", "second", "R-00000042", "possible"),
    ("lot", "RES-10K", "second", "R-00000043", "possible"),
    ("pass", "SMT-1", "first", "PO-1001 · CB-100 rev C", "certain"),
)


HELD_ACT = (7, "passed", AT, LONG, "SMT-1", 9, "PO-1001-SMT", "ADA", "", "", "{}", None, "unit-held", "")


def recalled(*, held: int | None = None, truncated: str = "", empty: bool = False) -> Page:
    lots = [f"SN-{n:06}" for n in range(400)]
    rows = [
        (
            "unit",
            "CB-100",
            "UnRestricted",
            "PO-1001",
            "PO-1001-SMT",
            "PACK-1",
            "",
            "certain",
            12_400,
            orjson.Fragment(orjson.dumps(lots)),
        ),
        ("unit", "CB-100", "Restricted", "PO-1002", "PO-1002-SMT", "", "DEL-77", "possible", 2, ["SN-900001", LONG]),
        ("lot", "RES-10K", "Closed", "", "", "SMT-1", "", "certain", 1, ["R-00000042"]),
        ("container", "CB-100", "UnRestricted", "", "", "", "DEL-77", "certain", 20, ["BOX-12"]),
    ]
    tables = {
        "affected": Table(GROUP_COLUMNS, [] if empty else rows),
        "shipments": Table((), [] if empty else [("DEL-77", "ACME Robotics", "LS-4711", AT, 22)]),
        "while_held": Table(ACT_COLUMNS, [] if empty else [HELD_ACT] * 52),
        "mounted": Table((), [] if empty else [("SMT-1", "F-12", "R-00000042", 812)]),
    }
    typed = Typed(lots="R-00000042\nR-00000043", machine="SMT-1", since="2026-11-20T06:00")
    answer = Answer({"truncated": truncated}, tables)
    page = recall_page(typed, answer, ZONE, held=held, reason="" if held is None else SOLDER)
    return "trace/recall.html", page if held is None else replace(page, holds=holds_of(Standings((HELD_FOR[0],), {})))


def held_recall(*held: HeldBecause) -> Page:
    template, page = recalled()
    assert isinstance(page, RecallPage)
    return template, replace(page, holds=holds_of(Standings(held, {}), SOLDER), reason="Measured: the joints hold")


def released_recall(n: int) -> Page:
    template, page = held_recall(*HELD_FOR[1:])
    assert isinstance(page, RecallPage)
    return template, released_page(page, Released(n, {LONG_MATERIAL: 2, "": 1}, not_held=n // 7 + 1, closed=1))


def asked_recall() -> Page:
    return "trace/recall.html", first_step(Typed(lots=f"R-00000042\n{LONG}"))


def shared(*, empty: bool = False) -> Page:
    rows = [
        (1, 1.7e-21, 20, 20, 0, 200, ["lot R-00000042", "lot " + LONG]),
        (2, 0.013, 9, 20, 40, 200, ["hour 2026-11-21T10Z, SMT-1", "machine SMT-1", "person ADA", "program CB-100 C"]),
    ]
    answer = Answer({"failed": 20, "good": 200}, {"shared": Table((), [] if empty else rows)})
    return "trace/shared.html", shared_page(Compared(failed="SN-1\nSN-2"), answer, chosen=True)


def shared_ask() -> Page:
    return "trace/shared.html", SharedPage(Compared())
