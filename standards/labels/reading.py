"""One scan, whatever it is: an ISO/IEC 15434 message, GS1 element strings, or plain text such as our own reel id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final

from standards.labels import data_identifiers, gs1
from standards.labels.faults import LabelFault
from standards.labels.iso15434 import DATA_IDENTIFIER_FORMAT, Message, is_message, read_message
from standards.labels.scanners import GS, clean
from standards.labels.symbology import Symbology, split_prefix

NO_PREFIX: Final = Symbology()


class LabelFormat(StrEnum):
    data_identifiers = "data-identifiers"
    """ISO/IEC 15434 format 06, MH10.8.2: what ECIA EIGP 114 prescribes for reels."""
    gs1 = "gs1"
    plain = "plain"


@dataclass(frozen=True, slots=True)
class Label:
    """What a label says. Texts are "" and numbers None where it does not say.

    `quirks` are what the scanner or the printer did to it and we undid: `separators-spelled-out`, `rs-missing`,
    `eot-missing`. `values` are all fields by identifier, also those of which we know no meaning.
    """

    format: LabelFormat
    text: str
    symbology: Symbology = NO_PREFIX
    quirks: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    customer_part: str = ""
    supplier_part: str = ""
    manufacturer: str = ""
    supplier: str = ""
    gtin: str = ""
    quantity: Decimal | None = None
    unit: str = ""
    lot: str = ""
    date_code: str = ""
    expires_on: date | None = None
    package: str = ""


TEXTS: Final = ("customer_part", "supplier_part", "manufacturer", "supplier", "gtin", "lot", "date_code", "package")
QUANTITY_DIGITS: Final = 12
_PLAIN_GS1: Final = re.compile(rf"01\d{{14}}|[^{GS}]+{GS}")


def read_label(text: str, *, year: int) -> Label:
    """A scan as a label; `year` tells the century of two-digit years. `LabelFault` where it is none."""
    cleaned, spelled = clean(text)
    symbology, data = split_prefix(cleaned)
    quirks = ("separators-spelled-out",) if spelled else ()
    if is_message(data):
        return _of_message(data, symbology, quirks, year)
    if symbology.says_gs1 or _PLAIN_GS1.match(data):
        return _of_gs1(data, gs1.read_elements(data), symbology, quirks, year)
    return Label(LabelFormat.plain, data, symbology, quirks)


def _of_message(data: str, symbology: Symbology, quirks: tuple[str, ...], year: int) -> Label:
    message = read_message(data)
    quirks = (*quirks, *(f"{what}-missing" for what in message.lacks))
    fields = _fields(message)
    if not fields:
        elements = GS.join(text for envelope in message.envelopes for text in envelope.fields)
        return _of_gs1(data, gs1.read_elements(elements), symbology, quirks, year)
    values = data_identifiers.read_fields(fields)
    said = data_identifiers.meanings_of(values)
    expires_on = _iso_day(said["expires_on"]) if "expires_on" in said else None
    return _label(LabelFormat.data_identifiers, data, symbology, quirks, values, said, expires_on)


def _fields(message: Message) -> list[str]:
    wanted = (envelope for envelope in message.envelopes if envelope.format == DATA_IDENTIFIER_FORMAT)
    return [one for envelope in wanted for one in envelope.fields]


def _of_gs1(data: str, values: dict[str, str], symbology: Symbology, quirks: tuple[str, ...], year: int) -> Label:
    said = {meaning: values[ai] for ai, meaning in reversed(gs1.MEANINGS.items()) if ai in values}
    expires_on = None
    if "expires_on" in said and (expires_on := gs1.date_of(said["expires_on"], year=year)) is None:
        raise LabelFault("field-invalid", f"(17) {said['expires_on']} is no day.")
    weight = gs1.weight_or_count(values)
    if weight is not None and "quantity" not in said:
        said |= {"quantity": str(weight[0]), "unit": weight[1]}
    return _label(LabelFormat.gs1, data, symbology, quirks, values, said, expires_on)


def _label(
    kind: LabelFormat,
    data: str,
    symbology: Symbology,
    quirks: tuple[str, ...],
    values: Mapping[str, str],
    said: Mapping[str, str],
    expires_on: date | None,
) -> Label:
    texts = {name: said.get(name, "") for name in TEXTS}
    quantity = _quantity(said["quantity"]) if "quantity" in said else None
    unit = said.get("unit", "")
    return Label(kind, data, symbology, quirks, values, quantity=quantity, unit=unit, expires_on=expires_on, **texts)


def _quantity(text: str) -> Decimal:
    try:
        quantity = Decimal(text)
    except InvalidOperation as error:
        raise LabelFault("field-invalid", f"The quantity {text[:20]!r} is no number.") from error
    digits = quantity.as_tuple()
    if (
        not quantity.is_finite()
        or quantity < 0
        or len(digits.digits) > QUANTITY_DIGITS
        or quantity >= 10**QUANTITY_DIGITS
    ):
        raise LabelFault("field-invalid", f"The quantity {text[:20]!r} cannot be.")
    return quantity


def _iso_day(text: str) -> date:
    try:
        if not re.fullmatch(r"[0-9]{8}", text):
            raise ValueError
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError as error:
        raise LabelFault("field-invalid", f"14D {text[:20]!r} is no day written YYYYMMDD.") from error


def week_of(date_code: str, *, year: int) -> date | None:
    """The Monday of a date code YYWW (EIGP 114, 9D and 10D); None where it is not written so."""
    if not re.fullmatch(r"[0-9]{4}", date_code):
        return None
    short, week = int(date_code[:2]), int(date_code[2:])
    full = year - year % 100 + short
    try:
        return date.fromisocalendar(full - 100 if full > year + 1 else full, week, 1)
    except ValueError:
        return None
