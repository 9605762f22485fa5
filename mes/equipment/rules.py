"""Rules of the hierarchy and of equipment state, pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mes.equipment.types import Confirmation, HierarchyNode, Place, StateChange, StateSpan
from standards.isa95.equipment_hierarchy import (
    WORK_CENTER_LEVELS,
    WORK_UNIT_LEVELS,
    EquipmentLevel,
    may_nest,
)
from standards.packml.states import EquipmentState


@dataclass(frozen=True, slots=True)
class HierarchyFault:
    """What is wrong with one equipment's place in the hierarchy; `code` as in docs/problems."""

    equipment_id: str
    code: str
    message: str


def hierarchy_faults(nodes: Mapping[str, HierarchyNode], *, of: Iterable[str]) -> tuple[HierarchyFault, ...]:
    """Missing parents, cycles and forbidden nestings of the equipment named in `of`, all of them.

    Levels and nesting: ISA-95 part 1 clause 5.3. A cycle is reported for every equipment on it.
    """
    faults = (fault for equipment_id in of if (fault := _fault_of(nodes, nodes[equipment_id])))
    return tuple(faults)


def _fault_of(nodes: Mapping[str, HierarchyNode], node: HierarchyNode) -> HierarchyFault | None:
    if node.parent_id is not None and node.parent_id not in nodes:
        return _fault(node, "parent-not-found", f"there is no equipment {node.parent_id!r} to stand under")
    if is_on_cycle(nodes, node.equipment_id):
        return _fault(node, "equipment-cycle", f"{node.equipment_id!r} would stand under itself")
    parent = nodes[node.parent_id] if node.parent_id is not None else None
    if may_nest(node.level, parent.level if parent else None):
        return None
    where = f"directly under a {parent.level} ({parent.equipment_id!r})" if parent else "without a parent"
    return _fault(node, "equipment-nesting", f"a {node.level} may not stand {where}")


def _fault(node: HierarchyNode, code: str, message: str) -> HierarchyFault:
    return HierarchyFault(node.equipment_id, code, message)


def is_on_cycle(nodes: Mapping[str, HierarchyNode], equipment_id: str) -> bool:
    """Whether following parents from this equipment comes back to it."""
    seen: set[str] = set()
    current = nodes[equipment_id].parent_id
    while current is not None and current in nodes and current not in seen:
        if current == equipment_id:
            return True
        seen.add(current)
        current = nodes[current].parent_id
    return False


def place_of(nodes: Mapping[str, HierarchyNode], equipment_id: str) -> Place:
    """The work centre and area an equipment stands in; itself where it is one. Needs a hierarchy without faults."""
    work_center = area = None
    current: str | None = equipment_id
    while current is not None:
        node = nodes[current]
        if node.level in WORK_CENTER_LEVELS:
            work_center = current
        elif node.level is EquipmentLevel.Area:
            area = current
        current = node.parent_id
    return Place(work_center, area)


def may_confirm(level: EquipmentLevel) -> bool:
    """Whether jobs run on this level, so that somebody must be declared to confirm them."""
    return level in WORK_CENTER_LEVELS or level in WORK_UNIT_LEVELS


def confirmed_by(own: Confirmation | None, work_center: Confirmation | None) -> Confirmation:
    """Who confirms jobs: the equipment's own word, else its work centre's, else the machine."""
    return own or work_center or Confirmation.Machine


def fold_states(timeline: Sequence[StateSpan], changes: Iterable[StateChange]) -> tuple[StateSpan, ...]:
    """The timeline of one equipment after more facts, in whatever order they came.

    A late fact splits the span it falls into and holds until the next fact we remember, so the newest fact always
    says the present state. A fact that only repeats the state of its span changes no border; it may name a cause nobody
    had named. Two facts for one instant: the later told one is right. Neighbours of equal state are one span, which
    remembers only the newest of its facts.
    """
    spans = list(timeline)
    for change in sorted(changes, key=lambda c: c.at_us):
        _merge_around(spans, _insert(spans, change))
    return tuple(spans)


def _insert(spans: list[StateSpan], change: StateChange) -> int:
    """Answers the place of the span that says so now."""
    at = bisect_right(spans, change.at_us, key=_from_us) - 1
    if at >= 0 and spans[at].state is change.state:
        spans[at] = _joined(spans[at], change.cause, change.alarm_text, change.at_us)
        return at
    told = StateSpan(change.at_us, change.state, change.cause, change.alarm_text)
    if at < 0:
        spans.insert(0, told)
        return 0
    parts = _split(spans[at], told)
    spans[at : at + 1] = parts
    return at + parts.index(told)


def _from_us(span: StateSpan) -> int:
    return span.from_us


def _split(span: StateSpan, told: StateSpan) -> list[StateSpan]:
    kept = span.told_us if span.told_us < told.from_us else span.from_us
    before = [replace(span, told_us=kept)] if span.from_us < told.from_us else []
    after = [replace(span, from_us=span.told_us)] if span.told_us > told.from_us else []
    return [*before, told, *after]


def _joined(span: StateSpan, cause: str, alarm_text: str, told_us: int) -> StateSpan:
    return StateSpan(
        span.from_us, span.state, span.cause or cause, span.alarm_text or alarm_text, max(span.told_us, told_us)
    )


def _merge_around(spans: list[StateSpan], at: int) -> None:
    """Make one of a span and its neighbours of the same state."""
    for left in (at, at - 1):
        if 0 <= left < len(spans) - 1 and spans[left].state is spans[left + 1].state:
            right = spans[left + 1]
            spans[left : left + 2] = [_joined(spans[left], right.cause, right.alarm_text, right.told_us)]


def is_known(state: EquipmentState, *, silenced: bool) -> bool:
    """Whether a screen may show the state as the machine's present word."""
    return state is not EquipmentState.Unknown and not silenced
