"""Hand-written SQL of what happens to jobs all day, on the driver's cursor. `?` is a parameter on both databases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mes.kernel.pending import insertion, keyed_update
from mes.kernel.uow import Calls, UnitOfWork, marks
from mes.orders.rules import JobFacts
from mes.orders.types import GATED, Count, FirstArticle, JobRun
from standards.isa95.job_control import DispatchStatus, JobState
from standards.isa95.material import MaterialUse

_KEYS_AT_ONCE: Final = 10_000
"""Of one statement's parameters."""
_JOB_COLUMNS: Final = (
    "j.pk, j.id, j.state, j.substate, j.dispatch_status, j.started_at_us, j.ended_at_us, j.note, j.version, j.manual, "
    "j.equipment_pk, j.work_request_pk, j.undo_until_us, j.counted_at_us, j.good_low_e6, j.good_high_e6, "
    "j.scrap_low_e6, j.scrap_high_e6, j.rework_e6, j.report_version, j.command_id, j.material_pk, j.quantity_e6, "
    "j.quantity_per_cycle_e6, j.work_master_pk, j.segment_id, j.role, j.hold_reason, j.priority, "
    "j.first_article_e6, j.first_article, j.first_article_at_e6, "
    "r.under_tolerance_bp, r.over_tolerance_bp, "
    "e.id, coalesce(w.id, ''), coalesce(a.id, ''), r.id"
)
_JOB_FROM: Final = (
    "FROM job_order j JOIN equipment e ON e.pk = j.equipment_pk "
    "LEFT JOIN equipment w ON w.pk = e.work_center_pk LEFT JOIN equipment a ON a.pk = e.area_pk "
    "JOIN work_request q ON q.pk = j.work_request_pk JOIN operations_request r ON r.pk = q.operations_request_pk"
)

_HAS_BILL: Final = "EXISTS (SELECT 1 FROM segment_material m WHERE m.segment_pk = j.segment_pk AND m.use = ?)"


def load_counted(uow: UnitOfWork, request_ids: Collection[str]) -> list[str]:
    """Those of some request ids under which pieces were counted, and not undone since."""
    sql = f"SELECT request_id FROM job_act WHERE request_id IN ({marks(request_ids)}) AND undone = ?"  # noqa: S608
    return [row[0] for row in uow.driver_query(sql, (*request_ids, False))]


_STATE_OF: Final[Mapping[int, JobState]] = {state.value: state for state in JobState}
_DISPATCH_STATUS_OF: Final[Mapping[str, DispatchStatus]] = {status.value: status for status in DispatchStatus}


@dataclass(slots=True)
class JobRecord:
    """A job as verbs load it: facts, totals, and the ids its events are addressed to."""

    pk: int
    job_id: str
    state: JobState
    substate: int
    dispatch_status: DispatchStatus
    started_at_us: int | None
    ended_at_us: int | None
    note: str
    version: int
    manual: bool
    equipment_pk: int
    work_request_pk: int
    undo_until_us: int | None
    counted_at_us: int | None
    good_low_e6: int
    good_high_e6: int | None
    scrap_low_e6: int
    scrap_high_e6: int | None
    rework_e6: int
    report_version: int
    command_id: str | None
    material_pk: int
    quantity_e6: int
    quantity_per_cycle_e6: int
    work_master_pk: int
    segment_id: str
    role: str
    hold_reason: str
    priority: int
    first_article_e6: int
    first_article: str
    first_article_at_e6: int | None
    under_tolerance_bp: int | None
    over_tolerance_bp: int | None
    equipment_id: str
    work_center_id: str
    area_id: str
    operations_request_id: str

    def __post_init__(self) -> None:
        self.state = _STATE_OF[self.state]
        self.dispatch_status = _DISPATCH_STATUS_OF[self.dispatch_status]

    @property
    def facts(self) -> JobFacts:
        return JobFacts(
            self.pk,
            self.state,
            self.substate,
            self.dispatch_status,
            self.started_at_us,
            self.ended_at_us,
            self.note,
            bool(self.hold_reason) or self.gated,
        )

    @property
    def gated(self) -> bool:
        """Its first article has to be decided."""
        return self.first_article in GATED

    @property
    def waits(self) -> bool:
        """It has not begun and may still."""
        begun = self.state not in (JobState.NotAllowedToStart, JobState.AllowedToStart)
        return not begun and self.dispatch_status != DispatchStatus.Cancelled

    @property
    def with_machine(self) -> bool:
        """A machine was asked for it, or has it in its list; it has not begun."""
        return self.dispatch_status in (DispatchStatus.Dispatched, DispatchStatus.Ready)

    @property
    def made_e6(self) -> int:
        """Pieces counted for it, the most it can be where that is known."""
        good = self.good_low_e6 if self.good_high_e6 is None else self.good_high_e6
        scrap = self.scrap_low_e6 if self.scrap_high_e6 is None else self.scrap_high_e6
        return good + scrap + self.rework_e6

    @property
    def topics(self) -> tuple[str, ...]:
        work_center, area = self.work_center_id, self.area_id
        return (
            f"equipment/{self.equipment_id}",
            *([f"work-center/{work_center}"] if work_center else ()),
            *([f"area/{area}"] if area else ()),
            f"order/{self.operations_request_id}",
            "board",
        )


