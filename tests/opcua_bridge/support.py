"""Peers of the bridge in its tests: a machine's OPC UA server that can be mean, a network that can fail, a server that
keeps the contract of ingest_v1 and commands_v1. None of them uses the bridge's code."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import MethodType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from asyncua import Server, ua
from asyncua.server.address_space import AttributeValue, NodeData
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_subscription import InternalSubscription

from tests.support.ports import free_port

TOKEN = "t" * 43
URI = "urn:test:machine"


_standard_nodes: dict[ua.NodeId, NodeData] = {}


async def _load_standard_nodes(internal: Any) -> None:
    """asyncua builds its 8,000 standard nodes anew for every server, two seconds each; here they are built once."""
    if not _standard_nodes:
        await InternalServer.load_standard_address_space(internal)
        _standard_nodes.update(_copied(internal.aspace._nodes))
        return
    internal.aspace._nodes.update(_copied(_standard_nodes))


def _copied(nodes: dict[ua.NodeId, NodeData]) -> dict[ua.NodeId, NodeData]:
    copies = {}
    for node_id, node in nodes.items():
        copies[node_id] = copy = NodeData(node.nodeid)
        copy.attributes = {a: AttributeValue(v.value) for a, v in node.attributes.items()}
        copy.references, copy.call = list(node.references), node.call
    return copies


async def until(condition: Callable[[], Any], *, timeout_s: float = 30.0, what: str = "") -> None:
    end = time.monotonic() + timeout_s
    while not holds(condition):
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s} s: {what or condition}")
        await asyncio.sleep(0.02)


def holds(condition: Callable[[], Any]) -> bool:
    """Whether it is so; what is asked of the last of nothing is not so yet."""
    try:
        return bool(condition())
    except IndexError:
        return False


def _republish(self: InternalSubscription, number: int) -> ua.NotificationMessage:
    """As the standard has it: kept until acknowledged, an error if it is not there (asyncua 2.1.0 does neither)."""
    result = self._not_acknowledged_results.get(number)
    if result is None:
        raise ua.uaerrors.BadMessageNotAvailable
    return result.NotificationMessage


async def _nothing() -> None:
    return


class Machine:
    """A machine's OPC UA server with variables `<name>` in a namespace of its own."""

    def __init__(self, port: int | None = None, *, spaces_before: int = 0) -> None:
        self.port = port or free_port()
        self._spaces_before = spaces_before
        self.max_queue_size = 10_000
        self.policies = [ua.SecurityPolicyType.NoSecurity]
        self.prepare: Callable[[], Any] = _nothing
        self.server = Server()
        self.nodes: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}/"

    async def start(self, variables: dict[str, tuple[Any, ua.VariantType]]) -> Machine:
        self.server.iserver.load_standard_address_space = lambda _shelf: _load_standard_nodes(self.server.iserver)
        await self.server.init()
        self.server.set_endpoint(self.url)
        self.server.set_security_policy(self.policies)
        await self.prepare()
        for number in range(self._spaces_before):
            await self.server.register_namespace(f"urn:test:other-{number}")
        self.space = await self.server.register_namespace(URI)
        self.folder = await self.server.nodes.objects.add_object(self.space, "Machine")
        for name, (value, kind) in variables.items():
            await self.add(name, value, kind)
        self._make_standard()
        await self.server.start()
        return self

    def _make_standard(self) -> None:
        service = self.server.iserver.subscription_service
        self.server.iserver.max_monitored_item_queue_size = self.max_queue_size
        create = service.create_subscription

        async def create_subscription(*args: Any, **kwargs: Any) -> Any:
            result = await create(*args, **kwargs)
            subscription = service.subscriptions[result.SubscriptionId]
            subscription.republish = MethodType(_republish, subscription)
            return result

        service.create_subscription = create_subscription

    async def add(self, name: str, value: Any, kind: ua.VariantType) -> None:
        node = await self.folder.add_variable(ua.NodeId(name, self.space), name, value, kind)
        await node.set_writable()
        self.nodes[name] = node

    async def write(self, name: str, value: Any, *, at: datetime | None = None, status: int = 0) -> None:
        node = self.nodes[name]
        kind = await node.read_data_type_as_variant_type()
        stamp = at or datetime.now(UTC)
        content = ua.DataValue(
            ua.Variant(value, kind), ua.StatusCode(status), SourceTimestamp=stamp, ServerTimestamp=stamp
        )
        await self.server.write_attribute_value(node.nodeid, content)

    async def read(self, name: str) -> Any:
        return await self.nodes[name].read_value()

    @property
    def subscriptions(self) -> dict[int, InternalSubscription]:
        return {
            i: s
            for i, s in self.server.iserver.subscription_service.subscriptions.items()
            if s.pub_request_callback is not None
        }

    @property
    def sessions(self) -> list[Any]:
        return list(self.server.iserver._external_sessions.values())

    async def forget_sessions(self, *, subscriptions_too: bool = True) -> None:
        for session in self.sessions:
            await session.close_session(subscriptions_too)

    async def forget_subscriptions(self) -> None:
        await self.server.iserver.subscription_service.delete_subscriptions(list(self.subscriptions))

    async def stop(self) -> None:
        await self.server.stop()


