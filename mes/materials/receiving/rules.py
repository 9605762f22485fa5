"""Rules of receiving, pure: which part is approved, what a reel is called, what its label says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from hashlib import sha256
from typing import Final

from mes.materials.errors import PartNotApproved
from mes.materials.life_rules import DEFAULT_LEVELS, folded
from mes.materials.receiving.errors import ReceiptInvalid
from mes.materials.receiving.types import ReceiptSpec
from mes.materials.types import ApprovedPart
from standards.labels.faults import LabelFault
from standards.labels.reading import LabelFormat, read_label, week_of

REEL_PREFIX: Final = "R-"
REEL_DIGITS: Final = 8
ANY_YEAR: Final = 2000
"""Which century a label's dates are of does not matter for telling labels apart."""


def reel_id(number: int) -> str:
    """The id of the nth reel of a plant: R-00000001."""
    return f"{REEL_PREFIX}{number:0{REEL_DIGITS}}"


def label_key(text: str) -> str:
    """By which the same label is known again, whatever the scanner did to it; "" for plain text, which is no label."""
    try:
        label = read_label(text, year=ANY_YEAR)
    except LabelFault:
        return ""
    if label.format is LabelFormat.plain:
        return ""
    fields = "\x1d".join(f"{identifier}{value}" for identifier, value in label.values.items())
    return sha256(fields.encode()).hexdigest()


def is_approved(approved: Iterable[ApprovedPart], *, manufacturer: str, part: str) -> bool:
    """Whether a part may be received as a material.

    A list that is empty approves everything. The part must be on it; its manufacturer must be the listed one, too, or
    not be known at all: not every label names it.
    """
    listed = tuple(approved)
    return not listed or any(
        folded(known.part) == folded(part) and folded(manufacturer) in ("", folded(known.manufacturer))
        for known in listed
    )


def check_approved(spec: ReceiptSpec, approved: Iterable[ApprovedPart]) -> None:
    """`part-not-approved`."""
    if not is_approved(approved, manufacturer=spec.manufacturer, part=spec.part):
        what = " ".join(text for text in (spec.manufacturer, spec.part) if text) or "A part without a number"
        raise PartNotApproved(f"{what} is not approved as {spec.material_id}.")


def check_receipt(spec: ReceiptSpec) -> None:
    """`receipt-invalid`."""
    if spec.quantity <= 0:
        raise ReceiptInvalid("A lot of nothing cannot be received.")
    if spec.msl and spec.msl not in DEFAULT_LEVELS:
        raise ReceiptInvalid(f"{spec.msl!r} is no moisture sensitivity level.")


def made_on(spec: ReceiptSpec, received_on: date) -> date | None:
    """When a lot was made at the earliest, by its date code; None if that does not say or lies ahead."""
    week = week_of(spec.date_code, year=received_on.year)
    return week if week is not None and week <= received_on else None


def label_lines(
    *, material_id: str, description: str, quantity: str, supplier_lot: str, date_code: str, msl: str, expires: str
) -> tuple[str, ...]:
    """What stands on a reel's own label beside its id; lines that would say nothing are left out."""
    amount = "  ".join(text for text in (quantity, date_code and f"DC {date_code}") if text)
    lives = "  ".join(text for text in (msl and f"MSL {msl}", expires and f"Exp {expires}") if text)
    return tuple(
        line for line in (material_id, description, amount, supplier_lot and f"Lot {supplier_lot}", lives) if line
    )