@dataclass(slots=True)
class WaitingJob:
    """A released job that its equipment has not got yet, and what its turn depends on."""

    job: JobRecord
    due_at_us: int | None
    sequence: int
    retry_at_us: int | None
    rank: int | None
    predecessors_left: int
    is_occupied: bool
    """Its equipment has another one, or was asked to begin one."""


_PENDING: Final = "j.ended_at_us IS NULL AND j.state = 2 AND j.dispatch_status = 'Pending'"
_WAITING: Final = (
    f"SELECT {_JOB_COLUMNS}, j.due_at_us, j.sequence, j.retry_at_us, j.rank, "  # noqa: S608
    "(SELECT count(*) FROM job_dependency d JOIN job_order p ON p.pk = d.after_job_pk "
    "WHERE d.job_pk = j.pk AND NOT (p.state = 5 OR (d.kind = 'AfterStart' AND p.state IN (3, 4)) "
    "OR p.dispatch_status = 'Cancelled')), "
    "EXISTS (SELECT 1 FROM job_order o WHERE o.equipment_pk = j.equipment_pk AND o.ended_at_us IS NULL AND "
    "(o.state IN (3, 4) OR (o.state = 2 AND o.dispatch_status IN ('Dispatched', 'Ready')))) "
    f"{_JOB_FROM} WHERE {_PENDING}"
)
IS_ANY_WAITING: Final = f"SELECT 1 FROM job_order j WHERE {_PENDING}"  # noqa: S608
"""Whether any job waits."""


def load_job(uow: UnitOfWork, job_id: str) -> JobRecord | None:
    """One job by id."""
    found: JobRecord | None = uow.prefetched(("job", job_id))
    if found is not None:
        return found
    rows = uow.driver_query(f"SELECT {_JOB_COLUMNS} {_JOB_FROM} WHERE j.id = ?", (job_id,))
    return JobRecord(*rows[0]) if rows else None


def prefetch_jobs(uow: UnitOfWork, calls: Calls) -> dict[tuple[str, str], JobRecord]:
    """The jobs of several calls (`job_id=…`) in one read."""
    return {("job", job.job_id): job for job in load_jobs(uow, ids={call["job_id"] for call in calls})}


