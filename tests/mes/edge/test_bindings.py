"""What a tag means is checked whole before anything is changed."""

from __future__ import annotations

import pytest

from mes.edge.errors import BindingInvalid, BridgeNotFound, CommandFinished, CommandNotFound
from mes.edge.queries import get_bridge, list_bindings, list_waiting_commands
from mes.edge.service import finish_command, put_bridge, put_command, put_tag_bindings
from mes.edge.types import TagBindingSpec
from mes.kernel.db import Database
from mes.kernel.sqltypes import to_us
from standards.lineside.commands_v1 import CommandKind, CommandResult, Outcome
from tests.conftest import SettableClock
from tests.support.plants import BRIDGE, CELL, LINE


def put(plant: Database, *bindings: TagBindingSpec) -> object:
    return plant.write_now(put_tag_bindings, actor=None, bridge_id=BRIDGE, bindings=bindings)


def bound(plant: Database) -> int:
    bridge = plant.read_now(get_bridge, bridge_id=BRIDGE)
    return len(plant.read_now(list_bindings, bridge_pk=bridge.pk))


@pytest.mark.parametrize(
    "wrong",
    [
        TagBindingSpec("x", "voltage", CELL),
        TagBindingSpec("x", "counter", CELL),
        TagBindingSpec("x", "counter", CELL, "scrap", counting_point_of=LINE),
        TagBindingSpec("x", "counter", CELL, "good", units_per_count_e6=0),
        TagBindingSpec("x", "counter", CELL, "good", modulus=1),
        TagBindingSpec("x", "counter", CELL, "good", max_per_s=0.0),
        TagBindingSpec("x", "equipment-state", CELL, state_map="mine"),
        TagBindingSpec("x", "identity", CELL, what="colour"),
        TagBindingSpec("x", "identity", CELL, what="mounted-lot"),
        TagBindingSpec("x", "identity", CELL, what="unit", slot_id="1"),
        TagBindingSpec("x", "result", CELL, what="colour"),
        TagBindingSpec("x", "unit-mode", "NOWHERE"),
    ],
)
def test_a_binding_that_makes_no_sense_is_refused_and_nothing_changes(plant: Database, wrong: TagBindingSpec) -> None:
    before = bound(plant)
    with pytest.raises(BindingInvalid) as refusal:
        put(plant, TagBindingSpec("fine", "unit-mode", CELL), wrong)
    assert refusal.value.errors
    assert bound(plant) == before


def test_the_same_again_changes_nothing(plant: Database) -> None:
    spec = TagBindingSpec("fine", "measurement", CELL, unit="V")
    assert put(plant, spec).created == 1  # type: ignore[attr-defined]
    assert put(plant, spec).unchanged == 1  # type: ignore[attr-defined]
    assert put(plant, TagBindingSpec("fine", "measurement", CELL, unit="A")).updated == 1  # type: ignore[attr-defined]


def test_an_unknown_bridge_is_refused(plant: Database) -> None:
    with pytest.raises(BridgeNotFound):
        plant.write_now(put_tag_bindings, actor=None, bridge_id="nobody", bindings=[])


class TestMailbox:
    def test_a_command_waits_until_it_expires_or_is_answered(self, plant: Database, clock: SettableClock) -> None:
        bridge = plant.read_now(get_bridge, bridge_id=BRIDGE)
        now_us = to_us(clock())
        first, second = (
            plant.write_now(
                put_command,
                actor=None,
                bridge_pk=bridge.pk,
                kind=CommandKind.browse,
                payload={"n": n},
                expires_at_us=now_us + n * 1_000_000,
            )
            for n in (1, 60)
        )

        def waiting() -> list[str]:
            found = plant.read_now(list_waiting_commands, bridge_pk=bridge.pk, now_us=to_us(clock()))
            return [command.id for command in found]

        assert waiting() == [first, second]
        clock.advance(seconds=2)
        assert waiting() == [second]
        done = CommandResult(Outcome.done, document={"nodes": []})
        finish = {"bridge_pk": bridge.pk, "command_id": second}
        assert plant.write_now(finish_command, actor=None, result=done, **finish) is True
        assert plant.write_now(finish_command, actor=None, result=done, **finish) is False
        with pytest.raises(CommandFinished):
            plant.write_now(finish_command, actor=None, result=CommandResult(Outcome.refused), **finish)
        assert waiting() == []

    def test_another_bridges_command_is_not_to_be_seen(self, plant: Database) -> None:
        bridge = plant.read_now(get_bridge, bridge_id=BRIDGE)
        plant.write_now(put_bridge, actor=None, bridge_id="other")
        other = plant.read_now(get_bridge, bridge_id="other")
        command = plant.write_now(
            put_command,
            actor=None,
            bridge_pk=bridge.pk,
            kind=CommandKind.browse,
            payload={},
            expires_at_us=to_us(plant.clock()) + 1,
        )
        with pytest.raises(CommandNotFound):
            plant.write_now(
                finish_command,
                actor=None,
                bridge_pk=other.pk,
                command_id=command,
                result=CommandResult(Outcome.done),
            )
