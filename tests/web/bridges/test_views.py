"""What the screen of edge boxes claims, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from standards.lineside.health_v1 import DAY_US, EndpointState
from tests.web import edge_factory as e
from tests.web.factory import NOW
from tests.web.screens import ZONE
from web.bridges.views import bridge_card, bridge_list, endpoint_detail, endpoint_gaps


def test_what_needs_somebody_comes_first() -> None:
    cards = bridge_list(e.plant(), ZONE, NOW).bridges
    assert [(card.bridge_id, card.state) for card in cards] == [
        ("hall-1", "trouble"),
        ("hall-2", "silent"),
        ("new-box", "never"),
        ("old-box", "no-report"),
        ("hall-3", "well"),
    ]
    assert [line.name for line in cards[0].endpoints] == ["cnc-1", "oven-1", "smt-1"]


def test_an_endpoint_that_is_away_says_since_when_and_why() -> None:
    line = endpoint_detail(e.plant()[0], "cnc-1", ZONE, NOW).line
    assert line is not None
    assert (line.state, line.trouble, line.since and line.since.strftime("%H:%M"), line.today) == (
        "away",
        "refused",
        "12:50",
        True,
    )
    assert line.age is not None
    assert line.age.seconds == 12 * 60


def test_of_an_old_report_nothing_is_shown_as_present() -> None:
    card = bridge_card(e.silent(), ZONE, NOW)
    assert (card.state, card.stale, card.waiting, card.per_s, card.delay_s) == ("silent", True, None, None, None)
    assert {(line.state, line.tone, line.per_s, line.concerns) for line in card.endpoints} == {
        ("unknown", "unknown", None, ())
    }
    detail = endpoint_detail(e.silent(), "press-1", ZONE, NOW)
    assert (detail.stale, detail.skew_s, detail.per_s_minute) == (True, None, None)
    assert detail.line is not None
    assert detail.line.age is not None
    assert detail.line.age.seconds == 11 * 60, "the age is that of the last word"


@pytest.mark.parametrize(("age_s", "state"), [(14.9, "well"), (15.1, "silent")])
def test_a_report_is_old_after_fifteen_seconds(age_s: float, state: str) -> None:
    assert bridge_card(e.report("b", e.health(e.endpoint()), age_s=age_s), ZONE, NOW).state == state


def test_a_bridge_that_reports_but_hands_in_nothing_is_in_trouble() -> None:
    report = e.report("b", e.health(e.endpoint()), silent_since_us=e.NOW_US - 60_000_000)
    card = bridge_card(report, ZONE, NOW)
    assert card.state == "trouble"
    assert [c.what for c in card.concerns] == ["no-data"]


def test_instants_are_by_our_clock_however_wrong_the_bridges_is() -> None:
    wrong_us = 7_200_000_000
    moved = e.endpoint(since_us=e.NOW_US - 60_000_000 + wrong_us, heard_at_us=e.NOW_US + wrong_us)
    report = e.report("b", e.health(moved, at_us=e.NOW_US - 2_000_000 + wrong_us))
    line = endpoint_detail(report, "smt-1", ZONE, NOW).line
    assert line is not None
    assert line.age is not None
    assert line.age.seconds == 60


def test_what_is_to_be_looked_after_is_named_with_its_figure() -> None:
    detail = endpoint_detail(e.plant()[0], "oven-1", ZONE, NOW)
    assert detail.line is not None
    assert [(c.what, c.n, c.s) for c in detail.line.concerns] == [
        ("refused", 6, 0),
        ("skew-ahead", 0, 41),
        ("short", 14, Decimal("0.7")),
        ("certificate", 6, 0),
    ]
    assert [(a.what, a.less) for a in detail.asked] == [("interval", True), ("keep-alive", True), ("lifetime", True)]
    assert [(r.tag, r.code, r.next_s) for r in detail.refused_nodes][:2] == [
        ("OVEN-1.Door.Open", "BadNodeIdUnknown", 240),
        ("OVEN-1.Belt.Speed", "BadUserAccessDenied", 30),
    ]
    assert detail.refused_nodes[3].code == "other"


@pytest.mark.parametrize(
    ("days", "what"),
    [(31, []), (30, ["own-certificate"]), (0, ["own-certificate"]), (-2, ["own-certificate-over"])],
)
def test_certificates_are_warned_about(days: int, what: list[str]) -> None:
    ends_us = e.NOW_US + days * DAY_US + DAY_US // 2
    card = bridge_card(e.report("b", e.health(e.endpoint(), certificate_ends_us=ends_us)), ZONE, NOW)
    assert [c.what for c in card.concerns] == what


def test_a_state_nobody_knows_is_not_well() -> None:
    strange = msgspec.structs.replace(e.endpoint(), state=EndpointState.unknown)
    card = bridge_card(e.report("b", e.health(strange)), ZONE, NOW)
    assert (card.state, card.endpoints[0].tone) == ("trouble", "unknown")


def test_an_endpoint_the_report_does_not_name_is_said_to_be_so() -> None:
    detail = endpoint_detail(e.report("b", e.health(e.endpoint())), "gone", ZONE, NOW)
    assert (detail.line, detail.minimum_s, detail.asked) == (None, None, ())


def test_gaps_tell_what_they_cost() -> None:
    lines = endpoint_gaps("hall-1", "cnc-1", e.gaps(), ZONE, NOW).gaps
    assert [(g.reason, g.tags, g.lost, [(c.tag, c.amount.kind) for c in g.costs]) for g in lines] == [
        ("connection-lost", 0, None, [("CNC-1.GoodCount", "between"), ("CNC-1.RejectCount", "at-least")]),
        ("queue-overflow", 2, 130, []),
        ("bridge-stopped", 0, None, []),
    ]
    assert [(g.filled, g.filled_tags) for g in lines] == [(1_200, 4), (0, 0), (0, 0)]
    assert lines[2].from_at is None, "from the beginning of time has no date"
    strange = replace(e.gaps()[0], reason="moon-phase")
    assert endpoint_gaps("hall-1", "cnc-1", [strange], ZONE, NOW).gaps[0].reason == "other"
