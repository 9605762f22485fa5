"""What the server asks for, pulled by long poll. Each command once, none after its expiry, every outcome reported.

Before a machine is touched, the intent is in the journal, on disk; the outcome as soon as there is one. After a crash
in between, or a connection that was lost, the machine is asked (its AckToken, its JobOrderList); if it does not say,
the outcome is `failed`: nobody knows, its signals will tell. Commands are never stored for later: a start order one
hour late is a hazard.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, Protocol

import httpx
import msgspec

from opcua_bridge import looking
from opcua_bridge.clock import Clock
from opcua_bridge.crash import crash_point
from opcua_bridge.discovery.browsing import Bounds, browse
from opcua_bridge.discovery.tree import OBJECTS, Found
from opcua_bridge.drivers.chosen import driver_of
from opcua_bridge.journal import Journal
from opcua_bridge.lasting import end_if_asked_to, lasting
from opcua_bridge.skew import skew_s
from opcua_bridge.source import NotConnected, Source
from opcua_bridge.tag_map import TagMap, TagMapRefused
from opcua_bridge.trust import Trust
from opcua_bridge.values import sample_of
from standards.lineside import commands_v1
from standards.lineside.commands_v1 import Command, CommandKind, CommandResult, JobCommand, Outcome, TrustAction

COMMANDS_PATH: Final = "/api/v1/bridge/commands"
WAIT_S: Final = 25
MAX_RUNNING: Final = 32
RECOVERY_WAIT_S: Final = 30.0
"""How long to wait, after a crash, for the machine to be reachable again and to say what became of a command."""
LOST_WAIT_S: Final = 10.0
"""The same after a connection that was lost between a command and its answer."""
MAX_WATCH_S: Final = 25.0
MAX_WATCH_TAGS: Final = 50
CONNECTION_LOST: Final = CommandResult(Outcome.failed, "connection-lost", "the connection was lost before the answer")
WATCH_EVERY_S: Final = 0.5
BROWSE_WITHIN_S: Final = 20.0
_log = logging.getLogger(__name__)
_to_json = msgspec.json.encode


class Machines(Protocol):
    """What the commander may reach; the agent provides it."""

    tag_map: TagMap
    trust: Trust

    def source(self, endpoint: str) -> Source: ...

    def apply_map(self, text: str) -> None: ...

    def apply_endpoint(self, endpoint: commands_v1.MapEndpoint) -> None: ...


class CommanderHealth:
    def __init__(self) -> None:
        self.error = "starting"
        self.polled_at_us = 0
        self.server_skew_s: float | None = None
        """Server's clock minus ours, to the time of an answer."""
        self.done = 0
        self.running = 0


