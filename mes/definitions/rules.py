"""Rules of definitions, pure: how many cycles, whether a routing makes sense."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal

from mes.definitions.types import SegmentSpec
from mes.kernel.errors import FieldError


def cycles_for(quantity_e6: int, per_cycle_e6: int) -> int:
    """The least number of whole cycles that yields at least the quantity. ValueError unless both are positive."""
    if quantity_e6 <= 0 or per_cycle_e6 <= 0:
        raise ValueError("quantity and quantity per cycle are positive")
    return -(-quantity_e6 // per_cycle_e6)


def planned_e6(quantity_e6: int, per_cycle_e6: int) -> int:
    """What those cycles yield: 50 boards at 8 a panel are 7 panels and 56 boards."""
    return cycles_for(quantity_e6, per_cycle_e6) * per_cycle_e6


def next_label(labels: Collection[str]) -> str:
    """The number after the highest numeric version label; "1" at first."""
    return str(max((int(label) for label in labels if label.isascii() and label.isdigit()), default=0) + 1)


def segment_faults(segments: Sequence[SegmentSpec]) -> tuple[FieldError, ...]:
    """Everything that makes a routing impossible, by segment id ("" for the routing itself)."""
    if not segments:
        return (FieldError("", "a definition has at least one segment", "no-segments"),)
    checks = (_duplicates, _quantities, _unknown_dependencies, _cycles)
    return tuple(fault for check in checks for fault in check(segments))


def _duplicates(segments: Sequence[SegmentSpec]) -> Iterator[FieldError]:
    for segment_id, times in Counter(s.segment_id for s in segments).items():
        if times > 1:
            yield FieldError(segment_id, f"there are {times} segments {segment_id!r}", "duplicate-id")


def _quantities(segments: Sequence[SegmentSpec]) -> Iterator[FieldError]:
    for segment in segments:
        numbers = (segment.quantity_per_cycle, *(m.quantity for m in segment.materials))
        if any(number <= 0 for number in (*numbers, segment.nominal_cycle_s or Decimal(1))):
            message = "quantities per cycle and per piece and cycle times are more than 0"
            yield FieldError(segment.segment_id, message, "quantity-not-positive")


def _unknown_dependencies(segments: Sequence[SegmentSpec]) -> Iterator[FieldError]:
    known = {s.segment_id for s in segments}
    for segment in segments:
        for dependency in segment.after:
            if dependency.segment_id not in known:
                message = f"there is no segment {dependency.segment_id!r} to come after"
                yield FieldError(segment.segment_id, message, "segment-not-found")


def _cycles(segments: Sequence[SegmentSpec]) -> Iterator[FieldError]:
    after = {s.segment_id: {d.segment_id for d in s.after} for s in segments}
    for segment_id in after:
        if segment_id in _before(segment_id, after):
            yield FieldError(segment_id, "it would have to wait for itself", "segment-cycle")


def _before(segment_id: str, after: Mapping[str, Collection[str]]) -> set[str]:
    """Every segment that must come before this one."""
    found: set[str] = set()
    waiting = list(after[segment_id])
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting.extend(after.get(current, ()))
    return found
