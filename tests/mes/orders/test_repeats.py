"""An act under a request id: a repeat does nothing, whatever came since; something else under the id is refused."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from mes.kernel.errors import IdempotencyKeyReused
from mes.orders.errors import JobVersionConflict, NothingToUndo, ReworkInvalid
from mes.orders.service import Correction, correct_counts, report_good, report_scrap, send_to_rework, undo_count
from mes.orders.types import CountKind
from tests.mes.orders.acts import REWORK, Acts
from tests.mes.orders.test_rework import correct, numbers, rework

CUT = "LO-1-CUT"
GOOD = {"verb": report_good, "quantity": Decimal(5)}
SCRAP = {"verb": report_scrap, "quantity": Decimal(2), "reason_id": "scratch"}
CORRECTION = {"verb": correct_counts, "corrections": [Correction(CountKind.good, Decimal(-3))], "reason": "miscounted"}
AWAY = {
    "verb": send_to_rework,
    "quantity": Decimal(4),
    "reason_id": "scratch",
    "equipment_id": REWORK,
    "return_segment_id": "CUT",
}


@pytest.fixture
def cutting(acts: Acts) -> Acts:
    acts.release(*acts.submit(quantity=12))
    acts.start(CUT)
    acts.good(CUT, 4)
    return acts


def act(acts: Acts, told: dict[str, Any], request_id: str = "the-id-1") -> None:
    values = dict(told)
    verb: Callable[..., Any] = values.pop("verb")
    acts.do(verb, job_id=CUT, request_id=request_id, **values)


@pytest.mark.parametrize("told", [GOOD, SCRAP, CORRECTION, AWAY], ids=["good", "scrap", "correction", "rework"])
def test_a_repeat_does_nothing_also_when_it_could_not_be_done_any_more(cutting: Acts, told: dict[str, Any]) -> None:
    act(cutting, told)
    correct(cutting, CUT, Correction(CountKind.good, -cutting.job(CUT).good_low), request_id="all-gone")
    after = numbers(cutting, CUT)
    act(cutting, told)
    cutting.complete(CUT, accepted_reason="enough")
    act(cutting, told)
    assert numbers(cutting, CUT) == after


@pytest.mark.parametrize("told", [GOOD, SCRAP, CORRECTION, AWAY], ids=["good", "scrap", "correction", "rework"])
def test_something_else_under_a_used_id_is_refused_and_counts_nothing(cutting: Acts, told: dict[str, Any]) -> None:
    act(cutting, told)
    after = numbers(cutting, CUT)
    others = [GOOD, SCRAP, CORRECTION, AWAY, {**GOOD, "quantity": Decimal(1)}, {**SCRAP, "quantity": Decimal(1)}]
    for other in [one for one in others if one is not told]:
        with pytest.raises(IdempotencyKeyReused):
            act(cutting, other)
    assert numbers(cutting, CUT) == after


def test_a_quantity_written_otherwise_is_the_same(cutting: Acts) -> None:
    act(cutting, GOOD)
    act(cutting, {**GOOD, "quantity": Decimal("5.000")})
    assert numbers(cutting, CUT) == (9, 0, 0)


def test_what_was_corrected_meanwhile_is_not_taken_back_below_zero(cutting: Acts) -> None:
    act(cutting, GOOD)
    correct(cutting, CUT, Correction(CountKind.good, Decimal(-7)))
    with pytest.raises(NothingToUndo):
        cutting.do(undo_count, request_id="the-id-1")
    assert numbers(cutting, CUT) == (2, 0, 0)


def test_a_running_bench_sends_back_no_more_than_it_was_given(cutting: Acts) -> None:
    """Of twelve, eight nobody has counted yet and four good ones."""
    with pytest.raises(ReworkInvalid):
        rework(cutting, CUT, 13, "CUT")
    rework(cutting, CUT, 9, "CUT")
    assert numbers(cutting, CUT) == (3, 0, 9)


def test_two_who_put_the_same_count_right_put_it_right_once(cutting: Acts) -> None:
    eight = Correction(CountKind.good, Decimal(-1), was=Decimal(4))
    correct(cutting, CUT, eight, request_id="sven-00001")
    with pytest.raises(JobVersionConflict):
        correct(cutting, CUT, eight, request_id="sonja-0001")
    assert numbers(cutting, CUT) == (3, 0, 0)