def prefetch_released(uow: UnitOfWork, calls: Calls) -> dict[tuple[str, str], JobRecord | bool]:
    """The jobs of several calls (`versions={job id: …}`), and whether each has a bill; not of very many."""
    ids = {job_id for call in calls for job_id in call["versions"]}
    if len(ids) > _KEYS_AT_ONCE:
        return {}
    sql = f"SELECT {_HAS_BILL}, {_JOB_COLUMNS} {_JOB_FROM} WHERE j.id IN ({marks(ids)})"
    found: dict[tuple[str, str], JobRecord | bool] = {}
    for has_bill, *row in uow.driver_query(sql, (MaterialUse.Consumed.value, *ids)):
        job = JobRecord(*row)
        found |= {("job", job.job_id): job, ("bill", job.job_id): bool(has_bill)}
    return found


def load_jobs(uow: UnitOfWork, *, ids: Collection[str] = (), pks: Collection[int] = ()) -> list[JobRecord]:
    """Some jobs, by id or by key."""
    if not ids and not pks:
        return []
    column, values = ("j.id", tuple(ids)) if ids else ("j.pk", tuple(pks))
    sql = f"SELECT {_JOB_COLUMNS} {_JOB_FROM} WHERE {column} IN ({marks(values)}) ORDER BY j.pk"
    return [JobRecord(*row) for row in uow.driver_query(sql, values)]


def load_with_bills(uow: UnitOfWork, job_pks: Collection[int]) -> set[int]:
    """Those of some jobs that consume material by their routing."""
    if not job_pks:
        return set()
    sql = f"SELECT j.pk FROM job_order j WHERE {_HAS_BILL} AND j.pk IN ({marks(job_pks)})"  # noqa: S608
    return {row[0] for row in uow.driver_query(sql, (MaterialUse.Consumed.value, *job_pks))}


_STATES: Final = (
    "SELECT r.pk, r.state, r.cancelled, j.state, j.dispatch_status FROM job_order j "
    "JOIN work_request q ON q.pk = j.work_request_pk "
    "JOIN operations_request r ON r.pk = q.operations_request_pk WHERE j.work_request_pk"
)
StateOfJob = tuple[int, str, bool, int, str]


def load_moved(
    uow: UnitOfWork, work_request_pks: Collection[int], *, with_waiting: bool
) -> tuple[list[StateOfJob], list[WaitingJob]]:
    """What follows from jobs that have moved is decided by, in one round trip.

    Of each job of some work requests: its operations request's key and state, whether that was cancelled, and the job's
    own state and dispatch status. And, if asked for, all jobs of the plant that wait.
    """
    pks = list(work_request_pks)
    chunks = [pks[start : start + _KEYS_AT_ONCE] for start in range(0, len(pks), _KEYS_AT_ONCE)]
    queries: list[tuple[str, Sequence[object]]] = [(f"{_STATES} IN ({marks(some)})", some) for some in chunks]
    answers = uow.driver_queries([*queries, (_WAITING, ())] if with_waiting else queries)
    waiting = [WaitingJob(JobRecord(*row[:-6]), *row[-6:]) for row in answers.pop()] if with_waiting else []
    return [row for rows in answers for row in rows], waiting


_SET_REQUEST_STATE: Final = keyed_update("operations_request", (("state", "text"), ("pk", "bigint")))


def set_request_states(uow: UnitOfWork, states: Mapping[int, str]) -> None:
    """Write the states of some operations requests."""
    uow.driver_rows(_SET_REQUEST_STATE, [(state, pk) for pk, state in states.items()])


def load_active_jobs(uow: UnitOfWork, equipment_pks: Collection[int]) -> list[JobRecord]:
    """Jobs that run or are interrupted at some equipment."""
    if not equipment_pks:
        return []
    values = (*equipment_pks, JobState.Running, JobState.Interrupted)
    here = f"j.equipment_pk IN ({marks(equipment_pks)}) AND j.ended_at_us IS NULL AND j.state IN (?, ?)"
    sql = f"SELECT {_JOB_COLUMNS} {_JOB_FROM} WHERE {here}"
    return [JobRecord(*row) for row in uow.driver_query(sql, tuple(int(value) for value in values))]


