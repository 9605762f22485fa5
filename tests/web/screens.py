"""Renders screens from made-up views, serves them with the real css and js, and looks at them in Chromium.

`python -m tests.web.screens FOLDER [name …]` writes PNGs into FOLDER: they are for a person's eyes, never for git.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser, Page, sync_playwright

from mes.definitions.queries import ResolvedDefinition, WorkMasterUse, WorkMasterView
from mes.definitions.types import DataType, DefinitionState, Effectivity, ParameterLimit
from mes.edge.types import BridgeReport, CertificateView, SetupView, TreeLevel
from mes.equipment.types import StateInterval
from mes.genealogy.queries.steps import Way
from mes.kernel.errors import FieldError
from mes.kernel.properties import InheritedProperty, Property
from mes.kernel.sqltypes import to_us
from mes.orders.following.types import Briefing
from mes.orders.planning.types import DispatchList, MaterialNeed, RunSpan, Slot, SubstituteStock, Taker
from mes.orders.types import Cause, CountFact, CountKind, JobLink, JobRole, LinkKind, OrderDetail, OrderEvent
from mes.reporting.types import ReportVersion
from standards.isa95.job_control import DispatchStatus, JobState
from standards.packml.states import EquipmentState
from tests.support.chromium import launch_options
from tests.web import access_factory as k
from tests.web import connect_factory as c
from tests.web import edge_factory as e
from tests.web import exchange_factory as x
from tests.web import factory as f
from tests.web import material_factory as m
from tests.web import routing_factory as r
from tests.web import scan_factory as s
from tests.web import trace_factory as g
from web.board.plan_views import PlanPage, board_gantt, board_kanban
from web.board.views import BoardPage, board_orders
from web.bridges.certificates import CertificatePage, CertificatesPage, certificate_list, certificate_page
from web.bridges.views import (
    BridgesPage,
    EndpointPage,
    bridge_list,
    endpoint_detail,
    endpoint_gaps,
)
from web.briefing.routes import DOCUMENT_HEADERS, FRAMING_DOCUMENTS
from web.briefing.views import allow_page, course_page, instruction_page
from web.components.job import NOTHING, amount
from web.components.machine import view_machine
from web.components.properties import described
from web.connect.views import (
    ConnectPage,
    Option,
    SetupPage,
    SignalsPage,
    TreePage,
    connect_page,
    machine_setup,
    machine_tree,
    signals_page,
)
from web.dispatch.views import DispatchPage, dispatch_region
from web.home.views import HomePage, home_stations
from web.layouts.shell import Shell, milliseconds
from web.orders.change_views import Choice, JobChange, OrderChange, job_change, order_change
from web.orders.timeline import OrderTimeline, order_timeline
from web.orders.views import OrderPage, order_head, order_history
from web.patterns.views import patterns
from web.problems import ProblemView
from web.quarantine.views import quarantine_page
from web.routings.forms import MaterialRow, StepForm
from web.routings.recipe_forms import ParameterRow, RecipeForm
from web.routings.recipe_views import changed_recipe, new_recipe, recipe_page, recipes_page, refused_recipe
from web.routings.views import StepPage, refused_step, refused_tolerances, routing_page, routings_page, step_page
from web.signin.views import PersonTile, SigninPage
from web.station.views import (
    Deed,
    MachineRegion,
    Reason,
    ReportView,
    StationPage,
    base_of,
    cells_region,
    current_region,
    queue_region,
    unassigned_region,
    undo_view,
)
from web.templating import render
from web.wall.views import LineTotal, WallPage, wall_machines, wall_orders, wall_totals

ZONE: Final = ZoneInfo("Europe/Berlin")
STATIC: Final = Path(__file__).parents[2] / "web" / "static"
VIEWPORTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "tablet": {"viewport": {"width": 1280, "height": 800}, "has_touch": True},
    "upright": {"viewport": {"width": 800, "height": 1280}, "has_touch": True},
    "desk": {"viewport": {"width": 1440, "height": 900}},
    "tv": {"viewport": {"width": 1920, "height": 1080}},
    "phone": {"viewport": {"width": 412, "height": 915}, "has_touch": True, "is_mobile": True},
}
_E = EquipmentState
Make = Callable[[], tuple[str, object]]


def station(
    equipment_id: str = "SMT-1",
    *,
    jobs: tuple[Any, ...] = (),
    to_count: tuple[Any, ...] = (),
    status: Any = None,
    undo: bool = False,
    cells: tuple[Any, ...] = (),
    strays: tuple[Any, ...] = (),
    briefing: Briefing | None = None,
) -> StationPage:
    now = f.NOW
    line = cells_region(equipment_id, cells, now)
    deed = Deed("scrap", "J", Decimal(2), "R", until=now + timedelta(seconds=8)) if undo else None
    taken_back = undo_view(equipment_id, deed, now)
    machine = status or f.machine(equipment_id, description="SMT line")
    return StationPage(
        equipment_id,
        machine.description,
        MachineRegion(view_machine(machine, now)),
        current_region(equipment_id, jobs, "0123", ZONE, now, briefing),
        line,
        queue_region(equipment_id, jobs, to_count, ZONE),
        unassigned_region(equipment_id, line, strays),
        taken_back,
    )


def running_line() -> StationPage:
    queue = (
        f.waiting("SMT-1", sequence=2, operations_request_id="PO-1002"),
        f.waiting("SMT-1", JobState.NotAllowedToStart, note="", operations_request_id="PO-1003"),
    )
    return station(jobs=(f.job(), *queue), cells=f.cells(_E.Running, _E.Starved), strays=(f.unassigned(),))


def interval_line() -> StationPage:
    one = f.job(good_low=Decimal(44), good_high=Decimal(46), target_now=Decimal(40))
    return station(jobs=(one,), undo=True, cells=f.cells(_E.Down, _E.Blocked, _E.Running, _E.Unknown))


def long_words() -> StationPage:
    one = f.job(
        material_description="Lagergehäusehälfte mit Schmiernippelgewindebohrung, gefräst und entgratet",
        operations_request_id="PO-2026-11-21-ABCDEFGHIJ-000017",
        good_low=Decimal(12480),
        quantity=Decimal(99999),
        good_high=Decimal(12480),
        target_now=Decimal(25000),
    )
    next_one = f.waiting("SMT-1", operations_request_id=f"PO-{'0123456789' * 9}")
    return station(jobs=(one, next_one), cells=f.cells(_E.Down))


def bench() -> StationPage:
    bench = f.machine("PACK-1", _E.Unknown, description="Packing bench", manual=True)
    packing = f.job(
        "PACK-1",
        manual=True,
        quantity=Decimal(50),
        cycles=50,
        good_low=Decimal(32),
        good_high=Decimal(32),
        scrap_low=Decimal(0),
        scrap_high=Decimal(0),
        target_now=Decimal(31),
        description="Pack",
        nominal_cycle_s=Decimal(12),
    )
    queue = f.waiting("PACK-1", manual=True)
    return station("PACK-1", jobs=(packing, queue), status=bench, briefing=r.briefing())


def bench_ready() -> StationPage:
    bench = f.machine("PACK-1", _E.Unknown, description="Packing bench", manual=True)
    job = f.waiting("PACK-1", manual=True, description="Pack", note="")
    return station("PACK-1", jobs=(job,), status=bench, briefing=r.briefing(0))


def instruction(number: int, *, read: int = 0, long: bool = False) -> tuple[str, object]:
    steps = r.long_names().segments[0].instructions if long else r.STEPS
    return "briefing/page.html", instruction_page("PACK-1", r.followed(read=read, steps=steps), number, "SVEN", ZONE)


def routings(*definitions: ResolvedDefinition, may_edit: bool = True) -> tuple[str, object]:
    page = routings_page(definitions, more=False, may_edit=may_edit, choices=r.choices(), zone=ZONE, now=f.NOW)
    return "routings/page.html", page


def routing(label: str, *, may_edit: bool = True) -> tuple[str, object]:
    known = r.versions()
    version = next(v for v in known if v.version_label == label)
    page = routing_page(version, known, r.recipes(), r.CHECKS, may_edit=may_edit, zone=ZONE, now=f.NOW)
    return "routings/routing.html", page


def routing_tolerance() -> tuple[str, object]:
    """A draft, and tolerances that are none."""
    draft = replace(r.definition("4", DefinitionState.Draft), under_tolerance_bp=0, over_tolerance_bp=250)
    page = routing_page(draft, (draft,), r.recipes(), r.CHECKS, may_edit=True, zone=ZONE, now=f.NOW)
    faults = [
        FieldError("CB-100-ROUTE/under_percent", "", "number-invalid"),
        FieldError("CB-100-ROUTE/over_percent", "", "tolerance-invalid"),
    ]
    typed = {"under_percent": "a few", "over_percent": "2.125"}
    return "routings/routing.html", refused_tolerances(page, typed, faults)


def long_routing() -> tuple[str, object]:
    one = r.long_names()
    page = routing_page(one, (one,), {}, {}, may_edit=True, zone=ZONE, now=f.NOW)
    return "routings/routing.html", page


def routing_step(name: str = "") -> tuple[str, object]:
    draft = r.versions()[-1]
    segment = next((s for s in draft.segments if s.id == name), None)
    recipe = r.recipes().get((segment.work_master_id, "1")) if segment else None
    return "routings/step.html", step_page(draft, segment, recipe, r.choices())


def routing_step_refused() -> tuple[str, object]:
    """A new step with a material that there is not."""
    _, page = routing_step()
    assert isinstance(page, StepPage)
    row = MaterialRow("RES-10K-0402-1%", "Consumed", "12", "2,5", "")
    form = StepForm(
        segment_id="COAT",
        description="",
        work_master_id="WM-COAT",
        equipment_id="PACK-1",
        quantity_per_cycle="1",
        cycle_unit="",
        nominal_cycle_s="",
        first_article="",
        alternatives=(),
        after=(),
        personnel_class_ids=(),
        parameters=(),
        materials=(row,),
    )
    said = ("The operations definition contradicts itself", "there is no material 'RES-10K-0402-1%'")
    return "routings/step.html", refused_step(page, form, (), *said)


def recipe_versions() -> tuple[WorkMasterView, ...]:
    """Replaced, in force, and one from next week on."""
    first, second = (view for _, view in sorted(r.recipes().items()))
    later = Effectivity(from_at=f.NOW + timedelta(days=7))
    third = replace(second, pk=3, version_label="SUMMER-27", effectivity=later)
    return replace(first, effectivity=Effectivity()), second, third


def recipe(label: str = "2", *, may_edit: bool = True) -> tuple[str, object]:
    known = recipe_versions()
    version = next(v for v in known if v.version_label == label)
    uses = (
        WorkMasterUse("CB-100-ROUTE", "4", DefinitionState.Draft, "SMT", "2"),
        WorkMasterUse("CB-100-ROUTE", "2", DefinitionState.Released, "SMT", "1"),
    )
    told = {"more_uses": False, "may_edit": may_edit, "zone": ZONE, "now": f.NOW}
    return "routings/recipe.html", recipe_page(version, known, uses, **told)


def long_recipe() -> tuple[str, object]:
    values = {"N" * 90: "V" * 400, "Vorwärmzonentemperatur der Wellenlötanlage": "-273.15"}
    limits = {"Vorwärmzonentemperatur der Wellenlötanlage": ParameterLimit(DataType.decimal, "Cel", Decimal(-300))}
    one = WorkMasterView(1, "W" + "8" * 90, "L" * 20, r.LONG, values, limits)
    uses = (WorkMasterUse("R" + "5" * 90, "V" * 20, DefinitionState.Draft, "S" + "9" * 90, "L" * 20),)
    page = recipe_page(one, (one,), uses, more_uses=True, may_edit=True, zone=ZONE, now=f.NOW)
    return "routings/recipe.html", page


def recipes(*known: WorkMasterView, may_edit: bool = True) -> tuple[str, object]:
    page = recipes_page(known, more=False, may_edit=may_edit, zone=ZONE, now=f.NOW)
    return "routings/recipes.html", page


def recipe_change() -> tuple[str, object]:
    return "routings/recipe-form.html", changed_recipe(recipe_versions()[1], "SUMMER-27", ZONE)


def recipe_refused() -> tuple[str, object]:
    rows = [
        ParameterRow("peak_c", "peak_c", "260", "decimal", "Cel", "240", "250"),
        ParameterRow("", "nozzles", "many", "integer", "", "", "16"),
        ParameterRow("", "", "85", "", "cm/min", "", ""),
    ]
    form = RecipeForm("WM-SMT", "Controller board, SMT", "", "2026-12-01T06:00", "", rows)
    codes = {"peak_c": "parameter-out-of-limits", "nozzles": "parameter-type", "": "parameter-unnamed"}
    faults = [FieldError(name, "", code) for name, code in codes.items()]
    told = "A parameter does not keep its limits", "Correct the parameters named in `errors`."
    return "routings/recipe-form.html", refused_recipe(new_recipe(), form, faults, *told)


def paused() -> StationPage:
    local = f.machine("DEPANEL-1", _E.Stopped, description="Depaneling cobot", remote=False, mode=2)
    job = f.paused("DEPANEL-1", description="Depanel", note="command-refused", note_text="Door open")
    return station("DEPANEL-1", jobs=(job, f.done("DEPANEL-1")), status=local)


def held() -> StationPage:
    bench = f.machine("PACK-1", _E.Unknown, description="Packing bench", manual=True)
    job = f.paused("PACK-1", manual=True, role=JobRole.repeat, hold_reason="Batteries look swollen, QA is asked")
    return station(
        "PACK-1",
        jobs=(job, f.waiting("PACK-1", job_id="PO-1002-PACK", hold_reason="No cartons", note="")),
        status=bench,
    )


def unknown() -> StationPage:
    lost = f.machine("TEST-1", _E.Unknown, description="Functional test", known_at=f.NOW - timedelta(minutes=8))
    return station("TEST-1", status=lost, jobs=(f.waiting("TEST-1", JobState.NotAllowedToStart, note=""),))


def to_count() -> tuple[Any, ...]:
    unseen = f.done(
        "SMT-1", awaits_count=True, operations_request_id="PO-0998", good_low=Decimal(47), good_high=Decimal(51)
    )
    endless = f.done("SMT-1", awaits_count=True, operations_request_id="PO-0999", good_high=None, scrap_high=None)
    return unseen, endless


def counting() -> StationPage:
    return station(
        "SMT-1", jobs=(f.job(), *(f.waiting("SMT-1") for _ in range(2))), to_count=to_count(), cells=f.plant()
    )


def orders_to_count() -> tuple[Any, ...]:
    return tuple(
        replace(
            order,
            jobs=(
                replace(order.jobs[0], awaits_count=True, good_low=Decimal(47), good_high=Decimal(51)),
                *order.jobs[1:],
            ),
        )
        for order in f.finished()[:2]
    )


def report(what: str) -> ReportView:
    texts = ("Solder bridge", "Missing component", "Tombstone", "Board warped", "Dropped", "Test failed", "Other")
    reasons = tuple(Reason(str(i), text) for i, text in enumerate(texts)) if what == "scrap" else ()
    good = amount(Decimal(47), Decimal(51)) if what == "count" else NOTHING
    lost = amount(Decimal(1), None) if what == "count" else NOTHING
    first = "" if what == "count" else "1"
    names = ("SMT line", what, "J", "PO-1001", "Controller board", "0123")
    return ReportView(base_of("SMT-1"), *names, reasons, first, good, lost)


def board(show: str = "open", cards: tuple[Any, ...] | None = None) -> BoardPage:
    return BoardPage(board_orders(f.orders() if cards is None else cards, show, ZONE, f.NOW), None)


def wall(
    *states: EquipmentState, tested: EquipmentState = _E.Running, cards: tuple[Any, ...] | None = None
) -> WallPage:
    statuses = [s for s in f.plant(*states) if s.area_id == "ELECTRONICS" and s.equipment_id != "TEST-1"]
    statuses.append(f.machine("TEST-1", tested, description="Functional test"))
    lines = (
        LineTotal("SMT-1", "SMT line", Decimal(12320), Decimal(1840)),
        LineTotal("DEPANEL-1", "Depaneling cobot", Decimal(1200), Decimal(12)),
        LineTotal("TEST-1", "Functional test", Decimal(1180), Decimal(6)),
        LineTotal("PACK-1", "Packing bench", Decimal(1100), Decimal(0)),
        LineTotal("REWORK-1", "Rework bench", Decimal(18), Decimal(0)),
        LineTotal("DEPANEL-2", "Depaneling cobot", Decimal(1200), Decimal(12)),
    )
    orders = wall_orders("ELECTRONICS", f.orders() if cards is None else cards, ZONE, f.NOW)
    machines = wall_machines("ELECTRONICS", statuses, f.NOW)
    return WallPage("ELECTRONICS", "Electronics", machines, orders, wall_totals("ELECTRONICS", lines, 34))


def signin(problem: str = "", *, with_password: bool = False) -> SigninPage:
    people = [
        PersonTile(f"p{i}", name)
        for i, (name, _) in enumerate(
            [
                ("Ada Okafor", "operator"),
                ("Jonas Weber", "operator"),
                ("Mara Kowalczyk", "operator"),
                ("Sven Lindqvist", "supervisor"),
                ("Elif Yılmaz", "engineer"),
                ("Priya Raman", "administrator"),
            ]
        )
    ]
    recent, others = tuple(people[:2]), tuple(people[2:])
    languages = ("en", "de")
    return SigninPage(
        "SMT-1", "SMT line", "/s/SMT-1", recent, others, "p0", problem, 30, languages, with_password=with_password
    )


def problem() -> ProblemView:
    return ProblemView(
        409,
        "job-version-conflict",
        "Somebody else was faster",
        "Job PO-1001-1 has moved on since you looked.",
        "Look at the job again, then decide.",
        "",
        "/problems/job-version-conflict",
    )


def order_page() -> OrderPage:
    card = f.order("PO-1001", late=True, due_at=f.NOW - timedelta(minutes=35))
    what = (
        "orders.job-started.v1",
        "orders.job-ended.v1",
        "orders.job-command-failed.v1",
        "orders.job-released.v1",
        "orders.operations-request-accepted.v1",
    )
    events = tuple(
        OrderEvent(
            f.NOW - timedelta(minutes=7 * i),
            name,
            1 if "released" in name else None,
            {
                "equipment_id": "SMT-1",
                **({"message": "local-mode", "outcome": "refused"} if "failed" in name else {}),
                "confirmed_by": "machine" if "ed.v1" in name and i < 2 else "",
            },
        )
        for i, name in enumerate(what)
    )
    counts = tuple(
        CountFact(
            f.NOW - timedelta(seconds=40 * i),
            card.jobs[0].job_id,
            "SMT-1-AOI",
            kind,
            reason,
            Decimal(low),
            Decimal(high),
            cause,
            "",
        )
        for i, (kind, reason, low, high, cause) in enumerate(
            (
                (CountKind.good, "", 8, 8, Cause.machine),
                (CountKind.scrap, "SB", 1, 1, Cause.operator),
                (CountKind.good, "", 6, 8, Cause.machine),
            )
        )
    )
    first = ReportVersion(
        f.NOW - timedelta(minutes=3),
        card.jobs[0].job_id,
        1,
        "Ended",
        Decimal(56),
        Decimal(56),
        Decimal(0),
        Decimal(0),
        "pcs",
        False,
    )
    second = replace(
        first,
        at=f.NOW,
        version=2,
        good=Decimal(55),
        good_upper=Decimal(55),
        scrap=Decimal(1),
        scrap_upper=Decimal(1),
        newest=True,
    )
    reports = (second, first)
    detail = OrderDetail(card, events, counts)
    base = "/orders/PO-1001"
    history = order_history(detail, {1: "Sven Lindqvist"}, {"SB": "Solder bridge"}, reports, ZONE)
    return OrderPage("PO-1001", base, order_head(card, ZONE, f.NOW), timeline(detail), history)


def timeline(detail: OrderDetail) -> OrderTimeline:
    """Two stations, one of which stood for a while; scrap, a hold and a correction."""
    one, two = (job for job in detail.card.jobs[:2])
    runs = (
        RunSpan(one.job_id, one.equipment_id, f.NOW - timedelta(minutes=40), f.NOW - timedelta(minutes=20)),
        RunSpan(two.job_id, two.equipment_id, f.NOW - timedelta(minutes=15), None),
    )
    at = (to_us(f.NOW - timedelta(minutes=minutes)) for minutes in (34, 30, 9, 6))
    stops = (
        StateInterval(one.equipment_id, EquipmentState.Down, next(at), next(at)),
        StateInterval(two.equipment_id, EquipmentState.Stopped, next(at), next(at)),
    )
    done = (("job-hold-placed", two, 9), ("job-corrected", one, 3), ("pieces-sent-to-rework", one, 24))
    events = tuple(
        OrderEvent(f.NOW - timedelta(minutes=minutes), f"orders.{what}.v1", 1, {"job_order_id": job.job_id})
        for what, job, minutes in done
    )
    return order_timeline(replace(detail, events=events), runs, stops, ZONE, f.NOW)


def troubled_order() -> OrderPage:
    """Held, split, reworked, cancelled, outside its tolerance, with words as long as people write them."""
    long = "Lieferant hat Charge 4711 mit falscher Bestückung geliefert; Prüfung durch Qualitätssicherung läuft noch"
    card = f.order("PO-2026-11-21-ABCDEFGHIJ-000017")
    first, second, third, fourth = card.jobs
    jobs = (
        replace(first, deviation="under", rework=Decimal(4), good_low=Decimal(48), good_high=Decimal(48)),
        replace(first, job_id=f"{first.job_id}.R1", role=JobRole.rework, equipment_id="REWORK-1", quantity=Decimal(4)),
        replace(second, hold_reason=long, state=JobState.Interrupted, substate=1),
        replace(second, job_id=f"{second.job_id}.2", role=JobRole.part, state=JobState.AllowedToStart),
        replace(third, dispatch_status=DispatchStatus.Cancelled),
        fourth,
    )
    card = replace(card, jobs=jobs, material_description="Lagergehäusehälfte mit Schmiernippelgewindebohrung")
    detail = OrderDetail(card, (), ())
    history = order_history(detail, {}, {}, (), ZONE)
    empty = order_timeline(detail, (), (), ZONE, f.NOW)
    return OrderPage(card.operations_request_id, "/orders/x", order_head(card, ZONE, f.NOW), empty, history)


NEEDS: Final = (
    MaterialNeed("PCB-CB-100", "Bare panel", "panel", Decimal(7), Decimal(600), Decimal(0), True),
    MaterialNeed(
        "MCU-32",
        "Controller, 32 bit, QFP-64",
        "pcs",
        Decimal(50),
        Decimal(12),
        Decimal(350),
        True,
        Decimal(2),
        Decimal(8),
        (Taker("PO-1002-SMT", Decimal(8)),),
        (SubstituteStock("MCU-32-B", "pcs", Decimal(9), Decimal(9), Decimal(9)),),
    ),
    MaterialNeed("SP-305", "Solder paste", "g", Decimal("33.6"), Decimal(0), Decimal(0), False),
)


def change_page(*needs: MaterialNeed, over: bool = False) -> tuple[str, OrderChange]:
    card = f.finished()[0] if over else f.unreleased("PO-1003")
    return "orders/change.html", order_change(card, needs, ZONE)


def job_page(job: Any) -> tuple[str, JobChange]:
    card = f.order("PO-1001")
    scrap = CountFact(
        f.NOW, job.job_id, job.equipment_id, CountKind.scrap, "SB", Decimal(2), Decimal(2), Cause.operator, ""
    )
    stations = [Choice("REWORK-1", "Rework bench"), Choice("PACK-1", "Packing bench")]
    reasons = {"SB": "Solder bridge", "TS": "Tombstone"}
    links = (
        JobLink(f.NOW, job.job_id, f"{job.job_id}.2", LinkKind.split_off, Decimal(16)),
        JobLink(f.NOW, "PO-1001-SMT", job.job_id, LinkKind.merge, Decimal(8)),
    )
    return "orders/job.html", job_change(
        job, card, (scrap,), reasons, stations, f.NOW, "0123456789", links, r.job_parameters()
    )


def parts() -> Any:
    """A job that waits beside a part of it: it may be split, merged, held, cancelled."""
    return f.waiting("PACK-1", manual=True, segment_id="PACK", description="Pack", note="")


def dispatch(*lists: DispatchList) -> tuple[str, DispatchPage]:
    own, of_class = Property("Length", "Without the loader", "9.5", "m"), Property("Board", "At most", "460", "mm")
    said = described("equipment", "SMT-1", [own], [InheritedProperty("SMT-LINES", of_class)]) if lists else ()
    return "dispatch/page.html", DispatchPage("SMT-1", "SMT line", dispatch_region("SMT-1", lists, ZONE, f.NOW), said)


def dispatch_list(**over: Any) -> DispatchList:
    def job(number: int, family: str, **more: Any) -> Any:
        order_id = f"PO-10{number:02d}"
        changed = {"job_id": f"{order_id}-SMT", "operations_request_id": order_id, "setup_family": family}
        return f.waiting("SMT-1", **{**changed, "sequence": 1, "due_at": f.NOW + timedelta(hours=number), **more})

    waiting = (
        job(2, "lead-free", priority=80),
        job(3, "flex", rank=1, due_at=f.NOW - timedelta(hours=1)),
        job(4, "lead-free"),
        job(5, "flex", hold_reason="Stencil is being cleaned", note="", operations_request_id=f"PO-{'LONG-' * 10}05"),
    )
    made = DispatchList("SMT-1", "SMT line", (f.job(),), waiting, tuple(j.job_id for j in waiting), "lead-free", 4, 2)
    return replace(made, **over)


def plan(tab: str, cards: tuple[Any, ...] | None = None, span: str = "shift") -> tuple[str, PlanPage]:
    cards = (*f.orders(), *f.finished()) if cards is None else cards
    if tab == "kanban":
        region = board_kanban(cards, {"PO-1003": ("MCU-32", "CONN-12")}, ZONE, f.NOW)
        return "board/plan.html", PlanPage(tab, region)
    return "board/plan.html", PlanPage(tab, board_gantt(slots(cards), span, ZONE, f.NOW))


def slots(cards: tuple[Any, ...]) -> tuple[Slot, ...]:
    """What ran as it ran; the rest one after another at each station, packing for as long as nobody knows."""
    found, free = [], {}
    for card in cards:
        ready = f.NOW
        for place, job in enumerate(card.jobs):
            if job.ended_at is not None:
                found.append(Slot(job, job.started_at, job.ended_at, job.ended_at > card.due_at))
                continue
            starts = job.started_at or max(ready, free.get(job.equipment_id, f.NOW))
            ends = None if place == 3 else max(starts, f.NOW) + timedelta(minutes=(70, 100, 45)[place])
            ready = free[job.equipment_id] = ends or starts + timedelta(minutes=30)
            late = ends is not None and ends > card.due_at
            found.append(Slot(replace(job, due_at=card.due_at), starts, ends, late))
    return tuple(found)


def long_order() -> tuple[Any, ...]:
    name = "PO-2026-11-21-ABCDEFGHIJ-000017"
    words = {"material_description": "Lagergehäusehälfte mit Schmiernippelgewindebohrung, gefräst und entgratet"}
    return (f.order(name, late=True, due_at=f.NOW - timedelta(hours=1), **words), f.unreleased(f"{name}-B", **words))


def bridges(*reports: BridgeReport) -> BridgesPage:
    return BridgesPage(bridge_list(reports, ZONE, f.NOW))


def endpoint(report: BridgeReport, name: str, gaps: tuple[Any, ...] = ()) -> EndpointPage:
    detail = endpoint_detail(report, name, ZONE, f.NOW)
    lines = endpoint_gaps(report.bridge.id, name, gaps, ZONE, f.NOW)
    return EndpointPage(name, report.bridge.description or report.bridge.id, detail, lines)


def certificates(report: BridgeReport, *found: CertificateView) -> CertificatesPage:
    view = certificate_list(report, found, ZONE, f.NOW)
    return CertificatesPage(view.name, view)


def certificate(found: CertificateView, report: BridgeReport | None = None) -> CertificatePage:
    return certificate_page(report or e.plant()[0], found, ZONE, f.NOW, may_decide=report is None)


def a_setup(found: SetupView) -> tuple[str, SetupPage]:
    return "connect/setup.html", SetupPage(found.name, machine_setup(found, f.NOW))


def signals(found: SetupView) -> tuple[str, SignalsPage]:
    reasons = [Option("SB", "Solder bridge"), Option("scratch", "Scratched")]
    return "connect/signals.html", signals_page(found, reasons, [Option("SMT-1-AOI", "AOI")])


def a_tree(found: SetupView, level: TreeLevel) -> tuple[str, TreePage]:
    return "connect/tree.html", TreePage(f"/connect/{found.id}", found.name, machine_tree(found, level, f.NOW))


def connect(*found: SetupView) -> tuple[str, ConnectPage]:
    bridges = (c.HEARD, c.SILENT) if found else ()
    places = (Option("SMT-1", "SMT line 1"), Option("PRESS", "PRESS"))
    return "connect/page.html", connect_page(found, bridges, places, c.templates(), f.NOW)


PAGES: Final[Mapping[str, Make]] = {
    "patterns": lambda: ("patterns/page.html", patterns()),
    "signature": lambda: ("system/signature.html", k.signature()),
    "problem": lambda: ("system/problem.html", problem()),
    "station": lambda: ("station/page.html", running_line()),
    "interval": lambda: ("station/page.html", interval_line()),
    "long": lambda: ("station/page.html", long_words()),
    "bench": lambda: ("station/page.html", bench()),
    "bench-ready": lambda: ("station/page.html", bench_ready()),
    "paused": lambda: ("station/page.html", paused()),
    "held": lambda: ("station/page.html", held()),
    "unknown": lambda: ("station/page.html", unknown()),
    "scrap": lambda: ("station/report.html", report("scrap")),
    "good": lambda: ("station/report.html", report("good")),
    "count": lambda: ("station/report.html", report("count")),
    "station-count": lambda: ("station/page.html", counting()),
    "board-count": lambda: ("board/page.html", board("count", orders_to_count())),
    "board-over-count": lambda: ("board/page.html", board("open", orders_to_count())),
    "board": lambda: ("board/page.html", board()),
    "board-empty": lambda: ("board/page.html", board("done")),
    "board-over": lambda: ("board/page.html", board(cards=f.finished())),
    "board-done": lambda: ("board/page.html", board("done", f.finished())),
    "order": lambda: ("orders/page.html", order_page()),
    "order-troubled": lambda: ("orders/page.html", troubled_order()),
    "change": lambda: change_page(*NEEDS),
    "change-enough": lambda: change_page(NEEDS[0]),
    "change-over": lambda: change_page(over=True),
    "job-running": lambda: job_page(f.job("PACK-1", manual=True, segment_id="PACK", description="Pack")),
    "job-waiting": lambda: job_page(parts()),
    "job-held": lambda: job_page(f.paused("PACK-1", manual=True, hold_reason="Batteries look swollen, QA is asked")),
    "dispatch": lambda: dispatch(dispatch_list()),
    "dispatch-empty": lambda: dispatch(dispatch_list(active=(), waiting=(), suggested=(), mounted="")),
    "dispatch-none": lambda: dispatch(),
    "kanban": lambda: plan("kanban"),
    "kanban-empty": lambda: plan("kanban", ()),
    "kanban-long": lambda: plan("kanban", long_order()),
    "gantt": lambda: plan("gantt"),
    "gantt-empty": lambda: plan("gantt", ()),
    "gantt-long": lambda: plan("gantt", long_order(), "days"),
    "wall": lambda: ("wall/page.html", wall(_E.Running, _E.Down, _E.Running, _E.Blocked, tested=_E.Unknown)),
    "wall-one": lambda: ("wall/page.html", wall(_E.Running, _E.Down)),
    "wall-calm": lambda: ("wall/page.html", wall()),
    "wall-bad": lambda: ("wall/page.html", wall(*[_E.Unknown] * 5, _E.Down, _E.Starved, tested=_E.Stopped)),
    "wall-long": lambda: ("wall/page.html", wall(cards=tuple(f.order(f"PO-100{n}") for n in range(1, 5)))),
    "wall-empty": lambda: ("wall/page.html", wall(cards=())),
    "wall-rest": lambda: ("wall/page.html", wall(*[_E.Idle] * 7, tested=_E.Off, cards=f.finished())),
    "signin": lambda: ("signin/page.html", signin()),
    "signin-wrong": lambda: ("signin/page.html", signin("wrong")),
    "signin-badge": lambda: ("signin/page.html", replace(signin("wrong-badge"), badge="with-pin")),
    "signin-password": lambda: ("signin/page.html", signin("wrong-password", with_password=True)),
    "signin-elsewhere": lambda: ("signin/page.html", replace(signin("single-sign-on-refused"), elsewhere="Company ID")),
    "signin-left": lambda: ("signin/page.html", replace(signin(), elsewhere="Company ID", left=True)),
    "account": lambda: ("access/account.html", k.account()),
    "account-factor": lambda: ("access/account.html", replace(k.account(factor=True), problem="code")),
    "account-setting-up": lambda: ("access/account.html", k.setting_up()),
    "account-codes": lambda: ("access/account.html", k.recovery_codes()),
    "access-policy": lambda: ("access/policy.html", k.policy()),
    "access-places": lambda: ("access/places.html", k.places()),
    "access-places-none": lambda: ("access/places.html", k.places(empty=True)),
    "access-elsewhere": lambda: ("access/elsewhere.html", k.elsewhere()),
    "access-elsewhere-none": lambda: ("access/elsewhere.html", k.elsewhere(empty=True)),
    "audit": lambda: ("audit/page.html", k.audit()),
    "audit-none": lambda: ("audit/page.html", k.audit(empty=True)),
    "sign-ins": lambda: ("access/sign_ins.html", k.sign_ins()),
    "tokens": lambda: ("access/tokens.html", k.tokens()),
    "tokens-shown": lambda: ("access/tokens.html", k.tokens(shown="lst_default_" + "x" * 43)),
    "tokens-none": lambda: ("access/tokens.html", k.tokens(empty=True)),
    "badges-given": lambda: ("access/badges.html", k.badges()),
    "badges-none": lambda: ("access/badges.html", k.badges(empty=True)),
    "token-new": lambda: ("access/new_token.html", k.new_token()),
    "home": lambda: ("home/page.html", HomePage(home_stations(f.plant(), f.NOW, (f.job(), f.paused("TEST-1"))))),
    "quarantine": lambda: ("quarantine/page.html", quarantine_page(e.readings(), ZONE, may_decide=True)),
    "bridges": lambda: ("bridges/page.html", bridges(*e.plant())),
    "bridges-empty": lambda: ("bridges/page.html", bridges()),
    "bridges-long": lambda: ("bridges/page.html", bridges(*e.long_names())),
    "endpoint-away": lambda: ("bridges/endpoint.html", endpoint(e.plant()[0], "cnc-1", e.gaps())),
    "endpoint-unwell": lambda: ("bridges/endpoint.html", endpoint(e.plant()[0], "oven-1")),
    "endpoint-stale": lambda: ("bridges/endpoint.html", endpoint(e.silent(), "press-1", e.gaps())),
    "endpoint-long": lambda: ("bridges/endpoint.html", endpoint(e.long_names()[0], e.LONG_NAME + "-b", e.gaps())),
    "endpoint-none": lambda: ("bridges/endpoint.html", endpoint(e.report("old-box"), "press-9")),
    "certificates": lambda: ("bridges/certificates.html", certificates(e.plant()[0], *e.certificates())),
    "certificates-empty": lambda: ("bridges/certificates.html", certificates(e.plant()[0])),
    "certificates-silent": lambda: ("bridges/certificates.html", certificates(e.silent(), *e.certificates()[:2])),
    "certificates-long": lambda: ("bridges/certificates.html", certificates(e.long_names()[0], e.long_certificate())),
    "certificate": lambda: ("bridges/certificate.html", certificate(e.certificates()[0])),
    "certificate-trusted": lambda: ("bridges/certificate.html", certificate(e.certificates()[3])),
    "certificate-silent": lambda: ("bridges/certificate.html", certificate(e.certificates()[5], e.silent())),
    "certificate-bare": lambda: ("bridges/certificate.html", certificate(e.certificates()[2])),
    "certificate-long": lambda: ("bridges/certificate.html", certificate(e.long_certificate())),
    "connect": lambda: connect(c.asked(), c.watched(), c.applied(), c.long_names()),
    "connect-empty": lambda: connect(),
    "setup-asked": lambda: a_setup(c.asked()),
    "setup-away": lambda: a_setup(c.away()),
    "setup-untrusted": lambda: a_setup(c.untrusted()),
    "setup-unreachable": lambda: a_setup(c.unreachable()),
    "setup-looked": lambda: a_setup(c.looked()),
    "setup-watching": lambda: a_setup(c.watching()),
    "setup-watched": lambda: a_setup(c.watched()),
    "setup-refused": lambda: a_setup(c.refused()),
    "setup-applied": lambda: a_setup(c.applied()),
    "setup-long": lambda: a_setup(c.long_names()),
    "signals": lambda: signals(c.watched()),
    "signals-none": lambda: signals(c.asked()),
    "signals-long": lambda: signals(c.long_names()),
    "tree": lambda: a_tree(c.watched(), c.level()),
    "tree-waiting": lambda: a_tree(c.asked(), c.waiting_level()),
    "tree-long": lambda: a_tree(c.long_names(), c.long_level()),
    "receive": lambda: ("receive/page.html", m.receive()),
    "receive-found": lambda: ("receive/page.html", m.scanned(m.right(), text=m.GARBLED)),
    "receive-wrong": lambda: ("receive/page.html", m.scanned(m.wrong())),
    "receive-choose": lambda: ("receive/page.html", m.scanned(m.right(), replace(m.right(), material_id="MCU-32-B"))),
    "receive-seen": lambda: ("receive/page.html", m.scanned(m.right(), seen=("R-00000042", "R-00000041"))),
    "receive-unknown": lambda: ("receive/page.html", m.scanned()),
    "receive-unreadable": lambda: ("receive/page.html", m.unreadable()),
    "receive-done": lambda: (
        "receive/page.html",
        m.receive(m.answer("received", what="R-00000042", href="/receive/R-00000042/label")),
    ),
    "scan": s.ready,
    "scan-empty": s.empty,
    "scan-lot": s.which_slot,
    "scan-mounted": s.mounted,
    "scan-occupied": s.occupied,
    "scan-slot": s.which_reel,
    "scan-wrong": s.wrong,
    "scan-wrong-pin": s.wrong_pin,
    "scan-unit": s.unit_yes,
    "scan-unit-no": s.unit_no,
    "scan-unit-new": s.unit_new,
    "scan-unit-failed": s.unit_failed,
    "scan-unit-long": s.unit_long,
    "scan-into": s.into,
    "scan-carton": s.carton,
    "scan-carton-empty": s.carton_empty,
    "scan-alike": s.alike,
    "scan-nothing": s.nothing,
    "scan-tool": s.tool,
    "tools": lambda: s.tool_list(*s.tools()),
    "tools-empty": s.tool_list,
    "receive-label": lambda: ("receive/label.html", m.label()),
    "erps": lambda: ("erp/page.html", x.erps()),
    "erps-empty": lambda: ("erp/page.html", x.erps(empty=True)),
    "erp": lambda: ("erp/connection.html", x.erp()),
    "erp-quiet": lambda: ("erp/connection.html", x.erp(quiet=True)),
    "webhooks": lambda: ("webhooks/page.html", x.webhooks()),
    "webhooks-empty": lambda: ("webhooks/page.html", x.webhooks(empty=True)),
    "webhook": lambda: ("webhooks/webhook.html", x.webhook()),
    "webhook-new": lambda: ("webhooks/webhook.html", x.webhook(quiet=True)),
    "reconciliation": lambda: ("reconciliation/page.html", x.reconciled()),
    "reconciliation-lots": lambda: ("reconciliation/page.html", x.reconciled_lots()),
    "reconciliation-empty": lambda: ("reconciliation/page.html", x.reconciled(empty=True)),
    "imports": lambda: ("imports/page.html", x.imports()),
    "imports-empty": lambda: ("imports/page.html", x.imports(empty=True, said=True)),
    "import-waiting": lambda: ("imports/mapping.html", x.waiting()),
    "import-broken": lambda: ("imports/mapping.html", x.waiting(name=x.LONG, broken=True)),
    "import-done": lambda: ("imports/done.html", x.done()),
    "import-done-well": lambda: ("imports/done.html", x.done(refused=0)),
    "lots": lambda: ("lots/page.html", m.lots(*m.running_out())),
    "lots-empty": lambda: ("lots/page.html", m.lots(unknown="R-99")),
    "lot": lambda: ("lots/lot.html", m.lot(m.life("R-00000042", 140, expires_in_h=2000))),
    "lot-over": lambda: ("lots/lot.html", m.lot(m.life(m.LONG_LOT, 200), override="Sample for engineering")),
    "lot-plain": lambda: ("lots/lot.html", m.lot(m.life("BOX-1", 0, msl=""))),
    "instruction": lambda: instruction(1, read=1),
    "instruction-text": lambda: instruction(2, read=1),
    "instruction-pdf": lambda: instruction(3, read=2),
    "instruction-none": lambda: ("briefing/page.html", instruction_page("X", r.followed(steps=()), 1, "SVEN", ZONE)),
    "instruction-long": lambda: instruction(1, long=True),
    "allow": lambda: ("briefing/allow.html", allow_page("PACK-1", r.followed(), ("Packs and labels",))),
    "course": lambda: ("briefing/course.html", course_page(r.following())),
    "course-long": lambda: ("briefing/course.html", course_page(r.following(r.LONG_ID))),
    "routings": lambda: routings(r.milling(), *r.versions()),
    "routings-empty": lambda: routings(may_edit=False),
    "routings-long": lambda: routings(r.long_names()),
    "recipes": lambda: recipes(*recipe_versions(), WorkMasterView(9, "WM-PACK", "1", "", {})),
    "recipes-empty": lambda: recipes(may_edit=False),
    "recipe": recipe,
    "recipe-replaced": lambda: recipe("1", may_edit=False),
    "recipe-long": long_recipe,
    "recipe-new": lambda: ("routings/recipe-form.html", new_recipe()),
    "recipe-change": recipe_change,
    "recipe-refused": recipe_refused,
    "routing": lambda: routing("2", may_edit=False),
    "routing-draft": lambda: routing("4"),
    "routing-tolerance": routing_tolerance,
    "routing-later": lambda: routing("3"),
    "routing-long": long_routing,
    "routing-step": lambda: routing_step("SMT"),
    "routing-step-new": lambda: routing_step(),
    "routing-step-refused": routing_step_refused,
    "trace": g.trace_home,
    "trace-unknown": lambda: g.trace_home("R-99"),
    "trace-list": g.trace_list,
    "trace-long": lambda: g.trace_list(Way.used_in, long=True, total=16_400),
    "trace-empty": lambda: g.trace_list(Way.used_in, total=0),
    "trace-drawing": g.trace_drawing,
    "trace-unit": g.unit,
    "trace-unit-bare": lambda: g.unit(bare=True),
    "trace-unit-long": lambda: g.unit(long=True),
    "trace-difference": lambda: g.difference(*g.DIFFERENT),
    "trace-alike": g.difference,
    "recall": g.asked_recall,
    "recall-review": g.recalled,
    "recall-truncated": lambda: g.recalled(truncated="lots"),
    "recall-none": lambda: g.recalled(empty=True),
    "recall-done": lambda: g.recalled(held=12_420),
    "recall-holds": lambda: g.held_recall(*g.HELD_FOR),
    "recall-released": lambda: g.released_recall(12_418),
    "recall-released-nothing": lambda: g.released_recall(0),
    "shared": g.shared_ask,
    "shared-found": g.shared,
    "shared-none": lambda: g.shared(empty=True),
    "home-empty": lambda: ("home/page.html", HomePage(home_stations((), f.NOW))),
}
TALL: Final = tuple(
    "bridges endpoint certificate connect setup signals tree order change job dispatch kanban gantt receive lot "
    "routing recipe allow course scan tools trace recall shared import webhook reconciliation "
    "account sign-ins token badges-given access-policy".split()
)
"""What these begin with is photographed whole."""
NOT_SIGNED_IN: Final = ("signin", "signin-wrong", "signin-badge", "signin-password", "signin-elsewhere", "signin-left")


def html_of(name: str, *, language: str = "en", theme: str = "light", now: datetime = f.NOW) -> str:
    """One of PAGES as the server would send it, to a supervisor."""
    template, view = PAGES[name]()
    who = "" if name in NOT_SIGNED_IN else "Sven Lindqvist"
    shell = Shell(
        milliseconds(now),
        theme,
        who=who,
        role="supervisor",
        may="view-floor operate release-jobs override-refusals decide-quality view-bridges view-routings "
        "connect-machines",
        zone="Europe/Berlin",
        station="SMT-1",
    )
    return render(template, view, language=language, shell=shell)


DOCUMENTS: Final = {f"documents/{r.PICTURE}": r.picture(), f"documents/{r.DRAWING}": r.drawing()}


class _Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        name = path.strip("/").removesuffix(".html")
        if name in PAGES:
            options = dict(pair.split("=") for pair in query.split("&") if pair)
            self._send(html_of(name, **options).encode())
        elif name in DOCUMENTS:
            self._send(
                DOCUMENTS[name], "image/png" if name.endswith(r.PICTURE) else "application/pdf", DOCUMENT_HEADERS
            )
        else:
            super().do_GET()

    def _send(
        self, body: bytes, kind: str = "text/html; charset=utf-8", headers: Mapping[str, str] = FRAMING_DOCUMENTS
    ) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def served() -> Iterator[str]:
    """The address of a server of PAGES and of the real static files, on a free port."""
    handler = partial(_Handler, directory=str(STATIC.parent))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def page_of(browser: Browser, device: str) -> Iterator[tuple[Page, list[str]]]:
    """A page on a device, and the list its console errors go to. Its clock stands at the factory's now."""
    context = browser.new_context(**VIEWPORTS[device], reduced_motion="reduce", locale="en-GB")
    page, errors = context.new_page(), []
    page.clock.install(time=f.NOW)
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        yield page, errors
    finally:
        context.close()


def shoot(folder: Path, shots: list[tuple[str, str, str, str]]) -> None:
    """PNGs of (page, device, theme, language)."""
    with served() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        for name, device, theme, language in shots:
            with page_of(browser, device) as (page, errors):
                page.goto(f"{address}/{name}?theme={theme}&language={language}")
                page.screenshot(
                    path=folder / f"{name}-{device}-{theme}-{language}.png",
                    full_page=name.startswith(TALL),
                )
                if errors:
                    sys.stderr.write(f"{name}: {errors}\n")
        browser.close()


if __name__ == "__main__":
    shoot(Path(sys.argv[1]), [tuple(item.split(":")) for item in sys.argv[2:]])  # type: ignore[misc]