@contextlib.asynccontextmanager
async def machine(
    variables: dict[str, tuple[Any, ua.VariantType]], *, port: int | None = None, **options: Any
) -> AsyncIterator[Machine]:
    queue = options.pop("max_queue_size", 10_000)
    it = Machine(port, **options)
    it.max_queue_size = queue
    await it.start(variables)
    try:
        yield it
    finally:
        await it.stop()


class Network:
    """A TCP proxy on loopback: cut, frozen without closing, or refusing."""

    def __init__(self, target_port: int) -> None:
        self.port, self._target_port = free_port(), target_port
        self.accepted = 0
        """Connections so far."""
        self._links: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._refusing = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}/"

    async def __aenter__(self) -> Network:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.thaw()
        self.cut()
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.accepted += 1
        try:
            if self._refusing:
                writer.transport.abort()
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            link = (writer, far_writer)
            self._links.add(link)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, far_writer))
                pumps.create_task(self._pump(far_reader, writer))
            self._links.discard(link)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        writer.close()

    def cut(self, *, refuse: bool = False) -> None:
        self._refusing = refuse
        for near, far in list(self._links):
            near.transport.abort()
            far.transport.abort()

    def heal(self) -> None:
        self._refusing = False

    def freeze(self) -> None:
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()


def as_documents(body: bytes, content_type: str) -> dict[str, Any]:
    """A batch, JSON or MessagePack, with every value as a document of its own."""
    batch = msgspec.msgpack.decode(body) if content_type == "application/vnd.msgpack" else json.loads(body)
    batch["items"] = [document for item in batch["items"] for document in exploded(item)]
    return dict(batch)


def exploded(item: dict[str, Any]) -> list[dict[str, Any]]:
    """The values of a block (docs/api/ingest.md) as samples; anything else as it is."""
    if item["kind"] != "samples":
        return [item]
    found = []
    for place, (tag, value) in enumerate(zip(item["tag"], item["value"], strict=True)):
        sample = {"kind": "sample", "tag": item["tags"][tag], "value": value, "observed_at_us": item["observed_at_us"]}
        if item.get("age_us") and item["age_us"][place] is not None:
            sample["source_at_us"] = item["observed_at_us"] - item["age_us"][place]
        if item.get("history_of"):
            sample["history_of"] = item["history_of"]
        if item.get("data_types"):
            sample["data_type"] = item["data_types"][tag]
        if item.get("status") and item["status"][place]:
            sample["status"] = status = item["status"][place]
            sample["quality"] = ("good", "uncertain", "bad", "bad")[status >> 30]
            sample["overflow"] = status & 0x480 == 0x480
        found.append(sample)
    return found


