"""From the bridge's door into history, and the as-built record of a job, on both databases."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from mes.edge.service import put_tag_bindings
from mes.edge.types import TagBindingSpec
from mes.history.queries import list_samples, list_texts
from mes.history.sealer import Sealer
from mes.history.types import GOOD, NOT_KNOWN, UNCERTAIN
from mes.kernel.db import Database
from mes.kernel.sqltypes import to_us
from mes.orders.errors import JobNotFound
from mes.orders.service import submit_operations_request
from mes.reporting.measurements.errors import HistoryTagNotFound
from mes.reporting.measurements.queries import (
    get_job_record,
    get_measurement,
    list_history_tags,
    list_last_values,
)
from standards.lineside.ingest_v1 import Sample
from standards.opcua.status import Quality
from tests.conftest import SettableClock
from tests.mes.history.model import told
from tests.support.plants import BRIDGE, CELL, LINE, PRESS, Box

TEMPERATURE = f"{PRESS}.Temperature"
SERIAL = f"{PRESS}.Serial"
WIDTH = f"{CELL}.Width"


@pytest.fixture
def measured(box: Box) -> Box:
    """The plant with an identity at the press and a measurement in the line."""
    bindings = [
        TagBindingSpec(SERIAL, "identity", PRESS, what="serial"),
        TagBindingSpec(WIDTH, "measurement", CELL, unit="mm"),
    ]
    box.database.write_now(put_tag_bindings, actor=None, bridge_id=BRIDGE, bindings=bindings)
    return box


@pytest.fixture
def sealer(database: Database) -> Iterator[Sealer]:
    sealer = Sealer(database, breathe=lambda: None)
    yield sealer
    sealer.close()


def kept(database: Database, tag: str) -> list[tuple[int, float, int]]:
    view = database.read_now(get_measurement, bridge_id=BRIDGE, tag=tag)
    end_us = to_us(database.clock()) + 1
    samples, _ = database.read_now(list_samples, tag_pk=view.pk, from_us=end_us - 10**11, to_us=end_us)
    return told(samples)


def test_numbers_are_kept_and_what_is_not_known_is_a_gap(measured: Box, clock: SettableClock) -> None:
    at = [measured.at_us()]
    for _ in range(6):
        clock.advance(seconds=10)
        at.append(measured.at_us())
    measured.say(
        measured.sample(TEMPERATURE, 20, at[0]),
        measured.sample(TEMPERATURE, True, at[1]),
        Sample(TEMPERATURE, 20.5, observed_at_us=at[2], quality=Quality.uncertain),
        Sample(TEMPERATURE, 99.0, observed_at_us=at[3], source_at_us=at[2], quality=Quality.bad, status=1 << 31),
    )
    measured.say(
        measured.gap(at[4], at[5], [TEMPERATURE]),
        measured.sample(TEMPERATURE, 2**63, at[5]),
        measured.sample(TEMPERATURE, None, at[6]),
    )
    assert repr(kept(measured.database, TEMPERATURE)) == repr(
        [
            (at[0], 20.0, GOOD),
            (at[1], 1.0, GOOD),
            (at[2], 20.5, UNCERTAIN),
            (at[3], math.nan, NOT_KNOWN),
            (at[4] + 1, math.nan, NOT_KNOWN),
            (at[5], 2.0**63, GOOD),
            (at[6], math.nan, NOT_KNOWN),
        ]
    )
    assert kept(measured.database, WIDTH) == []


def test_a_gap_of_the_whole_source_is_a_gap_of_every_measurement(measured: Box, clock: SettableClock) -> None:
    begin_us = measured.at_us()
    clock.advance(minutes=1)
    measured.say(measured.gap(begin_us, measured.at_us()))
    for tag in (TEMPERATURE, WIDTH):
        assert repr(kept(measured.database, tag)) == repr([(begin_us + 1, math.nan, NOT_KNOWN)])


def test_a_batch_that_comes_again_changes_nothing(measured: Box, clock: SettableClock, sealer: Sealer) -> None:
    items = [measured.sample(TEMPERATURE, float(n), measured.at_us() + n) for n in range(100)]
    clock.advance(seconds=1)
    measured.say(*items)
    before = kept(measured.database, TEMPERATURE)
    measured.hand_in(1, items)
    sealer.seal()
    measured.journal_id, measured.seq = "journal-2", 0
    measured.say(*items)
    assert kept(measured.database, TEMPERATURE) == before
    assert len(before) == 100


def test_identities_and_words_are_texts(measured: Box, clock: SettableClock) -> None:
    at_us = measured.at_us()
    measured.say(measured.sample(SERIAL, "SN-\x001", at_us), measured.sample(SERIAL, 42, at_us + 1))
    page = measured.database.read_now(list_history_tags, equipment_id=PRESS, cursor=None, limit=10)
    serial = next(view for view in page.items if view.tag == SERIAL)
    texts = measured.database.read_now(list_texts, tag_pk=serial.pk, from_us=at_us, to_us=at_us + 10)
    assert [one.text for one in texts] == ["SN-\ufffd1", "42"]
    with pytest.raises(HistoryTagNotFound):
        measured.database.read_now(get_measurement, bridge_id=BRIDGE, tag=SERIAL)


def test_tags_and_last_values_come_in_pages(measured: Box, clock: SettableClock, sealer: Sealer) -> None:
    measured.say(measured.sample(TEMPERATURE, 1.5))
    sealer.seal()
    clock.advance(seconds=1)
    measured.say(measured.bad(TEMPERATURE))
    first = measured.database.read_now(list_last_values, equipment_id=None, cursor=None, limit=1)
    second = measured.database.read_now(list_last_values, equipment_id=None, cursor=first.next_cursor, limit=1)
    assert [one.tag.tag for one in (*first.items, *second.items)] == [WIDTH, TEMPERATURE]
    assert first.items[0].last is None
    last = second.items[0].last
    assert last is not None
    assert (last.value, last.quality, last.at_us) == (None, NOT_KNOWN, measured.at_us())
    assert second.next_cursor is None
    only = measured.database.read_now(list_last_values, equipment_id=CELL, cursor=None, limit=10)
    assert [one.tag.tag for one in only.items] == [WIDTH]


def run_job(box: Box, clock: SettableClock, target: str, job_id: str, minutes: int) -> None:
    """It runs, is paused for as long, runs again and ends: 20, 30, 40, and 500 when it is over."""
    for state, value in ((3, 20.0), (4, 30.0), (3, 40.0), (5, 500.0)):
        box.job(target, job_id, state, substate=1 if state == 5 else 0)
        for _ in range(minutes):
            box.say(box.sample(TEMPERATURE, value), box.sample(WIDTH, value + 1))
            clock.advance(minutes=1)


def test_the_as_built_record_is_of_its_run_alone(measured: Box, clock: SettableClock, sealer: Sealer) -> None:
    database = measured.database
    order: dict[str, Any] = {"id": "PO-1", "quantity": 16, "material_id": "BOARD"}
    database.write_now(submit_operations_request, actor=None, **order)
    measured.ready()
    run_job(measured, clock, LINE, "PO-1-LINE", 3)
    for turn in (lambda: None, sealer.seal, sealer.merge):
        turn()
        record = database.read_now(get_job_record, job_id="PO-1-LINE", now_us=to_us(clock.at))
        assert [run.equipment_id for run in record.runs] == [LINE]
        (width,) = record.measurements
        assert width.tag.tag == WIDTH
        assert width.summary is not None
        assert (width.summary.n, width.summary.minimum, width.summary.maximum) == (9, 21.0, 41.0)
        assert width.summary.mean == pytest.approx(31.0)
        assert width.summary.held_mean == pytest.approx(31.0)
        assert width.summary.known_us == 9 * 60_000_000
        clock.advance(hours=3)
    with pytest.raises(JobNotFound):
        database.read_now(get_job_record, job_id="PO-9", now_us=0)


def test_a_record_takes_the_same_statements_whatever_its_size(
    measured: Box, clock: SettableClock, sealer: Sealer
) -> None:
    database = measured.database
    order: dict[str, Any] = {"id": "PO-1", "quantity": 16, "material_id": "BOARD"}
    database.write_now(submit_operations_request, actor=None, **order)
    measured.ready()
    run_job(measured, clock, LINE, "PO-1-LINE", 2)
    few = statements_of(database, clock)
    more = [TagBindingSpec(f"{CELL}.M{n}", "measurement", CELL) for n in range(40)]
    database.write_now(put_tag_bindings, actor=None, bridge_id=BRIDGE, bindings=more)
    assert statements_of(database, clock) == few


def statements_of(database: Database, clock: SettableClock) -> int:
    """Statements sent to the plant's own database for one record."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(database._reader_engine, "before_cursor_execute", note)
    record = database.read_now(get_job_record, job_id="PO-1-LINE", now_us=to_us(clock.at))
    event.remove(database._reader_engine, "before_cursor_execute", note)
    assert record.measurements
    return len([one for one in seen if one.startswith("SELECT")])
