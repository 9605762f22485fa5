"""May I? A machine sets a serial and counts its question up; the bridge asks the server and writes the answer.

Below the prefix of an `ask`: `.Serial` String and `.Question` UInt32 (written last, another number for each question,
never 0) are the machine's; `.Allowed` Boolean, `.Code` String and `.Answer` UInt32 (the number of the question, written
last) are the bridge's. A machine works only where `.Answer` is its question and `.Allowed` is true.

Nothing is stored for later. An answer that comes after `within_s` is not written; then the plant's policy counts, as
the server told it last: `go-on` allows with the code `mes-away`, `stop` leaves the question open and asks again. An
answer is taken back after `valid_s`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec
from asyncua import ua

from opcua_bridge.drivers.seam import in_words, value_of
from opcua_bridge.lasting import end_if_asked_to, lasting
from opcua_bridge.source import NotConnected, Source
from opcua_bridge.tag_map import Ask
from standards.lineside.permission_v1 import GO_ON, STOP, Permission, decode_permission

POLL_S: Final = 0.1
AGAIN_S: Final = 2.0
"""Between two questions to a server that is away, where the plant wants its machines to wait."""
AWAY: Final = "mes-away"
TOO_LATE: Final = "answer-expired"
NO_SERIAL: Final = "no-serial"
MAX_SERIAL: Final = 250
_WEATHER: Final = frozenset({401, 403, 408, 425, 429})
_log = logging.getLogger(__name__)


class Away(Exception):
    """The server cannot be asked; the text says why."""


class Policy:
    """What the plant wants while nobody can be asked, as it was told last; kept over restarts. Never told: `stop`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.when_away = GO_ON if path.read_text(encoding="ascii").strip() == GO_ON else STOP
        except (OSError, ValueError):
            self.when_away = STOP

    async def told(self, when_away: str) -> None:
        """The server has said it."""
        if when_away != self.when_away:
            self.when_away = when_away
            await asyncio.to_thread(self._keep)

    def _keep(self) -> None:
        scratch = self._path.with_name(f"{self._path.name}.new")
        try:
            scratch.write_text(self.when_away, encoding="ascii")
            os.replace(scratch, self._path)
        except OSError as error:
            _log.warning("%s: %s; after a restart machines will wait while the server is away", self._path, error)


@dataclass
class _Question:
    """The question a machine has. `answered`: its answer is in the machine; `until`: as long as that holds."""

    number: int
    serial: str
    try_at: float = 0.0
    answered: bool = False
    until: float = 0.0


