"""Differences as a file. Pure."""

from __future__ import annotations

import csv
import io
from typing import Final

from mes.exchange.reconciliation.types import Reconciliation
from mes.kernel.texts import csv_cell

COLUMNS: Final = ("id", "what", "erp", "plant", "unit", "reason", "version")


def differences_csv(found: Reconciliation) -> bytes:
    """UTF-8 with a mark, semicolons between."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(COLUMNS)
    writer.writerows([csv_cell(getattr(one, name)) for name in COLUMNS] for one in found.differences)
    return text.getvalue().encode("utf-8-sig")
