"""What testers say in tags becomes verdicts of units: serial, verdict and defect together or one after another."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.edge.service import put_tag_bindings
from mes.edge.types import TagBindingSpec
from mes.ingest.result_rules import AtTester, Heard, Untold, What, follow_tester, verdict_in
from mes.kernel.db import Database
from mes.quality.service import put_defect_codes
from mes.quality.types import DefectCodeSpec, Verdict
from standards.opcua.status import Quality
from tests.conftest import SettableClock
from tests.mes.ingest.test_serials import quarantined, rows, say
from tests.support.plants import BRIDGE, CELL, PRESS, Box

SERIAL, VERDICT, CODE, PLACE = (f"{PRESS}.{name}" for name in ("Serial", "Verdict", "Defect", "Position"))
SEEN = f"{CELL}.Result"


@pytest.fixture
def tester(plant: Database, box: Box) -> Box:
    """The press tests boards with four tags, the cell inspects with one."""
    bindings = [
        TagBindingSpec(SERIAL, "identity", PRESS, what="serial"),
        TagBindingSpec(VERDICT, "result", PRESS, what="verdict"),
        TagBindingSpec(CODE, "result", PRESS, what="defect-code"),
        TagBindingSpec(PLACE, "result", PRESS, what="defect-position"),
        TagBindingSpec(SEEN, "result", CELL, what="together"),
    ]
    plant.write_now(put_tag_bindings, actor=None, bridge_id=BRIDGE, bindings=bindings)
    plant.write_now(put_defect_codes, actor=None, specs=[DefectCodeSpec("SHORT", "Short circuit")])
    return box


def verdicts(plant: Database) -> list[tuple[Any, ...]]:
    """Unit, verdict, station, note."""
    return rows(
        plant,
        "SELECT v.unit_id, v.verdict, e.id, v.note FROM unit_verdict v JOIN equipment e ON e.pk = v.equipment_pk "
        "ORDER BY v.pk",
    )


def defects(plant: Database) -> list[tuple[Any, ...]]:
    sql = "SELECT d.unit_id, c.id, d.position FROM defect d JOIN defect_code c ON c.pk = d.code_pk ORDER BY d.pk"
    return rows(plant, sql)


def test_a_verdict_is_of_the_serial_that_was_read_before(plant: Database, tester: Box, clock: SettableClock) -> None:
    say(tester, clock, SERIAL, "B1")
    say(tester, clock, VERDICT, "PASS")
    say(tester, clock, VERDICT, "")
    say(tester, clock, SERIAL, "B2")
    say(tester, clock, CODE, "SHORT")
    say(tester, clock, PLACE, "R17")
    say(tester, clock, VERDICT, 2)
    at = tester.at_us() + 5
    tester.say(tester.sample(VERDICT, 1, at), tester.sample(SERIAL, "B3", at), tester.sample(CODE, "", at))
    assert verdicts(plant) == [("B1", 1, PRESS, ""), ("B2", 2, PRESS, ""), ("B3", 1, PRESS, "")]
    assert defects(plant) == [("B2", "SHORT", "R17")]
    assert quarantined(plant) == []


def test_a_verdict_told_again_is_there_once(plant: Database, tester: Box, clock: SettableClock) -> None:
    say(tester, clock, SERIAL, "B1")
    say(tester, clock, VERDICT, "pass")
    last = tester.said[-2:]
    tester.journal_id = "journal-2"
    tester.hand_in(1, last)
    tester.journal_id = "journal-1"
    say(tester, clock, SERIAL, "B1")
    say(tester, clock, VERDICT, "pass")
    assert verdicts(plant) == [("B1", 1, PRESS, "")]
    say(tester, clock, VERDICT, 0)
    say(tester, clock, VERDICT, "fail")
    assert [row[:2] for row in verdicts(plant)] == [("B1", 1), ("B1", 2)]


def test_what_comes_together_needs_nothing_else(plant: Database, tester: Box, clock: SettableClock) -> None:
    say(tester, clock, SEEN, ["P1-3", "fail", "SHORT", "U4"])
    say(tester, clock, SEEN, ["P1-4", "ok"])
    assert verdicts(plant) == [("P1-3", 2, CELL, ""), ("P1-4", 1, CELL, "")]
    assert defects(plant) == [("P1-3", "SHORT", "U4")]


def test_a_failure_of_no_known_code_fails_the_unit(plant: Database, tester: Box, clock: SettableClock) -> None:
    assert say(tester, clock, SEEN, ["P1-3", "fail", "E17", "U4"]) == 1
    assert verdicts(plant) == [("P1-3", 2, CELL, "E17 U4")]
    assert quarantined(plant) == [(SEEN, "defect-code-not-found")]


def test_a_verdict_of_nobody_knows_what_is_kept(plant: Database, tester: Box, clock: SettableClock) -> None:
    assert say(tester, clock, VERDICT, "pass") == 1
    assert say(tester, clock, VERDICT, "purple") == 1
    say(tester, clock, SERIAL, "B1")
    assert say(tester, clock, VERDICT, "fail", quality=Quality.uncertain, status=0x40000000) == 1
    tester.say(tester.bad(SERIAL))
    assert say(tester, clock, VERDICT, "pass") == 1
    assert say(tester, clock, SEEN, ["B 1", "pass"]) == 1
    reasons = ["no-serial", "unknown-verdict", "uncertain-verdict", "no-serial", "result-invalid"]
    assert [reason for _, reason in quarantined(plant)] == reasons
    assert verdicts(plant) == []


@pytest.mark.parametrize(
    ("value", "verdict"), [(" Passed ", Verdict.passed), (2.0, Verdict.failed), ("abort", Verdict.aborted)]
)
def test_a_verdict_is_a_word_or_its_number(value: object, verdict: Verdict) -> None:
    assert verdict_in(value) is verdict


@pytest.mark.parametrize(("value", "said"), [("", None), (0, None), (None, None), (True, Untold.strange)])
def test_nothing_is_no_verdict_and_yes_is_none_that_is_known(value: object, said: object) -> None:
    assert verdict_in(value) is said


units = st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from(["pass", "fail"])), max_size=12)


@given(units, st.booleans())
def test_every_test_is_one_verdict_of_its_unit(tests: list[tuple[str, str]], again: bool) -> None:
    """A tester that clears its verdict before the next unit, and may tell everything twice."""
    heard: list[Heard] = []
    for n, (unit, verdict) in enumerate(tests):
        at = 10 * n + 10
        heard += [
            Heard(1, What.verdict, "", at, 4 * n),
            Heard(2, None, unit, at + 1, 4 * n + 1),
            Heard(1, What.verdict, verdict, at + 2, 4 * n + 2),
        ]
        if again:
            heard.append(Heard(1, What.verdict, verdict, at + 3, 4 * n + 3))
    found, untold = follow_tester(AtTester(), heard)
    assert [(one.unit_id, one.verdict.name[:4]) for one in found] == tests
    assert untold == {}
    assert len({one.result_id for one in found}) == len(found)