class Asker:
    """The machines of one endpoint that ask. `run` never returns; cancel it."""

    def __init__(self, source: Source, client: httpx.AsyncClient, *, token: str, policy: Policy) -> None:
        self._source, self._client, self._policy = source, client, policy
        self._headers = {"Authorization": f"Bearer {token}"}
        self._open: dict[str, _Question] = {}
        self._error = ""

    async def run(self) -> None:
        """Machines beside one another, so that none waits for the answer of another."""
        async with asyncio.TaskGroup() as tasks:
            for ask in self._source.endpoint.ask:
                tasks.create_task(self._serve(ask))

    async def _serve(self, ask: Ask) -> None:
        while True:
            try:
                await lasting(partial(self._look, ask))
                self._error = ""
            except NotConnected:
                self._error = ""
            except (OSError, LookupError, ua.UaError) as error:
                if in_words(error) != self._error:
                    self._error = in_words(error)
                    _log.warning("%s: its questions cannot be read or answered: %s", ask.equipment, self._error)
            end_if_asked_to()
            await asyncio.sleep(POLL_S)

    async def _look(self, ask: Ask) -> None:
        number, serial, answer = await self._read(ask, "Question", "Serial", "Answer")
        if not isinstance(number, int) or isinstance(number, bool) or number == 0:
            self._open.pop(ask.equipment, None)
            return
        now = time.monotonic()
        question, told = self._open.get(ask.equipment), str(serial or "").strip()
        is_known = question is not None and (question.number, question.serial) == (number, told)
        if question is None or not is_known or (question.answered and answer != number):
            question = self._open[ask.equipment] = _Question(number, told)
            question.answered, question.until = answer == number, now + ask.valid_s
        if not question.answered:
            if now >= question.try_at:
                await self._answer(ask, question)
        elif question.until and now >= question.until:
            question.until = 0.0
            await self._write(ask, question, Permission(allowed=False, code=TOO_LATE))

    async def _answer(self, ask: Ask, question: _Question) -> None:
        try:
            permission = await self._permission(ask, question)
        except Away as error:
            _log.warning("%s: asked for %s, but %s: %s", ask.equipment, question.serial, error, self._policy.when_away)
            question.try_at = time.monotonic() + AGAIN_S
            if self._policy.when_away == STOP:
                await self._put(ask, [("Code", AWAY, ua.VariantType.String)])
                return
            permission = Permission(allowed=True, code=AWAY)
        if await self._write(ask, question, permission):
            question.answered, question.until = True, time.monotonic() + ask.valid_s

    async def _permission(self, ask: Ask, question: _Question) -> Permission:
        """What the server says. Away if it says nothing that counts in time."""
        if not 0 < len(question.serial) <= MAX_SERIAL:
            return Permission(allowed=False, code=NO_SERIAL)
        url = f"/api/v1/units/{quote(question.serial, safe='')}/permission"
        try:
            async with asyncio.timeout(ask.within_s):
                response = await self._client.get(
                    url, params={"equipment_id": ask.equipment}, headers=self._headers, timeout=ask.within_s
                )
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise Away(str(error) or "no answer in time") from error
        if response.status_code in _WEATHER or response.status_code >= 500:
            raise Away(f"the server answered {response.status_code}")
        if response.status_code != 200:
            return Permission(allowed=False, code=_code(response))
        try:
            found = decode_permission(response.content)
        except msgspec.DecodeError as error:
            raise Away(f"the server's answer is none: {error}") from error
        await self._policy.told(found.when_away)
        return found

    async def _write(self, ask: Ask, question: _Question, permission: Permission) -> bool:
        """Put the answer to the machine, read it back, then number it. False: the machine asks something else by now,
        or has not taken it."""
        values: list[tuple[str, Any, ua.VariantType]] = [
            ("Allowed", permission.allowed, ua.VariantType.Boolean),
            ("Code", permission.code[:100], ua.VariantType.String),
        ]
        await self._put(ask, values)
        allowed, code, number, serial = await self._read(ask, "Allowed", "Code", "Question", "Serial")
        if number != question.number or str(serial or "").strip() != question.serial:
            return False
        if (allowed, code or "") != (permission.allowed, permission.code[:100]):
            _log.error("%s: wrote %s, reads %s %r", ask.equipment, permission, allowed, code)
            return False
        await self._put(ask, [("Answer", question.number, ua.VariantType.UInt32)])
        (answer,) = await self._read(ask, "Answer")
        return bool(answer == question.number)

    async def _put(self, ask: Ask, values: Sequence[tuple[str, Any, ua.VariantType]]) -> None:
        """ua.UaError if the machine refuses one."""
        nodes = [(f"{ask.prefix}.{name}", value, kind) for name, value, kind in values]
        for (node, _, _), status in zip(nodes, await self._source.channel.write(nodes), strict=True):
            if status >> 30:
                raise ua.UaError(f"{node}: status 0x{status:08X}")

    async def _read(self, ask: Ask, *names: str) -> list[Any]:
        values = await self._source.channel.read([f"{ask.prefix}.{name}" for name in names])
        return [value_of(value) for value in values]


def _code(response: httpx.Response) -> str:
    try:
        document = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        return "unit-unknown"
    code = document.get("code") if isinstance(document, dict) else None
    return str(code or "unit-unknown")
