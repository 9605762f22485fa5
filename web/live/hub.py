"""Fan-out of one plant: what changed → which fragments → one frame a client.

A client is described by one number: everything up to `since` is on its screen. A fragment is described by the
sequence of the change it shows. What a client must be sent is then the fragments newer than its `since`, whether it
is quick, slow, new (`since` = NOTHING) or back after an outage. Clients that show the same regions form an audience:
its fragments are rendered once, its frames are composed once, and it is released at most `hz` times a second.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import struct
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from web.live.limits import (
    ACK_TIMEOUT_S,
    RENDER_BATCH_MAX,
    RENDER_RETRY_S,
    SNAPSHOT_AGE_MAX_S,
    STUCK_LOOK_S,
    TOPICS_MAX,
    WINDOW,
)
from web.live.region import Region

_LOG = logging.getLogger(__name__)
FRAMES_KEPT: Final = 64
"""Composed frames an audience remembers."""
NOTHING: Final = -1
"""`since` of a client that has nothing yet."""


@dataclass(frozen=True)
class Shown:
    """A region on somebody's page. Equal ones share their fragment."""

    region: Region
    params: tuple[tuple[str, str], ...]
    dom_id: str
    language: str

    @property
    def topics(self) -> tuple[str, ...]:
        """The outbox topics that change it."""
        return self.region.topics(dict(self.params))


@dataclass(eq=False, slots=True)
class Fragment:
    """The newest rendering of something shown."""

    shown: Shown
    changed_seq: int
    """The last event that concerned it."""
    html: str = ""
    of_seq: int = NOTHING
    """The change the html shows."""
    built_at: float = 0.0
    audiences: set[Audience] = field(default_factory=set)


RenderAll = Callable[[Sequence[Shown]], Awaitable[Sequence[str]]]
"""Builds and renders some regions in one snapshot, no older than the call; never fails for a single region."""


