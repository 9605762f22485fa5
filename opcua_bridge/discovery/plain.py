"""Servers without a companion specification: guesses from name, data type, unit and behaviour. Pure.

Each reason has a weight; they add up as independent hints (see `proposal.confidence`). Names are English and German.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from opcua_bridge.browse_path import split_step
from opcua_bridge.discovery.behaviour import Behaviour, Pattern, shown
from opcua_bridge.discovery.proposal import Evidence, Proposal, Slot, TargetProposal, confidence
from opcua_bridge.discovery.tree import Found, Tree
from opcua_bridge.tag_map import TagClass

LEAST: Final = 0.2
"""A guess below this is not worth a person's time."""
INTEGERS: Final = frozenset({"SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64"})
FLOATS: Final = frozenset({"Float", "Double"})
TEXTS: Final = frozenset({"String", "LocalizedText", "ByteString", "Guid"})
_ANALOG: Final = frozenset({"i=2365", "i=15318", "i=2368", "i=17497", "i=17570"})
"""DataItemType is not among them: these have a range or a unit (OPC 10000-8)."""
_DISCRETE: Final = frozenset({"i=2373", "i=2376", "i=11238"})
"""TwoStateDiscreteType, MultiStateDiscreteType, MultiStateValueDiscreteType."""
_PIECES: Final = frozenset({"pcs", "pc", "piece", "pieces", "stk", "st", "stück", "each", "ea"})

_WORDS: Final[Mapping[TagClass, frozenset[str]]] = {
    TagClass.counter: frozenset(
        "count counter counts counted total pieces parts qty quantity cycles produced processed completed "
        "rejects zaehler zähler stück stueck stückzahl stueckzahl anzahl gutteile schlechtteile teilezähler "
        "teilezaehler takte".split()
    ),
    TagClass.state: frozenset(
        "state status mode running run ready automatic auto manual program programme recipe phase step remote "
        "zustand betriebsart betriebszustand programm rezept schritt automatik bereit läuft laeuft workmaster "
        "verdict defect defekt".split()
    ),
    TagClass.identity: frozenset(
        "serial serialnumber seriennummer barcode code dmc sn uid rfid scanner scan lot batch charge "
        "workpiece werkstück werkstueck panel carrier pallet palette reel rolle epc partid".split()
    ),
    TagClass.alarm: frozenset(
        "alarm alarms fault faults error errors failure warning störung stoerung fehler emergency estop "
        "notaus notstop warnung trip".split()
    ),
    TagClass.measurement: frozenset(
        "temp temperature temperatur pressure druck speed drehzahl geschwindigkeit torque drehmoment force "
        "kraft current strom voltage spannung power leistung energy energie flow durchfluss level füllstand "
        "position load last humidity feuchte vibration frequency frequenz time duration zeit dauer weight "
        "gewicht zone distance abstand angle winkel squeegee thickness dicke kwh rpm".split()
    ),
}
_GOOD: Final = frozenset("good ok gut io pass passed gutteile".split())
_SCRAP: Final = frozenset("reject rejects rejected scrap bad nok nio fail failed ausschuss schlecht defective".split())
_MODE: Final = frozenset("mode betriebsart".split())
_NOT_OF_THE_MACHINE: Final[Mapping[str, str]] = {
    **dict.fromkeys("heartbeat watchdog lifebit alive lebenszeichen toggle uptime".split(), "a sign of life"),
    **dict.fromkeys("setpoint sollwert set target command cmd request soll vorgabe limit min max grenze".split(),
                    "what is asked of the machine, or a limit, not what it does"),
}  # fmt: skip
_TRIGGER: Final = ".Cmd.Trigger"
_JOB_VARIABLES: Final = (
    "Remote",
    "Cmd.Token",
    "Cmd.OrderId",
    "Cmd.Action",
    "Cmd.Trigger",
    "Cmd.AckToken",
    "Cmd.AckResult",
)
_QUESTION: Final = ".Question"
_ASK_VARIABLES: Final = ("Question", "Serial", "Allowed", "Code", "Answer")
"""What a machine asks May I? with (`opcua_bridge.asker`)."""
_CODE_OF: Final = frozenset(
    "error fault defect status reason alarm verdict fehler defekt störung stoerung grund".split()
)
"""A code of one of these says what kind it is, not which piece."""
_LONG: Final = 6
"""Words this long also count inside a compound: `Gutteilezähler`."""


@dataclass(frozen=True)
class _Clue:
    found: Found
    behaviour: Behaviour
    names: frozenset[str]


def proposed(found: Found, behaviour: Behaviour) -> Proposal | None:
    """The likeliest tag for a variable, or None if nothing speaks for any, or its value cannot be passed on."""
    if not found.is_readable or found.data_type.endswith("[]") or found.is_property:
        return None
    clue = _Clue(found, behaviour, frozenset(words_of(found.name)))
    guesses = [guess for kind in TagClass if (guess := _guess(kind, clue)) is not None]
    best = max(guesses, key=lambda g: g.confidence, default=None)
    return best if best is not None and best.confidence >= LEAST else None


