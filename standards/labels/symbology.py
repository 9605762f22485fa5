"""AIM symbology identifiers (ISO/IEC 15424): `]`, the code's kind, a modifier, put before the data by the scanner."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

KINDS: Final = {
    "A": "Code 39",
    "C": "Code 128",
    "E": "EAN/UPC",
    "I": "ITF",
    "L": "PDF417",
    "Q": "QR Code",
    "d": "Data Matrix",
    "e": "GS1 DataBar",
    "z": "Aztec",
}
GS1: Final = frozenset({"]C1", "]e0", "]d2", "]Q3", "]J1"})
"""Prefixes that say the data are GS1 element strings (GS1 General Specifications, 5.1.3)."""
_PREFIX: Final = re.compile(r"\][A-Za-z][0-9A-Za-z]")


@dataclass(frozen=True, slots=True)
class Symbology:
    """`prefix` as the scanner sent it ("" where it sent none)."""

    prefix: str = ""

    @property
    def kind(self) -> str:
        """In words; empty where it is not known."""
        return KINDS.get(self.prefix[1:2], "")

    @property
    def says_gs1(self) -> bool:
        """Whether the code itself is marked as GS1."""
        return self.prefix in GS1


def split_prefix(text: str) -> tuple[Symbology, str]:
    """The prefix, where there is one, and what follows it."""
    found = _PREFIX.match(text)
    return (Symbology(found.group()), text[found.end() :]) if found else (Symbology(), text)
