"""Pure: what may be chosen for a machine, and what the plant and the bridge make of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from mes.edge.types import Choice, CommandState, ModelSlot, Pick, SetupState, SetupView, TagBindingSpec
from standards.lineside.commands_v1 import MapEndpoint, MapTag, Node, Proposals, Seen
from standards.lineside.ingest_v1 import MAX_TAG
from standards.opcua.node_names import address, general, named

MAX_CHOICES: Final = 100
MAX_URL: Final = 300
MAX_PART: Final = 1_000
"""Characters of an address or a step of it."""
URL: Final = re.compile(r"opc\.tcp://[^\s\x00-\x1f]+")
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}")
_ONLY_ONE: Final = (
    (frozenset({ModelSlot.good}), "one counter of good pieces"),
    (frozenset({ModelSlot.state, ModelSlot.machinery_state}), "one state"),
    (frozenset({ModelSlot.mode}), "one mode"),
)
_CLASSES: Final = {
    ModelSlot.good: "counter",
    ModelSlot.scrap: "counter",
    ModelSlot.cycles: "counter",
    ModelSlot.state: "state",
    ModelSlot.machinery_state: "state",
    ModelSlot.mode: "state",
    ModelSlot.serial: "identity",
    ModelSlot.lot: "identity",
    ModelSlot.alarm: "alarm",
    ModelSlot.measurement: "measurement",
}


def place_faults(name: str, url: str) -> Iterator[tuple[str, str]]:
    """Field and sentence: what is wrong with the name and the address of a machine."""
    if NAME.fullmatch(name) is None:
        yield "name", "a name has letters, digits and . _ : - and at most 80 characters"
    if URL.fullmatch(url) is None or len(url) > MAX_URL:
        yield "url", "an address begins with opc.tcp:// and has no spaces"


def choice_faults(name: str, choices: Sequence[Choice]) -> Iterator[tuple[str, str]]:
    """Tag and sentence: what does not fit about what was chosen."""
    if len(choices) > MAX_CHOICES:
        yield "", f"at most {MAX_CHOICES} signals of one machine"
    for slots, what in _ONLY_ONE:
        found = Counter(choice.equipment_id for choice in choices if choice.slot in slots)
        yield from ((place, f"a machine, and each part of it, has {what}") for place, n in found.items() if n > 1)
    for key, count in Counter(choice.tag for choice in choices).items():
        if count > 1:
            yield key, "two signals have this name"
    for choice in choices:
        if choice.slot is ModelSlot.scrap and not choice.reason_id:
            yield choice.tag, "a counter of scrap needs a reason"
        if not choice.tag or len(full_tag(name, choice)) > MAX_TAG:
            yield choice.tag, "the name of the signal is too long"
        if any("\x00" in part for part in (choice.tag, choice.reason_id, choice.equipment_id, choice.unit)):
            yield choice.tag, "it must not contain a NUL character"
        if any(len(part) > MAX_PART for part in (choice.key, choice.node, *choice.path)):
            yield choice.tag, "its address on the machine is too long"


def full_tag(name: str, choice: Choice) -> str:
    return f"{name}.{choice.tag}"


def bindings_of(name: str, equipment_id: str, choices: Iterable[Choice]) -> list[TagBindingSpec]:
    """What the tags of these choices mean. Pieces counted at a part of the machine are those of the machine's jobs."""
    return [_binding(full_tag(name, choice), equipment_id, choice) for choice in choices]


def _binding(tag: str, machine: str, choice: Choice) -> TagBindingSpec:
    place = choice.equipment_id or machine
    match choice.slot:
        case ModelSlot.good:
            return TagBindingSpec(tag, "counter", place, "good", counting_point_of=machine)
        case ModelSlot.scrap:
            return TagBindingSpec(tag, "counter", place, "scrap", choice.reason_id, counting_point_of=machine)
        case ModelSlot.cycles:
            return TagBindingSpec(tag, "counter", place, "good")
        case ModelSlot.state:
            return TagBindingSpec(tag, "equipment-state", place, state_map="packml")
        case ModelSlot.machinery_state:
            return TagBindingSpec(tag, "equipment-state", place, state_map="machinery")
        case ModelSlot.mode:
            return TagBindingSpec(tag, "unit-mode", place)
        case ModelSlot.serial | ModelSlot.lot:
            return TagBindingSpec(tag, "identity", place, what=choice.slot.value)
        case ModelSlot.alarm:
            return TagBindingSpec(tag, "alarm", place)
        case ModelSlot.measurement:
            return TagBindingSpec(tag, "measurement", place, unit=choice.unit)


