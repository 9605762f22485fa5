"""History as Parquet: one file, a row a sample, for whatever reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np

from mes.history.queries import list_samples
from mes.history.types import Samples
from mes.kernel.db import Database

PORTION: Final = 1_000_000
"""Samples in memory at once, and in a row group."""


class ExportRefused(Exception):
    """Nothing was written; the text says why."""


@dataclass(frozen=True, slots=True)
class ExportedTag:
    """A tag, by the names its rows shall have."""

    pk: int
    bridge_id: str
    tag: str
    equipment_id: str
    unit: str


def export_parquet(database: Database, target: Path, *, tags: Sequence[ExportedTag], from_us: int, to_us: int) -> int:
    """Every sample of these tags in [from_us, to_us), by tag and time; answers how many.

    Columns: bridge_id, tag, equipment_id, unit (dictionaries), at (timestamp of microseconds, UTC), value (double,
    null: not known from there), quality (0 good, 1 uncertain, 2 not known). ExportRefused without pyarrow, or if the
    file is there already.
    """
    arrow, parquet = _pyarrow()
    if target.exists():
        raise ExportRefused(f"{target} is there already")
    scratch = target.with_name(target.name + ".part")
    rows = 0
    with parquet.ParquetWriter(scratch, _schema(arrow), compression="zstd") as writer:
        for tag in tags:
            for samples in _portions(database, tag.pk, from_us, to_us):
                writer.write_table(_table(arrow, tag, samples))
                rows += len(samples)
    scratch.replace(target)
    return rows


def _pyarrow() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise ExportRefused("Parquet needs pyarrow: pip install 'lineside[export]'") from None


def _portions(database: Database, tag_pk: int, from_us: int, to_us: int) -> Iterator[Samples]:
    begin: int | None = from_us
    while begin is not None:
        samples, begin = database.read_now(list_samples, tag_pk=tag_pk, from_us=begin, to_us=to_us, limit=PORTION)
        if len(samples):
            yield samples


def _schema(arrow: Any) -> Any:
    name = arrow.dictionary(arrow.int32(), arrow.string())
    return arrow.schema(
        [
            ("bridge_id", name),
            ("tag", name),
            ("equipment_id", name),
            ("unit", name),
            ("at", arrow.timestamp("us", tz="UTC")),
            ("value", arrow.float64()),
            ("quality", arrow.uint8()),
        ]
    )


def _table(arrow: Any, tag: ExportedTag, samples: Samples) -> Any:
    same = arrow.array(np.zeros(len(samples), np.int32))
    names = [
        arrow.DictionaryArray.from_arrays(same, arrow.array([name]))
        for name in (tag.bridge_id, tag.tag, tag.equipment_id, tag.unit)
    ]
    columns = [
        *names,
        arrow.array(samples.at_us, arrow.timestamp("us", tz="UTC")),
        arrow.array(samples.value, mask=np.isnan(samples.value)),
        arrow.array(samples.quality),
    ]
    return arrow.Table.from_arrays(columns, schema=_schema(arrow))
