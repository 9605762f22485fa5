"""commands_v1: what the server asks of a bridge. A long-polled mailbox; every command expires.

`GET /api/v1/bridge/commands?wait_s=25` answers the commands that are due, oldest first; a command is answered again
until its result is posted. `POST /api/v1/bridge/commands/{id}/result` ends it. A result says what the bridge or the
machine answered: it never makes a job `Running`, only the machine's own signal does.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, TypeVar

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


class JobParameter(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value of the recipe. `data_type` says what its text means: string, integer, decimal, boolean."""

    id: str
    value: str
    unit: str = ""
    data_type: str = "string"


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
    parameters: list[JobParameter] = []
    """What the recipe sets; a bridge of an earlier version leaves them out."""


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


# ------------------------------------------------------------- looking at a machine
#
# A `browse` or `watch` command with a `url` is about a machine that need not be in the bridge's tag map: the bridge
# connects to it for as long as it looks. A bridge of an earlier version answers `bad-payload`. Nodes and paths are the
# bridge's words: the server hands them back as they came.

MAX_LOOK_NODES: Final = 300
MAX_PROPOSALS: Final = 200
MAX_WATCHED: Final = 100
MAX_LOOK_S: Final = 60.0
MAX_WORDS: Final = 300


class LookCommand(msgspec.Struct, frozen=True, omit_defaults=True):
    """Payload of kind `browse` for a machine at an address. The document is a NodeList, or, if `propose`, Proposals."""

    url: str
    name: str = ""
    """What it will be called; also in the list of certificates."""
    root: str = ""
    """Key of a node: what is right below it is looked at; empty: below Objects."""
    propose: bool = False
    watch_s: float = 2.0
    """How long values are watched before something is proposed."""


class WatchCommand(msgspec.Struct, frozen=True, omit_defaults=True):
    """Payload of kind `watch` for a machine at an address. The document is a SeenList."""

    url: str
    keys: list[str]
    name: str = ""
    seconds: float = MAX_LOOK_S


class Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a value was seen to do, never more than was seen. Values are as they are shown to people."""

    key: str
    pattern: str = "unwatched"
    """unwatched, unreadable, constant, rising, keeping-time, few-values, fresh-values, wandering."""
    seconds: float = 0.0
    changes: int = 0
    first: str = ""
    last: str = ""
    rise_least: int = 0
    """The smallest step upwards, of integers."""
    rise_most: int = 0
    falls: int = 0
    distinct: int = 0
    status: str = ""
    """Name of the last bad StatusCode."""


class SeenList(msgspec.Struct, frozen=True):
    seen: list[Seen]


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """A node as it is shown in a tree."""

    key: str
    """What the bridge knows it by."""
    node: str
    """Where its browse path begins, or the node itself."""
    path: list[str] = []
    """Browse names from there on."""
    words: str = ""
    """The way to it, for people."""
    name: str = ""
    kind: str = "object"
    """`object` or `variable`."""
    data_type: str = ""
    value: str = ""
    unit: str = ""
    status: str = ""
    """Name of the StatusCode of a value that is not there."""


class NodeList(msgspec.Struct, frozen=True, omit_defaults=True):
    nodes: list[Node]
    complete: bool = True
    remarks: list[str] = []
    """What could not be seen, in English."""


class ProposedTag(msgspec.Struct, frozen=True, omit_defaults=True):
    """A variable and what it may be; `slot` is empty where nothing is proposed."""

    at: Node
    tag: str
    """Its name below the machine's."""
    tag_class: str = ""
    slot: str = ""
    """state, mode, good, scrap, total, identity, alarm, measurement, nameplate, other."""
    confidence: float = 0.0
    evidence: list[str] = []
    doubts: list[str] = []
    seen: Seen | None = None


class Proposals(msgspec.Struct, frozen=True, omit_defaults=True):
    tags: list[ProposedTag]
    """The surest first."""
    machines: list[str] = []
    """What the machine was recognised as."""
    own: str = ""
    """URI of the namespace that the machine calls after itself."""
    more: int = 0
    """Variables beyond the bound of this document."""
    security: str = ""
    remarks: list[str] = []


class MapTag(msgspec.Struct, frozen=True, omit_defaults=True):
    tag: str
    node: str
    tag_class: str
    path: list[str] = []


class MapEndpoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """A machine to be put into the tag map; what the map has besides stays as it is."""

    name: str
    url: str
    tags: list[MapTag]


class ApplyEndpointCommand(msgspec.Struct, frozen=True):
    """Payload of kind `apply-map` for one machine. Again with the same content it changes nothing."""

    endpoint: MapEndpoint


Payload = TypeVar("Payload")


def read_payload(payload: dict[str, Any], kind: type[Payload]) -> Payload:
    """Read a payload. msgspec.ValidationError if it is none of this kind."""
    return msgspec.convert(payload, kind)


def read_document(document: Any, kind: type[Payload]) -> Payload:
    """Read the document of a result. msgspec.ValidationError if it is none of this kind."""
    return msgspec.convert(document, kind)


def to_document(struct: msgspec.Struct) -> dict[str, Any]:
    return msgspec.to_builtins(struct)  # type: ignore[no-any-return]


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
