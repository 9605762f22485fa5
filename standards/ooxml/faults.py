"""Why bytes are no sheet of ours; the text says why."""

from __future__ import annotations


class SheetUnreadable(Exception):
    """No workbook, or one that is broken, locked, or has no such sheet."""


class SheetTooLarge(Exception):
    """A workbook beyond the limits: of bytes, unpacked bytes, elements, rows or columns."""
