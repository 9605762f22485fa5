"""What a bridge answers to commands."""

from __future__ import annotations

from mes.edge.queries import get_bridge, get_commands
from mes.edge.service import finish_command, note_map_result
from mes.kernel.uow import UnitOfWork
from mes.orders.service import note_command_result
from standards.lineside.commands_v1 import CommandKind, CommandResult


def record_command_result(uow: UnitOfWork, *, bridge_id: str, command_id: str, result: CommandResult) -> None:
    """Keep a result and tell whoever waits for it. `command-not-found`, `command-finished`."""
    bridge = get_bridge(uow.session, bridge_id=bridge_id)
    first = finish_command(uow, bridge_pk=bridge.pk, command_id=command_id, result=result)
    command = get_commands(uow.session, command_ids=[command_id])[command_id]
    if first and command.kind == CommandKind.job:
        note_command_result(uow, payload=command.payload, outcome=result.outcome, message=result.message)
    if first and command.kind == CommandKind.apply_map:
        note_map_result(uow, command_id=command_id, outcome=result.outcome)
