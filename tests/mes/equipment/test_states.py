"""State facts into intervals and the present status, on both databases."""

from __future__ import annotations

from datetime import timedelta

from mes.equipment import queries
from mes.equipment.service import (
    record_known,
    record_mode,
    record_remote,
    record_states,
    record_unknown,
)
from mes.equipment.types import StateChange
from mes.kernel.db import Database
from mes.kernel.outbox import Event, head_seq, list_events
from mes.kernel.sqltypes import from_us
from standards.packml.states import EquipmentState as S


def pk_of(database: Database, equipment_id: str = "CELL") -> int:
    return database.read_now(queries.get_equipment_pks, ids=[equipment_id])[equipment_id]


def tell(database: Database, *pairs: tuple[int, S], equipment_id: str = "CELL", **words: str) -> None:
    pk = pk_of(database, equipment_id)
    changes = [StateChange(pk, state, at, **words) for at, state in pairs]
    database.write_now(record_states, actor=None, changes=changes)


def told(database: Database, from_us: int = 0, to_us: int = 10_000) -> list[tuple[int, int | None, S]]:
    found = database.read_now(queries.list_state_intervals, equipment_id="CELL", from_us=from_us, to_us=to_us)
    return [(i.from_us, i.to_us, i.state) for i in found]


def status(database: Database, equipment_id: str = "CELL") -> queries.EquipmentStatus:
    return database.read_now(queries.get_equipment_status, equipment_id=equipment_id)


def events_after(database: Database, seq: int) -> tuple[Event, ...]:
    return database.read_now(list_events, after=seq, limit=100)


def test_nothing_is_known_before_the_first_word(plant: Database) -> None:
    nothing = status(plant)
    assert (nothing.state, nothing.known, nothing.unknown_reason, nothing.since) == (
        S.Unknown,
        False,
        "no-signal",
        None,
    )
    assert len(plant.read_now(queries.list_equipment_status, area_id="AREA")) == 5


def test_states_become_half_open_intervals_with_one_open(plant: Database) -> None:
    tell(plant, (10, S.Running), (30, S.Down))
    tell(plant, (50, S.Running))
    assert told(plant) == [(10, 30, S.Running), (30, 50, S.Down), (50, None, S.Running)]
    assert told(plant, 30, 50) == [(30, 50, S.Down)]
    now = status(plant)
    assert (now.state, now.since, now.known_at, now.known) == (S.Running, from_us(50), from_us(50), True)


def test_late_and_duplicate_facts_correct_history_but_not_the_present(plant: Database) -> None:
    tell(plant, (10, S.Running), (100, S.Idle))
    tell(plant, (40, S.Down), (10, S.Running), (100, S.Idle))
    tell(plant, (60, S.Running))
    assert told(plant) == [(10, 40, S.Running), (40, 60, S.Down), (60, 100, S.Running), (100, None, S.Idle)]
    assert status(plant).since == from_us(100)


def test_equal_states_are_one_interval(plant: Database) -> None:
    tell(plant, (10, S.Running))
    tell(plant, (20, S.Running))
    assert told(plant) == [(10, None, S.Running)]
    assert status(plant).known_at == from_us(20)
    tell(plant, (15, S.Down))
    assert told(plant) == [(10, 15, S.Running), (15, 20, S.Down), (20, None, S.Running)]


def test_set_of_machines_in_one_call(plant: Database) -> None:
    pks = plant.read_now(queries.get_equipment_pks, ids=["CELL", "LINE"])
    changes = [StateChange(pks[name], state, 10) for name, state in (("CELL", S.Running), ("LINE", S.Idle))]
    plant.write_now(record_states, actor=None, changes=changes)
    assert (status(plant).state, status(plant, "LINE").state) == (S.Running, S.Idle)


def test_change_is_told_to_those_who_watch_and_a_repetition_to_nobody(plant: Database) -> None:
    tell(plant, (10, S.Running))
    before = plant.read_now(head_seq)
    tell(plant, (20, S.Down), cause="jam", alarm_text="Feeder 3 empty")
    (event,) = events_after(plant, before)
    assert event.type == "equipment.state-changed.v1"
    assert event.topics == ("equipment/CELL", "work-center/LINE", "area/AREA")
    assert event.payload["state"] == "Down"
    assert event.payload["cause"] == "jam"
    assert event.occurred_at_us == 20
    tell(plant, (25, S.Down))
    assert len(events_after(plant, before)) == 1


def test_long_alarm_text_is_cut_not_refused(plant: Database) -> None:
    tell(plant, (10, S.Down), cause="c" * 1_000, alarm_text="a" * 9_000)
    assert told(plant) == [(10, None, S.Down)]


