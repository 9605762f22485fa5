"""SQL of what an order came to; `?` stands for a parameter on both databases."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from mes.exchange.erp.types import LinkKind as Link
from mes.genealogy.statements import Reads
from mes.kernel.uow import UnitOfWork, marks
from mes.materials.types import LotKind
from mes.quality.types import Verdict
from mes.reporting.statements import JobSpan, load_scanned

_JOBS: Final = (
    "SELECT j.pk, j.id, j.segment_id, j.segment_pk, j.sequence, j.state, j.dispatch_status, j.manual, j.role, "
    "j.good_low_e6, j.good_high_e6, j.scrap_low_e6, j.scrap_high_e6, j.rework_e6, j.report_due_at_us, j.awaits_count, "
    "j.material_pk, j.equipment_pk, j.started_at_us, j.ended_at_us FROM job_order j "
    "JOIN work_request q ON q.pk = j.work_request_pk JOIN operations_request r ON r.pk = q.operations_request_pk "
    "WHERE r.id = ? AND r.current = ? ORDER BY j.sequence, j.pk"
)


class JobRow(NamedTuple):
    """A job of an order as its outcome is told by it."""

    pk: int
    job_id: str
    segment_id: str
    segment_pk: int | None
    sequence: int
    state: int
    dispatch_status: str
    manual: bool
    role: str
    good_low_e6: int
    good_high_e6: int | None
    scrap_low_e6: int
    scrap_high_e6: int | None
    rework_e6: int
    report_due_at_us: int | None
    awaits_count: bool
    material_pk: int
    equipment_pk: int
    started_at_us: int | None
    ended_at_us: int | None

    @property
    def made_e6(self) -> int:
        return self.good_low_e6 + self.scrap_low_e6 + self.rework_e6

    @property
    def span(self) -> JobSpan:
        return JobSpan(self.pk, self.equipment_pk, self.started_at_us, self.ended_at_us)


def load_order_jobs(reads: Reads, order_id: str) -> list[JobRow]:
    """The jobs of the present version of an order, in their order."""
    return [JobRow(*row) for row in reads.driver_query(_JOBS, (order_id, True))]


def load_bill_lines(reads: Reads, segment_pks: Collection[int]) -> list[tuple[int, int, int, int | None]]:
    """What one piece uses, as (step, material, quantity × 10^6, a substitute or None)."""
    sql = (
        "SELECT s.segment_pk, s.material_pk, s.quantity, u.material_pk FROM segment_material s "  # noqa: S608
        "LEFT JOIN material_substitute u ON u.segment_material_pk = s.pk "
        f"WHERE s.segment_pk IN ({marks(segment_pks)}) AND s.use = 'Consumed' ORDER BY s.pk, u.rank"
    )
    return [(row[0], row[1], row[2], row[3]) for row in reads.driver_query(sql, tuple(segment_pks))]


_NOT_GOOD: Final = f"({Verdict.failed.value}, {Verdict.rework.value}, {Verdict.scrapped.value})"


def load_lots_made(reads: Reads, job_pks: Sequence[int], material_pk: int, limit: int) -> list[tuple[str, int]]:
    """Lots and serial numbers made in some jobs and good for all that is known, as (id, quantity × 10^6)."""
    sql = (
        "SELECT l.id, l.quantity FROM material_lot l "  # noqa: S608
        f"WHERE l.job_pk IN ({marks(job_pks)}) AND l.job_pk IS NOT NULL AND l.material_pk = ? "
        f"AND l.kind IN ({LotKind.lot.value}, {LotKind.unit.value}) AND l.disposition <> 'Closed' AND NOT EXISTS "
        "(SELECT 1 FROM unit_verdict v WHERE v.unit_id = l.id AND v.pk = (SELECT x.pk FROM unit_verdict x "
        f"WHERE x.unit_id = l.id ORDER BY x.at_us DESC, x.pk DESC LIMIT 1) AND v.verdict IN {_NOT_GOOD}) "
        "ORDER BY l.pk LIMIT ?"
    )
    return [(row[0], int(row[1])) for row in reads.driver_query(sql, (*job_pks, material_pk, limit))]


_BEGUN: Final = (
    "SELECT j.pk, j.equipment_pk, j.started_at_us, j.ended_at_us FROM job_order j "
    "JOIN work_request q ON q.pk = j.work_request_pk JOIN operations_request r ON r.pk = q.operations_request_pk "
    "WHERE r.id IN ({orders}) AND r.current = ? AND j.started_at_us IS NOT NULL"
)
_MOUNTED_MEANWHILE: Final = (
    "SELECT l.id FROM ({begun}) j JOIN equipment e ON e.pk = j.equipment_pk OR e.parent_pk = j.equipment_pk "
    "JOIN slot_mount m ON m.equipment_pk = e.pk JOIN material_lot l ON l.pk = m.lot_pk WHERE m.ended_by_pk IS NULL "
    "AND (j.ended_at_us IS NULL OR m.at_us <= j.ended_at_us) AND (m.until_us IS NULL OR m.until_us >= j.started_at_us)"
)


def load_untold_lots(reads: Reads, order_ids: Sequence[str]) -> tuple[set[str], set[str]]:
    """Of the jobs of some orders that have begun: lots scanned or mounted, and lots made."""
    if not order_ids:
        return set(), set()
    begun, asked = _BEGUN.format(orders=marks(order_ids)), (*order_ids, True)
    jobs = [row[0] for row in reads.driver_query(begun, asked)]
    if not jobs:
        return set(), set()
    mounted = {row[0] for row in reads.driver_query(_MOUNTED_MEANWHILE.format(begun=begun), asked)}
    scanned = {used.lot_id for used in load_scanned(reads, jobs)}
    made = f"SELECT id FROM material_lot WHERE job_pk IN ({marks(jobs)}) AND job_pk IS NOT NULL"  # noqa: S608
    return mounted | scanned, {row[0] for row in reads.driver_query(made, tuple(jobs))}


def load_lots_left(reads: Reads, connection_pk: int, limit: int) -> set[str]:
    """Lots of which something is left, of materials that the ERP books by lot; no serials."""
    sql = (
        "SELECT l.id FROM material_lot l JOIN material_definition m ON m.pk = l.material_pk "
        "JOIN erp_link k ON k.local_id = m.id WHERE k.connection_pk = ? AND k.kind = ? AND k.by_lot = ? "
        "AND l.kind = ? AND l.disposition <> 'Closed' AND COALESCE(l.shipment_pk, 0) = 0 "
        "AND l.quantity > l.consumed_e6 ORDER BY l.pk DESC LIMIT ?"
    )
    asked = (connection_pk, Link.material.value, True, LotKind.lot.value, limit)
    return {row[0] for row in reads.driver_query(sql, asked)}


class LinkedMaterial(NamedTuple):
    """A material that came from a connection."""

    material_pk: int
    key: str
    by_lot: bool
    consumption: str


def load_linked(reads: Reads, connection_pk: int) -> list[LinkedMaterial]:
    """The materials of a connection."""
    sql = (
        "SELECT m.pk, k.key, k.by_lot, k.consumption FROM erp_link k JOIN material_definition m ON m.id = k.local_id "
        "WHERE k.connection_pk = ? AND k.kind = ?"
    )
    return [LinkedMaterial(*row) for row in reads.driver_query(sql, (connection_pk, Link.material.value))]


# -- whose outcome has changed


def make_due(uow: UnitOfWork, connection_pk: int, job_pks: Collection[int]) -> None:
    """The outcome of orders that are over here is to be told, where one of their jobs has news."""
    sql = (
        "UPDATE erp_order SET due_at_us = ?, tries = 0 WHERE connection_pk = ? AND order_id IN "  # noqa: S608
        "(SELECT r.id FROM operations_request r JOIN work_request q ON q.operations_request_pk = r.pk "
        f"JOIN job_order j ON j.work_request_pk = q.pk WHERE j.pk IN ({marks(job_pks)}) "
        "AND r.state IN ('Completed', 'Aborted', 'Cancelled'))"
    )
    uow.driver_execute(sql, (uow.now_us, connection_pk, *job_pks))