_FACTS: Final = (
    ("state", "int"),
    ("substate", "int"),
    ("dispatch_status", "text"),
    ("started_at_us", "bigint"),
    ("ended_at_us", "bigint"),
    ("note", "text"),
    ("note_text", "text"),
    ("confirmed_by", "text"),
    ("undo_until_us", "bigint"),
)
_UPDATE_FACTS: Final = keyed_update("job_order", (*_FACTS, ("pk", "bigint")), always="version = version + 1")
_RELEASE: Final = keyed_update(
    "job_order",
    (*_FACTS, ("released_at_us", "bigint"), ("pk", "bigint")),
    always="version = version + 1, retry_at_us = NULL",
)


def update_facts(
    uow: UnitOfWork,
    job: JobRecord,
    facts: JobFacts,
    *,
    confirmed_by: str = "",
    undo_until_us: int | None = None,
    note_text: str = "",
    released: bool = False,
) -> None:
    """Write a transition. The record was loaded in this transaction, and only one writes at a time.

    `released`: by this transition, so that it may be dispatched at once.
    """
    values = (
        int(facts.state),
        facts.substate,
        str(facts.dispatch_status),
        facts.started_at_us,
        facts.ended_at_us,
        str(facts.note),
        note_text,
        confirmed_by,
        undo_until_us,
    )
    if released:
        uow.driver_update(_RELEASE, (*values, uow.now_us, job.pk))
    else:
        uow.driver_update(_UPDATE_FACTS, (*values, job.pk))


_SET_NOTE: Final = keyed_update("job_order", (("note", "text"), ("note_text", "text"), ("pk", "bigint")))


def set_note(uow: UnitOfWork, job_pk: int, note: str, text: str = "") -> None:
    """Say why a job waits. No transition: the version stays."""
    uow.driver_update(_SET_NOTE, (str(note), text[:500], job_pk))


def set_notes(uow: UnitOfWork, notes: Mapping[int, str]) -> None:
    """Say why some jobs wait."""
    uow.driver_rows(_SET_NOTE, [(str(note), "", pk) for pk, note in notes.items()])


def open_run(uow: UnitOfWork, job_pk: int, equipment_pk: int, at_us: int) -> None:
    """The job has its equipment from now on, if it has not already."""
    uow.driver_write(
        "INSERT INTO job_run (job_pk, equipment_pk, started_at_us) SELECT ?, ?, ? "
        "WHERE NOT EXISTS (SELECT 1 FROM job_run WHERE job_pk = ? AND ended_at_us IS NULL)",
        (job_pk, equipment_pk, at_us, job_pk),
    )


def close_run(uow: UnitOfWork, job_pk: int, at_us: int) -> None:
    """The job gives its equipment back."""
    uow.driver_write(
        "UPDATE job_run SET ended_at_us = CASE WHEN started_at_us > ? THEN started_at_us ELSE ? END "
        "WHERE job_pk = ? AND ended_at_us IS NULL",
        (at_us, at_us, job_pk),
    )


def reopen_run(uow: UnitOfWork, job_pk: int) -> None:
    """Take back the end of the last run."""
    uow.driver_write(
        "UPDATE job_run SET ended_at_us = NULL WHERE pk = (SELECT max(pk) FROM job_run WHERE job_pk = ?)", (job_pk,)
    )


def load_runs(uow: UnitOfWork, equipment_pks: Collection[int], since_us: int) -> dict[int, list[JobRun]]:
    """Runs that touch the time since an instant, by equipment, in order."""
    if not equipment_pks:
        return {}
    sql = (
        "SELECT job_pk, equipment_pk, started_at_us, ended_at_us FROM job_run "  # noqa: S608
        f"WHERE equipment_pk IN ({marks(equipment_pks)}) AND (ended_at_us IS NULL OR ended_at_us >= ?) "
        "ORDER BY started_at_us, pk"
    )
    runs: dict[int, list[JobRun]] = {pk: [] for pk in equipment_pks}
    for row in uow.driver_query(sql, (*equipment_pks, since_us)):
        runs[row[1]].append(JobRun(*row))
    return runs