def words_of(name: str) -> list[str]:
    """`GoodCount_2` -> good, count, 2."""
    apart = re.sub(r"(?<=[a-zäöüß0-9])(?=[A-ZÄÖÜ])|(?<=[A-ZÄÖÜ])(?=[A-ZÄÖÜ][a-zäöü])|(?<=[^\W\d_])(?=\d)", " ", name)
    return [word for word in re.split(r"[\W_]+", apart.lower()) if word]


def misfit(kind: TagClass, found_type: str, behaviour: Behaviour) -> str:
    """Why a node cannot well be what it is bound as, in words; empty if nothing speaks against it."""
    if behaviour.pattern is Pattern.unreadable:
        return behaviour.words
    if found_type and not _possible(kind, found_type):
        return f"a {kind} is no {found_type}"
    doubts = _doubts(kind, behaviour)
    return doubts[0].words if doubts else ""


def _guess(kind: TagClass, clue: _Clue) -> Proposal | None:
    if not _possible(kind, clue.found.data_type):
        return None
    reasons = [e for clues in _CLUES for e in clues(kind, clue)]
    if not any(e.weight >= LEAST for e in reasons):
        return None
    doubts = [*_doubts(kind, clue.behaviour), *_name_doubts(clue.names)]
    return Proposal(
        clue.found,
        kind,
        slot_of(kind, clue.names),
        tuple(split_step(s)[1] for s in clue.found.path),
        confidence(reasons, doubts),
        (*(e.words for e in reasons), *_unsaid(clue.behaviour)),
        tuple(d.words for d in doubts),
    )


def _unsaid(behaviour: Behaviour) -> Iterable[str]:
    return [behaviour.words] if behaviour.pattern in (Pattern.constant, Pattern.unwatched) else []


def slot_of(kind: TagClass, names: frozenset[str]) -> Slot:
    if kind is TagClass.counter:
        if names & _SCRAP:
            return Slot.scrap
        return Slot.good if names & _GOOD else Slot.total
    if kind is TagClass.state and names & _MODE:
        return Slot.mode
    return {
        TagClass.state: Slot.state,
        TagClass.identity: Slot.identity,
        TagClass.alarm: Slot.alarm,
        TagClass.measurement: Slot.measurement,
    }[kind]


def _possible(kind: TagClass, data_type: str) -> bool:
    return {
        TagClass.counter: data_type in INTEGERS | FLOATS,
        TagClass.state: data_type in INTEGERS | TEXTS | {"Boolean", "DateTime"},
        TagClass.identity: data_type in INTEGERS | TEXTS,
        TagClass.alarm: data_type in INTEGERS | TEXTS | {"Boolean"},
        TagClass.measurement: data_type in INTEGERS | FLOATS | {"Boolean"},
    }[kind]


# ---------------------------------------------------------------------- clues


def _by_name(kind: TagClass, clue: _Clue) -> list[Evidence]:
    if kind is TagClass.identity and clue.names & _CODE_OF:
        return []
    joined = "".join(words_of(clue.found.name))
    hits = {n for n in clue.names if n in _WORDS[kind]}
    hits |= {w for w in _WORDS[kind] if len(w) >= _LONG and any(w in n for n in (*clue.names, joined))}
    if kind is TagClass.counter and clue.names & (_GOOD | _SCRAP) and clue.found.data_type in INTEGERS:
        hits |= clue.names & (_GOOD | _SCRAP)
    if not hits:
        return []
    return [Evidence(f"its name {clue.found.name!r} has {', '.join(repr(h) for h in sorted(hits))}", 0.5)]


def _by_type(kind: TagClass, clue: _Clue) -> list[Evidence]:
    found, article = clue.found, "an" if clue.found.data_type[:1] in "AEIO" else "a"
    is_a = f"it is {article} {found.data_type}"
    if kind is TagClass.counter and found.data_type in INTEGERS and not found.is_enumeration:
        return [Evidence(is_a, 0.15 if found.data_type.startswith("U") else 0.08)]
    if kind is TagClass.state and found.is_enumeration:
        return [Evidence("it is an enumeration", 0.6)]
    if kind is TagClass.state and set(found.types) & _DISCRETE:
        return [Evidence("it is a discrete item (OPC 10000-8)", 0.6)]
    if kind is TagClass.state and found.data_type == "Boolean":
        return [Evidence(is_a, 0.1)]
    if kind is TagClass.identity and found.data_type in TEXTS:
        return [Evidence(is_a, 0.1)]
    if kind is TagClass.measurement and set(found.types) & _ANALOG:
        return [Evidence("it is an analog item (OPC 10000-8)", 0.6)]
    if kind is TagClass.measurement and found.data_type in FLOATS:
        return [Evidence(is_a, 0.35)]
    return []


