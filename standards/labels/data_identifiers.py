"""Data identifiers of ANSI MH10.8.2: up to three digits and a letter, then the value.

Meanings are those of ECIA EIGP 114 (product labels), and of MH10.8.2 for dates of expiry and production.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from standards.labels.faults import LabelFault

MEANINGS: Final = {
    "P": "customer_part",
    "1P": "supplier_part",
    "30P": "supplier_part",
    "2P": "revision",
    "33P": "bin_code",
    "Q": "quantity",
    "1T": "lot",
    "9D": "date_code",
    "10D": "date_code",
    "14D": "expires_on",
    "16D": "produced_on",
    "6D": "ship_date",
    "1V": "manufacturer",
    "V": "supplier",
    "K": "purchase_order",
    "1K": "supplier_order",
    "4K": "purchase_order_line",
    "14K": "purchase_order_line",
    "11K": "packing_list",
    "13Q": "package_count",
    "7Q": "weight",
    "3S": "package",
    "4S": "logistic_package",
    "5S": "logistic_package",
    "S": "serial",
    "4L": "origin",
    "E": "rohs",
}
_FIELD: Final = re.compile(r"(\d{0,3}[A-Z])(.*)", re.DOTALL)


def split_field(field: str) -> tuple[str, str]:
    """Identifier and value. `field-unknown` where it does not begin with an identifier."""
    found = _FIELD.fullmatch(field)
    if found is None:
        raise LabelFault("field-unknown", f"{field[:20]!r} does not begin with a data identifier.")
    return found.group(1), found.group(2).strip()


def read_fields(fields: Iterable[str]) -> dict[str, str]:
    """Values by identifier, in order of the label; those of unknown meaning, too. `field-unknown`, `field-twice`.

    An identifier may stand twice with one value.
    """
    found: dict[str, str] = {}
    for field in fields:
        identifier, value = split_field(field)
        if found.setdefault(identifier, value) != value:
            raise LabelFault("field-twice", f"The label gives {identifier} twice, with different values.")
    return found


def meanings_of(values: dict[str, str]) -> dict[str, str]:
    """Values by meaning. Of two identifiers of one meaning the first of MEANINGS that is not empty is taken."""
    said: dict[str, str] = {}
    for identifier, meaning in MEANINGS.items():
        if values.get(identifier):
            said.setdefault(meaning, values[identifier])
    return said
