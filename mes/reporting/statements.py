"""SQL of what went into the pieces of jobs, and of jobs whose share of it changed; `?` on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import orjson

from mes.genealogy.statements import Reads
from mes.genealogy.types import ActKind, LinkKind
from mes.kernel.uow import marks


class JobSpan(NamedTuple):
    """A job, where it was worked on and when."""

    pk: int
    equipment_pk: int
    started_at_us: int | None
    ended_at_us: int | None


class LotUsed(NamedTuple):
    """So much of a lot went into the pieces of some jobs, × 10^6 in the lot's unit."""

    lot_id: str
    material_pk: int
    material_id: str
    unit: str
    quantity_e6: int


_MOVES: Final = (
    "SELECT subject, occurred_at_us, payload FROM outbox_event WHERE subject IN ({subjects}) AND type LIKE ? "
    "AND payload LIKE ? ORDER BY seq"
)


def load_moves(reads: Reads, job_ids: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
    """The states that jobs came to, by job and in order, as (instant, name of the state)."""
    moves: dict[str, list[tuple[int, str]]] = {job_id: [] for job_id in job_ids}
    if not moves:
        return moves
    asked = (*(f"job/{job_id}" for job_id in moves), "orders.%", '%"state":%')
    for subject, at_us, payload in reads.driver_query(_MOVES.format(subjects=marks(moves)), asked):
        moves[subject.removeprefix("job/")].append((at_us, orjson.loads(payload)["state"]))
    return moves


def load_lots_used(reads: Reads, jobs: Sequence[JobSpan]) -> list[LotUsed]:
    """What was scanned into pieces of some jobs and what they took of mounted lots, by id."""
    found = load_scanned(reads, [job.pk for job in jobs]) if jobs else []
    for job in jobs:
        found += _load_mounted(reads, job)
    taken: dict[str, LotUsed] = {}
    for one in found:
        before = taken[one.lot_id].quantity_e6 if one.lot_id in taken else 0
        taken[one.lot_id] = one._replace(quantity_e6=before + one.quantity_e6)
    return [taken[lot_id] for lot_id in sorted(taken)]


_LOTS: Final = (
    "SELECT l.id, m.pk, m.id, l.unit, f.quantity_e6 FROM ({taken}) f JOIN material_lot l ON l.pk = f.lot_pk "
    "JOIN material_definition m ON m.pk = l.material_pk"
)
_TAKEN: Final = f"({LinkKind.consumed.value}, {LinkKind.installed.value})"
_SIDE: Final = (
    "SELECT e.parent_pk AS lot_pk, e.quantity_e6 FROM genealogy_act a JOIN genealogy_link e "  # noqa: S608
    f"ON e.{{mine}} = a.lot_pk AND e.act_pk = a.pk AND e.ended_by_pk IS NULL AND e.kind IN {_TAKEN} "
    f"WHERE a.job_pk IN ({{jobs}}) AND a.job_pk IS NOT NULL AND a.kind <> {ActKind.passed.value} "
    "AND a.ended_by_pk IS NULL"
)
_THERE: Final = (
    "SELECT m.pk, m.slot_pk, m.lot_pk, m.equipment_pk, m.from_seq, m.to_seq, m.quantity_per_e6 FROM slot_mount m "
    "WHERE m.ended_by_pk IS NULL AND m.quantity_per_e6 > 0 AND m.at_us <= ? AND m.equipment_pk IN "
    "(SELECT e.pk FROM equipment e WHERE e.pk = ? OR e.parent_pk = ?) AND m.until_us"
)
MOUNTED: Final = _LOTS.format(
    taken="SELECT m.lot_pk, m.quantity_per_e6 * count(*) AS quantity_e6 "  # noqa: S608
    f"FROM ({_THERE} IS NULL UNION ALL {_THERE} >= ?) m JOIN genealogy_act a "
    "ON a.equipment_pk = m.equipment_pk AND a.seq IS NOT NULL AND a.ended_by_pk IS NULL AND a.seq >= m.from_seq "
    "AND a.seq <= m.to_seq - CASE WHEN EXISTS (SELECT 1 FROM slot_mount n WHERE n.slot_pk = m.slot_pk "
    "AND n.ended_by_pk IS NULL AND n.pk <> m.pk AND n.from_seq = m.to_seq) THEN 1 ELSE 0 END "
    "WHERE a.job_pk = ? GROUP BY m.lot_pk, m.quantity_per_e6"
)
"""A piece at which one lot is spliced to the next takes from the next: it counts once. What is in a slot still and what
was taken out since the job began are found apart: a station has very many mounts that are long over."""


def load_scanned(reads: Reads, job_pks: Sequence[int]) -> list[LotUsed]:
    """What went into something by acts of some jobs. Such an act is of what was made, or of what went into it."""
    sides = " UNION ALL ".join(_SIDE.format(mine=mine, jobs=marks(job_pks)) for mine in ("child_pk", "parent_pk"))
    summed = f"SELECT lot_pk, sum(quantity_e6) AS quantity_e6 FROM ({sides}) s GROUP BY lot_pk"  # noqa: S608
    return _lots_used(reads, _LOTS.format(taken=summed), (*job_pks, *job_pks))


def _load_mounted(reads: Reads, job: JobSpan) -> list[LotUsed]:
    """What the pieces of a job took from lots mounted at its station."""
    if job.started_at_us is None or job.ended_at_us is None:
        return []
    there = (job.ended_at_us, job.equipment_pk, job.equipment_pk)
    return _lots_used(reads, MOUNTED, (*there, *there, job.started_at_us, job.pk))


def _lots_used(reads: Reads, sql: str, params: Sequence[int]) -> list[LotUsed]:
    return [LotUsed(r[0], r[1], r[2], r[3], int(r[4])) for r in reads.driver_query(sql, params)]


# -- whose share changed

_NAMED: Final = "SELECT job_pk FROM genealogy_act WHERE pk BETWEEN ? AND ? AND job_pk IS NOT NULL"
_TAKEN_OUT: Final = (
    "SELECT a.job_pk FROM genealogy_link e JOIN genealogy_act a ON a.pk = e.act_pk "
    "WHERE e.ended_by_pk BETWEEN ? AND ? AND e.ended_by_pk IS NOT NULL AND a.job_pk IS NOT NULL"
)
_MOUNTED_WHILE: Final = (
    "SELECT j.pk FROM slot_mount m JOIN equipment e ON e.pk = m.equipment_pk "
    "JOIN job_order j ON j.equipment_pk IN (e.pk, e.parent_pk) AND j.ended_at_us >= m.at_us "
    "WHERE {mounts} AND (m.until_us IS NULL OR j.started_at_us <= m.until_us)"
)
_PASSED_AFTER: Final = (
    "SELECT a.job_pk FROM slot_mount m CROSS JOIN genealogy_act a WHERE m.closed_by_pk BETWEEN ? AND ? "
    "AND a.equipment_pk = m.equipment_pk AND a.seq >= m.to_seq AND a.seq IS NOT NULL AND a.ended_by_pk IS NULL "
    "AND a.job_pk IS NOT NULL"
)
_IN_RANGE: Final = (_NAMED, _TAKEN_OUT, _MOUNTED_WHILE.format(mounts="m.act_pk BETWEEN ? AND ?"), _PASSED_AFTER)
_REVERSED: Final = (
    "SELECT b.pk, b.lot_pk, b.job_pk, b.kind FROM genealogy_act r CROSS JOIN genealogy_act b "  # noqa: S608
    f"WHERE r.pk BETWEEN ? AND ? AND r.kind = {ActKind.reversed.value} AND b.lot_pk = r.lot_pk AND b.ended_by_pk = r.pk"
)
_BACK_IN: Final = (
    "SELECT a.job_pk FROM genealogy_link e JOIN genealogy_act a ON a.pk = e.act_pk "
    "WHERE e.child_pk IN ({lots}) AND a.job_pk IS NOT NULL"
)


def newest_act(reads: Reads) -> int:
    """The number of the newest act; 0: there is none."""
    return int(reads.driver_query("SELECT coalesce(max(pk), 0) FROM genealogy_act")[0][0])


def jobs_of_acts(reads: Reads, first: int, last: int) -> set[int]:
    """Jobs that used more or less since the acts `first` to `last`; some of them used what they did before.

    Acts done in a job, parts taken out again, lots mounted and unmounted, and all of these taken back.
    """
    jobs = {row[0] for row in reads.driver_query(" UNION ".join(_IN_RANGE), (first, last) * len(_IN_RANGE))}
    back = reads.driver_query(_REVERSED, (first, last))
    jobs |= {job_pk for _, _, job_pk, _ in back if job_pk is not None}
    acts = [pk for pk, _, _, kind in back if kind == ActKind.mounted]
    lots = [lot_pk for _, lot_pk, _, kind in back if kind == ActKind.unmounted]
    units = [lot_pk for _, lot_pk, _, kind in back if kind in (ActKind.removed, ActKind.replaced)]
    for sql, keys in (
        (_MOUNTED_WHILE.format(mounts=f"m.act_pk IN ({marks(acts)})"), acts),
        (_MOUNTED_WHILE.format(mounts=f"m.lot_pk IN ({marks(lots)})"), lots),
        (_BACK_IN.format(lots=marks(units)), units),
    ):
        jobs |= {row[0] for row in reads.driver_query(sql, keys)} if keys else set()
    return jobs
