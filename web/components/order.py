"""An order as screens show it: its jobs in their order, and whether it will be in time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

from mes.orders.types import JobRole, JobView, OrderCard, RequestState
from standards.isa95.job_control import JobState
from web.components.job import NOTHING, Amount, JobPanel, amount, sum_of, view_job


@dataclass(frozen=True, slots=True)
class OrderRow:
    """`flag` is `late`, `risk` or ""; `release` names the jobs a release would permit, with their versions.

    `to_count`: the jobs whose pieces a person has to count.

    `over`: done or aborted, at `ended_at`; then `good` is what its last step made, `scrap` what all steps lost, and
    `in_time` is None where it had no due date.
    """

    order_id: str
    material: str
    material_id: str
    quantity: Decimal
    unit: str
    due_at: datetime | None
    flag: str
    state: str
    jobs: tuple[JobPanel, ...]
    release: tuple[str, ...]
    revoke: tuple[str, ...]
    over: bool
    ended_at: datetime | None
    good: Amount
    scrap: Amount
    in_time: bool | None

    @property
    def to_count(self) -> tuple[JobPanel, ...]:
        return tuple(job for job in self.jobs if job.to_count)


def order_row(card: OrderCard, zone: tzinfo, now: datetime) -> OrderRow:
    """One order with its jobs in their order."""
    jobs = sorted((job for job in card.jobs if not job.cancelled), key=lambda job: (job.sequence, job.pk))
    here = now.astimezone(zone)
    given_up = card.state is RequestState.Aborted
    state = "cancelled" if not jobs else "aborted" if given_up else order_state(jobs)
    over = state in ("done", "aborted", "cancelled")
    ended = max((job.ended_at for job in jobs if job.ended_at), default=None) if over else None
    return OrderRow(
        order_id=card.operations_request_id,
        material=card.material_description or card.material_id,
        material_id=card.material_id,
        quantity=card.quantity,
        unit=card.unit,
        due_at=card.due_at.astimezone(zone) if card.due_at else None,
        flag=flag(card),
        state=state,
        jobs=tuple(view_job(job, here) for job in jobs),
        release=_with_version(jobs, JobState.NotAllowedToStart),
        revoke=_with_version(jobs, JobState.AllowedToStart),
        over=over,
        ended_at=ended.astimezone(zone) if ended else None,
        good=_delivered(card.jobs if given_up else jobs),
        scrap=sum_of(amount(job.scrap_low, job.scrap_high) for job in jobs),
        in_time=ended <= card.due_at if ended and card.due_at and not given_up else None,
    )


def _delivered(jobs: Sequence[JobView]) -> Amount:
    """What the jobs of the last step made; pieces that only went through rework were not made by it."""
    last = max((job.sequence for job in jobs), default=0)
    made = [
        amount(job.good_low, job.good_high) for job in jobs if job.sequence == last and job.role is not JobRole.rework
    ]
    return sum_of(made) if made else NOTHING


def finished_last(rows: Iterable[OrderRow]) -> tuple[OrderRow, ...]:
    """What is over, the latest first."""
    over = [row for row in rows if row.over and row.ended_at]
    return tuple(sorted(over, key=lambda row: row.ended_at.timestamp() if row.ended_at else 0, reverse=True))


def order_state(jobs: Sequence[JobView]) -> str:
    """`unreleased`, `released`, `running`, `done` or `aborted`: the word for the whole, of jobs not cancelled."""
    states = {job.state for job in jobs}
    if states & {JobState.Running, JobState.Interrupted}:
        return "running"
    if states == {JobState.Aborted}:
        return "aborted"
    if states and states <= {JobState.Ended, JobState.Aborted}:
        return "done"
    if JobState.NotAllowedToStart in states and not states & {JobState.Ended, JobState.AllowedToStart}:
        return "unreleased"
    return "running" if JobState.Ended in states else "released"


def flag(card: OrderCard) -> str:
    """Late says more than at risk."""
    return "late" if card.late else "risk" if card.at_risk else ""


def urgency(row: OrderRow) -> tuple[int, float, str]:
    """Sort key: late first, then at risk, then by due time."""
    rank = {"late": 0, "risk": 1}.get(row.flag, 2)
    return rank, row.due_at.timestamp() if row.due_at else float("inf"), row.order_id


def _with_version(jobs: Iterable[JobView], state: JobState) -> tuple[str, ...]:
    return tuple(f"{job.version}:{job.job_id}" for job in jobs if job.state is state and not job.held)
