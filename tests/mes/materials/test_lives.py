"""How materials are kept and how long lots may be used, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mes.access.types import Role
from mes.equipment.service import put_calendar
from mes.equipment.types import Calendar, PutOutcome
from mes.kernel.db import Database, ReadSession
from mes.kernel.errors import VersionConflict
from mes.kernel.outbox import head_seq, list_events
from mes.kernel.uow import UnitOfWork
from mes.materials.errors import (
    HandlingInvalid,
    LotNotWarm,
    MaterialLotClosed,
    MaterialLotNotFound,
    MaterialNotFound,
)
from mes.materials.life import queries
from mes.materials.life.service import (
    begin_life,
    note_lots_running_out,
    put_handlings,
    put_moisture_levels,
    set_lot_expiry,
    set_lot_storage,
    update_handling,
    update_moisture_level,
)
from mes.materials.rules import usable_lot
from mes.materials.service import create_lot, put_materials, set_disposition, update_lot
from mes.materials.types import (
    HOUR_US,
    ApprovedPart,
    HandlingSpec,
    LifeKind,
    LotSpec,
    MaterialSpec,
    MoistureLevelSpec,
    Storage,
)
from standards.isa95.material import Disposition
from tests.conftest import SettableClock
from tests.support.ticks import tick
from tests.web.cast import hire

NEXA = ApprovedPart("Nexa Semi", "NX32F103", "09521234543213")
MCU = HandlingSpec("MCU", (NEXA,), msl="3", bake_h=24)
PASTE = HandlingSpec("PASTE", shelf_life_days=180, open_life_h=10, warm_up_h=4)


def write(database: Database, verb: Any, **kwargs: Any) -> Any:
    return database.write_now(verb, actor=None, **kwargs)


@pytest.fixture
def stocked(database: Database) -> Database:
    write(database, put_materials, specs=[MaterialSpec("MCU", "pcs"), MaterialSpec("PASTE", "g")])
    write(database, put_handlings, specs=[MCU, PASTE])
    write(database, create_lot, spec=LotSpec("R-1", "MCU", Decimal(1000), "pcs"))
    write(database, create_lot, spec=LotSpec("J-1", "PASTE", Decimal(500), "g"))
    return database


def view(database: Database, lot_id: str) -> queries.LotLifeView:
    return database.read_now(queries.exposure_of, lot_id=lot_id, now=database.clock())


def left_h(database: Database, lot_id: str, kind: LifeKind) -> float:
    (clock,) = (c for c in view(database, lot_id).clocks if c.kind is kind)
    return clock.left_us / HOUR_US


def put(database: Database, lot_id: str, storage: Storage, **more: Any) -> None:
    write(database, set_lot_storage, lot_id=lot_id, storage=storage, **more)


def said(database: Database, after: int) -> list[tuple[str, str, int]]:
    events = database.read_now(list_events, after=after, limit=100)
    told = (e.payload for e in events if e.type == "materials.lot-running-out.v1")
    return [(p["lot_id"], p["life"], p["percent"]) for p in told]


def ticked(database: Database) -> list[tuple[str, str, int]]:
    before = database.read_now(head_seq)
    tick(database, note_lots_running_out)
    return said(database, before)


def test_handling_comes_back_and_twice_is_once(stocked: Database) -> None:
    found = stocked.read_now(queries.get_handling, material_id="MCU")
    assert (found.spec, found.version) == (MCU, 1)
    before = stocked.read_now(head_seq)
    assert set(write(stocked, put_handlings, specs=[MCU, PASTE]).values()) == {PutOutcome.Unchanged}
    assert stocked.read_now(head_seq) == before
    write(stocked, update_handling, spec=replace(MCU, approved_parts=()), version=1)
    found = stocked.read_now(queries.get_handling, material_id="MCU")
    assert (found.spec.approved_parts, found.version) == ((), 2)
    write(stocked, update_handling, spec=MCU, version=2)
    with pytest.raises(VersionConflict):
        write(stocked, update_handling, spec=PASTE, version=7)


def test_handling_is_refused_as_a_whole(stocked: Database) -> None:
    with pytest.raises(MaterialNotFound) as caught:
        write(stocked, put_handlings, specs=[HandlingSpec("NOTHING"), replace(PASTE, open_life_h=0), MCU])
    assert [error.where for error in caught.value.errors] == ["NOTHING", "PASTE"]
    with pytest.raises(MaterialNotFound):
        stocked.read_now(queries.get_handling, material_id="NOTHING")


def test_floor_life_passes_in_the_open_pauses_dry_and_is_reset_by_a_bake(
    stocked: Database, clock: SettableClock
) -> None:
    put(stocked, "R-1", Storage.open)
    clock.advance(hours=20)
    assert left_h(stocked, "R-1", LifeKind.floor_life) == 148
    put(stocked, "R-1", Storage.dry_cabinet, version=1)
    clock.advance(days=30)
    assert left_h(stocked, "R-1", LifeKind.floor_life) == 148
    put(stocked, "R-1", Storage.open)
    clock.advance(hours=148)
    refusal = usable_lot(view(stocked, "R-1").facts)
    assert refusal is not None
    assert refusal.code == "floor-life-over"
    put(stocked, "R-1", Storage.baking)
    clock.advance(hours=24)
    assert left_h(stocked, "R-1", LifeKind.floor_life) == 168
    put(stocked, "R-1", Storage.open)
    facts = stocked.read_now(queries.get_lot_facts, lot_ids=["R-1", "X"], now=clock.at)
    assert list(facts) == ["R-1"]
    assert usable_lot(facts["R-1"]) is None


def test_a_short_exposure_is_dried_away(stocked: Database, clock: SettableClock) -> None:
    put(stocked, "R-1", Storage.open)
    clock.advance(hours=10)
    put(stocked, "R-1", Storage.dry_cabinet)
    clock.advance(hours=49)
    assert left_h(stocked, "R-1", LifeKind.floor_life) == 158
    clock.advance(hours=1)
    assert left_h(stocked, "R-1", LifeKind.floor_life) == 168


def test_80_and_100_percent_are_said_once_whoever_has_it_mounted(stocked: Database, clock: SettableClock) -> None:
    put(stocked, "R-1", Storage.open)
    assert ticked(stocked) == []
    clock.advance(hours=134, minutes=23)
    assert ticked(stocked) == []
    assert stocked.read_now(queries.lots_running_out, now=clock.at).lots == ()
    clock.advance(minutes=1)
    assert ticked(stocked) == [("R-1", "floor-life", 80)]
    assert ticked(stocked) == []
    (found,) = stocked.read_now(queries.lots_running_out, now=clock.at).lots
    assert found.lot_id == "R-1"
    clock.advance(days=10)
    assert ticked(stocked) == [("R-1", "floor-life", 100)]
    put(stocked, "R-1", Storage.baking)
    clock.advance(hours=24)
    put(stocked, "R-1", Storage.open)
    assert ticked(stocked) == []
    clock.advance(hours=168)
    assert ticked(stocked) == [("R-1", "floor-life", 100)], "a new floor life is a new alarm"


def test_a_rule_that_changes_is_looked_at_by_the_next_tick(stocked: Database, clock: SettableClock) -> None:
    put(stocked, "R-1", Storage.open)
    clock.advance(hours=30)
    assert ticked(stocked) == []
    write(stocked, put_handlings, specs=[replace(MCU, msl="5")])
    clock.advance(hours=10)
    assert ticked(stocked) == [("R-1", "floor-life", 80)]
    write(stocked, update_moisture_level, spec=MoistureLevelSpec("5", 40), version=0)
    assert ticked(stocked) == [("R-1", "floor-life", 100)]
    write(stocked, put_moisture_levels, specs=[MoistureLevelSpec("5", 400)])
    assert ticked(stocked) == []
    assert stocked.read_now(queries.lots_running_out, now=clock.at).lots == ()
    with pytest.raises(VersionConflict):
        write(stocked, update_moisture_level, spec=MoistureLevelSpec("5", 41), version=0)
    with pytest.raises(HandlingInvalid):
        write(stocked, update_moisture_level, spec=MoistureLevelSpec("x", 41), version=0)


def test_levels_are_the_standard_s_until_the_plant_says_otherwise(stocked: Database) -> None:
    levels = {v.spec.level: v for v in stocked.read_now(queries.list_moisture_levels)}
    assert list(levels) == ["1", "2", "2a", "3", "4", "5", "5a", "6"]
    assert {v.version for v in levels.values()} == {0}
    own = replace(levels["3"].spec, floor_life_h=120)
    assert write(stocked, put_moisture_levels, specs=[own]) == {"3": PutOutcome.Created}
    assert write(stocked, put_moisture_levels, specs=[own]) == {"3": PutOutcome.Unchanged}
    assert stocked.read_now(queries.list_moisture_levels)[3] == queries.MoistureLevelView(own, 1)
    assert left_h(stocked, "R-1", LifeKind.floor_life) == 120


def test_paste_warms_up_is_opened_once_and_lasts_ten_hours(stocked: Database, clock: SettableClock) -> None:
    write(stocked, begin_life, lot_id="J-1", storage=Storage.cold, expires_at_us=None)
    with pytest.raises(LotNotWarm):
        put(stocked, "J-1", Storage.open)
    put(stocked, "J-1", Storage.sealed)
    clock.advance(hours=3)
    with pytest.raises(LotNotWarm, match="another 60 min"):
        put(stocked, "J-1", Storage.open)
    clock.advance(hours=1)
    put(stocked, "J-1", Storage.open)
    clock.advance(hours=8)
    assert ticked(stocked) == [("J-1", "open-life", 80)]
    put(stocked, "J-1", Storage.cold)
    clock.advance(hours=2)
    assert view(stocked, "J-1").opened_at is not None
    refusal = usable_lot(view(stocked, "J-1").facts)
    assert refusal is not None
    assert refusal.code == "lot-open-too-long", "the cold does not close a jar"


def test_expiry_is_on_the_list_a_week_before_and_said_when_it_comes(stocked: Database, clock: SettableClock) -> None:
    ends = view(stocked, "J-1").life.exposure.since_us + int(clock.at.timestamp()) * 1_000_000 + 200 * HOUR_US
    write(stocked, begin_life, lot_id="J-1", storage=Storage.sealed, expires_at_us=ends)
    assert ticked(stocked) == []
    assert stocked.read_now(queries.lots_running_out, now=clock.at).lots == ()
    clock.advance(hours=33)
    assert [v.lot_id for v in stocked.read_now(queries.lots_running_out, now=clock.at).lots] == ["J-1"]
    clock.advance(hours=167)
    assert ticked(stocked) == [("J-1", "expiry", 100)]
    write(stocked, set_disposition, lot_id="J-1", disposition=Disposition.Closed, reason="thrown away")
    assert stocked.read_now(queries.lots_running_out, now=clock.at).lots == ()


def test_nothing_is_said_of_an_empty_lot(stocked: Database, clock: SettableClock) -> None:
    put(stocked, "R-1", Storage.open)
    write(stocked, update_lot, spec=LotSpec("R-1", "MCU", Decimal(0), "pcs"), version=1)
    clock.advance(days=30)
    assert ticked(stocked) == []
    assert stocked.read_now(queries.lots_running_out, now=clock.at).lots == ()


@pytest.mark.parametrize("gone", ["consumed_e6 = 1000000000", "shipment_pk = 1"])
def test_nothing_is_said_of_a_lot_that_genealogy_used_up_or_shipped(
    stocked: Database, clock: SettableClock, gone: str
) -> None:
    put(stocked, "R-1", Storage.open)
    clock.advance(days=30)

    def leave(uow: UnitOfWork) -> None:
        uow.driver_execute(f"UPDATE material_lot SET {gone} WHERE id = 'R-1'", [])

    assert [v.lot_id for v in stocked.read_now(queries.lots_running_out, now=clock.at).lots] == ["R-1"]
    write(stocked, leave)
    assert stocked.read_now(queries.lots_running_out, now=clock.at).lots == ()
    assert ticked(stocked) == []


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_a_lot_may_expire_on_the_last_day_there_is(stocked: Database, zone: str) -> None:
    """Many labels say 9999-12-31 for "never"."""
    write(stocked, put_calendar, calendar=Calendar(time_zone=zone))
    write(stocked, set_lot_expiry, lot_id="R-1", expires_on=date.max, reason="as the label says")
    shown = view(stocked, "R-1").expires_at
    assert shown is not None
    assert {shown.astimezone(ZoneInfo(one)).year for one in ("Pacific/Kiritimati", "Etc/GMT+12")} == {9999}
    assert usable_lot(view(stocked, "R-1").facts) is None


def test_lots_that_run_out_are_found_by_index(sqlite_database: Database) -> None:
    """Every lot that was ever received stays in the table."""
    seen: list[str] = []

    def look(session: ReadSession) -> list[str]:
        driver: Any = session.connection().connection.driver_connection
        driver.set_trace_callback(seen.append)
        queries.lots_running_out(session, now=sqlite_database.clock())
        driver.set_trace_callback(None)
        (asked,) = (sql for sql in seen if "material_lot_life" in sql)
        return [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {asked}")]

    steps = sqlite_database.read_now(look)
    assert any("told_most" in step for step in steps)
    assert any("next_alarm_at_us" in step for step in steps)
    assert [step for step in steps if step.startswith("SCAN material_lot")] == []


def test_nothing_is_said_of_a_closed_lot(stocked: Database, clock: SettableClock) -> None:
    put(stocked, "R-1", Storage.open)
    write(stocked, set_disposition, lot_id="R-1", disposition=Disposition.Closed, reason="used up")
    clock.advance(days=30)
    assert ticked(stocked) == []
    with pytest.raises(MaterialLotClosed):
        put(stocked, "R-1", Storage.dry_cabinet)


def test_a_shelf_life_is_prolonged_with_a_reason(stocked: Database, clock: SettableClock) -> None:
    write(stocked, set_lot_expiry, lot_id="J-1", expires_on=date(2026, 3, 3), reason="label", version=0)
    clock.advance(days=2)
    assert ticked(stocked) == [("J-1", "expiry", 100)]
    before = stocked.read_now(head_seq)
    stocked.write_now(
        set_lot_expiry, actor=7, lot_id="J-1", expires_on=date(2026, 6, 1), reason="Viscosity tested", version=1
    )
    (event,) = stocked.read_now(list_events, after=before, limit=10)
    assert (event.type, event.actor, event.payload["reason"]) == (
        "materials.lot-expiry-changed.v1",
        7,
        "Viscosity tested",
    )
    assert view(stocked, "J-1").refusal is None
    assert ticked(stocked) == []
    clock.advance(days=90)
    assert ticked(stocked) == [("J-1", "expiry", 100)], "a new last day is a new alarm"
    write(stocked, set_lot_expiry, lot_id="J-1", expires_on=None, reason="no limit")
    assert view(stocked, "J-1").refusal is None
    with pytest.raises(VersionConflict):
        write(stocked, set_lot_expiry, lot_id="J-1", expires_on=None, reason="x", version=1)
    write(stocked, set_disposition, lot_id="J-1", disposition=Disposition.Closed, reason="x")
    with pytest.raises(MaterialLotClosed):
        write(stocked, set_lot_expiry, lot_id="J-1", expires_on=None, reason="x")


def test_where_a_lot_was_is_kept_with_its_exposure(stocked: Database, clock: SettableClock) -> None:
    ada = hire(stocked, "ada", Role.operator).principal_pk
    stocked.write_now(set_lot_storage, actor=ada, lot_id="R-1", storage=Storage.open)
    clock.advance(hours=20)
    put(stocked, "R-1", Storage.dry_cabinet)
    clock.advance(hours=500)
    put(stocked, "R-1", Storage.open)
    found = stocked.read_now(queries.list_storage_changes, lot_id="R-1")
    told = [(c.storage, c.exposed_us // HOUR_US, c.who) for c in found]
    assert told == [(Storage.open, 20, ""), (Storage.dry_cabinet, 20, ""), (Storage.open, 0, "Ada")]
    with pytest.raises(MaterialLotNotFound):
        stocked.read_now(queries.list_storage_changes, lot_id="X")


def test_moving_a_lot_says_who_and_counts_a_version(stocked: Database, clock: SettableClock) -> None:
    before = stocked.read_now(head_seq)
    stocked.write_now(set_lot_storage, actor=7, lot_id="R-1", storage=Storage.open, version=0)
    put(stocked, "R-1", Storage.open)
    (event,) = stocked.read_now(list_events, after=before, limit=10)
    assert (event.type, event.actor) == ("materials.lot-storage-changed.v1", 7)
    assert event.payload == {"lot_id": "R-1", "from": "sealed", "to": "open"}
    assert view(stocked, "R-1").version == 1
    with pytest.raises(VersionConflict):
        put(stocked, "R-1", Storage.sealed, version=0)
    clock.advance(hours=1)
    ticked(stocked)
    assert view(stocked, "R-1").version == 1, "a tick is no transition"
    with pytest.raises(MaterialLotNotFound):
        put(stocked, "X", Storage.sealed)


def test_the_most_urgent_lot_is_first_and_the_rest_is_not_hidden(stocked: Database, clock: SettableClock) -> None:
    for n in range(5):
        write(stocked, create_lot, spec=LotSpec(f"R-2{n}", "MCU", Decimal(1), "pcs"))
        put(stocked, f"R-2{n}", Storage.open)
        clock.advance(hours=1)
    clock.advance(hours=160)
    ticked(stocked)
    found = stocked.read_now(queries.lots_running_out, now=clock.at, limit=3)
    assert ([lot.lot_id for lot in found.lots], found.more) == (["R-20", "R-21", "R-22"], True)
