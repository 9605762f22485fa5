"""Whatever is done to an order: nothing is lost, nothing counted twice, and the ERP is told exactly what happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from mes.kernel.db import Database, ReadSession
from mes.kernel.errors import Refusal
from mes.orders.service import (
    Correction,
    cancel_job,
    cancel_order,
    change_order,
    correct_counts,
    hold_job,
    lift_hold,
    merge_jobs,
    pause_job,
    report_scrap,
    resume_job,
    send_to_rework,
    split_job,
    split_order,
    split_rest,
    start_job,
    undo_complete_job,
)
from mes.orders.types import CountKind, JobRole, JobView, Remainder
from mes.reporting.queries import list_operations_performance
from mes.reporting.service import publish_due_reports
from tests.conftest import SettableClock
from tests.mes.orders.acts import REWORK, STEPS, Acts
from tests.support.ticks import tick

NUMBERS = count(1)
WHY = "as it comes"
ACTS = tuple(
    "release start good good scrap complete split split_order split_rest merge rework hold lift pause resume cancel "
    "correct undo_complete complete_split priority later start good complete rework correct".split()
)


@dataclass
class Ledger:
    """What truly happened, kept beside: pieces by step that are good, scrap of the whole order, planned by step."""

    order_id: str
    good: Counter[str] = field(default_factory=Counter)
    scrap: int = 0
    planned: Counter[str] = field(default_factory=Counter)


def play(acts: Acts, ledger: Ledger, what: str, job: JobView, other: JobView, n: int) -> None:
    """One act at one job. What the rules refuse changes nothing, here or there."""
    request_id = f"act-{next(NUMBERS):08d}"
    deeds: dict[str, Callable[[], Any]] = {
        "release": lambda: acts.release(job.job_id, shortage_reason=WHY),
        "start": lambda: acts.to_job(start_job, job.job_id),
        "good": lambda: good(acts, ledger, job, n),
        "scrap": lambda: scrap(acts, ledger, job, n, request_id),
        "complete": lambda: acts.complete(job.job_id),
        "complete_split": lambda: acts.complete(job.job_id, remainder=Remainder.split_off),
        "undo_complete": lambda: acts.to_job(undo_complete_job, job.job_id),
        "split": lambda: acts.to_job(split_job, job.job_id, quantity=Decimal(n), reason=WHY),
        "split_order": lambda: acts.to_order(split_order, ledger.order_id, quantity=Decimal(n), reason=WHY),
        "split_rest": lambda: acts.to_job(split_rest, job.job_id, reason=WHY),
        "merge": lambda: merge(acts, job, other),
        "rework": lambda: rework(acts, ledger, job, other.segment_id, n, request_id),
        "hold": lambda: acts.to_job(hold_job, job.job_id, reason=WHY),
        "lift": lambda: acts.to_job(lift_hold, job.job_id),
        "pause": lambda: acts.to_job(pause_job, job.job_id),
        "resume": lambda: acts.to_job(resume_job, job.job_id),
        "cancel": lambda: acts.to_job(cancel_job, job.job_id, reason=WHY),
        "correct": lambda: correct(acts, ledger, job, n - 6, request_id),
        "priority": lambda: acts.to_order(change_order, ledger.order_id, priority=n, reason=WHY),
        "later": lambda: tick(acts.plant, publish_due_reports),
    }
    deeds[what]()


def good(acts: Acts, ledger: Ledger, job: JobView, n: int) -> None:
    acts.good(job.job_id, n)
    if job.role is not JobRole.rework:
        ledger.good[job.segment_id] += n


def scrap(acts: Acts, ledger: Ledger, job: JobView, n: int, request_id: str) -> None:
    acts.do(report_scrap, job_id=job.job_id, quantity=Decimal(n), reason_id="scratch", request_id=request_id)
    ledger.scrap += n


def correct(acts: Acts, ledger: Ledger, job: JobView, n: int, request_id: str) -> None:
    lines = [Correction(CountKind.good, Decimal(n)), Correction(CountKind.scrap, Decimal(-n), "scratch")]
    acts.do(correct_counts, job_id=job.job_id, corrections=lines, reason=WHY, request_id=request_id)
    if job.role is not JobRole.rework:
        ledger.good[job.segment_id] += n
    ledger.scrap -= n


def merge(acts: Acts, job: JobView, other: JobView) -> None:
    acts.do(merge_jobs, into=job.job_id, versions={j.job_id: j.version for j in (job, other)}, reason=WHY)


def rework(acts: Acts, ledger: Ledger, job: JobView, return_to: str, n: int, request_id: str) -> None:
    acts.do(
        send_to_rework,
        job_id=job.job_id,
        quantity=Decimal(n),
        reason_id="scratch",
        equipment_id=REWORK,
        return_segment_id=return_to,
        request_id=request_id,
    )
    last = STEPS.index(job.segment_id)
    for step in STEPS[STEPS.index(return_to) : last]:
        ledger.good[step] -= n
    over = job.state.name in ("Ended", "Aborted")
    uncounted = 0 if over else max(job.quantity - job.good_low - job.scrap_low - job.rework, Decimal(0))
    ledger.good[job.segment_id] -= max(n - int(uncounted), 0)


def check(acts: Acts, ledger: Ledger) -> None:
    """The order as it stands against the ledger."""
    jobs = acts.order(ledger.order_id).jobs
    for step in STEPS:
        here = [job for job in jobs if job.segment_id == step]
        routed = [job for job in here if job.role in (JobRole.main, JobRole.part)]
        assert sum(job.quantity for job in routed) == ledger.planned[step], "split and merge conserve what is asked"
        assert sum(job.good_low for job in here if job.role is not JobRole.rework) == ledger.good[step]
    assert sum(job.scrap_low for job in jobs) == ledger.scrap
    assert all(job.good_low >= 0 and job.scrap_low >= 0 and job.rework >= 0 for job in jobs)
    facts = acts.plant.read_now(summed, pks=[job.pk for job in jobs])
    for job in jobs:
        totals = {"good": job.good_low, "scrap": job.scrap_low, "rework": job.rework}
        assert {kind: Decimal(facts.get((job.pk, kind), 0)) / 10**6 for kind in totals} == totals


def summed(session: ReadSession, *, pks: list[int]) -> dict[tuple[int, str], int]:
    rows = session.execute(text("SELECT job_pk, kind, sum(low_e6) FROM count_fact GROUP BY job_pk, kind"))
    return {(row[0], row[1]): int(row[2]) for row in rows if row[0] in pks}


def check_reports(acts: Acts, clock: SettableClock, ledger: Ledger) -> None:
    """When all is over the newest reports add up to what happened, step by step."""
    clock.advance(seconds=15)
    tick(acts.plant, publish_due_reports)
    after, newest = 0, {}
    while entries := acts.plant.read_now(list_operations_performance, after=after, limit=500):
        after = entries[-1].cursor
        ours = [e.content for e in entries if e.content["operations_request_id"] == ledger.order_id]
        newest.update({content["job_response"]["id"]: content["job_response"] for content in ours})
    told: Counter[str] = Counter()
    lost = Decimal(0)
    for response in newest.values():
        (made,) = response["material_actual"]
        assert response["final"]
        told[response["segment_id"]] += Decimal(made["quantity"])  # type: ignore[assignment]
        lost += Decimal(made["scrap"]["quantity"])
    assert {step: told[step] for step in STEPS} == {step: ledger.good[step] for step in STEPS}
    assert lost == ledger.scrap


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_sums_of_an_order_are_conserved(acts: Acts, clock: SettableClock, data: st.DataObject) -> None:
    play_an_order(acts, clock, data)


@pytest.mark.long
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_sums_of_many_orders_are_conserved(acts: Acts, clock: SettableClock, data: st.DataObject) -> None:
    play_an_order(acts, clock, data)


def play_an_order(acts: Acts, clock: SettableClock, data: st.DataObject) -> None:
    ledger = Ledger(f"LO-{next(NUMBERS)}", planned=Counter(dict.fromkeys(STEPS, 40)))
    ids = acts.submit(ledger.order_id)
    acts.release(*ids)
    for _ in range(data.draw(st.integers(5, 30), "acts")):
        jobs = acts.order(ledger.order_id).jobs
        what = data.draw(st.sampled_from(ACTS), "act")
        busy = [job for job in jobs if not job.over and job.note != "predecessor"]
        job, other = (data.draw(st.sampled_from((*busy, *busy, *jobs)), "job") for _ in range(2))
        n = data.draw(st.integers(1, 16), "n")
        try:
            play(acts, ledger, what, job, other, n)
        except Refusal:
            continue
        finally:
            clock.advance(seconds=data.draw(st.sampled_from([1, 1, 12]), "seconds"))
        check(acts, ledger)
    over(acts, ledger)
    check(acts, ledger)
    check_reports(acts, clock, ledger)


def over(acts: Acts, ledger: Ledger) -> None:
    if any(not job.over for job in acts.order(ledger.order_id).jobs):
        acts.to_order(cancel_order, ledger.order_id, reason=WHY)


def test_the_acts_reach_what_they_are_for(acts: Acts, plant: Database, clock: SettableClock) -> None:
    """The same checks on one sequence that is known to be accepted from end to end."""
    ledger = Ledger("LO-A", planned=Counter(dict.fromkeys(STEPS, 40)))
    acts.release(*acts.submit("LO-A"))
    script = (
        ("split", "LO-A-CUT", "", 8),
        ("start", "LO-A-CUT", "", 0),
        ("good", "LO-A-CUT", "", 30),
        ("scrap", "LO-A-CUT", "", 2),
        ("complete", "LO-A-CUT", "", 0),
        ("start", "LO-A-CUT.2", "", 0),
        ("good", "LO-A-CUT.2", "", 8),
        ("complete", "LO-A-CUT.2", "", 0),
        ("start", "LO-A-FIT", "", 0),
        ("good", "LO-A-FIT", "", 30),
        ("rework", "LO-A-FIT", "LO-A-CUT", 4),
        ("complete_split", "LO-A-FIT", "", 0),
        ("start", "LO-A-FIT.R1", "", 0),
        ("good", "LO-A-FIT.R1", "", 4),
        ("complete", "LO-A-FIT.R1", "", 0),
        ("start", "LO-A-CUT.R1-1", "", 0),
        ("good", "LO-A-CUT.R1-1", "", 4),
        ("correct", "LO-A-CUT", "", 5),
    )
    for what, job_id, other_id, n in script:
        job = acts.job(job_id)
        play(acts, ledger, what, job, acts.job(other_id) if other_id else job, n)
        check(acts, ledger)
    assert ledger.good == Counter(CUT=37, FIT=30)
    over(acts, ledger)
    check_reports(acts, clock, ledger)
