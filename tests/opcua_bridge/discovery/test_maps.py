"""Proposals as a tag map and as a template; a template filled in for like machines."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opcua_bridge.discovery.maps import NOTHING, filled_in, tag_map_text, template_text
from opcua_bridge.discovery.proposal import Machine, Proposal, Slot, TargetProposal
from opcua_bridge.discovery.proposals import Proposals, names
from opcua_bridge.discovery.tree import Found, Tree
from opcua_bridge.tag_map import Endpoint, Security, TagClass, TagMapRefused, parse_tag_map

ENDPOINT = Endpoint(name="PRESS-1", url="opc.tcp://192.0.2.1:4840/", security=Security.basic256sha256, username="mes")
LIKE = Endpoint(name="", url="", security=Security.aes128, username="mes", password_file="press.password")
URI = "urn:vendor:press"
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="⟶;"), min_size=1, max_size=12)


def variable(node: str, *path: str) -> Found:
    return Found(node, tuple(f"nsu={URI};{name}" for name in path), "variable", ("i=63",), "UInt32", value=3)


def tree_of(*found: Found, ambiguous: frozenset[tuple[str, ...]] = frozenset()) -> Tree:
    children: dict[str, dict[str, str]] = {"i=85": {f"nsu={URI};Press": "nsu=urn:vendor:press;s=Press"}}
    below = children.setdefault("nsu=urn:vendor:press;s=Press", {})
    for one in found:
        below[one.path[-1]] = one.node
    return Tree("i=85", {f.node: f for f in found}, children, ambiguous)


def proposals(*tags: tuple[str, Found, float], **more: tuple[object, ...]) -> Proposals:
    made = tuple(
        (name, Proposal(found, TagClass.counter, Slot.good, (name,), sure, ("its name has 'count'",), ("a doubt",)))
        for name, found, sure in tags
    )
    rest = {"machines": (), "targets": (), "silent": (), "remarks": ()} | more
    return Proposals(tags=made, **rest)


GOOD = variable(f"nsu={URI};s=PRESS-1.Good", "Press", "Good")
NUMBERED = variable(f"nsu={URI};i=4711", "Press", "Total")


def test_only_what_is_sure_enough_is_in_use_and_the_rest_can_be_read() -> None:
    found = proposals(("Good", GOOD, 0.85), ("Total", NUMBERED, 0.6))
    text = tag_map_text(ENDPOINT, tree_of(GOOD, NUMBERED), found, prefix="PRESS-1", accept=0.8)
    [endpoint] = parse_tag_map(text).endpoints
    assert [(t.tag, t.node, t.tag_class) for t in endpoint.tag] == [
        ("PRESS-1.Good", f"nsu={URI};s=PRESS-1.Good", TagClass.counter)
    ]
    assert (endpoint.url, endpoint.security, endpoint.username) == (ENDPOINT.url, ENDPOINT.security, "mes")
    assert "# 0.60 good: its name has 'count'; but: a doubt" in text
    taken = re.sub(r"^  #(?! )", "  ", text, flags=re.MULTILINE)
    assert [t.tag for t in parse_tag_map(taken).endpoints[0].tag] == ["PRESS-1.Good", "PRESS-1.Total"]


def test_events_are_proposed_where_the_server_tells_of_them() -> None:
    for notifies in (True, False):
        tree = replace(tree_of(GOOD), notifies=notifies)
        text = tag_map_text(ENDPOINT, tree, proposals(("Good", GOOD, 0.9)), prefix="P", accept=0.5)
        assert [e.tag for e in parse_tag_map(text).endpoints[0].events] == ["{source}.Alarm"] * notifies


def test_nothing_is_bound_silently() -> None:
    found = proposals(("Good", GOOD, 0.95))
    text = tag_map_text(ENDPOINT, tree_of(GOOD), found, prefix="PRESS-1", accept=NOTHING)
    assert parse_tag_map(text).endpoints[0].tag == ()
    assert "1 proposals, 0 taken: none" in text


def test_numbers_are_written_as_browse_paths_where_these_are_unique() -> None:
    found = proposals(("Total", NUMBERED, 0.9))
    way = tuple(NUMBERED.path)
    by_path = tag_map_text(ENDPOINT, tree_of(NUMBERED), found, prefix="P", accept=0.5)
    assert parse_tag_map(by_path).endpoints[0].tag[0].node == f"i=85 ⟶ nsu={URI};Press ⟶ nsu={URI};Total"
    by_id = tag_map_text(ENDPOINT, tree_of(NUMBERED, ambiguous=frozenset({way})), found, prefix="P", accept=0.5)
    assert parse_tag_map(by_id).endpoints[0].tag[0].node == f"nsu={URI};i=4711"


@given(words, words, words, words)
def test_whatever_a_machine_calls_things_the_map_is_sound_and_says_no_more(
    name: str, unit: str, key: str, remark: str
) -> None:
    found = variable(f"nsu={URI};s={key}", "Press", name)
    silent = variable(f"nsu={URI};s={key}{key}", "Press", unit)
    all_ = proposals(
        (names([("Press", name)])[0], found, 0.9),
        silent=((silent, f"{unit}\n[[endpoint]]"),),
        remarks=(f"{remark}\r[[endpoint]]",),
        machines=(Machine(name, unit, {"Model": remark}),),
    )
    text = tag_map_text(ENDPOINT, tree_of(found, silent), all_, prefix="P", accept=0.5)
    [endpoint] = parse_tag_map(text).endpoints
    assert [t.node for t in endpoint.tag] == [f"nsu={URI};s={key}"]


def test_a_driver_this_bridge_does_not_have_is_proposed_but_not_used() -> None:
    known = TargetProposal(Found(f"nsu={URI};s=A", ("A",)), "plain-tags", "prefix", 0.9, ("it has all of it",))
    unknown = TargetProposal(Found(f"nsu={URI};s=B", ("B",)), "magic", "wand", 0.97, ("it is one",), "nsu=urn:x;s=C")
    found = proposals(("Good", GOOD, 0.9), targets=(known, unknown))
    text = tag_map_text(ENDPOINT, tree_of(GOOD), found, prefix="PRESS-1", accept=0.8)
    [endpoint] = parse_tag_map(text).endpoints
    assert [(t.equipment, t.prefix) for t in endpoint.job_target] == [("PRESS-1.A", f"nsu={URI};s=A")]
    assert "this bridge has no driver 'magic' yet" in text
    assert '  #wand = "press;s=B"\n  #responses = "x;s=C"' in text


def template() -> str:
    target = TargetProposal(
        Found(f"nsu={URI};s=PRESS-1", ("PRESS-1",)), "plain-tags", "prefix", 0.9, ("all of it is there",)
    )
    found = proposals(("Good", GOOD, 0.9), ("Total", NUMBERED, 0.85), ("Unsure", NUMBERED, 0.3), targets=(target,))
    return template_text(ENDPOINT, tree_of(GOOD, NUMBERED), found, prefix="PRESS-1", accept=0.8)


def test_a_template_binds_like_machines_by_name_and_address() -> None:
    machines = {f"PRESS-{n}": f"opc.tcp://192.0.2.{n}:4840/" for n in range(1, 9)}
    tag_map = parse_tag_map(filled_in(template(), machines, like=LIKE))
    assert {e.name: e.url for e in tag_map.endpoints} == machines
    assert {(e.security, e.username, e.password_file) for e in tag_map.endpoints} == {
        (Security.aes128, "mes", "press.password")
    }
    for endpoint in tag_map.endpoints:
        assert [(t.tag, t.node) for t in endpoint.tag] == [
            (f"{endpoint.name}.Good", f"nsu={URI};s={endpoint.name}.Good"),
            (f"{endpoint.name}.Total", f"i=85 ⟶ nsu={URI};Press ⟶ nsu={URI};Total"),
        ]
        assert [(t.equipment, t.prefix) for t in endpoint.job_target] == [
            (endpoint.name, f"nsu={URI};s={endpoint.name}")
        ]


def test_a_template_has_no_endpoint_and_is_no_tag_map() -> None:
    assert "[[endpoint]]" not in template()
    assert "Unsure" not in template()
    with pytest.raises(TagMapRefused):
        parse_tag_map(template())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[[tag", "not-toml"),
        ("", "no-tag"),
        ("[tag]\na = 1", "bad-entry"),
        ("namespaces = 1\n[[tag]]\ntag = 'a'", "bad-entry"),
        ("[[endpoint]]\nname = 'x'\n[[tag]]\ntag = 'a'", "bad-entry"),
        ("[[tag]]\ntag = 'T'\nnode = 'x;s=T'\nclass = 'counter'", "unknown-namespace"),
        ("[[tag]]\ntag = 'T'\nnode = 'i=1'\nclass = 'counter'", "twice"),
    ],
)
def test_a_template_that_is_none_is_refused(text: str, code: str) -> None:
    with pytest.raises(TagMapRefused) as refused:
        filled_in(text, {"A": "opc.tcp://a:1/", "B": "opc.tcp://b:1/"}, like=LIKE)
    assert code in [e.code for e in refused.value.errors]


def test_names_are_as_short_as_they_may_be() -> None:
    assert names([("Press", "Good"), ("Press", "Bad")]) == ["Good", "Bad"]
    assert names([("A", "State"), ("A", "Speed"), ("B", "State")]) == ["A.State", "A.Speed", "B.State"]
    assert names([("A", "X"), ("A", "X")]) == ["A.X", "A.X-2"]
    assert names([("A", "über temp / °C")]) == ["über_temp_C"]


@given(st.lists(st.lists(st.text(max_size=4), max_size=4).map(tuple), max_size=12))
def test_names_are_all_different(labels: list[tuple[str, ...]]) -> None:
    short = names(labels)
    assert len(set(short)) == len(labels)
    assert all(re.fullmatch(r"[\w.-]+", name) for name in short)
