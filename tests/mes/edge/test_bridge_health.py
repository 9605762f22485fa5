"""What a bridge says of itself is kept, tells when it changes, and proves nothing about samples."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mes.edge.errors import BridgeNotFound
from mes.edge.queries import get_bridge, get_bridge_report, list_bridge_reports
from mes.edge.service import note_silent_bridges, record_bridge_health
from mes.ingest.queries import count_gaps, list_gaps
from mes.ingest.types import GapView
from mes.kernel.db import Database
from mes.kernel.outbox import head_seq
from mes.kernel.sqltypes import to_us
from standards.lineside.health_v1 import BridgeHealth, EndpointHealth, EndpointState, JournalHealth
from standards.lineside.ingest_v1 import Gap
from tests.conftest import SettableClock
from tests.support.plants import BRIDGE, CELL, PRESS, Box
from tests.support.ticks import tick


def say(database: Database, health: BridgeHealth, bridge_id: str = BRIDGE) -> int:
    return database.write_now(record_bridge_health, actor=None, bridge_id=bridge_id, health=health)


def connected(at_us: int = 1, **over: int) -> BridgeHealth:
    endpoint = EndpointHealth("plc", EndpointState.connected, 5)
    return BridgeHealth(at_us=at_us, endpoints=[endpoint], journal=JournalHealth(**over))


def test_the_newest_report_replaces_the_one_before(plant: Database, clock: SettableClock) -> None:
    assert plant.read_now(get_bridge_report, bridge_id=BRIDGE).health is None
    assert say(plant, connected(7, depth=3)) == to_us(clock())
    clock.advance(seconds=9)
    say(plant, connected(8, depth=4))
    [report] = plant.read_now(list_bridge_reports)
    assert report.health == connected(8, depth=4)
    assert report.shift_us == to_us(clock()) - 8
    assert report.is_fresh(to_us(clock()))
    clock.advance(seconds=16)
    assert not report.is_fresh(to_us(clock()))


def test_there_is_an_event_only_for_what_somebody_must_be_told(plant: Database) -> None:
    say(plant, connected())
    before = plant.read_now(head_seq)
    for depth in range(5):
        say(plant, connected(depth + 2, depth=depth))
    assert plant.read_now(head_seq) == before
    away = EndpointHealth("plc", EndpointState.away, 9)
    say(plant, BridgeHealth(at_us=9, endpoints=[away]))
    assert plant.read_now(head_seq) == before + 1


def test_a_report_does_not_hide_that_no_samples_come(plant: Database, clock: SettableClock) -> None:
    box = Box(plant)
    box.ready()
    for _ in range(4):
        clock.advance(seconds=5)
        say(plant, connected(to_us(clock())))
    tick(plant, note_silent_bridges)
    assert plant.read_now(get_bridge, bridge_id=BRIDGE).silent_since_us is not None


def test_nobody_reports_for_a_bridge_that_is_not_there(plant: Database) -> None:
    with pytest.raises(BridgeNotFound):
        say(plant, connected(), "nowhere")


def gaps(database: Database, source: str | None = "plc") -> Sequence[GapView]:
    pk = database.read_now(get_bridge, bridge_id=BRIDGE).pk
    return database.read_now(list_gaps, bridge_pk=pk, source=source)


def test_a_gap_costs_what_became_an_interval_and_nothing_else(plant: Database, box: Box, clock: SettableClock) -> None:
    """LINE-AOI was restarted; PRESS keeps its count, but may have turned at 1,000 unseen; rejects were not read."""
    box.ready()
    box.say(box.sample(f"{PRESS}.Good", 10), box.sample(f"{CELL}.Good", 100))
    since = box.at_us()
    clock.advance(seconds=60)
    lost = box.gap(since, box.at_us())
    box.say(lost, box.sample(f"{CELL}.StartedAt", "boot-2"), box.sample(f"{CELL}.Good", 40))
    box.say(box.sample(f"{PRESS}.Good", 20))
    [gap] = gaps(plant)
    assert (gap.reason, gap.tags, gap.from_at_us) == ("connection-lost", (), since)
    assert {(c.tag, c.equipment_id, c.low) for c in gap.costs} == {
        (f"{CELL}.Good", CELL, 40),
        (f"{PRESS}.Good", PRESS, 20),
    }
    assert all(c.high is None or c.high > c.low for c in gap.costs)
    assert plant.read_now(count_gaps) == {plant.read_now(get_bridge, bridge_id=BRIDGE).pk: 1}


def test_a_gap_of_other_tags_and_a_later_gap_cost_nothing(plant: Database, box: Box, clock: SettableClock) -> None:
    box.ready()
    box.say(box.sample(f"{CELL}.Good", 100))
    since = box.at_us()
    clock.advance(seconds=60)
    other = Gap("plc", since, box.at_us(), "queue-overflow", [f"{PRESS}.Temperature"], 4)
    box.say(other, box.gap(since, box.at_us(), [f"{CELL}.Good"]))
    box.say(box.sample(f"{CELL}.StartedAt", "boot-2"), box.sample(f"{CELL}.Good", 40))
    clock.advance(seconds=60)
    box.say(Gap("another", box.at_us(), box.at_us() + 1, "sequence-gap"))
    overflow, concerned = sorted(gaps(plant), key=lambda gap: gap.reason, reverse=True)
    assert (overflow.lost, overflow.costs) == (4, ())
    assert [c.tag for c in concerned.costs] == [f"{CELL}.Good"]
    assert [gap.costs for gap in gaps(plant, "another")] == [()]
    assert len(gaps(plant, None)) == 3


def test_a_gap_from_the_beginning_of_time_is_bounded(plant: Database, box: Box) -> None:
    box.ready()
    box.say(box.gap(0, box.at_us()))
    assert [gap.from_at_us for gap in gaps(plant)] == [0]