def test_bad_quality_enters_history_and_a_good_state_ends_it(plant: Database) -> None:
    tell(plant, (10, S.Running))
    plant.write_now(record_unknown, actor=None, equipment_pks=[pk_of(plant)], at_us=30, reason="bad-quality")
    bad = status(plant)
    assert (bad.state, bad.known, bad.unknown_reason, bad.since) == (S.Unknown, False, "bad-quality", from_us(30))
    assert bad.known_at == from_us(10)
    plant.write_now(record_known, actor=None, equipment_pks=[pk_of(plant)], at_us=40)
    assert not status(plant).known
    tell(plant, (50, S.Running))
    assert status(plant).known
    assert told(plant) == [(10, 30, S.Running), (30, 50, S.Unknown), (50, None, S.Running)]


def test_silent_bridge_hides_the_state_without_inventing_history(plant: Database) -> None:
    tell(plant, (10, S.Running))
    before = plant.read_now(head_seq)
    for _ in range(2):
        plant.write_now(record_unknown, actor=None, equipment_pks=[pk_of(plant)], at_us=30, reason="bridge-silent")
    silent = status(plant)
    assert (silent.state, silent.unknown_reason, silent.since) == (S.Unknown, "bridge-silent", from_us(30))
    assert told(plant) == [(10, None, S.Running)]
    plant.write_now(record_known, actor=None, equipment_pks=[pk_of(plant)], at_us=90)
    again = status(plant)
    assert (again.state, again.since, again.known_at) == (S.Running, from_us(10), from_us(90))
    assert [e.type for e in events_after(plant, before)] == ["equipment.became-unknown.v1", "equipment.became-known.v1"]


def test_repeated_state_after_silence_is_told(plant: Database) -> None:
    tell(plant, (10, S.Running))
    plant.write_now(record_unknown, actor=None, equipment_pks=[pk_of(plant)], at_us=30, reason="bridge-silent")
    before = plant.read_now(head_seq)
    tell(plant, (40, S.Running))
    assert status(plant).known
    assert [e.type for e in events_after(plant, before)] == ["equipment.became-known.v1"]


def test_reason_may_change_while_unknown(plant: Database) -> None:
    for reason in ("no-signal", "bad-quality"):
        plant.write_now(record_unknown, actor=None, equipment_pks=[pk_of(plant)], at_us=30, reason=reason)
        assert status(plant).unknown_reason == reason


def test_mode_and_remote_keep_the_newest_word(plant: Database) -> None:
    before = plant.read_now(head_seq)
    pk = pk_of(plant)
    for at, mode in ((10, 1), (30, 2), (20, 3)):
        plant.write_now(record_mode, actor=None, equipment_pk=pk, mode=mode, at_us=at)
    plant.write_now(record_remote, actor=None, equipment_pk=pk, remote=False, at_us=10)
    assert (status(plant).mode, status(plant).remote) == (2, False)
    plant.write_now(record_remote, actor=None, equipment_pk=pk, remote=None, at_us=20)
    assert status(plant).remote is None
    kinds = [e.type for e in events_after(plant, before)]
    assert kinds == ["equipment.mode-changed.v1"] * 2 + ["equipment.remote-changed.v1"] * 2


def test_thousand_facts_in_one_call(plant: Database) -> None:
    states = (S.Running, S.Idle, S.Down)
    tell(plant, *((n * 10, states[n % 3]) for n in range(1, 1_001)))
    assert len(told(plant, 0, 20_000)) == 1_000
    assert status(plant).since == from_us(10_000)
    assert status(plant).since - from_us(0) == timedelta(milliseconds=10)  # type: ignore[operator]


def test_intervals_of_several_equipments_come_in_one_read_and_may_be_of_some_states_only(plant: Database) -> None:
    tell(plant, (10, S.Running), (30, S.Down))
    tell(plant, (5, S.Down), (20, S.Running), equipment_id="PACK-1")
    wanted = {"equipment_ids": ["CELL", "PACK-1", "NOBODY"], "from_us": 15, "to_us": 40}
    every = plant.read_now(queries.list_state_intervals_of, **wanted)
    assert [(i.equipment_id, i.from_us) for i in every] == [("CELL", 10), ("CELL", 30), ("PACK-1", 5), ("PACK-1", 20)]
    down = plant.read_now(queries.list_state_intervals_of, states=[S.Down], **wanted)
    assert [(i.equipment_id, i.from_us, i.to_us) for i in down] == [("CELL", 30, None), ("PACK-1", 5, 20)]
    assert plant.read_now(queries.list_state_intervals_of, equipment_ids=[], from_us=0, to_us=99) == ()