class Hub:
    """The subscribers of one plant. Runs on one event loop; nothing here blocks."""

    def __init__(self, render_all: RenderAll) -> None:
        self.epoch = secrets.token_hex(4)
        self.seq = 0
        self.renders = 0
        self._render_all = render_all
        self._audiences: dict[tuple[tuple[Shown, ...], float], Audience] = {}
        self._fragments: dict[Shown, Fragment] = {}
        self._by_topic: dict[str, set[Fragment]] = {}
        self._topic_seq: dict[str, int] = {}
        self._floor = 0
        self._wanted: dict[Fragment, asyncio.Future[None]] = {}
        self._rendering: dict[Fragment, _Rendering] = {}
        self._work = asyncio.Event()
        self._started: Callable[[Audience], object] = lambda _audience: None

    def start_at(self, seq: int) -> None:
        """The head of the outbox when the process began to follow it."""
        self.seq = self._floor = seq

    def on_new_audience(self, start: Callable[[Audience], object]) -> None:
        """Who runs `Audience.pump`."""
        self._started = start

    @property
    def clients(self) -> int:
        """How many are subscribed now."""
        return sum(len(audience.clients) for audience in self._audiences.values())

    async def open_stuck_windows_for_ever(self) -> None:
        """Each second: see `Audience.open_stuck_windows`."""
        while True:
            await asyncio.sleep(STUCK_LOOK_S)
            for audience in tuple(self._audiences.values()):
                audience.open_stuck_windows(time.monotonic())

    @property
    def is_idle(self) -> bool:
        """Whether nothing is kept for anybody: no audience, no fragment, no topic."""
        return not (self._audiences or self._fragments or self._by_topic or self._wanted or self._rendering)

    def publish(self, seq: int, topics: Iterable[str]) -> None:
        """Everything up to `seq` has happened, and it concerned these topics."""
        self.seq = seq
        woken: set[Audience] = set()
        for topic in topics:
            self._topic_seq.pop(topic, None)
            self._topic_seq[topic] = seq
            for fragment in self._by_topic.get(topic, ()):
                fragment.changed_seq = seq
                woken |= fragment.audiences
        self._forget_old_topics()
        for audience in woken:
            audience.dirty.set()

    def _forget_old_topics(self) -> None:
        if len(self._topic_seq) <= TOPICS_MAX:
            return
        for topic in list(self._topic_seq)[: TOPICS_MAX // 2]:
            self._floor = max(self._floor, self._topic_seq.pop(topic))

    def join(self, client: Client, shown: tuple[Shown, ...], hz: float) -> Audience:
        """Subscribe a client. `leave` ends it."""
        key = (shown, hz)
        audience = self._audiences.get(key)
        if audience is None:
            audience = self._audiences[key] = Audience(self, [self._fragment(s) for s in shown], hz)
            for fragment in audience.fragments:
                fragment.audiences.add(audience)
            self._started(audience)
        audience.clients.add(client)
        return audience

    def leave(self, client: Client, audience: Audience) -> None:
        """Unsubscribe; the last one of an audience ends it, and fragments nobody shows are forgotten."""
        audience.clients.discard(client)
        if audience.clients:
            return
        for key in [key for key, value in self._audiences.items() if value is audience]:
            del self._audiences[key]
        audience.end()
        for fragment in audience.fragments:
            fragment.audiences.discard(audience)
            if not fragment.audiences:
                self._forget(fragment)

    def _fragment(self, shown: Shown) -> Fragment:
        found = self._fragments.get(shown)
        if found is None:
            topics = shown.topics
            changed = max((self._topic_seq.get(topic, self._floor) for topic in topics), default=self._floor)
            found = self._fragments[shown] = Fragment(shown, changed)
            for topic in topics:
                self._by_topic.setdefault(topic, set()).add(found)
        return found

    def _forget(self, fragment: Fragment) -> None:
        del self._fragments[fragment.shown]
        for topic in fragment.shown.topics:
            if its := self._by_topic.get(topic):
                its.discard(fragment)
                if not its:
                    del self._by_topic[topic]

    async def refresh(self, fragments: Sequence[Fragment]) -> None:
        """Have these rendered as of now; whoever else asks meanwhile shares the work."""
        waiting = [self._rendered(fragment) for fragment in fragments]
        self._work.set()
        for future in waiting:
            await asyncio.shield(future)

    def _rendered(self, fragment: Fragment) -> asyncio.Future[None]:
        under_way = self._rendering.get(fragment)
        if under_way is not None and under_way.of_seq == fragment.changed_seq:
            return under_way.done
        if fragment not in self._wanted:
            self._wanted[fragment] = asyncio.get_running_loop().create_future()
        return self._wanted[fragment]

    async def render_for_ever(self) -> None:
        """A worker: takes what is wanted, in batches, and renders it."""
        while True:
            await self._work.wait()
            taken = list(self._wanted)[:RENDER_BATCH_MAX]
            batch = {f: _Rendering(f.changed_seq, self._wanted.pop(f)) for f in taken}
            if not self._wanted:
                self._work.clear()
            if batch:
                await self._render(batch)

    async def _render(self, batch: Mapping[Fragment, _Rendering]) -> None:
        self._rendering.update(batch)
        try:
            htmls = await self._render_all([fragment.shown for fragment in batch])
            self._keep(batch, htmls)
        except BaseException as error:
            for rendering in batch.values():
                rendering.fail(error)
            raise
        finally:
            for fragment, rendering in batch.items():
                if self._rendering.get(fragment) is rendering:
                    del self._rendering[fragment]

    def _keep(self, batch: Mapping[Fragment, _Rendering], htmls: Sequence[str]) -> None:
        built_at = time.monotonic()
        self.renders += len(batch)
        for (fragment, rendering), html in zip(batch.items(), htmls, strict=True):
            if rendering.of_seq >= fragment.of_seq:
                fragment.html = partial(fragment.shown, html)
                fragment.of_seq, fragment.built_at = rendering.of_seq, built_at
                for audience in fragment.audiences:
                    audience.forget_frames()
            if not rendering.done.done():
                rendering.done.set_result(None)


@dataclass(eq=False, slots=True)
class _Rendering:
    of_seq: int
    done: asyncio.Future[None]

    def fail(self, error: BaseException) -> None:
        if self.done.done():
            return
        if isinstance(error, Exception):
            self.done.set_exception(error)
        else:
            self.done.cancel()


def partial(shown: Shown, html: str) -> str:
    """The fragment as htmx takes it: a partial with its own target, so that table rows survive the parser."""
    return f'<hx-partial hx-target="#{shown.dom_id}" hx-swap="{shown.region.swap}">{html}</hx-partial>'


class Audience:
    """Clients that show the same regions in the same language at the same rate."""

    def __init__(self, hub: Hub, fragments: Sequence[Fragment], hz: float) -> None:
        self.fragments = tuple(fragments)
        self.clients: set[Client] = set()
        self.dirty = asyncio.Event()
        self._hub = hub
        self._gap_s = 1 / hz
        self._released = NOTHING
        self._frames: dict[tuple[int, int], Frame] = {}
        self._ended = False

    async def pump(self) -> None:
        """Render what changed and release it, at most `hz` times a second, until the audience has ended."""
        while True:
            await self.dirty.wait()
            if self._ended:
                return
            self.dirty.clear()
            try:
                self._release(await self._prepare([f for f in self.fragments if f.of_seq < f.changed_seq]))
            except Exception:  # noqa: BLE001 (a relay goes on)
                _LOG.exception("some regions could not be rendered; trying again")
                self.dirty.set()
                await asyncio.sleep(RENDER_RETRY_S)
            await asyncio.sleep(self._gap_s)

    def end(self) -> None:
        """Nobody is left."""
        self._ended = True
        self.dirty.set()

    async def snapshot(self, since: int) -> int:
        """Have ready what a client that connects lacks. Returns the sequence it then has."""
        oldest = time.monotonic() - SNAPSHOT_AGE_MAX_S
        lacking = [
            f
            for f in self.fragments
            if (f.of_seq < f.changed_seq and f.changed_seq > since) or (since == NOTHING and f.built_at < oldest)
        ]
        return await self._prepare(lacking)

    async def _prepare(self, fragments: Sequence[Fragment]) -> int:
        seq = self._hub.seq
        if fragments:
            await self._hub.refresh(fragments)
        return seq

    @property
    def released(self) -> int:
        """Clients may be told of everything up to here."""
        return self._released

    def _release(self, seq: int) -> None:
        self._released = seq
        for client in self.clients:
            client.offer(self)

    def open_stuck_windows(self, now: float) -> None:
        """Clients that have not acknowledged for ACK_TIMEOUT_S are sent one merged frame, and no more."""
        for client in self.clients:
            client.open_if_stuck(self, now)

    def forget_frames(self) -> None:
        """A fragment is newer than what was composed so far, even if nothing has changed: views depend on the time."""
        self._frames.clear()

    def frame(self, since: int, seq: int) -> Frame:
        """What takes a client from `since` to `seq`, composed once for all who stand at the same place."""
        found = self._frames.get((since, seq))
        if found is None:
            if len(self._frames) >= FRAMES_KEPT:
                self._frames.clear()
            html = "".join(f.html for f in self.fragments if f.of_seq > since)
            found = self._frames[since, seq] = make_frame(self._hub.epoch, seq, html)
        return found


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: its text, and the bytes a server puts on the wire for it (they are the same for everybody)."""

    text: str
    wire: bytes


def make_frame(epoch: str, seq: int, html: str) -> Frame:
    """A frame of this content; without content it only says how far the client is."""
    head: Mapping[str, object] = {"epoch": epoch, "seq": seq}
    payload = orjson.dumps({**head, "content": html} if html else head)
    return Frame(payload.decode(), wire_header(len(payload)) + payload)


def wire_header(length: int) -> bytes:
    """RFC 6455 section 5.2: final text frame, unmasked."""
    if length < 126:
        return bytes((0x81, length))
    return b"\x81\x7e" + struct.pack("!H", length) if length < 65_536 else b"\x81\x7f" + struct.pack("!Q", length)


class Client:
    """One socket: what it has, and what it has not acknowledged.

    `send` awaits until the network takes a text. `write` is the short cut: it puts ready bytes on the wire at once, or
    answers False where it may not (the network is congested), and then `send` is used.
    """

    def __init__(
        self,
        send: Callable[[str], Awaitable[None]],
        *,
        write: Callable[[bytes], bool] | None = None,
        since: int = NOTHING,
    ) -> None:
        self.since = since
        self.frames_sent = 0
        self.frames_written = 0
        """Those of `frames_sent` that took the short cut."""
        self._send = send
        self._write = write
        self._unacknowledged: deque[int] = deque()
        self._full_since = 0.0
        self._sending = True
        self._due = asyncio.Event()

    def acknowledge(self, audience: Audience, seq: int) -> None:
        """The client has applied everything up to `seq`."""
        while self._unacknowledged and self._unacknowledged[0] <= seq:
            self._unacknowledged.popleft()
        self.offer(audience)

    def open_if_stuck(self, audience: Audience, now: float) -> None:
        """Give up waiting for acknowledgements that are too late."""
        if len(self._unacknowledged) >= WINDOW and now - self._full_since > ACK_TIMEOUT_S:
            self._unacknowledged.clear()
            self.offer(audience)

    def offer(self, audience: Audience) -> None:
        """Send what is released and not yet sent, if the window is open and nothing is being sent."""
        seq = audience.released
        if self._sending or seq <= self.since or len(self._unacknowledged) >= WINDOW:
            return
        if self._write is not None and self._write(audience.frame(self.since, seq).wire):
            self.frames_written += 1
            self._sent(seq)
        else:
            self._due.set()

    async def write_for_ever(self, audience: Audience) -> None:
        """The snapshot, then whatever `offer` could not write at once. Ends by being cancelled."""
        seq = await audience.snapshot(self.since)
        while True:
            self._sending = True
            await self._send(audience.frame(self.since, seq).text)
            self._sent(seq)
            self._sending = False
            self._due.clear()
            self.offer(audience)
            await self._due.wait()
            seq = audience.released

    def _sent(self, seq: int) -> None:
        self.since = seq
        self.frames_sent += 1
        self._unacknowledged.append(seq)
        if len(self._unacknowledged) >= WINDOW:
            self._full_since = time.monotonic()
