"""What the screen says of material, units and refusals, from made-up views."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mes.genealogy.at_station.types import NOTHING_HELD, Held, HeldKind, Line
from mes.genealogy.may_i.types import Why
from mes.materials.errors import FloorLifeOver
from tests.web import factory as f
from tests.web import scan_factory as s
from tests.web.screens import PAGES
from web.components.material import line_view
from web.layouts.shell import Shell
from web.scan.views import kind_of, records_at, said_of_unit
from web.templating import render

RIGHT = s.lot("R-1", of=s.RES)


@pytest.mark.parametrize(
    ("line", "state", "tone"),
    [
        (s.slot("1", "R", RIGHT), "right", "run"),
        (s.slot("1", "R", None), "empty", "warn"),
        (s.slot("1", "", None), "free", "idle"),
        (s.slot("1", "", RIGHT), "right", "run"),
        (s.slot("1", "C", RIGHT), "other", "warn"),
        (s.slot("1", "R", replace(RIGHT, refusal=FloorLifeOver())), "wrong", "down"),
        (s.slot("@R", "R", RIGHT, by_hand=True, stray=True), "stray", "warn"),
    ],
)
def test_a_place_of_material_says_how_it_is(line: Line, state: str, tone: str) -> None:
    view = line_view(line, f.NOW)
    assert (view.state, view.tone) == (state, tone)
    assert bool(view.name) != line.by_hand


def test_what_may_not_be_used_says_why_in_words_there_are() -> None:
    view = line_view(s.slot("1", "R", replace(RIGHT, refusal=FloorLifeOver())), f.NOW)
    assert view.lot is not None
    assert view.lot.refused == "scan.refused.floor-life-over"


def test_a_unit_says_what_is_done_here_or_what_stands_in_the_way_and_where() -> None:
    yes, no = said_of_unit(s.unit()), said_of_unit(s.unit(why=Why.step_missing))
    assert (yes.code, yes.step) == ("", "Functional test")
    assert (no.code, no.step, no.place) == (Why.step_missing, "SMT assembly", "SMT line")


@pytest.mark.parametrize(
    ("held", "kind"),
    [
        (NOTHING_HELD, "ready"),
        (Held(HeldKind.lot, "R-1"), "lot"),
        (Held(HeldKind.slot, "1"), "slot"),
        (Held(HeldKind.slot, "@SCREW"), "line"),
        (Held(HeldKind.carton, "B"), "carton"),
        (Held(HeldKind.stack, "B"), "stack"),
        (Held(HeldKind.swap, "U", "P"), "swap"),
    ],
)
def test_what_is_held_is_asked_for_what_belongs_to_it(held: Held, kind: str) -> None:
    assert kind_of(held, None) == kind


def test_a_unit_is_linked_to_its_record_where_there_is_a_screen_for_it() -> None:
    assert records_at(["/s/{equipment_id}", "/trace/units/{unit_id}"]) == "/trace/units/"
    assert records_at(["/s/{equipment_id}", "/trace/units"]) == ""


def html(name: str) -> str:
    template, page = PAGES[name]()
    return render(template, page, language="en", shell=Shell(0, may="operate"))


def test_a_refused_unit_offers_nothing_that_would_be_refused() -> None:
    acts = {
        act
        for act in ("pass", "fail", "begin", "rework", "scrap")
        if f'action="/s/SMT-1/scan/{act}"' in html("scan-unit-no")
    }
    assert acts == set()
    assert 'action="/s/SMT-1/scan/begin"' in html("scan-unit-new")
    assert 'href="/trace/units/SN-000123"' in html("scan-unit-no")


def test_no_two_acts_of_a_page_have_one_request_id() -> None:
    """Without JavaScript the page's own ids count, also after going back."""
    for name in ("scan-unit-failed", "scan-carton", "scan-occupied", "scan-wrong-pin"):
        ids = [part.split('"')[0] for part in html(name).split('name="request_id" value="')[1:]]
        assert len(ids) == len(set(ids)) > 1
