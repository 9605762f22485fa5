"""Spreadsheets (ECMA-376 part 1, SpreadsheetML) as rows of cells; nothing of formulas, looks or macros."""

from __future__ import annotations

from standards.ooxml.faults import SheetTooLarge, SheetUnreadable
from standards.ooxml.reading import Cell, Sheet, SheetRow, read_sheet

__all__ = ["Cell", "Sheet", "SheetRow", "SheetTooLarge", "SheetUnreadable", "read_sheet"]
