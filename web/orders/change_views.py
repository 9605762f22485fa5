"""View models of the pages on which a supervisor changes an order or a job. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal

from mes.equipment.queries import EquipmentView
from mes.orders.following.types import FollowedParameter
from mes.orders.planning.types import MaterialNeed, SubstituteStock, Taker
from mes.orders.types import CountFact, CountKind, JobLink, JobRole, JobView, OrderCard
from standards.isa95.job_control import DispatchStatus, JobState
from web.components.job import JobPanel, view_job
from web.components.machine import STATION_LEVELS
from web.components.parameters import ParameterView, parameter_views
from web.orders.views import base_of

ACTIVE = frozenset({JobState.Running, JobState.Interrupted})
WITH_MACHINE = frozenset({DispatchStatus.Dispatched, DispatchStatus.Ready})


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    text: str


@dataclass(frozen=True, slots=True)
class NeedLine:
    """`state` is `enough`, `short` or `unknown` (no lot of it was ever booked)."""

    material_id: str
    description: str
    unit: str
    needed: Decimal
    usable: Decimal
    blocked: Decimal
    missing: Decimal
    state: str
    allowance: Decimal
    reserved: Decimal
    takers: tuple[Taker, ...]
    substitutes: tuple[SubstituteStock, ...]


@dataclass(frozen=True, slots=True)
class OrderChange:
    """`due_value` as the browser's field wants it; `release` as `version:id`."""

    order_id: str
    base: str
    material: str
    revision: int
    priority: int
    due_value: str
    quantity: Decimal
    unit: str
    release: tuple[str, ...]
    needs: tuple[NeedLine, ...]
    short: bool
    is_open: bool
    is_splittable: bool


@dataclass(frozen=True, slots=True)
class ScrapLine:
    reason_id: str
    text: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Link:
    """`kind` is `split`, `merge` or `rework`; `other` the job on the other side, `came` from there or gone there."""

    kind: str
    other: str
    came: bool
    quantity: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class JobChange:
    """What may be done with a job now. `merges` are jobs it can take in, as `version:id`."""

    order_id: str
    base: str
    job: JobPanel
    name: str
    request_id: str
    may_hold: bool
    may_lift: bool
    may_ask: bool
    """For a new first article."""
    may_split: bool
    may_complete: bool
    may_split_on_end: bool
    may_split_rest: bool
    may_cancel: bool
    may_correct: bool
    may_rework: bool
    merges: tuple[Choice, ...]
    good: Decimal
    scrap: tuple[ScrapLine, ...]
    reasons: tuple[Choice, ...]
    stations: tuple[Choice, ...]
    steps: tuple[Choice, ...]
    links: tuple[Link, ...]
    parameters: tuple[ParameterView, ...]
    may_set: bool
    """Its parameters: it has not begun, and its recipe limits some."""


def order_change(card: OrderCard, needs: Iterable[MaterialNeed], zone: tzinfo) -> OrderChange:
    lines = tuple(_need(need) for need in needs)
    open_jobs = [job for job in card.jobs if not job.over]
    unreleased = [job for job in open_jobs if job.state is JobState.NotAllowedToStart and not job.hold_reason]
    return OrderChange(
        order_id=card.operations_request_id,
        base=base_of(card.operations_request_id),
        material=card.material_description or card.material_id,
        revision=card.revision,
        priority=card.priority,
        due_value=card.due_at.astimezone(zone).strftime("%Y-%m-%dT%H:%M") if card.due_at else "",
        quantity=card.quantity,
        unit=card.unit,
        release=tuple(f"{job.version}:{job.job_id}" for job in unreleased),
        needs=lines,
        short=any(line.state == "short" for line in lines),
        is_open=bool(open_jobs),
        is_splittable=bool(open_jobs) and all(_is_ours(job) for job in open_jobs if job.role is JobRole.main),
    )


def _need(need: MaterialNeed) -> NeedLine:
    state = "short" if need.short else "enough" if need.tracked else "unknown"
    return NeedLine(
        need.material_id,
        need.description,
        need.unit,
        need.needed,
        need.usable,
        need.blocked,
        need.missing,
        state,
        need.allowance,
        need.reserved,
        need.takers,
        need.substitutes,
    )


