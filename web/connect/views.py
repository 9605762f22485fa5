"""View models of machines that are set up. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from urllib.parse import quote, urlencode

from mes.edge.types import (
    BridgeView,
    Choice,
    CommandState,
    ModelSlot,
    Pick,
    SetupState,
    SetupStep,
    SetupView,
    StepView,
    TemplateView,
    TreeLevel,
)
from mes.kernel.sqltypes import from_us
from standards.lineside.commands_v1 import Node, ProposedTag, Seen
from web.components.elapsed import Elapsed, elapsed

STATES: Final = {
    SetupState.open: ("setup", "settings"),
    SetupState.applying: ("warn", "hourglass"),
    SetupState.applied: ("run", "check"),
    SetupState.given_up: ("off", "x"),
}
"""State → tone and icon."""
STANDINGS: Final = {
    CommandState.waiting: "hourglass",
    CommandState.done: "check",
    CommandState.refused: "ban",
    CommandState.expired: "clock",
    CommandState.failed: "triangle-alert",
}
CODES: Final = (
    *("bad-payload", "bad-url", "machine-not-reachable", "security-refused", "certificate-untrusted", "no-such-node"),
    *("tag-map-refused", "tag-map-not-written", "result-too-large", "bridge-restarted", "expired"),
)
"""Codes of bridges that have words of their own."""
PATTERNS: Final = (
    *("unwatched", "unreadable", "constant", "keeping-time", "few-values", "fresh-values", "wandering"),
    *("rising", "rising-even", "rising-fell"),
)
SCRAP: Final = "scrap:"
LEAVE: Final = ""


@dataclass(frozen=True, slots=True)
class SetupLine:
    """A machine in the list."""

    href: str
    name: str
    url: str
    equipment_id: str
    state: str
    tone: str
    icon: str
    who: str
    age: Elapsed | None


@dataclass(frozen=True, slots=True)
class BoxOption:
    bridge_id: str
    name: str
    silent: bool
    heard: Elapsed | None


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    name: str


@dataclass(frozen=True, slots=True)
class ConnectPage:
    setups: tuple[SetupLine, ...]
    boxes: tuple[BoxOption, ...]
    places: tuple[Option, ...]
    templates: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class StepLine:
    """What the bridge was asked: `standing` is a CommandState, `code` one of CODES or "other" or empty."""

    standing: str
    icon: str
    code: str
    message: str
    asked: Elapsed | None
    is_waiting: bool
    is_bad: bool


@dataclass(frozen=True, slots=True)
class SeenLine:
    """What was seen: `pattern` is one of PATTERNS, the rest are its figures."""

    pattern: str
    n: Decimal
    s: Decimal
    low: Decimal
    high: Decimal
    distinct: Decimal
    first: str
    last: str
    status: str


@dataclass(frozen=True, slots=True)
class ChosenLine:
    tag: str
    words: str
    slot: str
    reason: str
    place: str
    seen: SeenLine | None
    doubtful: bool


@dataclass(frozen=True, slots=True)
class MachineSetup:
    """How far a machine is set up. `silent`: its edge box is."""

    base: str
    version: int
    state: str
    tone: str
    icon: str
    url: str
    equipment_id: str
    bridge: str
    silent: bool
    heard: Elapsed | None
    certificates: str
    look: StepLine | None
    machines: tuple[str, ...]
    remarks: tuple[str, ...]
    proposals: int
    security: str
    chosen: tuple[ChosenLine, ...]
    watch: StepLine | None
    apply: StepLine | None
    may_choose: bool
    may_apply: bool
    is_over: bool
    station: str


@dataclass(frozen=True, slots=True)
class SetupPage:
    name: str
    setup: MachineSetup


@dataclass(frozen=True, slots=True)
class SignalRow:
    """A signal to decide on; `picked` is the value of the option that is selected."""

    key: str
    name: str
    words: str
    data_type: str
    value: str
    unit: str
    status: str
    percent: int
    slot: str
    evidence: tuple[str, ...]
    doubts: tuple[str, ...]
    seen: SeenLine | None
    picked: str
    place: str
    """Whose it is; empty: the whole machine's."""


@dataclass(frozen=True, slots=True)
class SignalsPage:
    base: str
    name: str
    version: int
    rows: tuple[SignalRow, ...]
    more: int
    slots: tuple[str, ...]
    reasons: tuple[Option, ...]
    places: tuple[Option, ...]
    """Parts of the station a signal may belong to."""
    is_first: bool
    """Nothing was chosen yet: what is selected was only proposed."""


