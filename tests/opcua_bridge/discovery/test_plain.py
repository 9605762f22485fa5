"""Guesses for plain servers: name, data type, unit, behaviour; never surer than the reasons."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opcua_bridge.discovery.behaviour import Behaviour, Pattern
from opcua_bridge.discovery.plain import misfit, proposed, words_of
from opcua_bridge.discovery.proposal import MOST, Evidence, Proposal, Slot, confidence
from opcua_bridge.discovery.tree import Found
from opcua_bridge.tag_map import TagClass

UNWATCHED = Behaviour(Pattern.unwatched, 0, "nobody has watched it")
weights = st.floats(0, 1).map(lambda w: Evidence("because", w))


def variable(name: str, data_type: str, **more: object) -> Found:
    return Found(
        f"nsu=urn:m;s={name}", ("nsu=urn:m;Press", f"nsu=urn:m;{name}"), "variable", ("i=63",), data_type, **more
    )


def seen(pattern: Pattern, changes: int = 5) -> Behaviour:
    return Behaviour(pattern, changes, f"was seen {pattern}")


def guess(name: str, data_type: str, behaviour: Behaviour = UNWATCHED, **more: object) -> Proposal:
    proposal = proposed(variable(name, data_type, **more), behaviour)
    assert proposal is not None
    return proposal


@pytest.mark.parametrize(
    ("name", "data_type", "pattern", "kind", "slot"),
    [
        ("GoodCount", "UInt32", Pattern.rising, TagClass.counter, Slot.good),
        ("Ausschuss", "Int32", Pattern.rising, TagClass.counter, Slot.scrap),
        ("Gutteilezähler", "UInt16", Pattern.rising, TagClass.counter, Slot.total),
        ("DB10_DINT4", "Int32", Pattern.rising, TagClass.counter, Slot.total),
        ("Betriebsart", "Int16", Pattern.few_values, TagClass.state, Slot.mode),
        ("MachineState", "Byte", Pattern.few_values, TagClass.state, Slot.state),
        ("SerialNumber", "String", Pattern.fresh_values, TagClass.identity, Slot.identity),
        ("Störung", "Boolean", Pattern.few_values, TagClass.alarm, Slot.alarm),
        ("Temperatur_1", "Float", Pattern.wandering, TagClass.measurement, Slot.measurement),
        ("CycleTimeS", "Double", Pattern.wandering, TagClass.measurement, Slot.measurement),
        ("SpindleLoad", "Int16", Pattern.wandering, TagClass.measurement, Slot.measurement),
    ],
)
def test_what_a_variable_may_be(name: str, data_type: str, pattern: Pattern, kind: TagClass, slot: Slot) -> None:
    proposal = guess(name, data_type, seen(pattern))
    assert (proposal.tag_class, proposal.slot) == (kind, slot)
    assert seen(pattern).words in proposal.evidence


@pytest.mark.parametrize(
    ("name", "data_type", "pattern", "unit"),
    [
        ("GoodCount", "UInt32", Pattern.rising, ""),
        ("MachineState", "Int32", Pattern.few_values, ""),
        ("Fault", "Boolean", Pattern.few_values, ""),
        ("Temperature", "Double", Pattern.wandering, ""),
        ("DB4_REAL8", "Float", Pattern.wandering, "°C"),
        ("Serial", "String", Pattern.fresh_values, ""),
    ],
)
def test_two_reasons_and_the_type_are_enough_to_be_taken(
    name: str, data_type: str, pattern: Pattern, unit: str
) -> None:
    assert guess(name, data_type, seen(pattern), unit=unit).confidence >= 0.8


@pytest.mark.parametrize(("name", "data_type"), [("GoodCount", "UInt32"), ("State", "Int32"), ("Serial", "String")])
def test_a_name_alone_is_not_enough_to_be_taken(name: str, data_type: str) -> None:
    assert 0.4 < guess(name, data_type).confidence < 0.8
    assert "nobody has watched it" in guess(name, data_type).evidence


def test_behaviour_speaks_against_a_name() -> None:
    falling = guess("PartCount", "Int32", seen(Pattern.wandering))
    assert falling.tag_class is TagClass.measurement or falling.doubts
    assert falling.confidence < 0.8
    assert proposed(variable("Heartbeat", "UInt32"), seen(Pattern.keeping_time)) is None
    ticking = guess("TickCount", "UInt32", seen(Pattern.keeping_time))
    assert ticking.confidence < 0.5
    assert any("sign of life" in doubt for doubt in ticking.doubts)


def test_a_set_point_is_doubted() -> None:
    asked, measured = (guess(n, "Double", seen(Pattern.wandering)) for n in ("SpeedSetpoint", "Speed"))
    assert asked.confidence < 0.5 < measured.confidence
    assert "what is asked of the machine" in asked.doubts[0]


@pytest.mark.parametrize(
    "found",
    [
        variable("GoodCount", "UInt32", status=0x80350000),
        variable("GoodCount", ""),
        variable("GoodCount", "UInt32[]"),
        variable("Xyz", "UInt32"),
        Found("i=1", ("GoodCount",), "variable", ("i=68",), "UInt32"),
        Found("i=1", ("GoodCount",), "object"),
    ],
)
def test_nothing_is_proposed_without_a_value_or_a_reason(found: Found) -> None:
    assert proposed(found, UNWATCHED) is None


@given(
    st.text(max_size=20),
    st.sampled_from(["Boolean", "Int32", "UInt16", "Double", "String", "DateTime", "ByteString"]),
    st.sampled_from(Pattern),
    st.integers(0, 20),
    st.text(max_size=5),
    st.booleans(),
)
def test_whatever_it_is_the_proposal_is_possible_and_says_why(
    name: str, data_type: str, pattern: Pattern, changes: int, unit: str, is_enumeration: bool
) -> None:
    found = variable(name, data_type, unit=unit, is_enumeration=is_enumeration)
    proposal = proposed(found, seen(pattern, changes))
    if proposal is None:
        return
    assert proposal.evidence
    assert 0.2 <= proposal.confidence <= MOST
    assert proposal.tag_class is not TagClass.counter or data_type in ("Int32", "UInt16", "Double")
    assert proposal.tag_class is not TagClass.identity or data_type not in ("Boolean", "Double")


@given(st.lists(weights, max_size=6), st.lists(weights, max_size=4), weights)
def test_reasons_add_and_doubts_take_away(reasons: list[Evidence], doubts: list[Evidence], more: Evidence) -> None:
    before = confidence(reasons, doubts)
    assert 0 <= before <= MOST
    assert confidence([*reasons, more], doubts) >= before - 1e-12
    assert confidence(reasons, [*doubts, more]) <= before + 1e-12
    assert confidence(reversed(reasons), reversed(doubts)) == pytest.approx(before)


def test_names_are_read_as_people_write_them() -> None:
    assert words_of("GoodCount_2") == ["good", "count", "2"]
    assert words_of("NIOTeile") == ["nio", "teile"]
    assert words_of("db.Stück-Zähler") == ["db", "stück", "zähler"]


@pytest.mark.parametrize(
    ("kind", "data_type", "behaviour", "words"),
    [
        (TagClass.counter, "String", UNWATCHED, "a counter is no String"),
        (TagClass.counter, "Int32", seen(Pattern.wandering), "a counter does not fall again and again"),
        (TagClass.counter, "Int32", seen(Pattern.rising), ""),
        (TagClass.state, "Double", UNWATCHED, "a state is no Double"),
        (TagClass.measurement, "Double", seen(Pattern.wandering), ""),
        (TagClass.identity, "String", seen(Pattern.few_values), "an identity does not come back"),
        (TagClass.alarm, "Boolean", Behaviour(Pattern.unreadable, 0, "not readable"), "not readable"),
    ],
)
def test_a_binding_is_held_against_what_is_seen(
    kind: TagClass, data_type: str, behaviour: Behaviour, words: str
) -> None:
    assert misfit(kind, data_type, behaviour).startswith(words)
    assert bool(misfit(kind, data_type, behaviour)) is bool(words)
