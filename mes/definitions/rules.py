"""Rules of definitions, pure: how many cycles, whether a routing makes sense."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from mes.definitions.types import FIRST_ARTICLE_MAX, TOLERANCE_MAX, SegmentDependency, SegmentSpec
from mes.kernel.errors import FieldError

SCRAP_ALLOWANCE_MAX: Final = 1_000
"""Percent."""


def cycles_for(quantity_e6: int, per_cycle_e6: int) -> int:
    """The least number of whole cycles that yields at least the quantity. ValueError unless both are positive."""
    if quantity_e6 <= 0 or per_cycle_e6 <= 0:
        raise ValueError("quantity and quantity per cycle are positive")
    return -(-quantity_e6 // per_cycle_e6)


def planned_e6(quantity_e6: int, per_cycle_e6: int) -> int:
    """What those cycles yield: 50 boards at 8 a panel are 7 panels and 56 boards."""
    return cycles_for(quantity_e6, per_cycle_e6) * per_cycle_e6


def needed_e6(pieces_e6: int, per_piece_e6: int, allowance_e6: int) -> int:
    """What so many pieces need of a material, its scrap allowance (percent × 10^6) on top; rounded up at 10^-6.

    >>> needed_e6(50_000_000, 600_000, 2_000_000) # 50 boards at 0.6 g and 2 % are 30.6 g
    30600000
    """
    return -(-pieces_e6 * per_piece_e6 * (100_000_000 + allowance_e6) // 100_000_000_000_000)


def next_label(labels: Collection[str]) -> str:
    """The number after the highest numeric version label; "1" at first."""
    return str(max((int(label) for label in labels if label.isascii() and label.isdigit()), default=0) + 1)


def segment_faults(segments: Sequence[SegmentSpec]) -> tuple[FieldError, ...]:
    """Everything that makes a routing impossible, by segment id ("" for the routing itself)."""
    if not segments:
        return (FieldError("", "a definition has at least one segment", "no-segments"),)
    checks = (
        _duplicates,
        _quantities,
        _allowances,
        _first_articles,
        _places,
        _substitutes,
        _unknown_dependencies,
        _cycles,
    )
    return tuple(fault for check in checks for fault in check(segments))


def _duplicates(segments: Sequence[SegmentSpec]) -> Iterator[FieldError]:
    for segment_id, times in Counter(s.segment_id for s in segments).items():
        if times > 1:
            yield FieldError(segment_id, f"there are {times} segments {segment_id!r}", "duplicate-id")


def _quantities(segments: Sequence[SegmentSpec]) -> Iterator[FieldError]:
    for segment in segments:
        used = [q for m in segment.materials for q in (m.quantity, *(s.quantity for s in m.substitutes))]
        numbers = (segment.quantity_per_cycle, *used)
        if any(number <= 0 for number in (*numbers, segment.nominal_cycle_s or Decimal(1))):
            message = "quantities per cycle and per piece and cycle times are more than 0"
            yield FieldError(segment.segment_id, message, "quantity-not-positive")


def _allowances(segments: Sequence[SegmentSpec]) -> Iterator[FieldError]:
    for segment in segments:
        if any(not 0 <= m.scrap_allowance <= SCRAP_ALLOWANCE_MAX for m in segment.materials):
            message = f"a scrap allowance is 0 to {SCRAP_ALLOWANCE_MAX} percent"
            yield FieldError(segment.segment_id, message, "scrap-allowance-invalid")


def _first_articles(segments: Sequence[SegmentSpec]) -> Iterator[FieldError]:
    for segment in segments:
        if not 0 <= segment.first_article <= FIRST_ARTICLE_MAX:
            message = f"a first article is 0 to {FIRST_ARTICLE_MAX} pieces"
            yield FieldError(segment.segment_id, message, "first-article-invalid")


def tolerance_faults(under_percent: Decimal | None, over_percent: Decimal | None) -> Iterator[FieldError]:
    """Of what orders may deliver less or more than asked: percent with at most two decimals, as they are kept."""
    for where, percent in (("under_percent", under_percent), ("over_percent", over_percent)):
        if percent is not None and not (0 <= percent <= TOLERANCE_MAX and percent * 100 == int(percent * 100)):
            message = f"a tolerance is 0 to {TOLERANCE_MAX} percent, with at most two decimals"
            yield FieldError(where, message, "tolerance-invalid")


def _places(segments: Sequence[SegmentSpec]) -> Iterator[FieldError]:
    for segment in segments:
        for name, times in Counter((segment.equipment_id, *segment.alternatives)).items():
            if times > 1:
                yield FieldError(segment.segment_id, f"{name!r} stands among its places twice", "duplicate-id")


def _substitutes(segments: Sequence[SegmentSpec]) -> Iterator[FieldError]:
    for segment in segments:
        for material in segment.materials:
            names = Counter((material.material_id, *(s.material_id for s in material.substitutes)))
            for name, times in names.items():
                if times > 1:
                    message = f"{name!r} is to be used instead of {material.material_id!r} twice, or for itself"
                    yield FieldError(segment.segment_id, message, "duplicate-id")


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


def without_segment(segments: Sequence[SegmentSpec], dropped: SegmentSpec) -> tuple[SegmentSpec, ...]:
    """The others; whoever came after it comes after what it came after."""
    return tuple(replace(s, after=_bridged(s.after, dropped)) for s in segments if s.segment_id != dropped.segment_id)


def _bridged(after: Sequence[SegmentDependency], dropped: SegmentSpec) -> tuple[SegmentDependency, ...]:
    names = {d.segment_id for d in after}
    if dropped.segment_id not in names:
        return tuple(after)
    kept = [d for d in after if d.segment_id != dropped.segment_id]
    return (*kept, *(d for d in dropped.after if d.segment_id not in names))


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
