"""The bridge's door: hand in journal batches, take commands, answer them, say how the bridge is.

Bounded JSON, bridge tokens only.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

import msgspec
from fastapi import Depends, Query, Request, Response

from mes.access.door import Caller, caller
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.edge.errors import HealthUnreadable
from mes.edge.queries import get_bridge, list_waiting_commands
from mes.edge.service import record_bridge_health
from mes.edge.types import CommandView
from mes.ingest.errors import IngestTooLarge, IngestUnreadable
from mes.ingest.service import receive_batch, record_command_result
from mes.kernel.db import Database, ReadSession
from mes.kernel.sqltypes import to_us
from standards.lineside import commands_v1, health_v1, ingest_v1

router = api_router("bridge", prefix="/api/v1/bridge")


Shown = tuple[type[msgspec.Struct], dict[str, Any]]
"""A document of a bridge's contract, which is read and written without pydantic, and an example of it."""


def _speaks(*, told: Shown | None, answered: Shown | None) -> dict[str, Any]:
    """For `openapi_extra`; the schemas themselves are web/wire_schemas.py's."""
    extra: dict[str, Any] = {}
    if told is not None:
        extra["requestBody"] = {"required": True, "content": _document(*told)}
    if answered is not None:
        extra["responses"] = {"200": {"description": "docs/api/ingest.md", "content": _document(*answered)}}
    return extra


def _document(kind: type[msgspec.Struct], example: dict[str, Any]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{kind.__name__}"}
    return {"application/json": {"schema": schema, "example": example}}


_AT_US: Final = 1795297971540000
_BATCH: Final = {
    "journal_id": "0c7c1a52-7a0e-4b5e-9a55-2f1f6d0a1c11",
    "first_seq": 1,
    "items": [{"kind": "sample", "tag": "PRESS.Good", "value": 17, "observed_at_us": _AT_US}],
}
_TAKEN: Final = {"accepted_through": 1, "duplicates": 0, "quarantined": 0}
_HEALTH: Final = {"at_us": _AT_US, "version": "1.0.0", "journal": {"waiting": 0}, "uplink": {}}
_COMMAND: Final = {
    "id": "c-1",
    "kind": "job",
    "expires_at_us": _AT_US + 10_000_000,
    "payload": {"action": "store-and-start", "target": "PRESS", "job_order_id": "PO-1001-PRESS", "cycles": 50},
}
Bridge = Annotated[Caller, Depends(caller(Permission.bridge_ingest))]
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder says of bytes that are no such document: text in MessagePack that is no UTF-8 is the second."""
POLL_S = 1.0
"""A waiting bridge is looked after this often even if nobody says that something came."""


@router.post(
    "/ingest",
    openapi_extra=refuses("bridge-not-found ingest-sequence-gap ingest-too-large ingest-unreadable")
    | _speaks(told=(ingest_v1.Batch, _BATCH), answered=(ingest_v1.BatchAnswer, _TAKEN)),
)
async def ingest_batch(caller: Bridge, request: Request) -> Response:
    """Take a batch of `ingest_v1` (docs/api/ingest.md). 200 once it is durable; 409 `ingest-sequence-gap`."""
    packed = request.headers.get("content-type", "").partition(";")[0].strip() == ingest_v1.MSGPACK
    batch = _read(ingest_v1.decode_packed_batch if packed else ingest_v1.decode_batch, await request.body())
    numbers = sum(map(ingest_v1.numbers_of, batch.items))
    if numbers > ingest_v1.MAX_BATCH_ITEMS:
        raise IngestTooLarge(f"{numbers} items and values in one batch.")
    if batch.first_seq < 1 or not 0 < len(batch.journal_id) <= 64 or "\x00" in batch.journal_id:
        raise IngestUnreadable("first_seq must be at least 1 and journal_id 1 to 64 characters.")
    answer = await caller.write(receive_batch, bridge_id=caller.principal_id, batch=batch)
    return _json(ingest_v1.encode(answer))


@router.post(
    "/health",
    openapi_extra=refuses("bridge-not-found health-unreadable")
    | _speaks(told=(health_v1.BridgeHealth, _HEALTH), answered=(health_v1.HealthAnswer, {"server_at_us": _AT_US})),
)
async def report_health(caller: Bridge, request: Request) -> Response:
    """Take what a bridge says of itself: `health_v1` (docs/api/ingest.md). The newest replaces the one before."""
    try:
        health = health_v1.decode_health(await request.body())
    except UNREADABLE as error:
        raise HealthUnreadable(str(error)) from error
    at_us = await caller.write(record_bridge_health, bridge_id=caller.principal_id, health=health)
    return _json(health_v1.encode(health_v1.HealthAnswer(at_us)))


@router.get(
    "/commands",
    openapi_extra=refuses("bridge-not-found")
    | _speaks(told=None, answered=(commands_v1.CommandList, {"commands": [_COMMAND], "server_at_us": _AT_US})),
)
async def take_commands(
    caller: Bridge, request: Request, wait_s: Annotated[int, Query(ge=0, le=commands_v1.MAX_WAIT_S)] = 0
) -> Response:
    """Commands that wait for this bridge, oldest first; held open up to `wait_s` while there is none."""
    commands = await _wait_for_commands(caller, request, wait_s)
    listed = commands_v1.CommandList(
        [commands_v1.Command(c.id, commands_v1.CommandKind(c.kind), c.expires_at_us, c.payload) for c in commands],
        to_us(caller.database.clock()),
    )
    return _json(commands_v1.encode(listed))


@router.post(
    "/commands/{command_id}/result",
    status_code=204,
    openapi_extra=refuses(
        "binding-invalid bridge-not-found command-finished command-not-found ingest-unreadable machine-setup-not-found"
    )
    | _speaks(told=(commands_v1.CommandResult, {"outcome": "done"}), answered=None),
)
async def finish_command(caller: Bridge, command_id: str, request: Request) -> None:
    """The result of a command. The same again is fine; another one is `command-finished` (409)."""
    result = _read(commands_v1.decode_result, await request.body())
    await caller.write(record_command_result, bridge_id=caller.principal_id, command_id=command_id, result=result)


async def _wait_for_commands(caller: Caller, request: Request, wait_s: int) -> tuple[CommandView, ...]:
    """Answer as soon as there is a command, at the latest after `wait_s`, or when the bridge has hung up."""
    deadline = asyncio.get_running_loop().time() + wait_s
    with _Commits(caller.database) as commits:
        while True:
            commits.forget()
            commands = await caller.read(_waiting, bridge_id=caller.principal_id, now_us=to_us(caller.database.clock()))
            left = deadline - asyncio.get_running_loop().time()
            if commands or left <= 0 or await request.is_disconnected():
                return commands
            await commits.wait(min(left, POLL_S))


def _waiting(session: ReadSession, *, bridge_id: str, now_us: int) -> tuple[CommandView, ...]:
    bridge = get_bridge(session, bridge_id=bridge_id)
    return list_waiting_commands(session, bridge_pk=bridge.pk, now_us=now_us)


class _Commits:
    """Wakes a waiting request when something was committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._event = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> _Commits:
        self._stop = self._database.on_commit(self._wake)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _wake(self) -> None:
        self._loop.call_soon_threadsafe(self._event.set)

    def forget(self) -> None:
        """Only commits from now on count."""
        self._event.clear()

    async def wait(self, seconds: float) -> None:
        """Until the next commit, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return


def _read(decode: Any, body: bytes) -> Any:
    try:
        return decode(body)
    except UNREADABLE as error:
        raise IngestUnreadable(str(error)) from error


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
