"""What an order's page tells, and in whose words."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import mes.orders
import mes.reporting
from mes.orders.types import Cause, CountFact, CountKind, OrderDetail, OrderEvent
from tests.web import factory as f
from web.orders.views import HIDDEN_EVENTS, order_head, order_history

ORDERS, REPORTING = (Path(str(package.__file__)).parent for package in (mes.orders, mes.reporting))

ZONE = ZoneInfo("Europe/Berlin")


def history(*events: OrderEvent):  # type: ignore[no-untyped-def]
    return order_history(OrderDetail(f.order(), events, ()), {7: "Sven"}, {}, (), ZONE)


def test_counts_and_notes_do_not_drown_what_happened() -> None:
    told = history(
        OrderEvent(f.NOW, "orders.pieces-counted.v1", None, {}),
        OrderEvent(f.NOW, "orders.job-note-changed.v1", None, {}),
        OrderEvent(f.NOW, "orders.job-started.v1", None, {"job_order_id": "PO-1001-1"}),
    )
    assert [(event.what, event.where) for event in told.events] == [("event.job-started", ("SMT-1",))]


def test_an_event_names_who_did_it_and_a_new_kind_has_a_general_word() -> None:
    (event,) = history(OrderEvent(f.NOW, "orders.job-danced.v3", 7, {})).events
    assert (event.what, event.who, event.icon) == ("event.other", "Sven", "circle-dot")


@pytest.mark.parametrize(
    ("what", "payload", "word", "by"),
    [
        ("orders.job-interrupted.v1", {"substate": 2, "confirmed_by": "operator"}, "event.job-paused", "person"),
        ("orders.job-interrupted.v1", {"substate": 1, "confirmed_by": "machine"}, "event.job-held", "machine"),
        ("orders.job-command-put.v1", {"action": "pause"}, "event.ask-pause", "person"),
        ("orders.job-command-failed.v1", {"outcome": "expired"}, "event.command-expired", ""),
        ("orders.job-dispatched.v1", {}, "event.job-dispatched", ""),
        ("orders.job-accepted.v1", {"confirmed_by": "machine"}, "event.job-accepted", ""),
        ("orders.job-ended.v1", {"confirmed_by": "machine"}, "event.job-ended", "machine"),
        ("reporting.job-response-published.v1", {"version": 3}, "event.job-response-published", ""),
    ],
)
def test_a_line_says_in_plain_words_what_happened_and_by_whom(
    what: str, payload: dict[str, object], word: str, by: str
) -> None:
    (event,) = history(OrderEvent(f.NOW, what, 7, payload)).events
    assert (event.what, event.by, event.who, event.n) == (
        word,
        by,
        "Sven" if by == "person" else "",
        payload.get("version", 0),
    )


def test_a_release_of_all_jobs_is_one_line_and_two_releases_are_two() -> None:
    def released(number: int, after_s: int) -> OrderEvent:
        job = {"job_order_id": f"PO-1001-{number}"}
        return OrderEvent(f.NOW - timedelta(seconds=after_s), "orders.job-released.v1", 7, job)

    told = history(released(3, 0), released(2, 0), released(1, 60)).events
    assert [event.where for event in told] == [("DEPANEL-1", "TEST-1"), ("SMT-1",)]


def test_every_event_that_jobs_and_reports_emit_has_words_of_its_own() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (*ORDERS.rglob("*.py"), *REPORTING.rglob("*.py")))
    names = set(re.findall(r'"((?:orders|reporting)\.[a-z-]+\.v\d)"', source)) - HIDDEN_EVENTS
    names.remove("orders.pieces-unassigned.v1")
    payload = {"action": "stop", "outcome": "refused", "substate": 1}
    lines = [history(OrderEvent(f.NOW, name, None, payload)).events[0] for name in sorted(names)]
    assert len(lines) >= 12
    assert [line for line in lines if line.what == "event.other"] == []


def test_counts_of_one_kind_in_a_row_are_one_line() -> None:
    def count(seconds: int, kind: CountKind, low: int, high: int | None) -> CountFact:
        at, top = f.NOW - timedelta(seconds=seconds), None if high is None else Decimal(high)
        return CountFact(at, "J", "TEST-1", kind, "", Decimal(low), top, Cause.machine, "")

    facts = (
        count(0, CountKind.good, 1, 1),
        count(5, CountKind.good, 2, 4),
        count(9, CountKind.scrap, 1, 1),
        count(12, CountKind.good, 1, None),
    )
    lines = order_history(OrderDetail(f.order(), (), facts), {}, {}, (), ZONE).counts
    assert [(line.kind, line.amount.low, line.amount.high, line.amount.kind) for line in lines] == [
        ("good", 3, 5, "between"),
        ("scrap", 1, 1, "exact"),
        ("good", 1, 1, "at-least"),
    ]
    assert (lines[0].at, lines[0].since, lines[1].since) == (f.NOW, f.NOW - timedelta(seconds=5), None)


def test_a_job_takes_until_now_while_it_runs() -> None:
    head = order_head(f.order(), ZONE, f.NOW)
    assert [job.took_s for job in head.jobs] == [1200, 300, None, None]
