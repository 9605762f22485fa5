"""Rules of quality, pure: where a unit stands, what a step yields, what a measurement says."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from mes.quality.errors import ResultInvalid
from mes.quality.types import (
    DEFECTS_MAX,
    MEASUREMENTS_MAX,
    NUMBER_MAX,
    TESTED,
    MeasuredVerdict,
    Measurement,
    ResultSpec,
    Standing,
    StepYield,
    Verdict,
    VerdictFact,
)
from standards.iso22400.yields import Passed, final_yield, first_pass_yield

DAY_US: Final = 24 * 3600 * 1_000_000
EARLIEST_US: Final = 946_684_800_000_000
"""2000-01-01: what is older was stamped by a clock that was never set."""
_NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")
_ID: Final = re.compile(r"[!-~]{1,100}")


# -- where a unit stands


def standing_of(verdicts: Iterable[VerdictFact], after: Mapping[str, Collection[str]]) -> Standing:
    """Fold a unit's verdicts, oldest first. `after`: the steps that come after a step, near or far.

    A failure puts the unit into rework for the step it failed at, until somebody names another; it is in rework until
    it passes that step, and then for the next one that it failed. Sent back, it has to do that step and all after it
    again; a failure of no known step ("") is answered by that, wherever to. A scrapped unit stays scrapped.
    """
    passed: set[str] = set()
    failed: dict[str, None] = {}
    reset: set[str] = set()
    returns_to, scrapped = "", False
    for fact in verdicts:
        step = fact.segment_id
        if fact.verdict is Verdict.passed:
            passed.add(step)
            failed.pop(step, None)
            reset.discard(step)
            returns_to = next(iter(failed), "") if returns_to == step else returns_to
        elif fact.verdict is Verdict.failed:
            passed.discard(step)
            failed[step] = None
            returns_to = returns_to or step
        elif fact.verdict is Verdict.rework:
            again = {step, *after.get(step, ())}
            passed -= again
            failed = {other: None for other in failed if other and other not in again}
            reset |= again
            returns_to = step
        elif fact.verdict is Verdict.scrapped:
            scrapped = True
    return Standing(frozenset(passed), frozenset(failed), returns_to, scrapped, frozenset(reset))


def steps_after(edges: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Of each step all that come after it, from edges (step, the step before it); a circle ends where it began."""
    following: dict[str, set[str]] = {}
    for step, before in edges:
        following.setdefault(before, set()).add(step)
    return {step: _reached(step, following) for step in following}


def _reached(start: str, following: Mapping[str, Collection[str]]) -> frozenset[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = set(following.get(waiting.pop(), ())) - found
        found |= new
        waiting.extend(new)
    return frozenset(found - {start})


# -- yields: who counts what; the ratios are those of standards.iso22400


def yield_of(verdicts: Iterable[VerdictFact], step: str, scrapped: Collection[str] = frozenset()) -> StepYield:
    """Yields of one step from its verdicts, oldest first; each unit counts once, aborted tests not at all.

    A unit is good in the end if its last verdict here is `passed`; lost if it is not and the unit was scrapped.
    """
    first: dict[str, bool] = {}
    last: dict[str, bool] = {}
    lost = set(scrapped)
    for fact in verdicts:
        if fact.verdict is Verdict.scrapped:
            lost.add(fact.unit_id)
        if fact.segment_id != step or fact.verdict not in (Verdict.passed, Verdict.failed):
            continue
        good = fact.verdict is Verdict.passed
        first.setdefault(fact.unit_id, good)
        last[fact.unit_id] = good
    bad = {unit for unit, good in last.items() if not good}
    return StepYield(len(first), sum(first.values()), len(last) - len(bad), len(bad & lost))


def first_pass_of(step: StepYield) -> Decimal | None:
    """To four decimals; None where nothing was judged. What did not pass at once was reworked or is lost."""
    return _rounded(first_pass_yield(Passed(Decimal(step.first_passed), Decimal(step.units - step.first_passed))))


def final_of(step: StepYield, recovered: int) -> Decimal | None:
    """The final yield if so many of those that are open pass in the end and the others are lost."""
    good = step.good + recovered
    return _rounded(final_yield(Passed(Decimal(good), Decimal(step.units - good))))


def _rounded(ratio: Decimal | None) -> Decimal | None:
    return None if ratio is None else ratio.quantize(Decimal("0.0001"))


# -- results


def check_result(result: ResultSpec, now_us: int) -> None:
    """`result-invalid` with what is wrong."""
    if not _ID.fullmatch(result.unit_id):
        raise ResultInvalid("A unit's id has 1 to 100 printable characters and no blanks.")
    if not (_ID.fullmatch(result.source) and _ID.fullmatch(result.result_id)):
        raise ResultInvalid("Source and result id have 1 to 100 printable characters and no blanks.")
    if not EARLIEST_US <= result.at_us <= now_us + DAY_US:
        raise ResultInvalid("The time lies before 2000 or more than a day ahead: set the clock of the tester.")
    if result.verdict not in TESTED:
        raise ResultInvalid("A test passes, fails or is aborted.")
    if len(result.measurements) > MEASUREMENTS_MAX or len(result.defects) > DEFECTS_MAX:
        raise ResultInvalid(f"A result has at most {MEASUREMENTS_MAX} measurements and {DEFECTS_MAX} defects.")
    if result.defects and result.verdict is Verdict.passed:
        raise ResultInvalid("A unit that passed has no defects.")


def judged(measurement: Measurement) -> Measurement:
    """With exact numbers, and judged by its limits where nobody has. `result-invalid` where a number is none, or where
    the tester's verdict contradicts the limits it gave."""
    value, low, high = (number(text) for text in (measurement.value, measurement.low, measurement.high))
    if value is None:
        raise ResultInvalid(f"The measurement {measurement.name!r} has no value.")
    verdict = MeasuredVerdict.not_judged
    if low is not None or high is not None:
        inside = (low is None or low <= value) and (high is None or value <= high)
        verdict = MeasuredVerdict.passed if inside else MeasuredVerdict.failed
    if measurement.verdict and verdict and measurement.verdict != verdict:
        raise ResultInvalid(f"{measurement.name!r} is {measurement.value}: by its limits that is {verdict}.")
    return measurement._replace(verdict=str(verdict) or measurement.verdict)


def number(text: str) -> Decimal | None:
    """An exact decimal; None where there is none. `result-invalid` where the text is no number."""
    if not text:
        return None
    if len(text) > NUMBER_MAX or not _NUMBER.fullmatch(text):
        raise ResultInvalid(f"{text[:NUMBER_MAX]!r} is not a decimal number.")
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ResultInvalid(f"{text!r} is not a decimal number.") from error
