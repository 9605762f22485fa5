"""Hand-written SQL of what testers and stations tell all day. `?` is a parameter on both databases."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mes.kernel.pending import insertion
from mes.kernel.uow import UnitOfWork, marks
from mes.quality.types import FoundDefect, JobPlace, Measurement, Places, ResultSpec, Verdict

_INSERT_VERDICTS: Final = insertion(
    "unit_verdict",
    (
        ("source", "text"),
        ("result_id", "text"),
        ("content_hash", "bigint"),
        ("unit_id", "text"),
        ("verdict", "smallint"),
        ("segment_id", "text"),
        ("job_pk", "bigint"),
        ("equipment_pk", "bigint"),
        ("program", "text"),
        ("program_revision", "text"),
        ("at_us", "bigint"),
        ("recorded_at_us", "bigint"),
        ("actor", "bigint"),
        ("note", "text"),
        ("flag", "text"),
    ),
)
_INSERT_MEASURED: Final = insertion(
    "measured_value",
    (
        ("verdict_pk", "bigint"),
        ("place", "smallint"),
        ("name", "text"),
        ("value", "text"),
        ("unit", "text"),
        ("low", "text"),
        ("high", "text"),
        ("verdict", "text"),
    ),
)
_INSERT_DEFECTS: Final = insertion(
    "defect",
    (("verdict_pk", "bigint"), ("unit_id", "text"), ("code_pk", "bigint"), ("position", "text"), ("note", "text")),
)

Row = tuple[ResultSpec, int, int | None, int | None]
"""A result, the hash of its content, its job and its equipment."""
Key = tuple[str, str]


def load_known(uow: UnitOfWork, keys: Collection[Key]) -> dict[Key, int]:
    """The content hash of each result that is here, by (source, result id)."""
    found: dict[Key, int] = {}
    for source in {source for source, _ in keys}:
        ids = tuple(result_id for own, result_id in keys if own == source)
        sql = f"SELECT result_id, content_hash FROM unit_verdict WHERE source = ? AND result_id IN ({marks(ids)})"  # noqa: S608
        found |= {(source, row[0]): row[1] for row in uow.driver_query(sql, (source, *ids))}
    return found


class Told(NamedTuple):
    """A result that is here, as far as a repeat of it needs to know."""

    content: int
    segment_id: str
    job_id: str
    flag: str


def load_told(uow: UnitOfWork, source: str, result_id: str) -> Told | None:
    """One result that is here; None where it is not."""
    sql = (
        "SELECT v.content_hash, v.segment_id, coalesce(j.id, ''), v.flag FROM unit_verdict v "
        "LEFT JOIN job_order j ON j.pk = v.job_pk WHERE v.source = ? AND v.result_id = ?"
    )
    rows = uow.driver_query(sql, (source, result_id))
    return Told(*rows[0]) if rows else None


def load_places(uow: UnitOfWork, results: Iterable[ResultSpec]) -> Places:
    """What the ids of some results mean."""
    results = tuple(results)
    equipment = {r.equipment_id for r in results if r.equipment_id}
    jobs = {r.job_id for r in results if r.job_id}
    codes = {defect.code_id for r in results for defect in r.defects}
    return Places(
        dict(_select(uow, "SELECT id, pk FROM equipment WHERE id IN", equipment)),
        {
            row[0]: JobPlace(row[1], row[2])
            for row in _select(uow, "SELECT id, pk, segment_id FROM job_order WHERE id IN", jobs)
        },
        dict(_select(uow, "SELECT id, pk FROM defect_code WHERE id IN", codes)),
    )


def _select(uow: UnitOfWork, sql: str, values: Collection[Any]) -> list[Any]:
    return uow.driver_query(f"{sql} ({marks(values)})", tuple(values)) if values else []


def load_runs_at(uow: UnitOfWork, equipment_pks: Collection[int], from_us: int, to_us: int) -> list[Any]:
    """Runs that touch a time at some equipment or at what it stands in: (asked equipment, from, to or None, job pk,
    segment)."""
    if not equipment_pks:
        return []
    sql = (
        "SELECT e.pk, r.started_at_us, r.ended_at_us, j.pk, j.segment_id FROM equipment e "  # noqa: S608
        "JOIN job_run r ON r.equipment_pk IN (e.pk, e.parent_pk) JOIN job_order j ON j.pk = r.job_pk "
        f"WHERE e.pk IN ({marks(equipment_pks)}) "
        "AND r.started_at_us <= ? AND (r.ended_at_us IS NULL OR r.ended_at_us > ?)"
    )
    return uow.driver_query(sql, (*equipment_pks, to_us, from_us))


def count_units(uow: UnitOfWork, job_pk: int, since_us: int) -> int:
    """Units with a verdict in a job, recorded since."""
    sql = (
        "SELECT count(DISTINCT unit_id) FROM unit_verdict WHERE job_pk = ? AND recorded_at_us >= ? "
        "AND ended_by_pk IS NULL"
    )
    return int(uow.driver_query(sql, (job_pk, since_us))[0][0])


def insert_verdicts(uow: UnitOfWork, rows: Sequence[Row]) -> dict[Key, int]:
    """Add verdicts; answers their keys."""
    uow.driver_rows(
        _INSERT_VERDICTS,
        [
            (
                r.source,
                r.result_id,
                content,
                r.unit_id,
                int(r.verdict),
                r.segment_id,
                job_pk,
                equipment_pk,
                r.program,
                r.program_revision,
                r.at_us,
                uow.now_us,
                uow.actor,
                r.note,
                r.flag,
            )
            for r, content, job_pk, equipment_pk in rows
        ],
    )
    pks: dict[Key, int] = {}
    for source in {r.source for r, *_ in rows}:
        ids = tuple(r.result_id for r, *_ in rows if r.source == source)
        sql = f"SELECT result_id, pk FROM unit_verdict WHERE source = ? AND result_id IN ({marks(ids)})"  # noqa: S608
        pks |= {(source, row[0]): row[1] for row in uow.driver_query(sql, (source, *ids))}
    return pks


def insert_measured(uow: UnitOfWork, measured: Mapping[int, Sequence[Measurement]]) -> None:
    """Measurements by the verdict they came with."""
    rows = [(pk, n, *one) for pk, values in measured.items() for n, one in enumerate(values)]
    uow.driver_rows(_INSERT_MEASURED, rows)


def insert_defects(uow: UnitOfWork, found: Sequence[tuple[int, str, FoundDefect]], codes: Mapping[str, int]) -> None:
    """Defects with the verdict they came with and the unit that has them."""
    rows = [(pk, unit_id, codes[d.code_id], d.position, d.note) for pk, unit_id, d in found]
    uow.driver_rows(_INSERT_DEFECTS, rows)


def load_unit_verdicts(uow: UnitOfWork, unit_id: str) -> list[Any]:
    """(verdict, segment, job) of one unit, oldest first; without what was taken back."""
    sql = (
        f"SELECT verdict, segment_id, job_pk FROM unit_verdict v WHERE unit_id = ? AND {COUNTS} "  # noqa: S608
        "ORDER BY at_us, pk"
    )
    return uow.driver_query(sql, (unit_id,))


COUNTS: Final = f"v.ended_by_pk IS NULL AND v.verdict <> {Verdict.reversed.value}"
"""Of a verdict `v`: it says something of the unit."""


class Decided(NamedTuple):
    """A verdict as it is taken back."""

    pk: int
    unit_id: str
    verdict: int
    segment_id: str
    job_pk: int | None
    equipment_id: str
    recorded_at_us: int
    ended_by_pk: int | None


def load_decided(uow: UnitOfWork, source: str, result_id: str) -> Decided | None:
    """One verdict by its key; None where it is not here."""
    rows = uow.driver_query(
        "SELECT v.pk, v.unit_id, v.verdict, v.segment_id, v.job_pk, coalesce(e.id, ''), v.recorded_at_us, "
        "v.ended_by_pk FROM unit_verdict v LEFT JOIN equipment e ON e.pk = v.equipment_pk "
        "WHERE v.source = ? AND v.result_id = ?",
        (source, result_id),
    )
    return Decided(*rows[0]) if rows else None


def is_last_of_its_unit(uow: UnitOfWork, decided: Decided) -> bool:
    """Whether nothing that counts was decided of the unit after it."""
    sql = f"SELECT 1 FROM unit_verdict v WHERE v.unit_id = ? AND v.pk > ? AND {COUNTS} LIMIT 1"  # noqa: S608
    return not uow.driver_query(sql, (decided.unit_id, decided.pk))


def end_verdict(uow: UnitOfWork, decided: Decided, by_pk: int) -> None:
    """A verdict was taken back by another; what it said was repaired is open again."""
    uow.driver_execute("UPDATE unit_verdict SET ended_by_pk = ? WHERE pk = ?", (by_pk, decided.pk))
    uow.driver_execute(
        "UPDATE defect SET repaired_by_pk = NULL WHERE unit_id = ? AND repaired_by_pk = ?",
        (decided.unit_id, decided.pk),
    )


def load_open_defects(uow: UnitOfWork, unit_id: str) -> set[int]:
    """Defects of a unit that nobody has repaired, and whose verdict was not taken back."""
    sql = (
        "SELECT d.pk FROM defect d JOIN unit_verdict v ON v.pk = d.verdict_pk "
        "WHERE d.unit_id = ? AND d.repaired_by_pk IS NULL AND v.ended_by_pk IS NULL"
    )
    return {row[0] for row in uow.driver_query(sql, (unit_id,))}


def set_repaired(uow: UnitOfWork, defect_pks: Collection[int], verdict_pk: int) -> None:
    """These defects were repaired, and the unit sent back, by a verdict."""
    if defect_pks:
        sql = f"UPDATE defect SET repaired_by_pk = ? WHERE pk IN ({marks(defect_pks)})"  # noqa: S608
        uow.driver_execute(sql, (verdict_pk, *defect_pks))


def load_edges(uow: UnitOfWork, job_pk: int) -> list[tuple[str, str]]:
    """(step, the step before it) of the order a job belongs to."""
    sql = (
        "SELECT a.segment_id, b.segment_id FROM job_order mine JOIN job_order a "
        "ON a.work_request_pk = mine.work_request_pk JOIN job_dependency d ON d.job_pk = a.pk "
        "JOIN job_order b ON b.pk = d.after_job_pk WHERE mine.pk = ?"
    )
    return [(row[0], row[1]) for row in uow.driver_query(sql, (job_pk,))]


def load_segments(uow: UnitOfWork, job_pk: int) -> set[str]:
    """The steps of the order a job belongs to."""
    sql = (
        "SELECT a.segment_id FROM job_order mine JOIN job_order a ON a.work_request_pk = mine.work_request_pk "
        "WHERE mine.pk = ?"
    )
    return {row[0] for row in uow.driver_query(sql, (job_pk,))}
