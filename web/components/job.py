"""A job as screens show it: its word, how far it is, whether it keeps up, and when it will be done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from mes.orders.types import JobView, Note
from standards.isa95.job_control import InterruptedSubstate, JobState
from web.wording import code_key

PERMILLE: Final = 1000
WAITING_NOTES: Final = frozenset({Note.predecessor, Note.not_its_turn})
BEFORE_RUNNING: Final = frozenset({JobState.NotAllowedToStart, JobState.AllowedToStart})
IN_WORK: Final = frozenset({JobState.Running, JobState.Interrupted})
LEVEL_WITHIN: Final = Decimal("0.02")
"""Part of the planned quantity within which a job is neither ahead nor behind."""
STATES: Final[dict[str, tuple[str, str]]] = {
    "blocked": ("idle", "lock"),
    "released": ("idle", "clock"),
    "running": ("run", "play"),
    "paused": ("setup", "pause"),
    "held": ("warn", "octagon-alert"),
    "done": ("done", "check"),
    "aborted": ("down", "x"),
    "cancelled": ("done", "ban"),
}
"""Word of a job's state → tone and icon. `held` is a constraint, `paused` somebody's decision."""


@dataclass(frozen=True, slots=True)
class Amount:
    """`kind` is `exact`, `between` (low to high) or `at-least` (no upper bound known)."""

    kind: str
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Bar:
    """Parts of the planned quantity in thousandths, for a drawing 1000 wide: good, then unsure, then scrap."""

    good: int
    unsure: int
    scrap: int
    target: int | None
    percent: int


@dataclass(frozen=True, slots=True)
class Lead:
    """`kind` is `ahead`, `behind` or `level`, by so many `pieces` of what the norm expects by now."""

    kind: str
    pieces: Decimal
    target: Decimal


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds a cycle: as it went since the start, pauses included (None before the first piece), and the norm."""

    cycle_s: Decimal | None
    norm_s: Decimal
    slow: bool


@dataclass(frozen=True, slots=True)
class JobPanel:
    """Everything a station, a board or an order says of one job.

    `why` is the key of the words for why it waits, `trouble` that of what went wrong while it is in work ("" for
    nothing); `said` is what the machine answered, in its own words. `to_count`: it is over, and a person has to count
    its pieces.
    """

    job_id: str
    order_id: str
    step: str
    description: str
    material_id: str
    material: str
    equipment_id: str
    state: str
    tone: str
    icon: str
    planned: Decimal
    unit: str
    cycles: int
    cycle_unit: str
    good: Amount
    scrap: Amount
    left: Decimal
    bar: Bar
    lead: Lead | None
    pace: Pace | None
    due_at: datetime | None
    ready_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    why: str
    trouble: str
    said: str
    manual: bool
    running: bool
    interrupted: bool
    startable: bool
    finished: bool
    to_count: bool
    version: int
    role: str = ""
    hold: str = ""
    """Why it is on hold, in the supervisor's words; "" where it is not."""
    rework: Decimal = Decimal(0)
    deviation: str = ""
    gate: str = ""
    """`due` or `failed` where its first article has to be decided."""


def view_job(job: JobView, now: datetime) -> JobPanel:
    """Numbers and words of one job at `now`. Times keep the zone they came in."""
    word = state_word(job)
    tone, icon = STATES[word]
    left = max(Decimal(0), job.quantity - job.good_low - job.scrap_low)
    return JobPanel(
        job_id=job.job_id,
        order_id=job.operations_request_id,
        step=job.segment_id,
        description=job.description,
        material_id=job.material_id,
        material=job.material_description or job.material_id,
        equipment_id=job.equipment_id,
        state=word,
        tone=tone,
        icon=icon,
        planned=job.quantity,
        unit=job.unit,
        cycles=job.cycles,
        cycle_unit=job.cycle_unit,
        good=amount(job.good_low, job.good_high),
        scrap=amount(job.scrap_low, job.scrap_high),
        left=left,
        bar=bar(job),
        lead=lead(job),
        pace=pace(job, now),
        due_at=job.due_at,
        ready_at=ready_at(job, left, now),
        started_at=job.started_at,
        ended_at=job.ended_at,
        why=why_waiting(job),
        trouble=_trouble(job),
        said=job.hold_reason or job.note_text,
        manual=job.manual,
        running=job.state is JobState.Running,
        interrupted=job.state is JobState.Interrupted,
        startable=is_startable(job),
        finished=job.over,
        to_count=job.awaits_count,
        version=job.version,
        role=job.role.value,
        hold="" if job.over else job.hold_reason,
        rework=job.rework,
        deviation=job.deviation,
        gate=job.first_article.value if job.gated else "",
    )


def _trouble(job: JobView) -> str:
    if job.state not in IN_WORK:
        return ""
    if job.held:
        return held_why(job)
    return code_key("note", job.note) if job.note else ""


