"""What the server knows of a bridge: which tag means what, and what it was asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import msgspec

from standards.lineside.commands_v1 import Node, NodeList, Proposals, Seen, TrustAction
from standards.lineside.health_v1 import STALE_AFTER_S, BridgeHealth, CertificateNote, CertificateState

PIECE_E6: Final = 1_000_000


class Signal(StrEnum):
    """What a tag means to the plant."""

    equipment_state = "equipment-state"
    unit_mode = "unit-mode"
    remote_control = "remote-control"
    restart_marker = "restart-marker"
    counter = "counter"
    job_order = "job-order"
    job_state = "job-state"
    job_substate = "job-substate"
    identity = "identity"
    measurement = "measurement"
    alarm = "alarm"
    result = "result"
    """A part of what a tester or an inspection machine found."""


@dataclass(frozen=True, slots=True)
class TagBindingSpec:
    """A binding as a person or a plant file gives it; ids, not keys."""

    tag: str
    signal: str
    equipment_id: str
    counts: str = ""
    """`good` or `scrap`, for a counter."""
    reason_id: str = ""
    units_per_count_e6: int = PIECE_E6
    """Pieces one count stands for, scaled by 10^6."""
    modulus: int | None = None
    """The counter runs from 0 to modulus - 1, then wraps."""
    counting_point_of: str = ""
    """Equipment id whose jobs this counter reports; empty: it only counts cycles of its own machine."""
    max_per_s: float | None = None
    """Counts per second that can never be exceeded: the bound of what nobody could have seen."""
    retentive: bool = False
    """The counter keeps its value when the machine restarts."""
    state_map: str = ""
    what: str = ""
    unit: str = ""
    slot_id: str = ""
    """Where the lot is that an identity tells."""


@dataclass(frozen=True, slots=True)
class TagBinding:
    """A binding as ingest reads it."""

    pk: int
    tag: str
    signal: Signal
    equipment_pk: int
    counts: str
    reason_id: str
    units_per_count_e6: int
    modulus: int | None
    counting_point_of_pk: int | None
    max_per_s: float | None
    retentive: bool
    state_map: str
    what: str
    unit: str
    slot_id: str = ""


class CommandState(StrEnum):
    waiting = "waiting"
    done = "done"
    refused = "refused"
    expired = "expired"
    failed = "failed"


@dataclass(frozen=True, slots=True)
class CommandView:
    pk: int
    id: str
    kind: str
    payload: dict[str, Any]
    state: CommandState
    created_at_us: int
    expires_at_us: int
    message: str
    code: str = ""
    finished_at_us: int | None = None
    asked_by: str = ""
    """Display name of the person; empty: the server itself."""

    def standing(self, now_us: int) -> CommandState:
        """Expired, too, where the bridge has not answered in time: it may have been away, or its answer may."""
        late = self.state is CommandState.waiting and self.expires_at_us <= now_us
        return CommandState.expired if late else self.state


@dataclass(frozen=True, slots=True)
class CertificateView:
    """The certificate of a machine's server as the bridge told of it last, and what people decided about it."""

    note: CertificateNote
    allowed: tuple[TrustAction, ...]
    """What may be decided now."""
    decisions: tuple[CommandView, ...] = ()
    """The newest first."""


@dataclass(frozen=True, slots=True)
class BridgeReport:
    """A bridge and what it last said of itself; `health` None: it never did (or is of before health_v1)."""

    bridge: BridgeView
    health: BridgeHealth | None
    received_at_us: int

    @property
    def shift_us(self) -> int:
        """What turns an instant of the bridge's clock into one of ours."""
        return 0 if self.health is None else self.received_at_us - self.health.at_us

    @property
    def certificates(self) -> tuple[CertificateNote, ...]:
        """Those told of whole, then those of which an older bridge tells only that they wait."""
        if self.health is None:
            return ()
        told = {note.thumbprint for note in self.health.certificates}
        bare = (mark for mark in self.health.certificates_waiting if mark not in told)
        return (*self.health.certificates, *(CertificateNote(mark, CertificateState.waiting) for mark in bare))

    def age_s(self, now_us: int) -> float:
        """How old the report is."""
        return max(0, now_us - self.received_at_us) / 1_000_000

    def is_fresh(self, now_us: int) -> bool:
        """Whether the report says how it is now."""
        return self.health is not None and self.age_s(now_us) <= STALE_AFTER_S


