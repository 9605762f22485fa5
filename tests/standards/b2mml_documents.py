"""Documents drawn from the table of shapes: whatever the table allows, small."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from standards.isa95.b2mml.shapes import (
    ACTION_CODES,
    CLOSED,
    NOUNS,
    OTHER,
    SHAPES,
    VERBS,
    WITHOUT_RELEASE,
    WORDS,
    Child,
)
from standards.isa95.b2mml.types import Document, Element
from standards.isa95.b2mml.values import time_text

_CHARACTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")
TEXTS = st.text(_CHARACTERS | st.sampled_from("\t\n\r&<>\"']]>"), max_size=12)
IDS = st.text(_CHARACTERS | st.sampled_from("&<>'\""), max_size=12).map(
    lambda text: " ".join(filter(None, text.split(" "))).strip()
)
TIMES = st.integers(0, 4 * 10**15).map(
    lambda us: time_text(datetime.fromtimestamp(0, UTC) + timedelta(microseconds=us))
)
NUMBERS = st.decimals(-(10**15), 10**15, places=4).map(lambda number: f"{number:f}") | st.sampled_from(["1", "0", "8"])
DEPTH = 4
VERBS_OF_NOUNS = tuple(verb for verb in VERBS if verb != "Confirm")


def _leaf(place: Child, ids: st.SearchStrategy[str]) -> st.SearchStrategy[Element]:
    kind, name = place.type, place.name
    if kind in WORDS:
        words = st.sampled_from(sorted(WORDS[kind])).map(lambda word: Element(name, word))
        other = st.just(Element(name, OTHER, attributes=(("OtherValue", "Nachtschicht"),)))
        return words if kind in CLOSED else words | other
    if kind == "expression":
        codes = st.sampled_from(sorted(ACTION_CODES))
        return st.builds(lambda code, text: Element(name, text, attributes=(("actionCode", code),)), codes, IDS)
    texts = {
        "time": TIMES,
        "number": st.decimals(-(10**9), 10**9, places=3).map(lambda number: f"{number:f}"),
        "duration": st.integers(0, 10**6).map(lambda number: f"PT{number}S"),
        "text": TEXTS,
        "value": NUMBERS | TEXTS,
    }.get(kind, ids)
    return texts.map(lambda text: Element(name, text))


@dataclass(frozen=True)
class Recipe:
    """How documents are drawn: what may stand for an identifier, and which elements are left out."""

    ids: st.SearchStrategy[str] = IDS
    without: frozenset[str] = frozenset()


PLAIN = Recipe()


@st.composite
def elements(draw: st.DrawFn, name: str, type: str, depth: int = DEPTH, recipe: Recipe = PLAIN) -> Element:
    """An element of a type; below `depth` only what must be there."""
    children: list[Element] = []
    shape = [place for place in SHAPES[type].values() if place.name not in recipe.without]
    chosen = draw(st.sampled_from([place.name for place in shape if place.is_choice] or [""]))
    for place in shape:
        least = int(place.is_mandatory or place.name == chosen)
        most = 0 if place.is_choice else 2 if place.is_many else 1
        wanted = draw(st.integers(least, max(least, most))) if depth > 0 and draw(st.booleans()) else least
        one = _leaf(place, recipe.ids) if place.is_leaf else elements(place.name, place.type, depth - 1, recipe)
        children += [draw(one) for _ in range(wanted)]
    return Element(name, children=tuple(children))


@st.composite
def documents(
    draw: st.DrawFn, nouns: tuple[str, ...] = NOUNS, verbs: tuple[str, ...] = VERBS_OF_NOUNS, recipe: Recipe = PLAIN
) -> Document:
    """Any transaction about one of the nouns."""
    noun = draw(st.sampled_from(nouns))
    verb = "Confirm" if noun == "BOD" else draw(st.sampled_from(verbs))
    return Document(
        noun=noun,
        verb=draw(elements(verb, VERBS[verb], 2)),
        area=draw(elements("ApplicationArea", "TransApplicationArea", 2)),
        objects=tuple(draw(st.lists(elements(noun, noun, recipe=recipe), min_size=1, max_size=2))),
        release_id="" if verb + noun in WITHOUT_RELEASE else "7.01",
    )