_INSERT_COUNTS: Final = insertion(
    "count_fact",
    (
        ("job_pk", "bigint"),
        ("equipment_pk", "bigint"),
        ("kind", "text"),
        ("reason_id", "text"),
        ("low_e6", "bigint"),
        ("high_e6", "bigint"),
        ("from_at_us", "bigint"),
        ("source_at_us", "bigint"),
        ("recorded_at_us", "bigint"),
        ("cause", "text"),
        ("unassigned", "text"),
        ("tag", "text"),
        ("request_id", "text"),
        ("actor", "bigint"),
        ("undone", "boolean"),
    ),
)


def insert_counts(uow: UnitOfWork, counts: Sequence[Count]) -> None:
    """Append facts."""
    uow.driver_rows(
        _INSERT_COUNTS,
        [
            (
                c.job_pk,
                c.equipment_pk,
                str(c.kind),
                c.reason_id,
                c.low_e6,
                c.high_e6,
                c.from_at_us,
                c.source_at_us,
                uow.now_us,
                str(c.cause),
                str(c.unassigned),
                c.tag,
                c.request_id,
                uow.actor,
                False,
            )
            for c in counts
        ],
    )


_UPDATE_TOTALS: Final = keyed_update(
    "job_order",
    (
        ("good_low_e6", "bigint"),
        ("good_high_e6", "bigint"),
        ("scrap_low_e6", "bigint"),
        ("scrap_high_e6", "bigint"),
        ("rework_e6", "bigint"),
        ("report_due_at_us", "bigint"),
        ("pk", "bigint"),
    ),
)


def update_totals(uow: UnitOfWork, jobs: Mapping[int, JobRecord], due: Mapping[int, int | None]) -> None:
    """Write the running totals of some jobs, and when each must be reported (None: nothing to report)."""
    uow.driver_rows(
        _UPDATE_TOTALS,
        [
            (j.good_low_e6, j.good_high_e6, j.scrap_low_e6, j.scrap_high_e6, j.rework_e6, due[j.pk], j.pk)
            for j in jobs.values()
        ],
    )


def set_counted(uow: UnitOfWork, job_pk: int, at_us: int | None, *, awaits_count: bool = False) -> None:
    """When a person counted the pieces of this job (None: nobody has), and whether somebody has to."""
    uow.driver_write(
        "UPDATE job_order SET counted_at_us = ?, awaits_count = ? WHERE pk = ?", (at_us, awaits_count, job_pk)
    )


def set_report_due(uow: UnitOfWork, job_pk: int, at_us: int | None) -> None:
    """When a report of this job leaves."""
    uow.driver_write("UPDATE job_order SET report_due_at_us = ? WHERE pk = ?", (at_us, job_pk))


def set_hold(uow: UnitOfWork, job_pk: int, reason: str) -> None:
    """Why a job is held; "" lifts it."""
    uow.driver_write("UPDATE job_order SET hold_reason = ? WHERE pk = ?", (reason, job_pk))


def set_first_article(uow: UnitOfWork, job_pk: int, state: FirstArticle, pieces_e6: int, at_e6: int | None) -> None:
    """Where the first article of a job stands, of how many pieces, and what has to be made of the job before it is
    held (None: nothing is waited for)."""
    uow.driver_write(
        "UPDATE job_order SET first_article = ?, first_article_e6 = ?, first_article_at_e6 = ? WHERE pk = ?",
        (str(state), pieces_e6, at_e6, job_pk),
    )


def insert_first_article_act(
    uow: UnitOfWork, job: JobRecord, act: FirstArticle, pieces_e6: int, note: str = "", measurements: str = "[]"
) -> None:
    """Keep what was done about the first article of a job."""
    uow.driver_write(
        "INSERT INTO first_article_act (job_pk, segment_pk, equipment_pk, act, pieces_e6, at_us, actor, note, "
        "measurements) VALUES (?, (SELECT segment_pk FROM job_order WHERE pk = ?), ?, ?, ?, ?, ?, ?, ?)",
        (job.pk, job.pk, job.equipment_pk, str(act), pieces_e6, uow.now_us, uow.actor, note, measurements),
    )


