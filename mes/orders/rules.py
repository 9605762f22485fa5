"""Pure: what may happen to a job, what a machine's report makes of it, and to which job a count belongs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from mes.orders.types import COUNT_MAX_E6, FirstArticle, JobRun, Note, RequestState, Unassigned
from standards.isa95.job_control import (
    FINAL_STATES,
    DispatchStatus,
    EndedSubstate,
    InterruptedSubstate,
    JobState,
    dispatch_status_of,
)
from standards.packml.states import UnitMode

ACTIVE_STATES: Final = frozenset({JobState.Running, JobState.Interrupted})
NO_JOB: Final = 0
_TOTAL_MAX_E6: Final = 2**63 - 1


class JobFacts(NamedTuple):
    """What rules need to know of a job."""

    pk: int
    state: JobState
    substate: int
    dispatch_status: DispatchStatus
    started_at_us: int | None
    ended_at_us: int | None
    note: str = ""
    held: bool = False
    """A supervisor holds it: however its machine is interrupted, that is a constraint."""


def reported(job: JobFacts, state: int, substate: int, at_us: int) -> JobFacts:
    """The job after its machine's word (OPC 10031-4 StateNumber). The machine is right, also about steps we missed.

    A report that says nothing new answers the same facts. Only the machine makes a job `Running`.
    """
    known = JobState(state) if state in JobState._value2member_map_ else None
    if known is None or known is JobState.NotAllowedToStart:
        return job
    if known is JobState.AllowedToStart:
        return _accepted(job)
    if known is job.state and (known is not JobState.Interrupted or substate == job.substate):
        return job._replace(note=_cleared(job.note))
    return _moved(job, known, substate, at_us)


def _accepted(job: JobFacts) -> JobFacts:
    """The machine has the job and may start; what already ran is not set back by it."""
    if job.state in ACTIVE_STATES or job.state in FINAL_STATES:
        return job
    return job._replace(state=JobState.AllowedToStart, dispatch_status=DispatchStatus.Ready, note=Note.none)


def _moved(job: JobFacts, state: JobState, substate: int, at_us: int) -> JobFacts:
    started = job.started_at_us if job.started_at_us is not None else at_us
    ended = at_us if state in FINAL_STATES else None
    sub = _substate(state, substate)
    completed = state is JobState.Ended
    status = DispatchStatus.Completed if completed else dispatch_status_of(state, sub, held=job.held)
    return JobFacts(job.pk, state, sub, status, started, ended, _cleared(job.note), job.held)


def _substate(state: JobState, substate: int) -> int:
    if state is JobState.Ended:
        return substate or EndedSubstate.Completed
    return substate if state is JobState.Interrupted else 0


def _cleared(note: str) -> str:
    """Notes about dispatching and forgetting are answered by any word of the machine; refusals of commands stay."""
    return note if note == Note.command_refused else Note.none


def forgotten(job: JobFacts) -> JobFacts:
    """The machine no longer knows a job it had: nobody can say how it ended, so a person has to."""
    if job.state not in ACTIVE_STATES:
        return job
    return job._replace(
        state=JobState.Interrupted,
        substate=InterruptedSubstate.Held,
        dispatch_status=DispatchStatus.Held,
        note=Note.forgotten_by_machine,
    )


def hold_text(hold_reason: str, first_article: str) -> str:
    """Why a job is held and what to do; "" where it is not."""
    return " ".join(text for text in (hold_reason, _GATES.get(first_article, "")) if text)


_GATES: Final[Mapping[str, str]] = {
    FirstArticle.due: "The first article is made: inspect it, then record passed or failed.",
    FirstArticle.failed: "The first article failed: correct the set-up, then ask for a new one.",
}


class Share(NamedTuple):
    """A part of a count: a job's, or nobody's with a reason."""

    job_pk: int | None
    low: int
    high: int | None
    unassigned: str = ""


def attribute(
    low: int, high: int | None, *, from_us: int, to_us: int, gapped: bool, runs: Sequence[JobRun]
) -> tuple[Share, ...]:
    """Whose count it is. Seen without a gap: the job that ran at `to_us`, the instant of the reading.

    Across a gap it is exact only if one job (or none) had the equipment all the time; else each that had it may have
    some of it, and so may nobody: intervals that contain the truth.
    """
    if not gapped:
        return (_at(low, high, to_us, runs),)
    touched = [
        run for run in runs if run.started_at_us < to_us and (run.ended_at_us is None or run.ended_at_us > from_us)
    ]
    for run in touched:
        if run.started_at_us <= from_us and (run.ended_at_us is None or run.ended_at_us >= to_us):
            return (Share(run.job_pk, low, high),)
    if not touched:
        return (Share(None, low, high, Unassigned.no_job),)
    shares = tuple(Share(job_pk, 0, high) for job_pk in dict.fromkeys(run.job_pk for run in touched))
    return (*shares, Share(None, 0, high, Unassigned.ambiguous))


def _at(low: int, high: int | None, at_us: int, runs: Iterable[JobRun]) -> Share:
    """A run owns what is counted after its start and up to its end, the end included: the last piece ends the job."""
    for run in runs:
        if run.started_at_us < at_us and (run.ended_at_us is None or at_us <= run.ended_at_us):
            return Share(run.job_pk, low, high)
    return Share(None, low, high, Unassigned.no_job)


def is_quiet(runs: Iterable[JobRun], from_us: int, to_us: int) -> bool:
    """Whether what is counted without a gap at any instant from `from_us` to `to_us` is the same job's."""
    return all(
        (run.started_at_us < from_us) == (run.started_at_us < to_us)
        and (run.ended_at_us is None or (from_us <= run.ended_at_us) == (to_us <= run.ended_at_us))
        for run in runs
    )