def held_why(job: JobView) -> str:
    """Key of the words for what holds a job: its first article, or a supervisor."""
    return code_key("note", f"first-article-{job.first_article}") if job.gated else "note.held"


def state_word(job: JobView) -> str:
    """The shop floor's word for the machine's job state; a pause and a constraint are two things."""
    if job.cancelled:
        return "cancelled"
    if job.held and job.state in BEFORE_RUNNING:
        return "held"
    match job.state:
        case JobState.Interrupted:
            paused = job.substate == InterruptedSubstate.Suspended and not job.held
            return "paused" if paused else "held"
        case JobState.NotAllowedToStart:
            return "blocked"
        case JobState.AllowedToStart:
            return "released"
        case JobState.Running:
            return "running"
        case JobState.Ended:
            return "done"
        case _:
            return "aborted"


def is_startable(job: JobView) -> bool:
    """Whether a tap on Start would be accepted, as far as can be seen from here."""
    if job.cancelled or job.held:
        return False
    return job.manual and job.state is JobState.AllowedToStart and job.note not in WAITING_NOTES


def why_waiting(job: JobView) -> str:
    """Key of the words for why a job does not run: `start-when-ready`, its note, or what its state implies."""
    if job.held:
        return held_why(job)
    if is_startable(job):
        return "note.start-when-ready"
    if job.note:
        return code_key("note", job.note)
    return "note.not-released" if job.state is JobState.NotAllowedToStart else "note.waits-for-machine"


def amount(low: Decimal, high: Decimal | None) -> Amount:
    """An exact number where both ends agree, else the interval that contains the truth."""
    if high is None:
        return Amount("at-least", low, low)
    return Amount("exact" if low == high else "between", low, high)


NOTHING: Final = Amount("exact", Decimal(0), Decimal(0))


def sum_of(amounts: Iterable[Amount]) -> Amount:
    """The sum of intervals; no upper bound where one part has none."""
    parts = tuple(amounts)
    unbounded = any(part.kind == "at-least" for part in parts)
    low, high = (sum((getattr(part, end) for part in parts), Decimal(0)) for end in ("low", "high"))
    return amount(low, None if unbounded else high)


def bar(job: JobView) -> Bar:
    """Parts never overflow the drawing: what is over the plan is cut."""
    good = _permille(job.good_low, job.quantity)
    unsure = min(_permille((job.good_high or job.good_low) - job.good_low, job.quantity), PERMILLE - good)
    scrap = min(_permille(job.scrap_low, job.quantity), PERMILLE - good - unsure)
    shows_target = job.target_now is not None and job.state in (JobState.Running, JobState.Interrupted)
    target = _permille(job.target_now or Decimal(0), job.quantity) if shows_target else None
    return Bar(good, unsure, scrap, target, good // 10)


def lead(job: JobView) -> Lead | None:
    """Good pieces against the norm, only while it runs or is interrupted."""
    if job.target_now is None or job.state not in (JobState.Running, JobState.Interrupted):
        return None
    target = min(job.target_now, job.quantity).quantize(Decimal(1), ROUND_HALF_EVEN)
    difference = job.good_low - target
    if abs(difference) <= max(Decimal(1), job.quantity * LEVEL_WITHIN):
        return Lead("level", abs(difference), target)
    return Lead("ahead" if difference > 0 else "behind", abs(difference), target)


def pace(job: JobView, now: datetime) -> Pace | None:
    """None where there is no norm to compare with."""
    if not job.nominal_cycle_s or job.state in (JobState.NotAllowedToStart, JobState.AllowedToStart):
        return None
    norm = Decimal(str(job.nominal_cycle_s))
    cycle = _seconds_a_cycle(job, now)
    return Pace(cycle, norm, cycle is not None and cycle > norm * Decimal("1.1"))


def ready_at(job: JobView, left: Decimal, now: datetime) -> datetime | None:
    """When the rest is made at the norm's pace, from now; only while it runs or is interrupted."""
    if job.state not in (JobState.Running, JobState.Interrupted) or not job.nominal_cycle_s or not left:
        return None
    return now + timedelta(seconds=float(_cycles_of(left, job) * Decimal(str(job.nominal_cycle_s))))


def _seconds_a_cycle(job: JobView, now: datetime) -> Decimal | None:
    done = _cycles_of(job.good_low + job.scrap_low, job)
    if not done or job.started_at is None:
        return None
    took = Decimal(str(((job.ended_at or now) - job.started_at).total_seconds()))
    return (took / done).quantize(Decimal("0.1"))


def _cycles_of(pieces: Decimal, job: JobView) -> Decimal:
    return pieces * job.cycles / job.quantity if job.quantity else Decimal(0)


def _permille(part: Decimal, whole: Decimal) -> int:
    return max(0, min(PERMILLE, int(part * PERMILLE / whole))) if whole > 0 else 0
