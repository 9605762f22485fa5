"""Hand-written SQL of scanning at a station, for both databases."""

from __future__ import annotations

from typing import Final

from mes.genealogy.at_station.types import LATELY_ACTS
from mes.genealogy.statements import STILL_MOUNTED, Reads, Rows
from mes.genealogy.types import OPEN_SEQ, ActKind, LinkKind
from mes.quality.statements import COUNTS
from mes.quality.types import PERSON, STATION, Verdict

SLOTS: Final = (
    "SELECT s.id, d.id, coalesce(d.description, ''), coalesce(d.unit, '') FROM station_slot s "
    "LEFT JOIN material_definition d ON d.pk = s.material_pk WHERE s.equipment_pk = ?"
)
MOUNTED: Final = (
    "SELECT s.id, l.id, m.at_us FROM station_slot s "  # noqa: S608
    "JOIN slot_mount m ON m.pk = (SELECT o.pk FROM slot_mount o WHERE o.slot_pk = s.pk AND o.ended_by_pk IS NULL "
    "ORDER BY o.from_seq DESC, o.to_seq DESC, o.pk DESC LIMIT 1) JOIN material_lot l ON l.pk = m.lot_pk "
    f"WHERE s.equipment_pk = ? AND m.to_seq = {OPEN_SEQ}"
)
_VISIBLE: Final = (
    f"({ActKind.passed.value}, {ActKind.consumed.value}, {ActKind.packed.value}, {ActKind.unpacked.value}, "
    f"{ActKind.installed.value}, {ActKind.removed.value}, {ActKind.replaced.value}, {ActKind.mounted.value}, "
    f"{ActKind.unmounted.value}, {ActKind.produced.value}, {ActKind.reworked.value})"
)
LATELY: Final = (
    "SELECT a.kind, a.at_us, l.id, coalesce(p.display_name, ''), a.ended_by_pk IS NOT NULL, coalesce(a.note, ''), "  # noqa: S608
    "coalesce(a.request_id, '') FROM genealogy_act a JOIN material_lot l ON l.pk = a.lot_pk "
    "LEFT JOIN principal p ON p.pk = a.actor "
    f"WHERE a.pk > (SELECT coalesce(max(pk), 0) - {LATELY_ACTS} FROM genealogy_act) AND a.equipment_pk = ? "
    f"AND a.kind IN {_VISIBLE} ORDER BY a.pk DESC LIMIT ?"
)
VERDICTS_LATELY: Final = (
    "SELECT v.verdict, v.at_us, v.unit_id, coalesce(p.display_name, ''), v.note, v.ended_by_pk IS NOT NULL "
    "FROM unit_verdict v "
    "LEFT JOIN principal p ON p.pk = v.actor WHERE v.equipment_pk = ? ORDER BY v.at_us DESC, v.pk DESC LIMIT ?"
)
TOLD_PROGRAM: Final = (
    "SELECT c.program FROM equipment q JOIN genealogy_act a ON a.equipment_pk = q.pk "
    "JOIN act_context c ON c.pk = a.context_pk WHERE q.id = ? AND a.seq IS NOT NULL AND a.ended_by_pk IS NULL "
    "ORDER BY a.seq DESC LIMIT 1"
)
PLACES_OF: Final = (
    "SELECT coalesce(q.id, '') FROM genealogy_act a LEFT JOIN equipment q ON q.pk = a.equipment_pk "  # noqa: S608
    "WHERE a.request_id IN ({some}) "
    "UNION SELECT coalesce(q.id, '') FROM unit_verdict v LEFT JOIN job_order j ON j.pk = v.job_pk "
    "LEFT JOIN equipment q ON q.pk = coalesce(v.equipment_pk, j.equipment_pk) "
    f"WHERE v.source IN ('{STATION}', '{PERSON}') AND v.result_id IN ({{some}}) "
    "UNION SELECT q.id FROM job_act a JOIN job_order j ON j.pk = a.job_pk JOIN equipment q ON q.pk = j.equipment_pk "
    "WHERE a.request_id IN ({some})"
)
"""Where something was done under some request ids; a decision about a unit without a place: where its job is."""
PLACE_OF_TOOL: Final = (
    "SELECT coalesce((SELECT q.id FROM tool_act a JOIN equipment q ON q.pk = a.equipment_pk WHERE a.request_id = ?), "
    "(SELECT q.id FROM production_tool t JOIN equipment q ON q.pk = t.place_pk WHERE t.id = ?), '')"
)
"""Of an act that was done already, where it was; else where the tool is."""
_PART_KINDS: Final = f"({LinkKind.installed.value}, {LinkKind.consumed.value})"
PARTS: Final = (
    "SELECT DISTINCT l.id, d.description, d.id FROM genealogy_link e JOIN material_lot l ON l.pk = e.parent_pk "  # noqa: S608
    "JOIN material_definition d ON d.pk = l.material_pk WHERE e.child_pk = ? AND e.ended_by_pk IS NULL "
    f"AND e.kind IN {_PART_KINDS} ORDER BY l.id LIMIT ?"
)
CONTENTS: Final = (
    "SELECT l.id, d.description, d.id FROM genealogy_link e JOIN material_lot l ON l.pk = e.parent_pk "  # noqa: S608
    "JOIN material_definition d ON d.pk = l.material_pk WHERE e.child_pk = ? AND e.ended_by_pk IS NULL "
    f"AND e.kind = {LinkKind.packed.value} ORDER BY e.act_pk DESC, l.id LIMIT ?"
)
PACKED_IN: Final = (
    "SELECT l.id FROM genealogy_link e JOIN material_lot l ON l.pk = e.child_pk WHERE e.parent_pk = ? "  # noqa: S608
    f"AND e.ended_by_pk IS NULL AND e.kind = {LinkKind.packed.value} LIMIT 1"
)
ACTS_OF_UNIT: Final = (
    "SELECT a.kind, a.at_us, coalesce(q.id, ''), coalesce(p.display_name, ''), coalesce(a.note, ''), "
    "coalesce(a.request_id, '') FROM genealogy_act a LEFT JOIN equipment q ON q.pk = a.equipment_pk "
    "LEFT JOIN principal p ON p.pk = a.actor "
    "WHERE a.lot_pk = ? AND a.ended_by_pk IS NULL ORDER BY a.at_us DESC, a.pk DESC LIMIT ?"
)
STEPS: Final = (
    "SELECT j.segment_id, j.description, e.id, e.description FROM job_order own "
    "JOIN job_order j ON j.work_request_pk = own.work_request_pk JOIN equipment e ON e.pk = j.equipment_pk "
    "WHERE own.id = ? AND j.dispatch_status <> 'Cancelled' ORDER BY j.pk"
)
"""The steps of a job's order, in their order."""
ORDER_OF_UNIT: Final = (
    "SELECT j.id FROM job_order j WHERE j.pk = coalesce("
    "(SELECT job_pk FROM unit_verdict WHERE unit_id = ? AND job_pk IS NOT NULL AND ended_by_pk IS NULL "
    "ORDER BY at_us DESC, pk DESC LIMIT 1), "
    "(SELECT job_pk FROM material_lot WHERE id = ?))"
)
PASSED_HERE: Final = (
    "SELECT 1 FROM unit_verdict v JOIN job_order j ON j.pk = v.job_pk WHERE v.unit_id = ? "  # noqa: S608
    f"AND j.id = ? AND v.verdict = {Verdict.passed.value} AND v.result_id <> ? "
    "AND v.ended_by_pk IS NULL LIMIT 1"
)
LAST_VERDICT: Final = (
    f"SELECT verdict FROM unit_verdict v WHERE unit_id = ? AND {COUNTS} ORDER BY at_us DESC, pk DESC LIMIT 1"  # noqa: S608
)
HAS_VERDICT: Final = "SELECT 1 FROM unit_verdict WHERE unit_id = ? LIMIT 1"


def seen_under(reads: Reads, label_key: str, limit: int) -> list[str]:
    """Lots that came in under a label and are not used up, the latest first."""
    sql = (
        "SELECT l.id FROM material_receipt r JOIN material_lot l ON l.pk = r.lot_pk WHERE r.label_key = ? "
        "AND l.disposition <> 'Closed' AND l.consumed_e6 < l.quantity ORDER BY r.lot_pk DESC LIMIT ?"
    )
    return [row[0] for row in reads.driver_query(sql, (label_key, limit))]


def mounted_where(reads: Reads, lot_pk: int) -> Rows:
    """Equipment and slot of where a lot is now."""
    sql = (
        f"SELECT q.id, f.slot_id FROM ({STILL_MOUNTED}) f JOIN equipment q ON q.pk = f.equipment_pk WHERE f.lot_pk = ?"  # noqa: S608
    )
    return reads.driver_query(sql, (OPEN_SEQ, lot_pk))