@dataclass(frozen=True, slots=True)
class BridgeView:
    pk: int
    id: str
    description: str
    last_seen_at_us: int | None
    silent_since_us: int | None
    bindings_mark: str = ""


class SetupState(StrEnum):
    """How far a machine is set up."""

    open = "open"
    applying = "applying"
    """The bridge was asked to put it into its tag map."""
    applied = "applied"
    given_up = "given-up"


class SetupStep(StrEnum):
    """What the bridge is asked for it."""

    propose = "propose"
    browse = "browse"
    watch = "watch"
    apply = "apply"


class ModelSlot(StrEnum):
    """What a signal may be to a work unit."""

    good = "good"
    scrap = "scrap"
    cycles = "cycles"
    """A counter that only counts its own machine's cycles."""
    state = "state"
    """Of PackML."""
    machinery_state = "machinery-state"
    """Of OPC 40001-1."""
    mode = "mode"
    serial = "serial"
    lot = "lot"
    alarm = "alarm"
    measurement = "measurement"


class Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    """One signal that somebody has chosen, with all that is needed to bind it."""

    key: str
    """What the bridge knows the node by."""
    node: str
    tag: str
    """Below the machine's name."""
    slot: ModelSlot
    path: list[str] = []
    words: str = ""
    data_type: str = ""
    unit: str = ""
    reason_id: str = ""
    """Of scrap."""
    equipment_id: str = ""
    """Whose it is, if not the whole machine's: a cell of a line."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A signal by its key, what it shall be, and whose if not the whole machine's."""

    key: str
    slot: ModelSlot
    reason_id: str = ""
    equipment_id: str = ""


class SetupContent(msgspec.Struct, frozen=True, omit_defaults=True):
    choices: list[Choice] = []
    bound: list[str] = []
    """Tags that this set-up has bound, and nothing else had."""
    in_use: list[str] = []
    """Those of them that the bridge has taken at some time: they are never unbound again."""
    asked: list[Choice] = []
    """What the bridge was asked for last."""
    taken: list[Choice] = []
    """What the bridge has taken last."""


@dataclass(frozen=True, slots=True)
class StepView:
    """What the bridge was asked last, and its answer; `document` is None as long as there is none."""

    what: SetupStep
    node: str
    standing: CommandState
    code: str
    message: str
    asked_at_us: int
    expires_at_us: int
    finished_at_us: int | None
    document: Any = None


@dataclass(frozen=True, slots=True)
class SetupView:
    """A machine that is set up, with the last of each step."""

    id: str
    bridge: BridgeView
    equipment_id: str
    name: str
    url: str
    state: SetupState
    choices: tuple[Choice, ...]
    version: int
    begun_by: str
    begun_at_us: int
    changed_at_us: int
    steps: dict[SetupStep, StepView]
    proposals: Proposals | None = None
    """Of the last look that was answered."""
    seen: dict[str, Seen] = field(default_factory=dict)
    """By key: what was seen last, while somebody watched or when it was proposed."""
    doubtful: frozenset[str] = frozenset()
    """Keys of choices that were seen to do what their slot does not."""
    suggested: dict[str, Pick] = field(default_factory=dict)
    """By key: proposals sure enough to be taken unless somebody says otherwise."""


@dataclass(frozen=True, slots=True)
class TreeLevel:
    """What is right below a node of a machine."""

    root: str
    step: StepView | None
    nodes: NodeList | None

    def node(self, key: str) -> Node | None:
        return next((n for n in self.nodes.nodes if n.key == key), None) if self.nodes is not None else None


@dataclass(frozen=True, slots=True)
class TemplateView:
    id: str
    signals: int
    saved_at_us: int
