"""What nobody hears of is unknown, and known again only when everything was told."""

from __future__ import annotations

from mes.edge.service import note_silent_bridges
from mes.equipment.queries import EquipmentStatus, get_equipment_status
from mes.kernel.db import Database
from standards.packml.states import EquipmentState
from tests.conftest import SettableClock
from tests.support.plants import LINE, PRESS, Box
from tests.support.ticks import tick


def status(plant: Database, equipment_id: str = LINE) -> EquipmentStatus:
    return plant.read_now(get_equipment_status, equipment_id=equipment_id)


def test_silence_makes_machines_unknown_from_the_last_word_on(plant: Database, box: Box, clock: SettableClock) -> None:
    box.ready()
    said_at = clock()
    assert (status(plant).state, status(plant).known) == (EquipmentState.Idle, True)
    clock.advance(seconds=16)
    tick(plant, note_silent_bridges)
    unknown = status(plant)
    assert (unknown.state, unknown.known, unknown.unknown_reason) == (EquipmentState.Unknown, False, "bridge-silent")
    assert (unknown.since, unknown.known_at) == (said_at, said_at)


def test_an_empty_batch_keeps_a_quiet_plant_known(plant: Database, box: Box, clock: SettableClock) -> None:
    box.ready()
    for _ in range(4):
        clock.advance(seconds=5)
        box.hand_in(box.seq + 1, [])
        tick(plant, note_silent_bridges)
    assert status(plant).known


def test_a_backlog_keeps_machines_unknown_until_it_is_told(plant: Database, box: Box, clock: SettableClock) -> None:
    box.ready()
    clock.advance(seconds=60)
    tick(plant, note_silent_bridges)
    box.say(*(box.sample(f"{PRESS}.Temperature", n, at_us=box.at_us() - 1_000_000 + n) for n in range(600)))
    assert not status(plant).known
    box.hand_in(box.seq + 1, [])
    assert (status(plant).state, status(plant).known) == (EquipmentState.Idle, True)


def test_a_lost_connection_is_unknown_until_a_good_word(plant: Database, box: Box, clock: SettableClock) -> None:
    box.ready()
    clock.advance(seconds=5)
    box.say(box.bad(f"{LINE}.State"), box.bad(f"{LINE}.Remote"))
    lost = status(plant)
    assert (lost.known, lost.unknown_reason, lost.since, lost.remote) == (False, "no-signal", clock(), None)
    clock.advance(seconds=5)
    box.say(box.sample(f"{LINE}.State", 6), box.sample(f"{LINE}.Remote", True))
    assert (status(plant).state, status(plant).known, status(plant).remote) == (EquipmentState.Running, True, True)
