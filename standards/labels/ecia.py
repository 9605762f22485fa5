"""The product label of ECIA EIGP 114 as it is written: a test bench for scanners, and our own relabelling."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from standards.labels.iso15434 import DATA_IDENTIFIER_FORMAT, Envelope, write_message


@dataclass(frozen=True, slots=True)
class ProductLabel:
    """The fields of a product label; EIGP 114 asks for customer part, supplier part, quantity, date code and lot."""

    customer_part: str
    supplier_part: str
    quantity: Decimal
    lot: str
    date_code: str = ""
    manufacturer: str = ""
    origin: str = ""


def write_product_label(label: ProductLabel) -> str:
    """The 2D symbol's message. ValueError where a field holds a separator."""
    pairs = (
        ("P", label.customer_part),
        ("1P", label.supplier_part),
        ("Q", f"{label.quantity:f}"),
        ("9D", label.date_code),
        ("1T", label.lot),
        ("4L", label.origin),
        ("1V", label.manufacturer),
    )
    fields = tuple(identifier + value for identifier, value in pairs if value)
    return write_message([Envelope(DATA_IDENTIFIER_FORMAT, fields)])