def endpoint_of(name: str, url: str, choices: Iterable[Choice]) -> MapEndpoint:
    """What the bridge puts into its tag map."""
    tags = [MapTag(full_tag(name, c), c.node, _CLASSES[c.slot], c.path) for c in choices]
    return MapEndpoint(name, url, tags)


def may_change(state: SetupState, apply: CommandState | None) -> bool:
    """Whether it may be chosen, applied again or given up: not while the bridge is at it."""
    return state is not SetupState.given_up and not (state is SetupState.applying and apply is CommandState.waiting)


def like_others(choices: Iterable[Choice], *, machine: str, own: str) -> list[Choice]:
    """Choices of one machine, for all machines like it; they have no key, and no part of the plant."""
    return [
        _rewritten(c, lambda text: general(text, machine=machine, own=own), key="", equipment_id="") for c in choices
    ]


def for_machine(choices: Iterable[Choice], *, machine: str) -> list[Choice]:
    """The other way; the key is made anew."""
    made = [_rewritten(c, lambda text: named(text, machine=machine)) for c in choices]
    return [replace(c, key=address(c.node, c.path)) for c in made]


def _rewritten(choice: Choice, one: Callable[[str], str], **over: str) -> Choice:
    path = [one(step) for step in choice.path]
    return replace(choice, node=one(choice.node), path=path, tag=one(choice.tag), words=one(choice.words), **over)


SURE: Final = 0.8
"""Two kinds of evidence (decision 0041)."""
_SUGGESTED: Final = {
    "good": ModelSlot.good,
    "total": ModelSlot.cycles,
    "state": ModelSlot.state,
    "mode": ModelSlot.mode,
    "identity": ModelSlot.serial,
    "alarm": ModelSlot.alarm,
    "measurement": ModelSlot.measurement,
}
"""Scrap is not among them: somebody has to say why."""
_DOUBTFUL: Final = {
    "counter": frozenset({"unreadable", "wandering", "few-values", "keeping-time", "fresh-values"}),
    "state": frozenset({"unreadable", "wandering", "keeping-time", "rising"}),
    "identity": frozenset({"unreadable", "wandering", "few-values"}),
    "alarm": frozenset({"unreadable", "wandering", "keeping-time"}),
    "measurement": frozenset({"unreadable"}),
}


def suggestions(proposals: Proposals | None) -> dict[str, Pick]:
    """What of it is sure enough to be offered as taken: of the slots that there is one of, the surest only."""
    found: dict[str, Pick] = {}
    taken: set[ModelSlot] = set()
    single = {slot for slots, _ in _ONLY_ONE for slot in slots}
    for tag in [] if proposals is None else proposals.tags:
        slot = _SUGGESTED.get(tag.slot)
        if slot is None or tag.confidence < SURE or (slot in single and slot in taken):
            continue
        taken.add(slot)
        found[tag.at.key] = Pick(tag.at.key, slot)
    return found


def is_doubtful(slot: ModelSlot, seen: Seen | None) -> bool:
    """Whether it was seen to do what such a signal does not."""
    return seen is not None and seen.pattern in _DOUBTFUL[_CLASSES[slot]]


def known_signals(setup: SetupView) -> dict[str, Choice]:
    """All that can be picked, by key: what was proposed, and what is chosen already."""
    tags = () if setup.proposals is None else setup.proposals.tags
    proposed = {tag.at.key: _of_node(tag.at, tag.tag) for tag in tags}
    return proposed | {choice.key: choice for choice in setup.choices}


def picked(choice: Choice, pick: Pick) -> Choice:
    """The signal as what it was picked for; a reason only where one is needed."""
    reason_id = pick.reason_id if pick.slot is ModelSlot.scrap else ""
    return replace(choice, slot=pick.slot, reason_id=reason_id, equipment_id=pick.equipment_id)


def from_tree(node: Node, *, taken: Collection[str]) -> Choice:
    """A variable of the tree, under a name that none of the `taken` has."""
    name = re.sub(r"[^\w.-]+", "_", node.name).strip("_.") or "signal"
    tag, number = name, 1
    while tag in taken:
        number += 1
        tag = f"{name}-{number}"
    return _of_node(node, tag)


def _of_node(node: Node, tag: str) -> Choice:
    slot = ModelSlot.measurement
    if node.data_type == "Boolean":
        slot = ModelSlot.alarm
    elif node.data_type in ("String", "LocalizedText", "ByteString", "Guid"):
        slot = ModelSlot.serial
    return Choice(node.key, node.node, tag, slot, node.path, node.words, node.data_type, node.unit)