class Mes:
    """The server's side of ingest_v1 and commands_v1, with nothing behind it: it keeps what it is given."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.tls, self.token = tls, TOKEN
        self.items: list[dict[str, Any]] = []
        self.cursors: dict[str, int] = {}
        self.duplicates = 0
        self.batches = 0
        self.commands: list[dict[str, Any]] = []
        self.results: dict[str, dict[str, Any]] = {}
        self.clock_ahead_us = 0
        self.failing: list[int] = []
        """Status codes to answer to the next requests to ingest, instead of taking them."""
        self.down = False
        self.asked: list[tuple[str, str]] = []
        self.refused: dict[str, str] = {}
        self.slow_s = 0.0
        self.lose_answers = 0
        """Take so many batches without the bridge hearing of it."""
        self.max_items = 5_000
        self.unreadable: Any = None
        """A value this server cannot read: the whole batch is refused."""
        self.requests: list[str] = []
        self.health: list[dict[str, Any]] = []
        self.knows_health = True
        """False: a server of before health_v1."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Mes:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        scheme = "http" if self.tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.requests.append(f"{method} {target}")
        if headers.get("authorization") != f"Bearer {self.token}":
            answer: tuple[int, dict[str, Any]] | None = (401, {"code": "not-signed-in"})
        else:
            answer = await self._answer(method, urlsplit(target), body, headers.get("content-type", ""))
        if answer is None:
            return False
        status, document = answer
        content = json.dumps(document).encode()
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
        await writer.drain()
        return True

    async def _answer(self, method: str, url: Any, body: bytes, kind: str) -> tuple[int, dict[str, Any]] | None:
        if url.path.endswith("/ingest"):
            return self.ingest(as_documents(body, kind))
        if url.path.endswith("/bridge/health"):
            return self.take_health(json.loads(body))
        if url.path.endswith("/permission"):
            return await self.permit(unquote(url.path.split("/")[-2]), parse_qs(url.query)["equipment_id"][0])
        if method == "POST":
            self.results[url.path.split("/")[-2]] = json.loads(body)
            return 200, {}
        return await self._due(float(parse_qs(url.query)["wait_s"][0]))

    async def permit(self, unit_id: str, equipment_id: str) -> tuple[int, dict[str, Any]]:
        """May I? `refused`: code by unit; `slow_s`: how long it thinks."""
        self.asked.append((unit_id, equipment_id))
        code, slow_s = self.refused.get(unit_id, ""), self.slow_s
        await asyncio.sleep(slow_s)
        if self.down:
            return 503, {"code": "test"}
        return 200, {"allowed": not code, "code": code, "when_away": "go-on", "unit_id": unit_id}

    def ingest(self, batch: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        if self.down:
            return 503, {"code": "test"}
        if self.failing:
            return self.failing.pop(0), {"code": "test"}
        if len(batch["items"]) > self.max_items:
            return 413, {"code": "too-large"}
        if self.unreadable is not None and self.unreadable in [i.get("value") for i in batch["items"]]:
            return 400, {"code": "ingest-unreadable"}
        self.batches += 1
        cursor = self.cursors.get(batch["journal_id"], 0)
        if batch["first_seq"] > cursor + 1:
            return 409, {"code": "ingest-sequence-gap", "expected_seq": cursor + 1}
        fresh = batch["items"][max(0, cursor + 1 - batch["first_seq"]) :]
        self.duplicates += len(batch["items"]) - len(fresh)
        self.items += fresh
        self.cursors[batch["journal_id"]] = cursor + len(fresh)
        if self.lose_answers:
            self.lose_answers -= 1
            return None
        return 200, {"accepted_through": cursor + len(fresh), "duplicates": 0, "quarantined": 0}

    def take_health(self, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if not self.knows_health:
            return 404, {"code": "not-found"}
        self.health.append(document)
        return 200, {"server_at_us": self.now_us()}

    async def _due(self, wait_s: float) -> tuple[int, dict[str, Any]]:
        with contextlib.suppress(AssertionError):
            await until(self.due, timeout_s=wait_s)
        return 200, {"commands": self.due(), "server_at_us": self.now_us()}

    def due(self) -> list[dict[str, Any]]:
        return [c for c in self.commands if c["id"] not in self.results]

    def now_us(self) -> int:
        return time.time_ns() // 1000 + self.clock_ahead_us

    def command(self, command_id: str, kind: str, payload: dict[str, Any], *, expires_in_s: float = 30.0) -> None:
        expires = self.now_us() + int(expires_in_s * 1_000_000)
        self.commands.append({"id": command_id, "kind": kind, "expires_at_us": expires, "payload": payload})

    # --------------------------------------------------------------- questions

    def samples(self, tag: str) -> list[dict[str, Any]]:
        return [i for i in self.items if i["kind"] == "sample" and i["tag"] == tag]

    def good(self, tag: str) -> list[Any]:
        """Values of good samples, in the order they came."""
        return [s["value"] for s in self.samples(tag) if s.get("quality", "good") == "good"]

    def bad(self, tag: str) -> list[dict[str, Any]]:
        return [s for s in self.samples(tag) if s.get("quality") == "bad"]

    def gaps(self) -> list[dict[str, Any]]:
        return [i for i in self.items if i["kind"] == "gap"]


def tag_map_text(url: str, tags: dict[str, str], *, extra: str = "", **options: Any) -> str:
    """A tag map of one endpoint, `tags`: name -> class."""
    settings = {"publishing_interval_ms": 50, "keep_alive_s": 0.5, "grace_s": 0.3} | options
    lines = ["[namespaces]", f'm = "{URI}"', "[[endpoint]]", 'name = "machine"', f'url = "{url}"', 'security = "none"']
    lines += [f"{key} = {value}" for key, value in settings.items()]
    for tag, kind in tags.items():
        lines += ["[[endpoint.tag]]", f'tag = "{tag}"', f'node = "m;s={tag}"', f'class = "{kind}"']
    return "\n".join(lines) + "\n" + extra


def bridge_environment(folder: Path, mes_url: str, tag_map: str, **more: str) -> dict[str, str]:
    """What a bridge process is started with."""
    path = folder / "tag_map.toml"
    path.write_text(tag_map)
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("LINESIDE_")},
        "LINESIDE_ENVIRONMENT": "test",
        "LINESIDE_BRIDGE_SERVER_URL": mes_url,
        "LINESIDE_BRIDGE_TOKEN": TOKEN,
        "LINESIDE_BRIDGE_TAG_MAP": str(path),
        "LINESIDE_BRIDGE_JOURNAL": str(folder / "journal.sqlite"),
        **more,
    }


class BridgeProcess:
    """`python -m opcua_bridge run`, to be killed."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, **more: str) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "opcua_bridge", "run",
            env=self._environment | more, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
        await self.died()

    async def died(self, timeout_s: float = 40.0) -> int:
        assert self.process is not None
        async with asyncio.timeout(timeout_s):
            return await self.process.wait()

    async def __aenter__(self) -> BridgeProcess:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process is not None:
            await self.kill()


@contextlib.contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """These LINESIDE_ variables and no others, for as long as the block lasts."""
    before = {k: v for k, v in os.environ.items() if k.startswith("LINESIDE_")}
    for key in before:
        del os.environ[key]
    os.environ.update({k: v for k, v in values.items() if k.startswith("LINESIDE_")})
    try:
        yield
    finally:
        for key in [k for k in os.environ if k.startswith("LINESIDE_")]:
            del os.environ[key]
        os.environ.update(before)
