"""B2MML 7.01, the XML of ISA-95: documents in and out, in the schema's own order.

The Business To Manufacturing Markup Language (B2MML) is used courtesy of MESA International.
"""

from __future__ import annotations

from standards.isa95.b2mml.faults import DocumentTooLarge, DocumentUnreadable, DocumentUnshaped, Fault
from standards.isa95.b2mml.reading import read_document
from standards.isa95.b2mml.types import Document, Element, Remark, element, leaf
from standards.isa95.b2mml.writing import write_document

__all__ = [
    "Document",
    "DocumentTooLarge",
    "DocumentUnreadable",
    "DocumentUnshaped",
    "Element",
    "Fault",
    "Remark",
    "element",
    "leaf",
    "read_document",
    "write_document",
]
