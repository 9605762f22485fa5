"""Keep process values; forget them by age."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mes.kernel.uow import UnitOfWork

KEEP_US: Final = 90 * 24 * 3600 * 1_000_000
"""Process values are kept for 90 days."""

FORGET_ROWS: Final = 20_000
"""Rows forgotten in one unit of work, so that the writer is never held up."""

HistoryRow = tuple[int, int, float | None, str | None]
"""Tag key, source time, number, text."""


def append_samples(uow: UnitOfWork, *, rows: Sequence[HistoryRow]) -> None:
    """Keep values. The same tag and instant again changes nothing."""
    uow.driver_executemany(
        "INSERT INTO history_sample (tag_pk, at_us, value, text) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", rows
    )


def forget_old_samples(uow: UnitOfWork) -> None:
    """Drop some of what is older than `KEEP_US` (called by the ticker)."""
    uow.driver_execute(
        "DELETE FROM history_sample WHERE (tag_pk, at_us) IN "
        "(SELECT tag_pk, at_us FROM history_sample WHERE at_us < ? LIMIT ?)",
        (uow.now_us - KEEP_US, FORGET_ROWS),
    )
