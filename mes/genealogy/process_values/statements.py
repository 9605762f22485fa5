"""A few statements, however many scans: pieces around them, places, tags, what recipes limit."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any, Final

import orjson

from mes.genealogy.process_values.types import Limit, Limits, Measured, Place
from mes.genealogy.statements import Reads, key_text
from mes.kernel.uow import marks

TAGS_MAX: Final = 2_000
"""Tags of all places of one answer, by name."""
_PIECE: Final = (
    "SELECT b.at_us FROM genealogy_act b WHERE b.equipment_pk = a.equipment_pk AND b.seq {} a.seq "
    "AND b.seq IS NOT NULL AND b.ended_by_pk IS NULL ORDER BY b.seq {} LIMIT 1"
)
_AROUND: Final = f"a.pk, ({_PIECE.format('<', 'DESC')}), ({_PIECE.format('>', 'ASC')})"
PIECES_AROUND: Final = {
    "sqlite": f"SELECT {_AROUND} FROM json_each(?) k CROSS JOIN genealogy_act a ON a.pk = k.value",  # noqa: S608
    "postgresql": f"SELECT {_AROUND} FROM genealogy_act a WHERE a.pk = ANY((SELECT ?::bigint[])::bigint[])",  # noqa: S608
}
"""When the pieces before and after were at the same station."""


def load_pieces_around(reads: Reads, act_pks: Collection[int]) -> dict[int, tuple[int | None, int | None]]:
    """By pass, when the pieces before and after it were read there."""
    if not act_pks:
        return {}
    rows = reads.driver_query(PIECES_AROUND[reads.dialect], (key_text(reads, sorted(act_pks)),))
    return {pk: (before_us, after_us) for pk, before_us, after_us in rows}


def load_places(reads: Reads, pks: Collection[int]) -> dict[int, Place]:
    """Equipment with what it stands in."""
    sql = f"SELECT pk, parent_pk, work_center_pk FROM equipment WHERE pk IN ({marks(pks)})"  # noqa: S608
    return {row[0]: Place(*row) for row in reads.driver_query(sql, tuple(pks))} if pks else {}


def load_tags(reads: Reads, places: Iterable[Place]) -> list[Measured]:
    """Measurements of places, of what stands in them, and of their work centres, by name."""
    its = list(places)
    pks = tuple({place.pk for place in its})
    centers = tuple({place.work_center_pk for place in its if place.work_center_pk is not None})
    if not pks:
        return []
    sql = (
        "SELECT t.pk, t.tag, t.what, t.unit, e.pk, e.parent_pk, e.work_center_pk, b.last_seen_at_us, "  # noqa: S608
        "EXISTS (SELECT 1 FROM history_text x WHERE x.tag_pk = t.pk) "
        "FROM tag_binding t JOIN equipment e ON e.pk = t.equipment_pk JOIN bridge b ON b.pk = t.bridge_pk "
        f"WHERE t.signal = 'measurement' AND (e.pk IN ({marks(pks)}) OR e.parent_pk IN ({marks(pks)}) "
        f"OR e.work_center_pk IN ({marks(centers)})) ORDER BY e.id, t.tag LIMIT ?"
    )
    rows = reads.driver_query(sql, (*pks, *pks, *centers, TAGS_MAX))
    return [Measured(row[0], row[1], row[2], row[3], Place(*row[4:7]), row[7] or 0, bool(row[8])) for row in rows]


def load_limits(reads: Reads, job_pks: Collection[int]) -> Limits:
    """By job, what its recipe limits; what is no number has no limits."""
    if not job_pks:
        return {}
    sql = (
        "SELECT j.pk, w.limits FROM job_order j JOIN work_master w ON w.pk = j.work_master_pk "  # noqa: S608
        f"WHERE j.pk IN ({marks(job_pks)})"
    )
    rows = reads.driver_query(sql, tuple(job_pks))
    return {pk: tuple(_limit(name, one) for name, one in sorted(_read(kept).items())) for pk, kept in rows}


def _limit(name: str, kept: dict[str, str]) -> Limit:
    low, high = (Decimal(kept[end]) if end in kept else None for end in ("low", "high"))
    return Limit(name, kept.get("unit", ""), low, high)


def _read(kept: Any) -> dict[str, Any]:
    """JSON as the driver answers it: text on SQLite, read already on PostgreSQL."""
    return dict(orjson.loads(kept)) if isinstance(kept, str) else dict(kept or {})
