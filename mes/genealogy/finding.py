"""From what a person scans, types or pastes to lots: by id, by a label, the good units to compare failed ones with."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from mes.genealogy.at_station.rules import ids_of
from mes.genealogy.queries.trace import known_lots
from mes.genealogy.statements import Reads, load_lot_keys, load_lots_by_pk
from mes.kernel.uow import marks
from mes.materials.types import LotKind
from mes.quality.types import Verdict
from standards.labels.faults import LabelFault
from standards.labels.reading import read_label

NEAR: Final = 20_000
"""Lots before and after the failed ones among which their like are looked for."""
ALIKE_MAX: Final = 400


def find_lot(reads: Reads, *, text: str, year: int) -> str:
    """The id of the lot, unit, container or shipment that a text or a scanned label names; "" if nobody recorded it."""
    wanted = text.strip()
    names = [wanted]
    with suppress(LabelFault):
        names += ids_of(read_label(wanted, year=year))
    known = load_lot_keys(reads, [name for name in names if name])
    return next((name for name in names if name in known), "")


def list_alike(reads: Reads, *, failed_ids: Sequence[str], limit: int = ALIKE_MAX) -> tuple[str, ...]:
    """Units of the same materials made about the same time, none of which ever failed. `lot-unknown`."""
    pks = sorted(known_lots(reads, failed_ids).values())
    materials = sorted({lot.material_pk for lot in load_lots_by_pk(reads, pks).values()})
    sql = (
        "SELECT l.id FROM material_lot l WHERE l.pk BETWEEN ? AND ? "  # noqa: S608
        f"AND l.kind = ? AND l.material_pk IN ({marks(materials)}) AND NOT EXISTS (SELECT 1 FROM unit_verdict v "
        "WHERE v.unit_id = l.id AND v.verdict IN (?, ?) AND v.ended_by_pk IS NULL) ORDER BY abs(l.pk - ?) LIMIT ?"
    )
    middle = pks[len(pks) // 2]
    bad = (int(Verdict.failed), int(Verdict.scrapped))
    asked: tuple[Any, ...] = (pks[0] - NEAR, pks[-1] + NEAR, int(LotKind.unit), *materials, *bad, middle)
    failed = set(failed_ids)
    found = (row[0] for row in reads.driver_query(sql, (*asked, limit + len(failed))))
    return tuple(name for name in found if name not in failed)[:limit]
