"""The screens of a machine that is set up: forms without JavaScript, and what they say when the edge box says no."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from mes.edge.queries import get_bridge, get_setup, list_waiting_commands
from mes.edge.types import ModelSlot, SetupState, SetupView
from mes.ingest.service import record_command_result
from mes.kernel.sqltypes import to_us
from standards.lineside.commands_v1 import (
    CommandResult,
    NodeList,
    Outcome,
    Proposals,
    ProposedTag,
    SeenList,
    to_document,
)
from tests.support.plants import BENCH, BRIDGE, CELL, LINE
from tests.web.connect_factory import SEEN, node, proposed
from tests.web.site import Site

URL = "opc.tcp://192.0.2.10:4840/"
PLACE = {"bridge_id": BRIDGE, "equipment_id": BENCH, "url": URL}


def begin(client: httpx.Client, name: str, **over: str) -> str:
    """The address of the page of a new machine."""
    answer = client.post("/connect", data={**PLACE, "name": name, **over})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def answer(
    site: Site, outcome: Outcome = Outcome.done, document: Any = None, code: str = "", message: str = ""
) -> None:
    """The edge box answers what it was asked last."""
    pk = site.database.read_now(get_bridge, bridge_id=BRIDGE).pk
    now_us = to_us(site.database.clock())
    command = site.database.read_now(list_waiting_commands, bridge_pk=pk, now_us=now_us)[-1]
    result = CommandResult(outcome, code, message, {} if document is None else to_document(document))
    site.database.write_now(record_command_result, actor=None, bridge_id=BRIDGE, command_id=command.id, result=result)


def said(page: httpx.Response) -> str:
    assert page.status_code == 200, page.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def setup(site: Site, address: str) -> SetupView:
    return site.database.read_now(get_setup, setup_id=address.rsplit("/", 1)[1], now_us=to_us(site.database.clock()))


def take(client: httpx.Client, address: str, version: int, **slots: str) -> httpx.Response:
    form = {"version": version, "key": list(slots), "slot": list(slots.values())}
    return client.post(f"{address}/signals", data=form)


def test_from_the_address_to_use_without_javascript(site: Site) -> None:
    with site.client("SVEN") as sven:
        here = begin(sven, "M-1")
        assert "The edge box is asked" in said(sven.get(here))
        answer(site, document=proposed())
        assert "Signals proposed: 4" in said(sven.get(here))
        signals = sven.get(f"{here}/signals")
        assert "rose 14 times, by 1 to 2, from 4021 to 4042: a counter" in said(signals)
        selected = re.findall(r'<option value="([^"]*)" selected', signals.text)
        assert selected == ["good", "measurement"]
        done = take(sven, here, setup(site, here).version, good="good", temperature="", beat="scrap:scratch")
        assert (done.status_code, done.headers["location"]) == (303, here)
        sven.post(f"{here}/watch", data={"version": "0"})
        answer(site, document=SeenList([SEEN["good"], SEEN["beat"]]))
        text = said(sven.get(here))
        assert "M-1.GoodCount" in text
        assert "That does not look like it" in text
        assert take(sven, here, setup(site, here).version, good="good").status_code == 303
        assert sven.post(f"{here}/apply", data={"version": setup(site, here).version}).status_code == 303
        assert "Being applied" in said(sven.get(here))
        answer(site)
        text = said(sven.get(here))
        assert "In use: the edge box follows these signals" in text
        assert f'href="/s/{BENCH}"' in sven.get(here).text


def test_what_the_edge_box_refuses_is_said_in_words(site: Site) -> None:
    with site.client("SVEN") as sven:
        here = begin(sven, "M-2")
        for code, words in (
            ("bad-payload", "This edge box is too old"),
            ("machine-not-reachable", "The machine is not reached"),
            ("certificate-untrusted", "a certificate nobody has approved yet"),
            ("moon-phase", "It did not work"),
        ):
            answer(site, Outcome.refused, code=code, message="words of the machine")
            assert words in said(sven.get(here))
            assert sven.post(f"{here}/look", data={"version": "0"}).status_code == 303
        answer(site, document=Proposals([ProposedTag(node("good", "Good"), "Good", "counter", "good", 0.9)]))
        take(sven, here, setup(site, here).version, good="good")
        sven.post(f"{here}/apply", data={"version": setup(site, here).version})
        answer(site, Outcome.refused, code="tag-map-refused", message="endpoint: the tag map has an endpoint 'M-2'")
        text = said(sven.get(here))
        assert "Nothing was changed: what had been prepared for these signals was taken back." in text
        assert "the tag map has an endpoint" in text
        assert setup(site, here).state is SetupState.open
        assert sven.post(f"{here}/give-up", data={"version": setup(site, here).version}).status_code == 303
        assert "This was given up" in said(sven.get(here))
        assert sven.post(f"{here}/look", data={"version": "0"}).status_code == 409


def test_the_tree_is_looked_at_level_by_level(site: Site) -> None:
    with site.client("SVEN") as sven:
        here = begin(sven, "M-3")
        answer(site, document=Proposals([]))
        level = sven.post(f"{here}/tree", data={"root": "a b;c=d"}).headers["location"]
        assert "The edge box is asked" in said(sven.get(level))
        one = replace(node("x", "Höhe & Breite <3>"), value="'<b>'")
        answer(site, document=NodeList([one], False, ["not more than 300 nodes"]))
        page = sven.get(level)
        assert "Höhe &amp; Breite &lt;3&gt;" in page.text
        assert "not more than 300 nodes" in said(page)
        region = sven.get(level.replace("/tree?", "/machine-tree?"))
        assert 'id="machine-tree"' in region.text
        added = sven.post(f"{here}/signal", data={"root": "a b;c=d", "key": "x"})
        assert added.headers["location"] == f"{here}/signals"
        assert [choice.slot for choice in setup(site, here).choices] == [ModelSlot.measurement]
        assert sven.post(f"{here}/signal", data={"root": "", "key": "x"}).status_code == 422


def test_a_template_is_offered_for_the_next_machine(site: Site) -> None:
    with site.client("SVEN") as sven:
        here = begin(sven, "M-4")
        answer(site, document=Proposals([ProposedTag(node("good", "Good"), "Good", "counter", "good", 0.9)]))
        take(sven, here, setup(site, here).version, good="good")
        assert sven.post(f"{here}/template", data={"template_id": "press"}).status_code == 303
        assert '<option value="press">' in sven.get("/connect").text
        next_one = begin(sven, "M-5", template_id="press")
        assert [choice.tag for choice in setup(site, next_one).choices] == ["Good"]
        answer(site, Outcome.refused, code="machine-not-reachable")


def test_the_second_of_two_is_told_so(site: Site) -> None:
    with site.client("SVEN") as sven, site.client("SVEN") as other:
        here = begin(sven, "M-6")
        answer(site, document=Proposals([ProposedTag(node("good", "Good"), "Good", "counter", "good", 0.9)]))
        seen = setup(site, here).version
        assert take(sven, here, seen, good="good").status_code == 303
        late = take(other, here, seen, good="cycles")
        assert late.status_code == 409
        assert "Somebody else was faster" in late.text


@pytest.mark.parametrize(
    ("over", "status"),
    [
        ({"url": "http://192.0.2.10/"}, 422),
        ({"name": "no spaces"}, 422),
        ({"bridge_id": "nobody"}, 404),
        ({"equipment_id": "nowhere"}, 404),
        ({"template_id": "nothing"}, 404),
        ({"url": "opc.tcp://" + "x" * 400}, 422),
        ({"bridge_id": "edge\x00"}, 422),
        ({"equipment_id": "CELL\x00"}, 422),
        ({"template_id": "press\x00"}, 422),
    ],
)
def test_what_cannot_be_is_refused(site: Site, over: dict[str, str], status: int) -> None:
    with site.client("SVEN") as sven:
        assert sven.post("/connect", data={**PLACE, "name": "M-7", **over}).status_code == status


def test_only_what_was_seen_can_be_taken(site: Site) -> None:
    with site.client("SVEN") as sven:
        here = begin(sven, "M-8")
        answer(site, document=Proposals([ProposedTag(node("good", "Good"), "Good", "counter", "good", 0.9)]))
        version = setup(site, here).version
        assert take(sven, here, version, **{"nsu=urn:other;s=Secret": "good"}).status_code == 422
        assert take(sven, here, version, good="emperor").status_code == 422
        assert take(sven, here, version, good="scrap:scr\x00atch").status_code == 422
        nowhere = {"version": version, "key": ["good"], "slot": ["good"], "place": ["CELL\x00"]}
        assert sven.post(f"{here}/signals", data=nowhere).status_code == 422
        for what, form in (("signal", {"key": "good", "root": "\x00"}), ("template", {"template_id": "\x00"})):
            assert sven.post(f"{here}/{what}", data=form).status_code == 422
        form = {"version": version, "key": ["good", "good"], "slot": ["good"]}
        assert sven.post(f"{here}/signals", data=form).status_code == 422
        assert setup(site, here).choices == ()


def test_a_signal_of_a_line_may_be_a_cells(site: Site) -> None:
    with site.client("SVEN") as sven:
        here = begin(sven, "M-11", equipment_id=LINE)
        answer(site, document=Proposals([ProposedTag(node("good", "Good"), "Good", "counter", "good", 0.9)]))
        assert f'<option value="{CELL}">' in sven.get(f"{here}/signals").text
        form = {"version": setup(site, here).version, "key": ["good"], "slot": ["good"], "place": [CELL]}
        assert sven.post(f"{here}/signals", data=form).status_code == 303
        assert [choice.equipment_id for choice in setup(site, here).choices] == [CELL]
        assert f'<option value="{CELL}" selected>' in sven.get(f"{here}/signals").text
        wrong = {**form, "version": setup(site, here).version, "place": ["NOWHERE"]}
        assert sven.post(f"{here}/signals", data=wrong).status_code == 422


def test_an_operator_has_no_business_there(site: Site) -> None:
    with site.client("SVEN") as sven, site.client("ADA") as ada:
        here = begin(sven, "M-9")
        for address in ("/connect", here, f"{here}/signals", f"{here}/tree", f"{here}/machine-setup"):
            assert ada.get(address).status_code == 403
        assert ada.post("/connect", data={**PLACE, "name": "M-10"}).status_code == 403
        assert ada.post(f"{here}/apply", data={"version": "1"}).status_code == 403
        answer(site, Outcome.refused)