def not_production(mode: int | None) -> str:
    """Why a count in this unit mode is no production: set-up piece, dry cycle, or "" where it is production."""
    if mode == UnitMode.Manual:
        return Unassigned.setup
    if mode == UnitMode.Maintenance:
        return Unassigned.dry_cycle
    return ""


def added(low: int, high: int | None, more_low: int, more_high: int | None) -> tuple[int, int | None]:
    """Sum of two intervals; an unknown upper bound stays unknown."""
    return within_bounds(low + more_low, None if high is None or more_high is None else high + more_high, _TOTAL_MAX_E6)


def within_bounds(low: int, high: int | None, most: int = COUNT_MAX_E6) -> tuple[int, int | None]:
    """An interval that can be kept: what is beyond `most` is at least that, and has no upper bound."""
    return min(low, most), high if high is not None and high <= most else None


def awaits_count(good_low: int, good_high: int | None, scrap_low: int, scrap_high: int | None) -> bool:
    """Whether the machines leave open how many pieces of an ended job there are, so that a person has to count."""
    return good_low != good_high or scrap_low != scrap_high


def settled(low: int, high: int | None, counted: int) -> tuple[int, int | None]:
    """What has to be added to an interval for it to be the counted number (None: it had no upper bound)."""
    return counted - low, None if high is None else counted - high


def request_state(states: Sequence[tuple[JobState, DispatchStatus]], *, cancelled: bool = False) -> RequestState:
    """State of an operations request from its jobs. One that was cancelled after some of it ran is Aborted."""
    alive = [(state, status) for state, status in states if status is not DispatchStatus.Cancelled]
    if not alive:
        return RequestState.Cancelled
    if all(state in FINAL_STATES for state, _ in alive):
        ended = any(state is JobState.Ended for state, _ in alive)
        return RequestState.Completed if ended and not cancelled else RequestState.Aborted
    if any(state in ACTIVE_STATES or state in FINAL_STATES for state, _ in alive):
        return RequestState.Running
    if any(state is JobState.AllowedToStart for state, _ in alive):
        return RequestState.Released
    return RequestState.Waiting


def target_now_e6(*, elapsed_us: int, nominal_cycle_us: int | None, per_cycle_e6: int, quantity_e6: int) -> int | None:
    """Pieces that should be there after running this long at the nominal cycle; None without a norm."""
    if not nominal_cycle_us or elapsed_us < 0:
        return None
    return min(elapsed_us // nominal_cycle_us * per_cycle_e6, quantity_e6)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A released job that waits for its turn."""

    pk: int
    equipment_pk: int
    priority: int
    due_at_us: int | None
    sequence_key: tuple[int, int]
    """Creation order: work request, then sequence."""
    predecessors_done: bool
    retry_at_us: int | None
    rank: int | None = None


def turn(priority: int, rank: int | None, due_at_us: int | None) -> tuple[int, int, int]:
    """Order of a dispatch list: priority (higher first), a supervisor's sequence, due date (earlier first).

    What came after the sequence was made stands behind it, unless its priority is higher.
    """
    return -priority, 2**31 - 1 if rank is None else rank, 2**62 if due_at_us is None else due_at_us


def turn_key(job: Candidate) -> tuple[tuple[int, int, int], tuple[int, int]]:
    """`turn`, and of equals the one that was there first."""
    return turn(job.priority, job.rank, job.due_at_us), job.sequence_key


def whose_turn(waiting: Iterable[Candidate]) -> dict[int, Candidate]:
    """The next job of each equipment: the first in turn order whose predecessors are done."""
    turns: dict[int, Candidate] = {}
    for job in sorted(waiting, key=turn_key):
        if job.predecessors_done:
            turns.setdefault(job.equipment_pk, job)
    return turns
