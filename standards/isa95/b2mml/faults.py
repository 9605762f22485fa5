"""Why bytes are no document of ours. Every fault has a line and a stable code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    line: int
    code: str
    message: str


class DocumentFault(Exception):
    """The faults found, in order of lines."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults[0].message)
        self.faults = tuple(faults)


class DocumentUnreadable(DocumentFault):
    """Not well-formed XML, or XML that is refused unread.

    `xml-malformed`, `xml-encoding`, `xml-dtd`, `document-unknown`.
    """


class DocumentTooLarge(DocumentFault):
    """`too-many-bytes`, `too-deep`, `too-many-elements`, `text-too-long`."""


class DocumentUnshaped(DocumentFault):
    """XML that is no B2MML. `element-missing`, `element-repeated`, `value-invalid`."""
