"""A few statements a change: which piece it came with, whether the lot goes into itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from mes.genealogy.statements import Reads, key_text
from mes.kernel.uow import marks


def load_places(reads: Reads, pks: Collection[int]) -> Mapping[int, str]:
    """Ids of equipment."""
    return dict(reads.driver_query(f"SELECT pk, id FROM equipment WHERE pk IN ({marks(pks)})", tuple(pks)))  # noqa: S608


def last_piece_before(reads: Reads, equipment_pk: int, at_us: int) -> int:
    """Sequence of the last piece that passed a station before an instant; 0: none did."""
    rows = reads.driver_query(
        "SELECT seq FROM genealogy_act WHERE equipment_pk = ? AND seq IS NOT NULL AND ended_by_pk IS NULL "
        "AND at_us < ? ORDER BY seq DESC LIMIT 1",
        (equipment_pk, at_us),
    )
    return int(rows[0][0]) if rows else 0


def passes_from(reads: Reads, equipment_pk: int, seq: int, lot_pks: Collection[int]) -> bool:
    """Whether one of some lots passed a station as the so-many-th or later."""
    keys = "IN (SELECT value FROM json_each(?))" if reads.dialect == "sqlite" else "= ANY((SELECT ?::int[])::int[])"
    rows = reads.driver_query(
        "SELECT 1 FROM genealogy_act WHERE equipment_pk = ? AND seq >= ? AND seq IS NOT NULL "  # noqa: S608
        f"AND ended_by_pk IS NULL AND lot_pk {keys} LIMIT 1",
        (equipment_pk, seq, key_text(reads, lot_pks)),
    )
    return bool(rows)
