"""What the server knows of a bridge: which tag means what, and what it was asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from standards.lineside.health_v1 import STALE_AFTER_S, BridgeHealth

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