class Commander:
    """`run` never returns; cancel it."""

    def __init__(
        self,
        journal: Journal,
        client: httpx.AsyncClient,
        machines: Machines,
        *,
        token: str,
        clock: Clock,
        observe_only: bool = False,
        wait_s: int = WAIT_S,
    ) -> None:
        self._journal, self._client, self._machines, self._clock = journal, client, machines, clock
        self._headers = {"Authorization": f"Bearer {token}"}
        self._observe_only, self._wait_s = observe_only, wait_s
        self.health = CommanderHealth()
        self._running: set[str] = set()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._finished = asyncio.Event()
        self._server_us, self._server_at = 0, 0.0
        self._kinds: dict[CommandKind, Callable[[Command], Awaitable[CommandResult]]] = {
            CommandKind.job: self._job,
            CommandKind.browse: self._browse,
            CommandKind.watch: self._watch,
            CommandKind.trust: self._trust,
            CommandKind.apply_map: self._apply_map,
        }

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for command_id, body, result in await self._journal.open_commands():
                self._running.add(command_id)
                tasks.create_task(self._finish_old(command_id, body, result))
            delay_s = 0.0
            while True:
                try:
                    fresh = await self._poll(tasks)
                    delay_s, self.health.error = 0.0, ""
                except (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError, ConnectionError) as error:
                    end_if_asked_to()
                    self.health.error = str(error) or type(error).__name__
                    delay_s = min(max(delay_s * 2, 0.2), 15.0)
                    await asyncio.sleep(delay_s * random.uniform(0.7, 1.3))
                    continue
                if not fresh:
                    await self._until_finished()

    async def _until_finished(self) -> None:
        """The server repeats what has no result yet: do not ask again in a tight circle."""
        self._finished.clear()
        try:
            async with asyncio.timeout(0.25):
                await self._finished.wait()
        except TimeoutError:
            return

    async def _poll(self, tasks: asyncio.TaskGroup) -> bool:
        """Ask once; whether something new came."""
        response = await self._client.get(
            COMMANDS_PATH, params={"wait_s": self._wait_s}, headers=self._headers, timeout=self._wait_s + 10
        )
        if response.status_code != 200:
            raise ConnectionError(f"the server answered {response.status_code}")
        answer = commands_v1.decode_commands(response.content)
        self._server_us, self._server_at = answer.server_at_us, time.monotonic()
        self.health.polled_at_us = now_us = self._clock.now_us()
        self.health.server_skew_s = skew_s(now_us, answer.server_at_us, now_us)
        fresh = False
        for command in answer.commands:
            if command.id in self._running or len(self._running) >= MAX_RUNNING:
                continue
            fresh = True
            self._running.add(command.id)
            tasks.create_task(self._handle(command))
        return fresh

    def _expired(self, command: Command) -> bool:
        """By the server's clock: what the bridge's says does not matter."""
        server_now_us = self._server_us + int((time.monotonic() - self._server_at) * 1_000_000)
        return command.expires_at_us <= server_now_us

    # ------------------------------------------------------------ one command

    async def _handle(self, command: Command) -> None:
        known = await self._journal.command(command.id)
        if known is None:
            lock = self._locks[_lane(command)]
            async with lock:
                result = await self._carry_out(command)
        elif known[1] is not None:
            result = commands_v1.decode_result(known[1].encode())
        else:
            result = await self._recovered(command)
        await self._report(command.id, result)

    async def _carry_out(self, command: Command) -> CommandResult:
        await self._journal.begin_command(command.id, _to_json(command).decode(), self._clock.now_us())
        crash_point("after-command-intent")
        if self._expired(command):
            return CommandResult(Outcome.expired, "expired", "too late when its turn came; nothing was done")
        result = await self._executed(command)
        crash_point("after-command-executed")
        return result

    async def _executed(self, command: Command) -> CommandResult:
        try:
            return await lasting(partial(self._kinds[command.kind], command))
        except (msgspec.ValidationError, KeyError, TypeError, ValueError) as error:
            return CommandResult(Outcome.refused, "bad-payload", f"the payload is no {command.kind} command: {error}")
        except NotConnected as error:
            return CommandResult(Outcome.refused, "machine-not-reachable", str(error))
        except Exception as error:  # noqa: BLE001  (one command must not end the others)
            _log.exception("command %s", command.id)
            return CommandResult(Outcome.failed, "bridge-error", f"{type(error).__name__}: {error}")

    async def _finish_old(self, command_id: str, body: str, result: str | None) -> None:
        """A command of an earlier life of this bridge."""
        if result is not None:
            await self._report(command_id, commands_v1.decode_result(result.encode()))
            return
        command = msgspec.json.decode(body.encode(), type=Command)
        await self._report(command_id, await self._recovered(command))

    async def _recovered(self, command: Command) -> CommandResult:
        """The bridge was killed between intent and outcome: only the machine can tell."""
        unknown = CommandResult(Outcome.failed, "bridge-restarted", "the bridge was stopped while it did this")
        if command.kind is not CommandKind.job:
            return unknown
        return await self._recalled(command, commands_v1.job_command(command.payload), unknown, RECOVERY_WAIT_S)

    async def _recalled(
        self, command: Command, job: JobCommand, unknown: CommandResult, wait_s: float
    ) -> CommandResult:
        """What the machine says became of a job command, once it is reachable; `unknown` if it does not say."""
        found = self._machines.tag_map.target(job.target)
        if found is None:
            return unknown
        endpoint, target = found
        until = time.monotonic() + wait_s
        while time.monotonic() < until:
            try:
                driver = driver_of(target, self._machines.source(endpoint.name).channel)
                answer = await lasting(partial(driver.recall, job, token=command.id))
            except (OSError, LookupError):
                answer = CONNECTION_LOST
            if answer.code != CONNECTION_LOST.code:
                return _told(unknown, answer)
            await asyncio.sleep(0.2)
        return unknown

    async def _report(self, command_id: str, result: CommandResult) -> None:
        body = _to_json(result)
        if len(body) > commands_v1.MAX_RESULT_BYTES:
            result = CommandResult(Outcome.failed, "result-too-large", f"the result has {len(body)} bytes")
            body = _to_json(result)
        await self._journal.end_command(command_id, body.decode())
        await self._post(command_id, body)
        await self._journal.command_posted(command_id)
        self.health.done += 1
        self._running.discard(command_id)
        self._finished.set()

    async def _post(self, command_id: str, body: bytes) -> None:
        """Until the server has it, or says that it never will."""
        delay_s = 0.2
        headers = {**self._headers, "Content-Type": "application/json"}
        while True:
            try:
                response = await self._client.post(
                    f"{COMMANDS_PATH}/{command_id}/result", content=body, headers=headers
                )
                if response.is_success or response.status_code in (404, 409, 410, 413, 422):
                    return
                self.health.error = f"result of {command_id}: the server answered {response.status_code}"
            except httpx.HTTPError as error:
                end_if_asked_to()
                self.health.error = str(error) or type(error).__name__
            await asyncio.sleep(delay_s * random.uniform(0.7, 1.3))
            delay_s = min(delay_s * 2, 15.0)

    # ----------------------------------------------------------------- kinds

    async def _job(self, command: Command) -> CommandResult:
        job: JobCommand = commands_v1.job_command(command.payload)
        if self._observe_only:
            return CommandResult(Outcome.refused, "observe-only", "this bridge writes nothing to any machine")
        found = self._machines.tag_map.target(job.target)
        if found is None:
            return CommandResult(Outcome.refused, "unknown-target", f"the tag map has no job target {job.target!r}")
        endpoint, target = found
        driver = driver_of(target, self._machines.source(endpoint.name).channel)
        try:
            execute = partial(driver.execute, job, token=command.id, expired=partial(self._expired, command))
            result = await lasting(execute)
        except ConnectionError:
            result = CONNECTION_LOST
        if result.code != CONNECTION_LOST.code:
            return result
        return await self._recalled(command, job, result, LOST_WAIT_S)

    async def _browse(self, command: Command) -> CommandResult:
        """Payload: LookCommand; or `endpoint`, and if wanted `root` (a node) and `max_nodes`. The document of these has
        the `nodes`, whether they are `complete`, and if not, why, in `remarks`."""
        if "url" in command.payload:
            asked = commands_v1.read_payload(command.payload, commands_v1.LookCommand)
            return await looking.look(asked, self._machines.trust)
        channel = self._machines.source(str(command.payload["endpoint"])).channel
        most = min(int(command.payload.get("max_nodes", 500)), 2_000)
        bounds = Bounds(max_nodes=most, within_s=BROWSE_WITHIN_S)
        tree = await browse(channel, root=str(command.payload.get("root", OBJECTS)), bounds=bounds)
        nodes = [_node_row(found) for found in tree if found.kind != "method"]
        return CommandResult(
            Outcome.done, document={"nodes": nodes, "complete": tree.complete, "remarks": list(tree.remarks)}
        )

    async def _watch(self, command: Command) -> CommandResult:
        """Payload: WatchCommand; or `tags` (at most 50) and `seconds` (at most 25), whose document has every change
        seen."""
        if "url" in command.payload:
            asked = commands_v1.read_payload(command.payload, commands_v1.WatchCommand)
            return await looking.watch_at(asked, self._machines.trust)
        tags = [str(t) for t in command.payload["tags"]][:MAX_WATCH_TAGS]
        until = time.monotonic() + min(float(command.payload.get("seconds", 5)), MAX_WATCH_S)
        seen: dict[str, dict[str, Any]] = {}
        values: list[dict[str, Any]] = []
        while True:
            for row in await self._now(tags):
                if seen.get(row["tag"]) != row:
                    seen[row["tag"]] = row
                    values.append({**row, "observed_at_us": self._clock.now_us()})
            if time.monotonic() >= until:
                return CommandResult(Outcome.done, document={"values": values})
            await asyncio.sleep(WATCH_EVERY_S)

    async def _now(self, tags: list[str]) -> list[dict[str, Any]]:
        rows = []
        for endpoint in self._machines.tag_map.endpoints:
            nodes = {t.tag: t.node for t in endpoint.tag if t.tag in tags}
            if not nodes:
                continue
            values = await self._machines.source(endpoint.name).channel.read(list(nodes.values()))
            for tag, value in zip(nodes, values, strict=True):
                sample = sample_of(tag, value, observed_at_us=0)
                rows.append({"tag": tag, "value": sample.value, "status": sample.status, "type": sample.data_type})
        return rows

    async def _trust(self, command: Command) -> CommandResult:
        """Payload: `action` (TrustAction; approve if not given) and, but for `list`, `thumbprint`."""
        asked = commands_v1.trust_command(command.payload)
        trust = self._machines.trust
        if asked.action is TrustAction.list:
            known = await asyncio.to_thread(trust.known)
            return CommandResult(Outcome.done, document={"certificates": msgspec.to_builtins(known)})
        decide = {
            TrustAction.approve: trust.approve,
            TrustAction.reject: trust.reject,
            TrustAction.revoke: trust.revoke,
        }
        if await asyncio.to_thread(decide[asked.action], asked.thumbprint):
            return CommandResult(Outcome.done)
        return CommandResult(
            Outcome.refused, "unknown-certificate", f"no certificate with this thumbprint to {asked.action}"
        )

    async def _apply_map(self, command: Command) -> CommandResult:
        """Payload: ApplyEndpointCommand; or `toml`, the whole tag map. It is checked whole, kept, and used from now
        on."""
        try:
            if "endpoint" in command.payload:
                asked = commands_v1.read_payload(command.payload, commands_v1.ApplyEndpointCommand)
                self._machines.apply_endpoint(asked.endpoint)
            else:
                self._machines.apply_map(str(command.payload["toml"]))
        except TagMapRefused as refused:
            errors = [msgspec.to_builtins(e) for e in refused.errors]
            return CommandResult(Outcome.refused, "tag-map-refused", str(refused)[:2000], {"errors": errors})
        except OSError as error:
            return CommandResult(Outcome.refused, "tag-map-not-written", str(error))
        return CommandResult(Outcome.done)


def _told(unknown: CommandResult, answer: CommandResult) -> CommandResult:
    """What the machine says; where it does not say, what we know, with what was seen."""
    if answer.outcome is not Outcome.failed:
        return answer
    seen = f"{unknown.message}; {answer.message}" if answer.message else unknown.message
    return CommandResult(Outcome.failed, unknown.code, seen)


def _node_row(found: Found) -> dict[str, Any]:
    return {
        "node": found.node,
        "path": found.words,
        "is_variable": found.is_variable,
        "data_type": found.data_type,
        "unit": found.unit,
        "value": str(found.value)[:80] if found.is_variable else "",
    }


def _lane(command: Command) -> str:
    """Commands of one lane run one after another: those for one machine, and each browse or watch by itself."""
    if command.kind is CommandKind.job:
        return f"job:{command.payload.get('target', '')}"
    return command.kind.value if command.kind is CommandKind.apply_map else command.id