@dataclass(frozen=True, slots=True)
class TreeRow:
    key: str
    name: str
    is_variable: bool
    data_type: str
    value: str
    unit: str
    status: str
    is_known: bool


@dataclass(frozen=True, slots=True)
class MachineTree:
    base: str
    query: str
    root: str
    place: str
    step: StepLine | None
    read: Elapsed | None
    rows: tuple[TreeRow, ...]
    complete: bool
    remarks: tuple[str, ...]
    may_choose: bool


@dataclass(frozen=True, slots=True)
class TreePage:
    base: str
    name: str
    tree: MachineTree


def connect_page(
    setups: Iterable[SetupView],
    bridges: Iterable[BridgeView],
    places: Iterable[Option],
    templates: Iterable[TemplateView],
    now: datetime,
) -> ConnectPage:
    return ConnectPage(
        tuple(_setup_line(setup, now) for setup in setups),
        tuple(_box(bridge, now) for bridge in bridges),
        tuple(places),
        tuple(Option(t.id, t.id) for t in templates),
    )


def _setup_line(setup: SetupView, now: datetime) -> SetupLine:
    tone, icon = STATES[setup.state]
    age = elapsed(from_us(setup.changed_at_us), now)
    return SetupLine(
        base_of(setup.id), setup.name, setup.url, setup.equipment_id, setup.state.value, tone, icon, setup.begun_by, age
    )


def _box(bridge: BridgeView, now: datetime) -> BoxOption:
    return BoxOption(bridge.id, bridge.description or bridge.id, _is_silent(bridge), _heard(bridge, now))


def _is_silent(bridge: BridgeView) -> bool:
    return bridge.silent_since_us is not None or bridge.last_seen_at_us is None


def _heard(bridge: BridgeView, now: datetime) -> Elapsed | None:
    return None if bridge.last_seen_at_us is None else elapsed(from_us(bridge.last_seen_at_us), now)


def base_of(setup_id: str) -> str:
    return f"/connect/{quote(setup_id, safe='')}"


def machine_setup(setup: SetupView, now: datetime) -> MachineSetup:
    """How far it is, and what can be done next."""
    tone, icon = STATES[setup.state]
    apply = _step(setup.steps.get(SetupStep.apply), now)
    proposals = setup.proposals
    at_it = setup.state is SetupState.applying and apply is not None and apply.is_waiting
    is_over = setup.state is SetupState.given_up
    return MachineSetup(
        base=base_of(setup.id),
        version=setup.version,
        state=setup.state.value,
        tone=tone,
        icon=icon,
        url=setup.url,
        equipment_id=setup.equipment_id,
        bridge=setup.bridge.description or setup.bridge.id,
        silent=_is_silent(setup.bridge),
        heard=_heard(setup.bridge, now),
        certificates=f"/bridges/{quote(setup.bridge.id, safe='')}/certificates",
        look=_step(setup.steps.get(SetupStep.propose), now),
        machines=() if proposals is None else tuple(proposals.machines),
        remarks=() if proposals is None else tuple(proposals.remarks),
        proposals=0 if proposals is None else sum(bool(tag.slot) for tag in proposals.tags),
        security="" if proposals is None else proposals.security,
        chosen=tuple(_chosen(choice, setup) for choice in setup.choices),
        watch=_step(setup.steps.get(SetupStep.watch), now),
        apply=apply,
        may_choose=not at_it and not is_over,
        may_apply=bool(setup.choices) and not at_it and not is_over,
        is_over=is_over,
        station=f"/s/{quote(setup.equipment_id, safe='')}",
    )


def _step(step: StepView | None, now: datetime) -> StepLine | None:
    if step is None:
        return None
    return StepLine(
        step.standing.value,
        STANDINGS[step.standing],
        (step.code if step.code in CODES else "other") if step.code else "",
        step.message,
        elapsed(from_us(step.asked_at_us), now),
        step.standing is CommandState.waiting,
        step.standing not in (CommandState.waiting, CommandState.done),
    )


def _chosen(choice: Choice, setup: SetupView) -> ChosenLine:
    seen = setup.seen.get(choice.key)
    return ChosenLine(
        f"{setup.name}.{choice.tag}",
        choice.words,
        choice.slot.value,
        choice.reason_id,
        choice.equipment_id,
        None if seen is None else seen_line(seen),
        choice.key in setup.doubtful,
    )


