"""Pure: which unit a tester's verdict is of, where serial, verdict and defect are tags of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

from mes.genealogy.reading.rules import panel_in, request_id_of
from mes.quality.types import POSITION_MAX, Verdict

PARTS_MAX: Final = 4
"""Of a result that comes together: serial, verdict, defect code, position."""
_VERDICTS: Final = {
    **dict.fromkeys(("pass", "passed", "ok", "good", "1"), Verdict.passed),
    **dict.fromkeys(("fail", "failed", "nok", "ng", "bad", "2"), Verdict.failed),
    **dict.fromkeys(("abort", "aborted", "3"), Verdict.aborted),
}
_NOTHING: Final = frozenset({"", "0", "none"})


class What(StrEnum):
    """What a tag of a tester tells, as `what` of its binding; serials by any other."""

    verdict = "verdict"
    code = "defect-code"
    position = "defect-position"
    together = "together"


class Untold(StrEnum):
    """Why what a tester says is no result."""

    uncertain = "uncertain-verdict"
    strange = "unknown-verdict"
    no_serial = "no-serial"


class Heard(NamedTuple):
    """A value of a tester's tag; `what` None: a serial. `value` None where nobody can read it."""

    binding_pk: int
    what: What | None
    value: Any
    at_us: int
    seq: int
    certain: bool = True


class Found(NamedTuple):
    """A verdict of a unit, and the number of what told it. `result_id` is the same however often it is told."""

    seq: int
    result_id: str
    unit_id: str
    verdict: Verdict
    at_us: int
    defect_code: str = ""
    position: str = ""


@dataclass(slots=True)
class AtTester:
    """What a tester's tags said last, and since when, by binding. Of a verdict: when it was last taken for one."""

    said: dict[int, tuple[Any, int]] = field(default_factory=dict)
    serial: str = ""
    serial_us: int = 0
    code: str = ""
    position: str = ""


def verdict_in(value: Any) -> Verdict | Untold | None:
    """The verdict a value is. None: none yet. Yes and no are none: nobody knows when they are meant."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (str, int))):
        return Untold.strange
    text = "" if value is None else str(value).strip().lower()
    return None if text in _NOTHING else _VERDICTS.get(text, Untold.strange)


def follow_tester(tester: AtTester, heard: Iterable[Heard]) -> tuple[list[Found], dict[int, Untold]]:
    """Verdicts in what a tester said, and by their numbers what is none; moves the tester along.

    A verdict is of the serial that held when it came; at the same instant the serial came first. One that says again
    what its tag said last is a new one only if the serial has changed since.
    """
    found: list[Found] = []
    untold: dict[int, Untold] = {}
    for one in sorted(heard, key=lambda one: (one.at_us, one.what in (What.verdict, What.together), one.seq)):
        if one.what is What.verdict or one.what is What.together:
            told = _verdict(tester, one)
            if isinstance(told, Found):
                found.append(told)
            elif told is not None:
                untold[one.seq] = told
        else:
            _take(tester, one)
    return found, untold


def _take(tester: AtTester, one: Heard) -> None:
    before, since = tester.said.get(one.binding_pk, (None, 0))
    value = one.value if one.certain else None
    since = since if value == before else one.at_us
    tester.said[one.binding_pk] = (value, since)
    if one.what is What.code:
        tester.code = _text(value)
    elif one.what is What.position:
        tester.position = _text(value)
    else:
        tester.serial, tester.serial_us = _serial(value), since


def _verdict(tester: AtTester, one: Heard) -> Found | Untold | None:
    if not one.certain:
        return Untold.uncertain
    before, taken_us = tester.said.get(one.binding_pk, (None, 0))
    is_again = one.value == before and (one.what is What.together or tester.serial_us <= taken_us)
    if is_again:
        return None
    tester.said[one.binding_pk] = (one.value, one.at_us)
    serial, said, code, position = tester.serial, one.value, tester.code, tester.position
    if one.what is What.together:
        parts = list(one.value) if isinstance(one.value, list) else [None, one.value]
        if len(parts) > PARTS_MAX:
            return Untold.strange
        serial, said, code, position = _together(*parts)
    verdict = verdict_in(said)
    if verdict is None or isinstance(verdict, Untold):
        return verdict
    if not serial:
        return Untold.no_serial
    if verdict is not Verdict.failed:
        code = position = ""
    return Found(one.seq, request_id_of(one.binding_pk, one.at_us, serial), serial, verdict, one.at_us, code, position)


def _together(serial: Any = None, verdict: Any = None, code: Any = None, position: Any = None) -> tuple[Any, ...]:
    return _serial(serial), verdict, _text(code), _text(position)


def _serial(value: Any) -> str:
    told = panel_in(value)
    return told[0] if isinstance(told, tuple) else ""


def _text(value: Any) -> str:
    if value is None or isinstance(value, (bool, float, list)):
        return ""
    return str(value).strip().replace("\x00", "\ufffd")[:POSITION_MAX]
