"""Refused rows as a file to be corrected and imported again: the columns as they were, then where and why. Pure."""

from __future__ import annotations

import csv
import io
from typing import Final

from mes.exchange.table_files.types import ImportView
from mes.kernel.texts import csv_cell

ADDED: Final = ("line", "code", "reason")


def refused_csv(view: ImportView) -> bytes:
    """UTF-8 with a mark and semicolons, which spreadsheets open as columns where the comma is a decimal mark, too."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    width = len(view.headers)
    writer.writerow((*view.headers, *ADDED))
    for row in view.refused:
        cells = [csv_cell(value) for value in row.cells[:width]]
        writer.writerow((*cells, *[""] * (width - len(cells)), row.line, row.code, csv_cell(row.detail)))
    return text.getvalue().encode("utf-8-sig")
