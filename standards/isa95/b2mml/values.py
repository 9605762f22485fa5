"""What a leaf may hold, and how it is kept."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from standards.isa95.b2mml.shapes import ACTION_CODES, OTHER, WORDS

_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_SPACE: Final = re.compile("[ \t\r\n]+")
_NUMBER: Final = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})", re.ASCII)
_DURATION: Final = re.compile(
    r"(-)?P(?:(\d{1,9})Y)?(?:(\d{1,9})M)?(?:(\d{1,9})D)?"
    r"(T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,6})?)S)?)?",
    re.ASCII,
)


def normal(kind: str, text: str) -> str:
    """Without the white space that says nothing: all of it around a word, none in a text."""
    return text if kind in ("text", "value") else " ".join(_SPACE.split(text)).strip(" ")


def fault_of(kind: str, text: str, attributes: dict[str, str]) -> str | None:
    """What is wrong with the (normal) text of a leaf."""
    if kind == "expression" and attributes.get("actionCode") not in ACTION_CODES:
        return f"actionCode must be one of {', '.join(sorted(ACTION_CODES))}"
    if kind in WORDS:
        return None if text in WORDS[kind] else f"{text[:50]!r} is none of {', '.join(sorted(WORDS[kind]))}"
    if kind == "time":
        return None if instant(text) is not None else f"{text[:50]!r} is no date and time (2026-12-01T14:00:00Z)"
    if kind == "number":
        return None if number(text) is not None else f"{text[:50]!r} is no decimal number"
    if kind == "duration":
        return None if _is_duration(text) else f"{text[:50]!r} is no duration (PT30S)"
    return None


def word_of(text: str, kind: str) -> tuple[str, dict[str, str]]:
    """A word of ours as the list has it: itself, else `Other` with the attribute that says it."""
    return (text, {}) if text in WORDS[kind] else (OTHER, {"OtherValue": text})


def instant(text: str) -> datetime | None:
    """An xsd:dateTime; without a time zone it is UTC, and what is beyond microseconds is cut off. None: it is none."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    whole, fraction, zone = found.groups()
    try:
        at = datetime.fromisoformat(
            f"{whole}.{(fraction or '0')[:6].ljust(6, '0')}{(zone or 'Z').replace('Z', '+00:00')}"
        )
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def time_text(at: datetime) -> str:
    """An instant as xsd:dateTime in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def number(text: str) -> Decimal | None:
    """An xsd:decimal: no exponent, no infinity. None: it is none."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def seconds(text: str) -> Decimal | None:
    """An xsd:duration of days, hours, minutes and seconds. None: it is none, or months make it inexact."""
    found = _DURATION.fullmatch(text)
    if found is None or not _is_duration(text) or any(found.group(1, 2, 3)):
        return None
    days, hours, minutes, rest = (Decimal(part or 0) for part in found.group(4, 6, 7, 8))
    return days * 86_400 + hours * 3_600 + minutes * 60 + rest


def _is_duration(text: str) -> bool:
    found = _DURATION.fullmatch(text)
    return found is not None and any(found.group(2, 3, 4, 6, 7, 8)) and not text.endswith("T")
