"""GS1 element strings: application identifiers with their data, FNC1 sent as GS.

The table of identifiers and the splitting are biip's; it is checked against GS1's own syntax dictionary in
tests/conformance. Check digits are checked here, since it only notes a wrong one. No clock: the century of a date is
resolved against the year the caller gives (GS1 General Specifications, 7.12).
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from decimal import Decimal
from typing import Final

from biip import BiipException
from biip.checksums import gs1_standard_check_digit
from biip.gs1_messages import GS1Message

from standards.labels.faults import FIELDS_MAX, LabelFault
from standards.labels.scanners import GS

MEANINGS: Final = {
    "01": "gtin",
    "02": "gtin",
    "240": "supplier_part",
    "241": "customer_part",
    "10": "lot",
    "21": "serial",
    "37": "quantity",
    "30": "quantity",
    "17": "expires_on",
    "11": "produced_on",
    "422": "origin",
}
CHECKED: Final = {"00": 18, "01": 14, "02": 14, "03": 14}
"""Identifiers whose data are digits of this length, the last a check digit."""


def read_elements(text: str) -> dict[str, str]:
    """Data by application identifier, in order of the label. `field-invalid`, `field-twice`, `too-many-fields`."""
    if text.count(GS) > FIELDS_MAX:
        raise LabelFault("too-many-fields", f"The label has more than {FIELDS_MAX} fields.")
    try:
        elements = GS1Message.parse(text.strip(GS)).element_strings
    except (BiipException, ValueError) as error:
        raise LabelFault("field-invalid", f"The GS1 data cannot be read: {str(error)[:200]}") from error
    found: dict[str, str] = {}
    for element in elements:
        if found.setdefault(element.ai.ai, element.value) != element.value:
            raise LabelFault("field-twice", f"The label gives ({element.ai.ai}) twice, with different values.")
    _check_digits(found)
    return found


def _check_digits(values: dict[str, str]) -> None:
    for identifier in CHECKED.keys() & values.keys():
        digits = values[identifier]
        if gs1_standard_check_digit(digits[:-1]) != int(digits[-1]):
            raise LabelFault("field-invalid", f"The check digit of ({identifier}) {digits} is wrong.")


def write_elements(values: dict[str, str]) -> str:
    """Element strings, each but those of predefined length ended by GS unless last. ValueError as `read_elements`."""
    parts = [(identifier, f"{identifier}{value}") for identifier, value in values.items()]
    text = "".join(part + (GS if separated(identifier) else "") for identifier, part in parts).removesuffix(GS)
    if read_elements(text) != values:
        raise LabelFault("field-invalid", "These are no GS1 element strings.")
    return text


def separated(identifier: str) -> bool:
    """Whether data of an identifier end with GS where something follows (General Specifications, figure 7.8.5-2)."""
    return identifier[:2] not in PREDEFINED


PREDEFINED: Final = frozenset(
    {*(f"{n:02}" for n in range(5)), *(f"{n}" for n in range(11, 21)), *(f"{n}" for n in range(31, 37)), "41"}
)
"""The first two digits of identifiers of predefined length."""


def date_of(digits: str, *, year: int) -> date | None:
    """YYMMDD in the century nearest to `year`; day 00 is the last of the month. None where there is no such day."""
    if len(digits) != 6 or not digits.isdecimal() or not digits.isascii():
        return None
    short, month, day = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    full = year - year % 100 + short
    difference = short - year % 100
    full += -100 if difference >= 51 else 100 if difference <= -50 else 0
    if not 1 <= month <= 12 or day > monthrange(full, month)[1]:
        return None
    return date(full, month, day or monthrange(full, month)[1])


def weight_or_count(values: dict[str, str]) -> tuple[Decimal, str] | None:
    """Net weight in kilograms (310n: n decimals), where the label gives one."""
    for identifier, digits in values.items():
        if identifier.startswith("310") and len(identifier) == 4:
            return Decimal(digits).scaleb(-int(identifier[3])), "kg"
    return None