def _by_unit(kind: TagClass, clue: _Clue) -> list[Evidence]:
    unit = clue.found.unit
    if not unit:
        return []
    in_pieces = unit.strip(".").lower() in _PIECES
    if kind is TagClass.counter and in_pieces:
        return [Evidence(f"its unit is {unit}", 0.5)]
    if kind is TagClass.measurement and not in_pieces:
        return [Evidence(f"its unit is {unit}", 0.6)]
    return []


def _by_behaviour(kind: TagClass, clue: _Clue) -> list[Evidence]:
    seen = clue.behaviour
    weight = _SEEN.get((kind, seen.pattern), 0.0)
    if kind is TagClass.alarm and not _by_name(kind, clue):
        return []
    if seen.changes < _TELLING and weight:
        weight *= 0.7
    return [Evidence(seen.words, weight)] if weight else []


_TELLING: Final = 3
"""Fewer changes say less."""
_SEEN: Final = {
    (TagClass.counter, Pattern.rising): 0.65,
    (TagClass.counter, Pattern.keeping_time): 0.3,
    (TagClass.state, Pattern.few_values): 0.62,
    (TagClass.alarm, Pattern.few_values): 0.62,
    (TagClass.identity, Pattern.fresh_values): 0.6,
    (TagClass.measurement, Pattern.wandering): 0.5,
}
_CLUES: Final[tuple[Callable[[TagClass, _Clue], list[Evidence]], ...]] = (_by_name, _by_type, _by_unit, _by_behaviour)

# --------------------------------------------------------------------- doubts

_AGAINST: Final = {
    (TagClass.counter, Pattern.wandering): (0.8, "a counter does not fall again and again"),
    (TagClass.counter, Pattern.few_values): (0.6, "a counter does not go up and down"),
    (TagClass.counter, Pattern.keeping_time): (0.5, "it may be a clock or a sign of life"),
    (TagClass.state, Pattern.wandering): (0.8, "a state has few values"),
    (TagClass.state, Pattern.keeping_time): (0.8, "a state has few values"),
    (TagClass.state, Pattern.rising): (0.5, "a state comes back to the values it had"),
    (TagClass.alarm, Pattern.wandering): (0.8, "an alarm has few values"),
    (TagClass.alarm, Pattern.keeping_time): (0.8, "an alarm has few values"),
    (TagClass.identity, Pattern.few_values): (0.5, "an identity does not come back"),
    (TagClass.identity, Pattern.wandering): (0.5, "an identity does not wander"),
    (TagClass.measurement, Pattern.few_values): (0.4, "a measurement has many values"),
}


def _doubts(kind: TagClass, behaviour: Behaviour) -> list[Evidence]:
    weight, words = _AGAINST.get((kind, behaviour.pattern), (0.0, ""))
    if not weight or behaviour.changes < _TELLING:
        return []
    return [Evidence(f"{words}: it {behaviour.words}", weight)]


def _name_doubts(names: frozenset[str]) -> list[Evidence]:
    found = sorted(_NOT_OF_THE_MACHINE[n] for n in names if n in _NOT_OF_THE_MACHINE)
    return [Evidence(f"by its name it is {found[0]}", 0.6)] if found else []


def plain_targets(tree: Tree) -> list[TargetProposal]:
    """Prefixes below which all the variables of the `plain-tags` driver are."""
    prefixes = [n.removesuffix(_TRIGGER) for n in tree.nodes if n.endswith(_TRIGGER)]
    return [
        TargetProposal(
            Found(prefix, tree.nodes[prefix + _TRIGGER].path[:-1]),
            "plain-tags",
            "prefix",
            0.9,
            (f"below {prefix} are {', '.join(_JOB_VARIABLES)}: a job is written there and triggered",),
        )
        for prefix in prefixes
        if all(f"{prefix}.{name}" in tree.nodes for name in _JOB_VARIABLES)
    ]


def of_targets(tree: Tree, targets: Iterable[TargetProposal]) -> frozenset[str]:
    """The variables a driver writes, and those of questions: no tags."""
    inside = tuple(f"{t.found.node}.Cmd." for t in targets)
    return frozenset(n for n in tree.nodes if inside and n.startswith(inside)) | _of_questions(tree)


def _of_questions(tree: Tree) -> frozenset[str]:
    prefixes = [n.removesuffix(_QUESTION) for n in tree.nodes if n.endswith(_QUESTION)]
    asked = [{f"{prefix}.{name}" for name in _ASK_VARIABLES} for prefix in prefixes]
    return frozenset().union(*(nodes for nodes in asked if nodes <= tree.nodes.keys()))


def seen_in_words(found: Found, behaviour: Behaviour) -> str:
    """One line for a person who looks at a variable nothing is proposed for."""
    unit = f" {found.unit}" if found.unit else ""
    return f"{found.data_type or 'no value'} = {shown(found.value)}{unit}; {behaviour.words}"
