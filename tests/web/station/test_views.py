"""What the station says of its job, its queue and its machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.orders.types import FirstArticle, Note
from standards.isa95.job_control import JobState
from standards.packml.states import EquipmentState
from tests.web import factory as f
from tests.web.screens import PAGES, station
from web.components.job import PERMILLE, bar, lead, pace, view_job, why_waiting
from web.components.machine import view_machine, view_machines
from web.layouts.shell import Shell
from web.station.views import (
    QUEUE_SHOWN,
    Deed,
    StationPage,
    cells_region,
    current_job,
    deed_from_query,
    deed_query,
    queue_region,
    unassigned_region,
    undo_view,
)
from web.templating import render

ZONE = ZoneInfo("Europe/Berlin")
quantities = st.decimals(min_value=0, max_value=10**6, places=1)


def test_a_job_behind_its_norm_says_by_how_many() -> None:
    said = lead(f.job(good_low=Decimal(32), target_now=Decimal(41)))
    assert said is not None
    assert (said.kind, said.pieces, said.target) == ("behind", 9, 41)


@pytest.mark.parametrize(("good", "kind"), [(40, "level"), (41, "level"), (42, "level"), (44, "ahead"), (38, "behind")])
def test_a_piece_more_or_less_is_on_target(good: int, kind: str) -> None:
    said = lead(f.job(good_low=Decimal(good), target_now=Decimal(41)))
    assert said is not None
    assert said.kind == kind


@pytest.mark.parametrize(
    "state", [JobState.NotAllowedToStart, JobState.AllowedToStart, JobState.Ended, JobState.Aborted]
)
def test_a_job_that_does_not_run_is_neither_ahead_nor_behind(state: JobState) -> None:
    assert lead(f.job(state=state, target_now=Decimal(5))) is None


@given(good=quantities, unsure=quantities, scrap=quantities, target=quantities, planned=quantities)
def test_the_bar_never_overflows(
    good: Decimal, unsure: Decimal, scrap: Decimal, target: Decimal, planned: Decimal
) -> None:
    drawn = bar(f.job(good_low=good, good_high=good + unsure, scrap_low=scrap, target_now=target, quantity=planned))
    assert min(drawn.good, drawn.unsure, drawn.scrap) >= 0
    assert drawn.good + drawn.unsure + drawn.scrap <= PERMILLE
    assert drawn.target is None or 0 <= drawn.target <= PERMILLE


def test_an_interval_stays_an_interval() -> None:
    panel = view_job(f.job(good_low=Decimal(56), good_high=Decimal(58)), f.NOW)
    assert (panel.good.kind, panel.good.low, panel.good.high) == ("between", 56, 58)
    assert view_job(f.job(good_high=None), f.NOW).good.kind == "at-least"
    assert view_job(f.job(), f.NOW).good.kind == "exact"


def test_the_pace_is_told_in_cycles_of_the_machine() -> None:
    """33 pieces in five minutes, eight to a panel: 72.7 s a panel, and the norm is 60."""
    said = pace(f.job(), f.NOW)
    assert said is not None
    assert (said.cycle_s, said.norm_s, said.slow) == (Decimal("72.7"), 60, True)


def test_ready_is_now_and_the_rest_at_the_norm() -> None:
    panel = view_job(f.job(good_low=Decimal(40), good_high=Decimal(40), scrap_low=Decimal(0)), f.NOW)
    assert panel.left == 16
    assert panel.ready_at == f.NOW + timedelta(seconds=120)


@pytest.mark.parametrize(
    ("job", "why"),
    [
        (f.waiting("A", note=Note.predecessor), "note.predecessor"),
        (f.waiting("A", JobState.NotAllowedToStart, note=""), "note.not-released"),
        (f.waiting("A", note=""), "note.waits-for-machine"),
        (f.waiting("A", note="", manual=True), "note.start-when-ready"),
        (f.waiting("A", note=Note.predecessor, manual=True), "note.predecessor"),
        (f.waiting("A", note="brand-new"), "note.other"),
    ],
)
def test_a_waiting_job_says_why(job: f.JobView, why: str) -> None:
    assert why_waiting(job) == why


def test_the_job_in_work_comes_before_a_released_one_and_neither_is_in_the_queue() -> None:
    jobs = (f.waiting("A", job_id="next"), f.paused("A"), f.waiting("A", JobState.NotAllowedToStart, job_id="later"))
    current = current_job(jobs)
    assert current is jobs[1]
    assert [job.job_id for job in queue_region("A", jobs, (), ZONE).jobs] == ["next", "later"]


def test_a_long_queue_says_how_much_it_leaves_out() -> None:
    jobs = tuple(f.waiting("A", job_id=str(i)) for i in range(QUEUE_SHOWN + 4))
    region = queue_region("A", jobs, (), ZONE)
    assert (len(region.jobs), region.more) == (QUEUE_SHOWN, 3)


def test_an_unknown_state_is_never_the_last_one_and_has_the_age_of_the_last_good_word() -> None:
    lost = f.machine(state=EquipmentState.Running, known=False, unknown_reason="bridge-silent")
    view = view_machine(lost, f.NOW)
    assert (view.state, view.tone, view.unknown_reason) == ("Unknown", "unknown", "bridge-silent")
    assert view.age is not None
    assert view.age.seconds == 180


def test_a_manual_bench_is_not_unknown() -> None:
    view = view_machine(f.machine(state=EquipmentState.Unknown, manual=True), f.NOW)
    assert (view.state, view.abnormal, view.age) == ("Manual", False, None)


def test_urgent_machines_come_first_and_the_longest_stop_before_the_others() -> None:
    machines = [
        f.machine("runs"),
        f.machine("down", EquipmentState.Down),
        f.machine("down-longer", EquipmentState.Down, since=f.NOW - timedelta(hours=2)),
        f.machine("unknown", EquipmentState.Unknown),
    ]
    assert [m.equipment_id for m in view_machines(machines, f.NOW)] == ["down-longer", "down", "unknown", "runs"]


def test_a_line_shows_its_cells_in_the_order_of_the_plant_and_no_others() -> None:
    region = cells_region("SMT-1", f.plant(), f.NOW)
    assert [cell.name for cell in region.cells] == list(f.CELL_NAMES)
    assert cells_region("CNC-1", f.plant(), f.NOW).cells == ()


def test_counts_of_the_cells_belong_to_their_line() -> None:
    cells = cells_region("SMT-1", f.plant(), f.NOW)
    counts = (f.unassigned("SMT-1-AOI", 3), f.unassigned("CNC-1", 5), f.unassigned("SMT-1", 1))
    region = unassigned_region("SMT-1", cells, counts)
    assert (region.quantity, region.why) == (4, "unassigned.setup")


def test_a_deed_comes_back_from_its_address() -> None:
    deed = Deed("scrap", "PO-1/SMT", Decimal("1.5"), "abc", 7, f.NOW)
    assert deed_from_query(deed_query(deed)) == deed


@pytest.mark.parametrize("query", [{}, {"did": "dance"}, {"did": "good", "n": "x"}, {"did": "good", "until": "9" * 30}])
def test_an_address_that_tells_no_deed_shows_none(query: dict[str, str]) -> None:
    assert deed_from_query(query) is None


def test_nothing_can_be_undone_after_its_time_nor_longer_than_ten_seconds() -> None:
    assert undo_view("A", Deed("good", "J", until=f.NOW), f.NOW) is None
    far = undo_view("A", Deed("good", "J", until=f.NOW + timedelta(days=1)), f.NOW)
    assert far is not None
    assert far.seconds == 10


def test_times_are_those_of_the_plant() -> None:
    queue = queue_region("A", (f.job(), f.waiting("A")), (), ZONE)
    due = queue.jobs[0].due_at
    assert due is not None
    assert due.strftime("%H:%M") == "17:02"


@pytest.mark.parametrize(("seconds", "abnormal"), [(59, False), (60, True)])
def test_a_machine_may_wait_a_minute_for_its_neighbours(seconds: int, abnormal: bool) -> None:
    status = f.machine(state=EquipmentState.Starved, since=f.NOW - timedelta(seconds=seconds))
    view = view_machine(status, f.NOW)
    assert view.abnormal is abnormal
    assert view.tone == ("warn" if abnormal else "idle")
    assert view.state == "Starved"


def test_at_a_free_bench_what_can_start_comes_before_what_waits_and_others_can_be_started_instead() -> None:
    waits = f.waiting("A", note=Note.predecessor, manual=True, job_id="waits")
    first, second = (f.waiting("A", note="", manual=True, job_id=name) for name in ("first", "second"))
    jobs = (waits, first, second)
    assert current_job(jobs) is first
    assert [(q.job_id, q.start) for q in queue_region("A", jobs, (), ZONE).jobs] == [("waits", False), ("second", True)]
    busy = (f.job("A", manual=True), first)
    assert [q.start for q in queue_region("A", busy, (), ZONE).jobs] == [False]


def test_the_last_jobs_stand_below_a_short_queue_and_give_way_to_a_long_one() -> None:
    over = [f.done("SMT-1", operations_request_id=f"PO-{n}") for n in range(5)]
    short = queue_region("SMT-1", [f.job(), f.waiting("SMT-1"), *over], (), ZONE)
    assert [job.order_id for job in short.finished] == ["PO-0", "PO-1", "PO-2"]
    assert queue_region("SMT-1", [f.job(), *[f.waiting("SMT-1")] * 3, *over], (), ZONE).finished == ()


def test_what_the_machine_answered_is_told_with_the_job() -> None:
    refused = {"note": "dispatch-refused", "note_text": "Door open"}
    (waits,) = queue_region("SMT-1", [f.job(), f.waiting("SMT-1", **refused)], (), ZONE).jobs
    assert (waits.why, waits.said) == ("note.dispatch-refused", "Door open")
    asked = f.job(note="command-refused", note_text="Door open")
    panel = view_job(asked, f.NOW)
    assert (panel.trouble, panel.said) == ("note.command-refused", "Door open")


def test_a_held_job_says_why_and_offers_nothing_that_would_be_refused() -> None:
    template, page = PAGES["held"]()
    html = render(template, page, language="en", shell=Shell(0, may="operate"))
    assert "Batteries look swollen, QA is asked" in html
    assert "No cartons" in html
    assert "Once more" in html
    assert [act for act in ("start", "pause", "resume", "complete") if f'action="/s/PACK-1/{act}"' in html] == []


def test_a_job_that_waits_for_its_first_article_offers_neither_to_go_on_nor_to_end() -> None:
    gated = f.paused("PACK-1", manual=True, first_article=FirstArticle.due)
    page = station("PACK-1", jobs=(gated,), status=f.machine("PACK-1", EquipmentState.Unknown, manual=True))
    html = render("station/page.html", page, language="en", shell=Shell(0, may="operate"))
    assert "inspect the first pieces" in html
    assert [act for act in ("resume", "complete") if f'action="/s/PACK-1/{act}"' in html] == []


def test_a_job_that_runs_without_a_norm_does_not_wait() -> None:
    template, page = PAGES["bench"]()
    assert isinstance(page, StationPage)
    assert page.current.job is not None
    unhurried = replace(page, current=replace(page.current, job=replace(page.current.job, lead=None)))
    html = render(template, unhurried, language="en", shell=Shell(0, may="operate"))
    assert "Waits for" not in html
