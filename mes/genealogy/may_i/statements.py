"""The facts of one unit at one station, in one statement: rows of (what, number, time, key, text, text)."""

from __future__ import annotations

from typing import Any, Final

import orjson

from mes.genealogy.statements import Reads
from mes.genealogy.tools.statements import DIRTY, WORN
from mes.genealogy.tools.types import Spent
from mes.genealogy.types import ActKind, LinkKind
from mes.kernel.uow import UnitOfWork
from mes.quality.statements import COUNTS

_ORIGIN: Final = f"({LinkKind.split.value}, {LinkKind.merged.value})"
"""Of these links the parent is the lot that the unit comes from, however many splits ago."""
FACTS: Final = (
    "WITH RECURSIVE place AS (SELECT pk, parent_pk FROM equipment WHERE id = ?), "  # noqa: S608
    "unit AS (SELECT pk, id, disposition, material_pk, job_pk FROM material_lot WHERE id = ?), "
    "origin AS (SELECT pk FROM unit UNION SELECT e.parent_pk FROM origin o CROSS JOIN genealogy_link e "
    f"WHERE e.child_pk = o.pk AND e.ended_by_pk IS NULL AND e.kind IN {_ORIGIN}), "
    "around AS (SELECT pk FROM unit UNION SELECT e.child_pk FROM around i CROSS JOIN genealogy_link e "
    f"WHERE e.parent_pk = i.pk AND e.ended_by_pk IS NULL AND e.kind = {LinkKind.packed.value}), "
    "told AS (SELECT pk, verdict, segment_id, job_pk, at_us FROM unit_verdict v WHERE unit_id = ? "
    f"AND {COUNTS}), "
    "mine AS (SELECT work_request_pk FROM job_order WHERE pk = coalesce("
    "(SELECT job_pk FROM told WHERE job_pk IS NOT NULL ORDER BY at_us DESC, pk DESC LIMIT 1), "
    "(SELECT job_pk FROM unit), "
    "(SELECT j.pk FROM place p JOIN job_order j ON j.equipment_pk IN (p.pk, p.parent_pk) "
    "WHERE j.state = 3 AND j.ended_at_us IS NULL AND j.material_pk = (SELECT material_pk FROM unit) "
    "ORDER BY j.pk LIMIT 1))), "
    "steps AS (SELECT j.pk, j.id, j.segment_id, j.work_master_id, j.equipment_pk FROM mine "
    "JOIN job_order j ON j.work_request_pk = mine.work_request_pk WHERE j.dispatch_status <> 'Cancelled') "
    "SELECT 'place', pk, 0, 0, '', '' FROM place "
    "UNION ALL SELECT 'unit', 0, 0, pk, disposition, id FROM unit "
    "UNION ALL SELECT 'origin', 0, 0, l.pk, l.disposition, l.id FROM origin o CROSS JOIN material_lot l "
    "WHERE l.pk = o.pk AND l.disposition = 'Restricted' "
    "UNION ALL SELECT 'around', 0, 0, l.pk, l.disposition, l.id FROM around i CROSS JOIN material_lot l "
    "WHERE l.pk = i.pk AND l.disposition = 'Restricted' "
    "UNION ALL SELECT 'step', CASE WHEN s.equipment_pk IN (p.pk, p.parent_pk) THEN 1 ELSE 0 END, 0, s.pk, "
    "s.segment_id, s.id FROM steps s CROSS JOIN place p "
    "UNION ALL SELECT 'asks', 0, 0, s.pk, s.segment_id, q.unit_check FROM steps s "
    "JOIN quality_requirement q ON q.id = s.work_master_id "
    f"UNION ALL SELECT 'tool', {WORN}, t.pk, t.id, '{Spent.worn_out.value}' FROM place p "
    "JOIN production_tool t ON t.place_pk = p.pk "
    f"UNION ALL SELECT 'tool', {DIRTY}, t.pk, t.id, '{Spent.not_clean.value}' FROM place p "
    "JOIN production_tool t ON t.place_pk = p.pk "
    "UNION ALL SELECT 'policy', 0, 0, 0, when_away, '' FROM plant_policy "
    "UNION ALL SELECT 'records', 0, 0, s.pk, '', '' FROM steps s WHERE (SELECT count(*) FROM equipment c "
    "WHERE (c.pk = s.equipment_pk OR c.parent_pk = s.equipment_pk) "
    "AND coalesce((SELECT max(v.at_us) FROM unit_verdict v WHERE v.equipment_pk = c.pk AND v.ended_by_pk IS NULL), "
    "(SELECT max(g.seq) FROM genealogy_act g WHERE g.equipment_pk = c.pk AND g.seq IS NOT NULL "
    "AND g.ended_by_pk IS NULL)) IS NOT NULL) > 0 "
    "UNION ALL SELECT 'after', 0, 0, 0, s.segment_id, b.segment_id FROM steps s "
    "JOIN job_dependency d ON d.job_pk = s.pk JOIN steps b ON b.pk = d.after_job_pk "
    "UNION ALL SELECT 'verdict', verdict, at_us, pk, segment_id, '' FROM told "
    "UNION ALL SELECT 'worked', 0, a.at_us, a.pk, s.segment_id, '' FROM origin o CROSS JOIN genealogy_act a "
    "JOIN steps s ON s.pk = a.job_pk WHERE a.lot_pk = o.pk AND a.ended_by_pk IS NULL "
    f"AND a.kind = {ActKind.passed.value}"
)


def load_facts(reads: Reads, unit_id: str, equipment_id: str) -> list[Any]:
    """The rows of `FACTS`."""
    return reads.driver_query(FACTS, (equipment_id, unit_id, unit_id))


def load_parameters(reads: Reads, job_id: str) -> dict[str, str]:
    """The recipe's values, with those its step and then the job sets instead, of one job."""
    rows = reads.driver_query(
        "SELECT w.parameters, s.parameters, j.parameters FROM job_order j "
        "JOIN work_master w ON w.pk = j.work_master_pk "
        "LEFT JOIN operations_segment s ON s.pk = j.segment_pk WHERE j.id = ?",
        (job_id,),
    )
    found: dict[str, str] = {}
    for recipe, step, own in rows:
        found |= {**_read(recipe), **_read(step), **{name: one["value"] for name, one in _read(own).items()}}
    return found


def is_let(reads: Reads, job_id: str, program: str, revision: str) -> bool:
    """Whether a supervisor lets a job be made with this program."""
    sql = (
        "SELECT 1 FROM program_override o JOIN job_order j ON j.pk = o.job_pk "
        "WHERE j.id = ? AND o.program = ? AND o.program_revision = ? LIMIT 1"
    )
    return bool(reads.driver_query(sql, (job_id, program, revision)))


def find_let(uow: UnitOfWork, request_id: str) -> int | None:
    """The hash of what was told under a request id; None: nothing was."""
    rows = uow.driver_query("SELECT content_hash FROM program_override WHERE request_id = ?", (request_id,))
    return int(rows[0][0]) if rows else None


def insert_let(uow: UnitOfWork, row: tuple[int, str, str, str, str, int]) -> None:
    """Job, program, revision, reason, request id, hash."""
    uow.driver_execute(
        "INSERT INTO program_override (job_pk, program, program_revision, reason, request_id, content_hash, at_us, "
        "actor) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*row, uow.now_us, uow.actor),
    )


def _read(kept: Any) -> dict[str, Any]:
    """JSON as the driver answers it: text on SQLite, read already on PostgreSQL; None without a step."""
    if kept is None:
        return {}
    return dict(orjson.loads(kept)) if isinstance(kept, str) else dict(kept)
