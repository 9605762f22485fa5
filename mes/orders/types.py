"""Values of the orders feature."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

from standards.isa95.job_control import FINAL_STATES, DispatchStatus, JobState

UNDO_S: Final = 10
"""Seconds in which an operator may take an act back; a confirmation to the ERP waits for them."""

DISPATCH_EXPIRY_S: Final = 30
"""A command to a machine is worthless, and forbidden, after this many seconds."""

RETRY_S: Final = 30
"""Seconds before a refused or unanswered dispatch is tried again."""

QUANTITY_MAX_E6: Final = 10**15
"""A thousand million pieces."""

COUNT_MAX_E6: Final = 10**17
"""No counter means more pieces at a time; sums of such still fit into 64 bits."""

CYCLES_MAX: Final = 2**31 - 1
"""Cycles a machine's 32-bit set-point can carry."""


REASON_MAX: Final = 500
"""Characters of why somebody did something."""

SEQUENCE_MAX: Final = 200
"""Jobs that can be put in a sequence at once."""


class RequestState(StrEnum):
    """B2MML RequestState, the values Lineside uses for an operations request."""

    Waiting = "Waiting"
    Released = "Released"
    Running = "Running"
    Completed = "Completed"
    Aborted = "Aborted"
    Cancelled = "Cancelled"


class Note(StrEnum):
    """Why a job waits, or what went wrong with its command. `wording` says it on screen."""

    none = ""
    predecessor = "predecessor"
    not_its_turn = "not-its-turn"
    machine_local = "machine-local"
    machine_unknown = "machine-unknown"
    no_bridge = "no-bridge"
    dispatch_refused = "dispatch-refused"
    dispatch_expired = "dispatch-expired"
    dispatch_unknown = "dispatch-unknown"
    command_refused = "command-refused"
    forgotten_by_machine = "forgotten-by-machine"


class CountKind(StrEnum):
    good = "good"
    scrap = "scrap"
    rework = "rework"
    """Sent to rework: neither good nor scrap of the job they left."""


class JobRole(StrEnum):
    """Why there is this job, beside the one its step began with."""

    main = ""
    part = "part"
    """Split off from a job of the same step."""
    rework = "rework"
    """Pieces that return to a step at or before the one they left: that step counts them, not this job."""
    repair = "repair"
    """Pieces that go on after the step they left: what is good here is that step's."""
    repeat = "repeat"
    """A step that reworked pieces pass again."""


class FirstArticle(StrEnum):
    """Where the first article of a job stands."""

    none = ""
    wanted = "wanted"
    """The job goes on until its pieces are there."""
    due = "due"
    """They are there, and the job is held until somebody says passed or failed."""
    failed = "failed"
    """The job stays held: until a new one is asked for, or somebody says passed after all."""
    passed = "passed"


GATED: Final = frozenset({FirstArticle.due, FirstArticle.failed})
"""What holds a job."""


class LinkKind(StrEnum):
    """How pieces to make came from one job to another."""

    split_off = "split"
    merge = "merge"
    rework = "rework"


class Remainder(StrEnum):
    """What becomes of what a job was asked for and did not make."""

    closed = "closed"
    split_off = "split"


class Cause(StrEnum):
    machine = "machine"
    operator = "operator"
    counted = "counted"
    """What a person's count of an ended job adds to what the machines prove."""
    corrected = "corrected"
    """A supervisor's fact that reverses wrong ones, with a reason."""


class Unassigned(StrEnum):
    """Why a count belongs to no job."""

    no_job = "no-job"
    setup = "setup"
    dry_cycle = "dry-cycle"
    unknown_job = "unknown-job"
    ambiguous = "ambiguous"
    counted_by_hand = "counted-by-hand"
    """Told late of a job whose pieces a person had counted by then."""


@dataclass(frozen=True, slots=True)
class JobRun:
    """The time a job had its equipment, from its first `Running` to its end; open while it has it."""

    job_pk: int
    equipment_pk: int
    started_at_us: int
    ended_at_us: int | None