def job_change(
    job: JobView,
    card: OrderCard,
    counts: Iterable[CountFact],
    reasons: Mapping[str, str],
    stations: Sequence[Choice],
    now: datetime,
    request_id: str,
    links: Iterable[JobLink] = (),
    parameters: Iterable[FollowedParameter] = (),
) -> JobChange:
    """`reasons`: active scrap reasons, id → words; `stations`: manual ones, where rework can be done."""
    active, ended = job.state in ACTIVE, job.state is JobState.Ended
    exact = (job.good_low, job.scrap_low) == (job.good_high, job.scrap_high)
    left = job.quantity - job.good_low - job.scrap_low - job.rework
    shown = parameter_views(parameters, now.tzinfo or UTC)
    undoable = job.undo_until is not None and job.undo_until > now
    return JobChange(
        order_id=card.operations_request_id,
        base=base_of(card.operations_request_id),
        job=view_job(job, now),
        name=job.description or job.segment_id,
        request_id=request_id,
        may_hold=not job.over and not job.hold_reason and job.dispatch_status not in WITH_MACHINE,
        may_lift=bool(job.hold_reason) and not job.over,
        may_ask=not job.over,
        may_split=_is_ours(job) and not job.over and left > 0,
        may_complete=active and not job.held,
        may_split_on_end=active and job.manual,
        may_split_rest=ended and exact and left > 0 and left < job.quantity and not undoable,
        may_cancel=not job.over and job.dispatch_status not in WITH_MACHINE,
        may_correct=job.started_at is not None,
        may_rework=job.started_at is not None and job.role not in (JobRole.rework, JobRole.repair) and bool(stations),
        merges=_merges(job, card.jobs),
        good=job.good_low,
        scrap=_scrap(counts, reasons),
        reasons=tuple(Choice(key, text) for key, text in reasons.items()),
        stations=tuple(stations),
        steps=_steps(job, card.jobs),
        links=tuple(_link(job.job_id, link, now.tzinfo) for link in links),
        parameters=shown,
        may_set=job.waits and job.dispatch_status not in WITH_MACHINE and any(one.changeable for one in shown),
    )


def rework_places(places: Iterable[EquipmentView]) -> list[Choice]:
    """Manual stations. A work centre is none: what is sent there stands in no station's queue."""
    return [
        Choice(e.equipment_id, e.description or e.equipment_id)
        for e in places
        if e.manual and e.level in STATION_LEVELS
    ]


def _link(job_id: str, link: JobLink, zone: tzinfo | None) -> Link:
    came = link.to_job_id == job_id
    other = link.from_job_id if came else link.to_job_id
    return Link(link.kind.value, other, came, link.quantity, link.at.astimezone(zone))


def _is_ours(job: JobView) -> bool:
    """No machine was told its quantity."""
    return job.dispatch_status not in WITH_MACHINE and (job.manual or job.waits)


def _merges(job: JobView, jobs: Iterable[JobView]) -> tuple[Choice, ...]:
    def fits(one: JobView) -> bool:
        return one.waits and not one.hold_reason and one.role in (JobRole.main, JobRole.part) and _is_ours(one)

    def kind(one: JobView) -> tuple[object, ...]:
        return one.segment_id, one.equipment_id, one.work_master_id, one.work_master_version, one.state

    others = [one for one in jobs if one.job_id != job.job_id and fits(one) and kind(one) == kind(job)]
    return tuple(Choice(f"{one.version}:{one.job_id}", one.job_id) for one in others) if fits(job) else ()


def _steps(job: JobView, jobs: Iterable[JobView]) -> tuple[Choice, ...]:
    """Steps up to its own, and those right after: where reworked pieces may return to."""
    main = sorted((one for one in jobs if one.role is JobRole.main), key=lambda one: one.sequence)
    later = sorted({one.sequence for one in main if one.sequence > job.sequence})[:1]
    shown = [one for one in main if one.sequence <= job.sequence or one.sequence in later]
    found = [Choice(one.segment_id, one.description or one.segment_id) for one in shown]
    return tuple(sorted(found, key=lambda choice: choice.value != job.segment_id))


def _scrap(counts: Iterable[CountFact], reasons: Mapping[str, str]) -> tuple[ScrapLine, ...]:
    """What is proven by reason, and every reason of the plant that has none yet."""
    sums = {reason_id: Decimal(0) for reason_id in reasons}
    for count in counts:
        if count.kind is CountKind.scrap:
            sums[count.reason_id] = sums.get(count.reason_id, Decimal(0)) + count.low
    return tuple(ScrapLine(key, reasons.get(key, key), amount) for key, amount in sums.items())
