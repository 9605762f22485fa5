"""After a loss a machine is known again by a value that never changed, and so carries a time before the loss."""

from __future__ import annotations

from mes.equipment.queries import EquipmentStatus, get_equipment_status
from mes.kernel.db import Database
from standards.lineside.ingest_v1 import Sample
from standards.packml.states import EquipmentState
from tests.conftest import SettableClock
from tests.support.plants import LINE, Box

EXECUTE, SUSPENDED = 6, 5


def status(plant: Database) -> EquipmentStatus:
    return plant.read_now(get_equipment_status, equipment_id=LINE)


def still(box: Box, tag: str, value: object, since_us: int) -> Sample:
    """Seen now, true since then."""
    return Sample(tag, value, observed_at_us=box.at_us(), source_at_us=since_us)


def say_first(box: Box, clock: SettableClock) -> int:
    """The machine says what it is; answers when."""
    at_us = box.at_us()
    box.say(box.sample(f"{LINE}.State", EXECUTE), box.sample(f"{LINE}.Remote", True))
    clock.advance(seconds=60)
    return at_us


def lose(box: Box, clock: SettableClock) -> None:
    box.say(box.bad(f"{LINE}.State"), box.bad(f"{LINE}.Remote"))
    clock.advance(seconds=10)


def test_an_old_value_seen_after_the_loss_is_the_present_one(plant: Database, box: Box, clock: SettableClock) -> None:
    since_us = say_first(box, clock)
    for _ in range(2):
        lose(box, clock)
    assert (status(plant).known, status(plant).remote) == (False, None)
    box.say(still(box, f"{LINE}.State", EXECUTE, since_us), still(box, f"{LINE}.Remote", True, since_us))
    found = status(plant)
    assert (found.state, found.known, found.remote) == (EquipmentState.Running, True, True)


def test_loss_and_return_in_one_batch(plant: Database, box: Box, clock: SettableClock) -> None:
    since_us = say_first(box, clock)
    bad = [box.bad(f"{LINE}.State"), box.bad(f"{LINE}.Remote")]
    clock.advance(seconds=10)
    box.say(*bad, still(box, f"{LINE}.State", EXECUTE, since_us), still(box, f"{LINE}.Remote", True, since_us))
    assert (status(plant).known, status(plant).remote) == (True, True)


def test_what_was_seen_before_the_loss_ends_nothing(plant: Database, box: Box, clock: SettableClock) -> None:
    since_us = say_first(box, clock)
    before = [still(box, f"{LINE}.State", SUSPENDED, since_us), still(box, f"{LINE}.Remote", False, since_us)]
    clock.advance(seconds=1)
    box.say(*before, box.bad(f"{LINE}.State"), box.bad(f"{LINE}.Remote"))
    assert (status(plant).known, status(plant).remote) == (False, None)


def test_a_change_during_the_loss_comes_after_what_held_before(plant: Database, box: Box, clock: SettableClock) -> None:
    since_us = say_first(box, clock)
    lose(box, clock)
    changed_us = box.at_us() - 3_000_000
    for value, at_us in ((EXECUTE, since_us), (SUSPENDED, changed_us)):
        box.say(still(box, f"{LINE}.State", value, at_us))
    assert status(plant).state is not EquipmentState.Running
    assert status(plant).known


def test_of_several_words_of_one_outage_the_last_one_holds(plant: Database, box: Box, clock: SettableClock) -> None:
    """They come one batch after another once the line is back, with times before the outage was noticed."""
    since_us = say_first(box, clock)
    lose(box, clock)
    for n, (state, remote) in enumerate(((SUSPENDED, False), (EXECUTE, True)), start=1):
        at_us = since_us + n
        box.say(still(box, f"{LINE}.State", state, at_us), still(box, f"{LINE}.Remote", remote, at_us))
    found = status(plant)
    assert found.remote is True
    assert (found.state, found.known) == (EquipmentState.Running, True)
