"""Pure: whether a binding makes sense, when a bridge counts as silent, what may be decided about a certificate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from mes.edge.types import CommandState, CommandView, Signal, TagBindingSpec
from standards.lineside.commands_v1 import TrustAction
from standards.lineside.health_v1 import CertificateState
from standards.packml.states import STATE_MAPS

IDENTITIES: Final = ("serial", "lot", "unit", "new-unit", "new-panel", "mounted-lot", "spliced-lot")
"""What an identity may be of; serials and lots are kept in history, the others make genealogy, too."""
IN_SLOTS: Final = frozenset({"mounted-lot", "spliced-lot"})
RESULTS: Final = ("verdict", "defect-code", "defect-position", "together")
"""What a result tells: a part of it, or all together as a list."""

SILENT_AFTER_US: Final = 15_000_000
"""A bridge asks for commands at least every few seconds; after 15 s without a word its machines are unknown."""


def binding_faults(spec: TagBindingSpec) -> Iterator[str]:
    """What is wrong with one binding, in sentences; nothing if it can be used."""
    if spec.signal not in set(Signal):
        yield f"signal {spec.signal!r} is not one of {', '.join(Signal)}"
        return
    if spec.signal == Signal.counter:
        yield from _counter_faults(spec)
    if spec.signal == Signal.equipment_state and spec.state_map not in STATE_MAPS:
        yield f"state_map {spec.state_map!r} is not one of {', '.join(STATE_MAPS)}"
    if spec.signal == Signal.identity and spec.what not in IDENTITIES:
        yield f"what {spec.what!r} is not one of {', '.join(IDENTITIES)}"
    if spec.signal == Signal.result and spec.what not in RESULTS:
        yield f"what {spec.what!r} is not one of {', '.join(RESULTS)}"
    if (spec.what in IN_SLOTS) != bool(spec.slot_id):
        yield "a mounted or spliced lot has a slot, and nothing else has"


def _counter_faults(spec: TagBindingSpec) -> Iterator[str]:
    if spec.counts not in {"good", "scrap"}:
        yield "counts must be good or scrap"
    if spec.counts == "scrap" and spec.counting_point_of and not spec.reason_id:
        yield "a counter of scrap needs a reason"
    if spec.units_per_count_e6 <= 0:
        yield "units_per_count must be positive"
    if spec.modulus is not None and spec.modulus < 2:
        yield "modulus must be at least 2"
    if spec.max_per_s is not None and spec.max_per_s <= 0:
        yield "max_per_s must be positive"


def is_silent(last_seen_at_us: int | None, now_us: int) -> bool:
    """Whether nobody heard of the bridge for too long."""
    return last_seen_at_us is None or now_us - last_seen_at_us > SILENT_AFTER_US


_DECISIONS: Final[Mapping[CertificateState, tuple[TrustAction, ...]]] = {
    CertificateState.waiting: (TrustAction.approve, TrustAction.reject),
    CertificateState.trusted: (TrustAction.revoke,),
    CertificateState.refused: (TrustAction.approve,),
    CertificateState.revoked: (TrustAction.approve,),
}


def open_decisions(state: CertificateState, commands: Iterable[CommandView], now_us: int) -> tuple[TrustAction, ...]:
    """What may be decided about a certificate that stands so: nothing while the bridge has still to answer to one of
    these commands."""
    if any(command.standing(now_us) is CommandState.waiting for command in commands):
        return ()
    return _DECISIONS.get(state, ())
