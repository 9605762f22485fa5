"""commands_v1: what the server asks of a bridge. A long-polled mailbox; every command expires.

`GET /api/v1/bridge/commands?wait_s=25` answers the commands that are due, oldest first; a command is answered again
until its result is posted. `POST /api/v1/bridge/commands/{id}/result` ends it. A result says what the bridge or the
machine answered: it never makes a job `Running`, only the machine's own signal does.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

import msgspec

MAX_WAIT_S: Final = 30
MAX_RESULT_BYTES: Final = 1024 * 1024


class CommandKind(StrEnum):
    job = "job"
    browse = "browse"
    watch = "watch"
    trust = "trust"
    apply_map = "apply-map"


class JobAction(StrEnum):
    """Actions of a `job` command, by the methods of OPC 10031-4."""

    store_and_start = "store-and-start"
    pause = "pause"
    resume = "resume"
    stop = "stop"
    abort = "abort"
    cancel = "cancel"


class Outcome(StrEnum):
    done = "done"
    refused = "refused"
    """The machine said no; `message` says why."""
    expired = "expired"
    """Too late when it was the command's turn; nothing was done."""
    failed = "failed"
    """Nobody knows what the machine did; its signals will tell."""


class JobCommand(msgspec.Struct, frozen=True, omit_defaults=True):
    """Payload of kind `job`."""

    action: JobAction
    target: str
    """Equipment id of the work centre or work unit; the bridge's tag map says how to reach it."""
    job_order_id: str
    work_master_id: str = ""
    work_master_version: str = ""
    material_id: str = ""
    cycles: int = 0
    """Machine cycles asked for (panels, fixtures), not pieces."""
    quantity: str = "0"
    """Pieces asked for, decimal."""
    work_request_id: str = ""


class TrustAction(StrEnum):
    """What is decided about the certificate of a machine's server."""

    list = "list"
    """Nothing: the result's document has `certificates`, all that the bridge has seen."""
    approve = "approve"
    reject = "reject"
    revoke = "revoke"


class TrustCommand(msgspec.Struct, frozen=True, omit_defaults=True):
    """Payload of kind `trust`."""

    action: TrustAction = TrustAction.approve
    thumbprint: str = ""
    """SHA-256, lower-case hex."""


class Command(msgspec.Struct, frozen=True):
    id: str
    kind: CommandKind
    expires_at_us: int
    payload: dict[str, Any]


class CommandList(msgspec.Struct, frozen=True):
    commands: list[Command]
    server_at_us: int
    """The server's clock, so that a bridge can see that its own is off."""


class CommandResult(msgspec.Struct, frozen=True, omit_defaults=True):
    outcome: Outcome
    code: str = ""
    message: str = ""
    document: dict[str, Any] = {}


decode_commands = msgspec.json.Decoder(CommandList).decode
decode_result = msgspec.json.Decoder(CommandResult).decode
decode_job_command = msgspec.json.Decoder(JobCommand).decode
encode = msgspec.json.Encoder().encode


def job_command(payload: dict[str, Any]) -> JobCommand:
    """Read the payload of a `job` command. msgspec.ValidationError if it is none."""
    return msgspec.convert(payload, JobCommand)


def trust_command(payload: dict[str, Any]) -> TrustCommand:
    """Read the payload of a `trust` command. msgspec.ValidationError if it is none."""
    return msgspec.convert(payload, TrustCommand)


def to_payload(command: JobCommand) -> dict[str, Any]:
    """A job command as the payload of a `job` command."""
    return msgspec.to_builtins(command)  # type: ignore[no-any-return]