def has_passed_first_article(uow: UnitOfWork, job: JobRecord) -> bool:
    """Whether the newest first article of this version of the step at this station has passed."""
    rows = uow.driver_query(
        "SELECT a.act FROM first_article_act a JOIN job_order j ON j.pk = ? AND j.segment_pk = a.segment_pk "
        "WHERE a.equipment_pk = ? AND a.act IN ('passed', 'failed') ORDER BY a.pk DESC LIMIT 1",
        (job.pk, job.equipment_pk),
    )
    return bool(rows) and rows[0][0] == FirstArticle.passed


def wants_one_a_version(uow: UnitOfWork) -> bool:
    """Whether the plant wants a first article for a version of a step only, not for each job."""
    return bool(uow.driver_query("SELECT 1 FROM plant_policy WHERE first_article_for = 'version'"))


def load_wanted_articles(
    uow: UnitOfWork, *, pks: Collection[int] = (), ids: Collection[str] = ()
) -> dict[int, tuple[int, int]]:
    """Of some jobs those whose first article is waited for: pieces × 10^6, and since when."""
    if not pks and not ids:
        return {}
    column, values = ("id", tuple(ids)) if ids else ("pk", tuple(pks))
    sql = (
        "SELECT j.pk, j.first_article_e6, (SELECT max(a.at_us) FROM first_article_act a WHERE a.job_pk = j.pk "  # noqa: S608
        f"AND a.act = 'wanted') FROM job_order j WHERE j.{column} IN ({marks(values)}) AND j.first_article = 'wanted'"
    )
    return {row[0]: (row[1], row[2]) for row in uow.driver_query(sql, values)}


def set_planned(uow: UnitOfWork, job_pk: int, quantity_e6: int, cycles: int) -> None:
    """What a job is asked for, from now on; whoever saw the job before has to look again."""
    uow.driver_write(
        "UPDATE job_order SET quantity_e6 = ?, cycles = ?, version = version + 1 WHERE pk = ?",
        (quantity_e6, cycles, job_pk),
    )


def load_order_jobs(uow: UnitOfWork, work_request_pk: int) -> list[JobRecord]:
    """All jobs of a work request in their order."""
    sql = f"SELECT {_JOB_COLUMNS} {_JOB_FROM} WHERE j.work_request_pk = ? ORDER BY j.sequence, j.pk"
    return [JobRecord(*row) for row in uow.driver_query(sql, (work_request_pk,))]


def load_dependencies(uow: UnitOfWork, job_pks: Collection[int]) -> list[tuple[int, int, str]]:
    """(job, the one it waits for, kind) wherever one of these jobs waits or is waited for."""
    if not job_pks:
        return []
    here = marks(job_pks)
    sql = (
        "SELECT job_pk, after_job_pk, kind FROM job_dependency "  # noqa: S608
        f"WHERE job_pk IN ({here}) OR after_job_pk IN ({here})"
    )
    return [(row[0], row[1], row[2]) for row in uow.driver_query(sql, (*job_pks, *job_pks))]


def insert_dependencies(uow: UnitOfWork, edges: Collection[tuple[int, int, str]]) -> None:
    """Add what is not there yet."""
    uow.driver_executemany(
        "INSERT INTO job_dependency (job_pk, after_job_pk, kind) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        sorted(edges),
    )


def insert_link(uow: UnitOfWork, from_pk: int, to_pk: int, kind: str, quantity_e6: int) -> None:
    """So many pieces went from one job to another."""
    uow.driver_write(
        "INSERT INTO job_link (from_job_pk, to_job_pk, kind, quantity_e6, at_us) VALUES (?, ?, ?, ?, ?)",
        (from_pk, to_pk, str(kind), quantity_e6, uow.now_us),
    )
