"""Keep measurements and identities; say how long they stay."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np

from mes.history import statements
from mes.history.errors import RetentionInvalid
from mes.history.queries import get_retention
from mes.history.rules import checked
from mes.history.types import DAY_US, LastValue, Measurements, Retention
from mes.kernel.uow import UnitOfWork

FORGET_ROWS: Final = 20_000
"""Texts forgotten in one unit of work, so that the writer is never held up."""
SAMPLES_DAYS_MAX: Final = 3_650
ROLLUPS_DAYS_MAX: Final = 36_500

MeasurementRow = tuple[int, int, float, int]
"""Tag key, instant, value (NaN: not known), quality."""
TextRow = tuple[int, int, str]
"""Tag key, instant, text."""


def append_measurements(uow: UnitOfWork, *, columns: Measurements) -> None:
    """Keep a batch of numbers in the transaction of the facts it came with.

    The same tag and instant again changes nothing. ValueError on columns of different lengths and on instants outside
    1970 to 2100.
    """
    if len(columns.at_us):
        statements.insert_log(uow, checked(columns))


def measurements_of(rows: Sequence[MeasurementRow]) -> Measurements:
    """Rows as columns."""
    tag_pk, at_us, value, quality = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Measurements(
        np.array(tag_pk, np.uint32), np.array(at_us, np.int64), np.array(value, np.float64), np.array(quality, np.uint8)
    )


def append_texts(uow: UnitOfWork, *, rows: Sequence[TextRow]) -> None:
    """Keep identities. The same tag and instant again changes nothing."""
    uow.driver_executemany(
        "INSERT INTO history_text (tag_pk, at_us, text) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", rows
    )


def forget_old_texts(uow: UnitOfWork) -> None:
    """Drop some of the texts that are older than samples are kept (called by the ticker)."""
    before_us = uow.now_us - get_retention(uow.session).samples_days * DAY_US
    uow.driver_execute(
        "DELETE FROM history_text WHERE (tag_pk, at_us) IN "
        "(SELECT tag_pk, at_us FROM history_text WHERE at_us < ? ORDER BY at_us LIMIT ?)",
        (before_us, FORGET_ROWS),
    )


def forget_sealed(uow: UnitOfWork, *, log_pks: Collection[int], last: Mapping[int, LastValue]) -> None:
    """These rows of the log are in pieces that are on disk; `last` are the newest samples among them."""
    statements.delete_log(uow, log_pks)
    statements.put_last(uow, last.values())


def set_retention(uow: UnitOfWork, *, samples_days: int, rollups_days: int) -> None:
    """How long this plant keeps samples and roll-ups. `history-retention-invalid`."""
    if not 1 <= samples_days <= SAMPLES_DAYS_MAX or not samples_days <= rollups_days <= ROLLUPS_DAYS_MAX:
        raise RetentionInvalid(f"{samples_days} days of samples and {rollups_days} days of roll-ups were asked for.")
    before = get_retention(uow.session)
    statements.put_retention(uow, samples_days, rollups_days)
    uow.emit(
        "history.retention-set.v1",
        topics=[],
        subject="history",
        payload={"samples_days": samples_days, "rollups_days": rollups_days, "before": _payload(before)},
    )


def _payload(retention: Retention) -> dict[str, Any]:
    return {"samples_days": retention.samples_days, "rollups_days": retention.rollups_days}
