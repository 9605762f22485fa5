"""Documents drawn from the table of shapes: whatever the table allows, small."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from standards.isa95.b2mml.shapes import ACTION_CODES, CLOSED, NOUNS, OTHER, SHAPES, VERBS, WORDS, Child
from standards.isa95.b2mml.types import Document, Element
from standards.isa95.b2mml.values import time_text

_CHARACTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")
TEXTS = st.text(_CHARACTERS | st.sampled_from("\t\n\r&<>\"']]>"), max_size=12)
IDS = st.text(_CHARACTERS | st.sampled_from("&<>'\""), max_size=12).map(lambda text: " ".join(text.split(" ")).strip())
TIMES = st.integers(0, 4 * 10**15).map(
    lambda us: time_text(datetime.fromtimestamp(0, UTC) + timedelta(microseconds=us))
)
DEPTH = 4


def _leaf(place: Child) -> st.SearchStrategy[Element]:
    kind, name = place.type, place.name
    if kind in WORDS:
        words = st.sampled_from(sorted(WORDS[kind])).map(lambda word: Element(name, word))
        other = st.just(Element(name, OTHER, attributes=(("OtherValue", "Nachtschicht"),)))
        return words if kind in CLOSED else words | other
    if kind == "expression":
        return st.builds(
            lambda c, t: Element(name, t, attributes=(("actionCode", c),)), st.sampled_from(sorted(ACTION_CODES)), IDS
        )
    texts = {
        "time": TIMES,
        "number": st.decimals(-(10**9), 10**9, places=3).map(lambda number: f"{number:f}"),
        "duration": st.integers(0, 10**6).map(lambda number: f"PT{number}S"),
        "text": TEXTS,
        "value": TEXTS,
    }.get(kind, IDS)
    return texts.map(lambda text: Element(name, text))


@st.composite
def elements(draw: st.DrawFn, name: str, type: str, depth: int = DEPTH) -> Element:
    """An element of a type; below `depth` only what must be there."""
    children: list[Element] = []
    shape = list(SHAPES[type].values())
    chosen = draw(st.sampled_from([place.name for place in shape if place.is_choice] or [""]))
    for place in shape:
        least = int(place.is_mandatory or place.name == chosen)
        most = 0 if place.is_choice else 2 if place.is_many else 1
        wanted = draw(st.integers(least, max(least, most))) if depth > 0 and draw(st.booleans()) else least
        one = _leaf(place) if place.is_leaf else elements(place.name, place.type, depth - 1)
        children += [draw(one) for _ in range(wanted)]
    return Element(name, children=tuple(children))


@st.composite
def documents(draw: st.DrawFn, nouns: tuple[str, ...] = NOUNS) -> Document:
    """Any transaction about one of the nouns."""
    noun = draw(st.sampled_from(nouns))
    verb = "Confirm" if noun == "BOD" else draw(st.sampled_from([verb for verb in VERBS if verb != "Confirm"]))
    return Document(
        noun=noun,
        verb=draw(elements(verb, VERBS[verb], 2)),
        area=draw(elements("ApplicationArea", "TransApplicationArea", 2)),
        objects=tuple(draw(st.lists(elements(noun, noun), min_size=1, max_size=2))),
        release_id="" if noun == "BOD" else "7.01",
    )
