"""What nobody can store or mean goes to quarantine, with nothing behind it held up or moved by it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from mes.kernel.db import Database, ReadSession
from standards.lineside.ingest_v1 import Entry, Gap, HistoryOf, Sample, Samples, SourceEvent
from tests.conftest import SettableClock
from tests.mes.ingest.test_machine_history import TEMPERATURE, counted, curve
from tests.support.plants import CELL, LINE, Box

SECOND = 1_000_000
HUGE = 10**400


def reasons(plant: Database) -> list[str]:
    def read(session: ReadSession) -> list[str]:
        return [row[0] for row in session.execute(text("SELECT reason FROM quarantine ORDER BY seq"))]

    return plant.read_now(read)


@pytest.mark.parametrize(("begin", "end"), [(0, 2**63), (2**70, 2**70), (-(2**70), 5), (7, 6)])
def test_the_past_of_a_gap_that_cannot_be(plant: Database, box: Box, begin: int, end: int) -> None:
    now = box.at_us()
    block = Samples(
        [TEMPERATURE, f"{CELL}.Good"], [0, 1, 0], [20.0, 3, 21.0], now, [3, 2, 1],
        history_of=HistoryOf("plc", begin, end),
    )  # fmt: skip
    answer = box.hand_in(1, [block, box.sample(TEMPERATURE, 30.0)])
    assert (answer.accepted_through, answer.quarantined) == (4, 3)
    assert reasons(plant) == ["bad-time"] * 3
    assert curve(plant, box) == [(now, 30.0)]


def in_block(box: Box, tag: str, value: Any) -> Samples:
    return Samples([tag], [0], [value], box.at_us(), [0])


def by_itself(box: Box, tag: str, value: Any) -> Sample:
    return box.sample(tag, value)


@pytest.mark.parametrize("told", [in_block, by_itself])
@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (TEMPERATURE, HUGE),
        (TEMPERATURE, -HUGE),
        (f"{CELL}.StartedAt", 2**70),
        (f"{CELL}.StartedAt", HUGE),
        (f"{CELL}.StartedAt", [1, 2**70]),
        (f"{CELL}.Good", HUGE),
    ],
    ids=["measurement", "below", "marker", "marker-beyond-all", "in-a-list", "counter"],
)
def test_a_number_too_great_for_anything(plant: Database, box: Box, told: Any, tag: str, value: Any) -> None:
    odd: Entry = told(box, tag, value)
    answer = box.hand_in(1, [odd, box.sample(TEMPERATURE, 30.0)])
    assert (answer.accepted_through, answer.quarantined) == (2, 1)
    assert reasons(plant) == ["bad-value"]
    assert curve(plant, box) == [(box.at_us(), 30.0)]


@pytest.mark.parametrize("value", [2**64 - 1, -(2**63), [1, 2]])
def test_a_marker_of_64_bits_is_one(plant: Database, box: Box, value: Any) -> None:
    assert box.say(box.sample(f"{CELL}.StartedAt", value)).quarantined == 0


def test_a_large_number_that_is_one(plant: Database, box: Box) -> None:
    box.say(box.sample(TEMPERATURE, 10**30))
    assert curve(plant, box) == [(box.at_us(), 1e30)]


@pytest.mark.parametrize("at_us", [2**70, -(2**70)])
def test_an_alarm_whose_time_cannot_be_has_the_bridges(plant: Database, box: Box, at_us: int) -> None:
    answer = box.say(SourceEvent(f"{LINE}.State", "e", "t", "hot", 500, box.at_us(), at_us))
    assert (answer.accepted_through, answer.quarantined) == (1, 0)

    def read(session: ReadSession) -> int:
        return int(session.execute(text("SELECT at_us FROM alarm")).scalar_one())

    assert plant.read_now(read) == box.at_us()


@pytest.mark.parametrize("told", [in_block, by_itself])
def test_a_gap_that_cannot_be_moves_no_measurement(plant: Database, box: Box, told: Any, clock: SettableClock) -> None:
    changed = box.at_us()
    clock.advance(seconds=10)
    now = box.at_us()
    odd = Gap("plc", now, now - SECOND, "connection-lost")
    said: Entry = Sample(TEMPERATURE, 20.0, observed_at_us=now, source_at_us=changed)
    if told is in_block:
        said = Samples([TEMPERATURE], [0], [20.0], now, [now - changed])
    assert box.hand_in(1, [odd, said]).quarantined == 1
    assert curve(plant, box) == [(changed, 20.0)]


LINE_TAGS = [f"{CELL}.Good", f"{CELL}.StartedAt", f"{CELL}.Mode", f"{LINE}.State"]


@pytest.mark.parametrize("tags", [None, LINE_TAGS])
def test_behind_a_gap_of_an_endpoint_everything_came_later(
    plant: Database, box: Box, clock: SettableClock, tags: list[str] | None
) -> None:
    """Also what its machine's clock puts before; whether the gap names the endpoint's tags or not."""
    box.ready()
    start = box.at_us()
    box.say(box.sample(f"{CELL}.Good", 100))
    clock.advance(seconds=20)
    box.say(
        box.sample(f"{CELL}.Good", 105, start + 10 * SECOND),
        box.gap(start + 10 * SECOND, start + 11 * SECOND, tags),
        box.sample(f"{CELL}.StartedAt", "boot-2", start + 5 * SECOND),
        box.sample(f"{CELL}.Good", 3, start + 12 * SECOND),
    )
    assert counted(plant)[0] == 8


def test_a_gap_of_one_endpoint_is_none_of_another(plant: Database, box: Box, clock: SettableClock) -> None:
    box.ready()
    since = box.at_us()
    box.say(box.sample(f"{CELL}.Good", 100), box.sample(TEMPERATURE, 20.0))
    clock.advance(seconds=10)
    box.say(box.gap(since, box.at_us(), [f"{LINE}.State"]), box.sample(f"{CELL}.Good", 104))
    assert counted(plant) == (4, 4)
    assert curve(plant, box) == [(since, 20.0)]