class Count(NamedTuple):
    """Pieces counted between two instants: at least `low_e6`, at most `high_e6` (None: unbounded)."""

    job_pk: int | None
    equipment_pk: int
    kind: CountKind
    reason_id: str
    low_e6: int
    high_e6: int | None
    from_at_us: int
    source_at_us: int
    cause: Cause
    unassigned: str = ""
    tag: str = ""
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class MachineJobReport:
    """What a machine said about its job at one instant (OPC 10031-4 StateNumber; 0: it has none)."""

    equipment_pk: int
    job_id: str
    state: int
    substate: int
    at_us: int


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as screens and REST show it. Quantities are pieces in `unit`; `*_high` None: no upper bound is known."""

    pk: int
    job_id: str
    operations_request_id: str
    work_request_id: str
    segment_id: str
    description: str
    material_id: str
    material_description: str
    work_master_id: str
    work_master_version: str
    equipment_id: str
    work_center_id: str
    area_id: str
    sequence: int
    priority: int
    due_at: datetime | None
    state: JobState
    substate: int
    dispatch_status: DispatchStatus
    note: str
    note_text: str
    quantity: Decimal
    unit: str
    cycles: int
    cycle_unit: str
    good_low: Decimal
    good_high: Decimal | None
    scrap_low: Decimal
    scrap_high: Decimal | None
    started_at: datetime | None
    ended_at: datetime | None
    target_now: Decimal | None
    nominal_cycle_s: Decimal | None
    version: int
    manual: bool
    undo_until: datetime | None
    confirmed_by: str
    awaits_count: bool = False
    """It is over, the ERP knows the proven minimum, and a person has to count its pieces."""
    role: JobRole = JobRole.main
    hold_reason: str = ""
    """Why a supervisor holds it; "": nobody does."""
    first_article: FirstArticle = FirstArticle.none
    setup_family: str = ""
    rank: int | None = None
    """Its place among jobs of its priority, where a supervisor put them in a sequence."""
    rework: Decimal = Decimal(0)
    """Pieces that left it for rework."""
    deviation: str = ""
    """`under` or `over` where it ended outside the order's tolerance."""

    @property
    def cancelled(self) -> bool:
        return self.dispatch_status is DispatchStatus.Cancelled

    @property
    def gated(self) -> bool:
        """Its first article has to be decided."""
        return self.first_article in GATED

    @property
    def held(self) -> bool:
        """By a supervisor, or by its first article."""
        return bool(self.hold_reason) or self.gated

    @property
    def waits(self) -> bool:
        """It has not begun and may still."""
        return self.state in (JobState.NotAllowedToStart, JobState.AllowedToStart) and not self.cancelled

    @property
    def over(self) -> bool:
        return self.state in FINAL_STATES or self.cancelled


@dataclass(frozen=True, slots=True)
class OrderCard:
    """An operations request with its jobs in order."""

    pk: int
    operations_request_id: str
    version: str
    description: str
    material_id: str
    material_description: str
    quantity: Decimal
    unit: str
    due_at: datetime | None
    priority: int
    state: RequestState
    late: bool
    at_risk: bool
    jobs: tuple[JobView, ...]
    revision: int = 1
    """Guards what is changed of the order itself: its priority, its due date."""
    under_percent: Decimal | None = None
    over_percent: Decimal | None = None
    """How much less or more than asked its jobs may deliver; None: nobody said."""


@dataclass(frozen=True, slots=True)
class JobLink:
    """So many pieces went from one job to another: split off, merged into it, or sent to rework."""

    at: datetime
    from_job_id: str
    to_job_id: str
    kind: LinkKind
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """`what` is the event's type; `actor` the principal's key, None for the plant itself."""

    at: datetime
    what: str
    actor: int | None
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CountFact:
    at: datetime
    job_id: str
    equipment_id: str
    kind: CountKind
    reason_id: str
    low: Decimal
    high: Decimal | None
    cause: Cause
    unassigned: str


@dataclass(frozen=True, slots=True)
class OrderDetail:
    card: OrderCard
    events: tuple[OrderEvent, ...]
    counts: tuple[CountFact, ...]


@dataclass(frozen=True, slots=True)
class UnassignedCount:
    equipment_id: str
    at: datetime
    quantity: Decimal
    quantity_high: Decimal | None
    kind: CountKind
    reason: str


class RequestSpec(NamedTuple):
    """An order as it is asked for."""

    id: str
    quantity: Decimal
    version: str = "1"
    unit: str | None = None
    material_id: str | None = None
    operations_definition_id: str | None = None
    description: str = ""
    priority: int = 50
    due_at: datetime | None = None
    under_percent: Decimal | None = None
    over_percent: Decimal | None = None
