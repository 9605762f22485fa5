"""Texts of elements as values within our bounds. Pure; `b2mml-value-unusable` names the element that cannot be used."""

from __future__ import annotations

import re
from collections.abc import Sized
from datetime import datetime
from decimal import Decimal
from typing import Final

from mes.exchange.b2mml.errors import B2mmlValueUnusable
from standards.isa95.b2mml import Element
from standards.isa95.b2mml.values import instant, number
from standards.isa95.quantity import from_e6, to_e6

ID_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
ORDER_ID_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")
_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,19}")
TEXT_MAX: Final = 500
UNIT_MAX: Final = 20
STEPS_MAX: Final = 500
"""Segments of a routing, and jobs of a work request."""


def unusable(what: str) -> B2mmlValueUnusable:
    return B2mmlValueUnusable(what)


def bounded(found: Sized, most: int, what: str) -> None:
    if len(found) > most:
        raise unusable(f"There are {len(found)} of {what}; {most} are taken at most.")


def checked(pattern: re.Pattern[str], text: str, what: str) -> str:
    if pattern.fullmatch(text) is None:
        raise unusable(f"{what} {text[:100]!r} cannot be an id here: letters, digits and . _ : -, at most 100.")
    return text


def id_of(element: Element, *path: str) -> str:
    return checked(ID_PATTERN, element.value(*path), "/".join(path))


def text_of(element: Element, name: str, longest: int = TEXT_MAX) -> str | None:
    """The first of its texts of a name; None where it has none."""
    found = element.first(name)
    if found is None:
        return None
    if len(found.text) > longest:
        raise unusable(f"{name} is longer than {longest} characters.")
    return found.text.strip()


def label_of(element: Element) -> str | None:
    text = element.value("Version")
    if not text:
        return None
    if _LABEL.fullmatch(text) is None:
        raise unusable(f"Version {text[:100]!r} cannot be a version here: letters, digits and . _ -, at most 20.")
    return text


def time_of(element: Element, name: str) -> datetime | None:
    return instant(element.value(name)) if element.value(name) else None


def amount(text: str, what: str) -> Decimal:
    found = number(text)
    if found is None:
        raise unusable(f"{what} {text[:100]!r} is no decimal number.")
    return exact(found, f"{what} {text[:100]!r}:")


def exact(value: Decimal, what: str) -> Decimal:
    try:
        return from_e6(to_e6(value))
    except ValueError as error:
        raise unusable(f"{what} {error}.") from error


def unit_of(text: str, what: str) -> str:
    if not 0 < len(text) <= UNIT_MAX:
        raise unusable(f"{what} has 1 to {UNIT_MAX} characters.")
    return text


def quantity_of(element: Element) -> tuple[Decimal, str | None] | None:
    """Its first quantity and the unit of that."""
    found = element.first("Quantity")
    if found is None:
        return None
    unit = found.value("UnitOfMeasure")
    return amount(found.value("QuantityString"), "QuantityString"), unit_of(unit, "UnitOfMeasure") if unit else None