def seen_line(seen: Seen) -> SeenLine:
    pattern = seen.pattern if seen.pattern in PATTERNS else "unwatched"
    if pattern == "rising" and seen.falls:
        pattern = "rising-fell"
    elif pattern == "rising" and seen.rise_least == seen.rise_most:
        pattern = "rising-even"
    return SeenLine(
        pattern,
        Decimal(seen.changes),
        Decimal(round(seen.seconds)),
        Decimal(seen.rise_least),
        Decimal(seen.rise_most),
        Decimal(seen.distinct),
        seen.first,
        seen.last,
        seen.status,
    )


def signals_page(setup: SetupView, reasons: Sequence[Option], places: Sequence[Option] = ()) -> SignalsPage:
    """All that was proposed, what is chosen besides, and what is seen but not proposed."""
    picked = {c.key: Pick(c.key, c.slot, c.reason_id, c.equipment_id) for c in setup.choices}
    is_first = not picked
    tags = () if setup.proposals is None else setup.proposals.tags
    proposed = {tag.at.key for tag in tags}
    selected = setup.suggested if is_first else picked
    added = [_chosen_row(c, setup, selected) for c in setup.choices if c.key not in proposed]
    return SignalsPage(
        base_of(setup.id),
        setup.name,
        setup.version,
        (*added, *(_proposed_row(tag, setup, selected) for tag in tags)),
        0 if setup.proposals is None else setup.proposals.more,
        tuple(slot.value for slot in ModelSlot if slot is not ModelSlot.scrap),
        tuple(reasons),
        tuple(places),
        is_first,
    )


def _proposed_row(tag: ProposedTag, setup: SetupView, selected: dict[str, Pick]) -> SignalRow:
    at, seen = tag.at, setup.seen.get(tag.at.key)
    return SignalRow(
        at.key,
        tag.tag,
        at.words,
        at.data_type,
        at.value,
        at.unit,
        at.status,
        round(tag.confidence * 100),
        tag.slot,
        tuple(tag.evidence),
        tuple(tag.doubts),
        None if seen is None else seen_line(seen),
        option_of(selected.get(at.key)),
        _place_of(selected.get(at.key)),
    )


def _chosen_row(choice: Choice, setup: SetupView, selected: dict[str, Pick]) -> SignalRow:
    at = Node(choice.key, choice.node, words=choice.words, data_type=choice.data_type, unit=choice.unit)
    return _proposed_row(ProposedTag(at, choice.tag), setup, selected)


def _place_of(pick: Pick | None) -> str:
    return "" if pick is None else pick.equipment_id


def option_of(pick: Pick | None) -> str:
    """The value of the option of a pick."""
    if pick is None:
        return LEAVE
    return SCRAP + pick.reason_id if pick.slot is ModelSlot.scrap else pick.slot.value


def pick_of(key: str, option: str, place: str) -> Pick | None:
    """The other way; None for "leave it out". ValueError for what is no option."""
    if option == LEAVE:
        return None
    if option.startswith(SCRAP):
        return Pick(key, ModelSlot.scrap, option.removeprefix(SCRAP), place)
    return Pick(key, ModelSlot(option), equipment_id=place)


def machine_tree(setup: SetupView, level: TreeLevel, now: datetime) -> MachineTree:
    """One level: objects first, then variables with the values they had when the bridge looked."""
    nodes = [] if level.nodes is None else level.nodes.nodes
    known = {choice.key for choice in setup.choices}
    rows = [_tree_row(node, known) for node in nodes]
    step = level.step
    place = nodes[0].words.rpartition("/")[0] if nodes else ""
    read = None if step is None or step.finished_at_us is None else elapsed(from_us(step.finished_at_us), now)
    return MachineTree(
        base_of(setup.id),
        root_query(level.root),
        level.root,
        place,
        _step(step, now),
        read,
        tuple(sorted(rows, key=lambda row: row.is_variable)),
        level.nodes is None or level.nodes.complete,
        () if level.nodes is None else tuple(level.nodes.remarks),
        machine_setup(setup, now).may_choose,
    )


def _tree_row(node: Node, known: set[str]) -> TreeRow:
    return TreeRow(
        node.key,
        node.name,
        node.kind == "variable",
        node.data_type,
        node.value,
        node.unit,
        node.status,
        node.key in known,
    )


def root_query(root: str) -> str:
    return "?" + urlencode({"root": root})
