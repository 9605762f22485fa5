"""After a gap: what the machine's own history has of it (HistoryRead, OPC 10000-11 clause 6.5.3).

Only measurements and identities, which have their place by their own time, whenever they come; why not counters and
states: docs/decisions/0046. Beside the live values, a few nodes at a time, at most half of the server's time.
A gap that is still to be asked about is noted in the journal with the gap itself, and how far that has come with the
values: a bridge that is cut or killed in the middle goes on where it was.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec
from asyncua import ua

from opcua_bridge.blocks import BLOCK_MAX
from opcua_bridge.channel import Channel
from opcua_bridge.clock import Clock
from opcua_bridge.crash import crash_point
from opcua_bridge.deadband import Deadband
from opcua_bridge.decoder import Undecodable
from opcua_bridge.journal import Journal, JournalFull
from opcua_bridge.lasting import is_ending
from opcua_bridge.standing import BackfillStanding
from opcua_bridge.tag_map import Endpoint, TagClass
from opcua_bridge.values import sample_of
from standards.lineside.ingest_v1 import Entry, Gap, HistoryOf, Sample, Samples

PLACED_BY_TIME: Final = frozenset({TagClass.measurement, TagClass.identity})
REASONS: Final = frozenset(
    {"connection-lost", "subscription-lost", "server-restarted", "bridge-stopped", "sequence-gap"}
)
"""A queue that overflows does so again and again: asking each time would make a busy server busier."""
SETTLE_S: Final = 1.0
"""A server's history may be a moment behind its values."""
MARGIN_US: Final = 1_000_000
"""Asked for beyond both ends of a gap, which are the server's clock; values have the clock of their source. What is
known already is dropped by the plant: the same tag and instant is the same value."""
MOST_US: Final = 24 * 3_600 * 1_000_000
"""Of a longer gap the last day is asked for."""
MAX_WAITING: Final = 8
"""Gaps that wait to be asked about; further ones are not."""
NODES: Final = 5
VALUES: Final = 1_000
"""Nodes in one request, and values of each in one answer, if the server states no smaller limits."""
MAX_VALUES: Final = 20_000
"""Of one tag and gap; what comes later in that gap is left out."""
MAX_EMPTY: Final = 3
"""Answers in a row that bring nothing but say that there is more."""
MAX_FAILURES: Final = 3
"""Groups in a row that fail; then the gap is given up."""
MAX_TRIES: Final = 3
"""Connections that end while a gap is asked about, with no tag done in between; then the gap is given up."""
LEAST_PAUSE_S: Final = 0.1
FULL_SHARE: Final = 0.5
"""From this share of the journal's bound on, there is no room for the past."""
BEHIND: Final = 4 * BLOCK_MAX
BEHIND_S: Final = 10.0
"""While so much waits for the plant, the past waits, but no longer than this: machines forget."""
NO_RAW: Final = 0b11
"""Info bits of a value that was calculated or interpolated, not stored (OPC 10000-11 clause 6.3.2)."""
_NOTHING: Final = frozenset({ua.StatusCodes.GoodNoData, ua.StatusCodes.BadNoData, ua.StatusCodes.BadBoundNotFound})
TROUBLE: Final = (ua.UaError, TimeoutError, Undecodable)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_log = logging.getLogger(__name__)


class Window(msgspec.Struct, frozen=True):
    """A gap whose history is to be asked for. Tags up to and with `after`, by name, are done. `tries`: connections on
    which it was asked for since."""

    from_us: int
    to_us: int
    after: str = ""
    tries: int = 0

    @property
    def asked(self) -> tuple[datetime, datetime]:
        begin_us = max(self.from_us, self.to_us - MOST_US) - MARGIN_US
        return _instant(begin_us), _instant(self.to_us + MARGIN_US)


@dataclass(frozen=True)
class _Offer:
    """What a server has a history of, by tag in the order of names, and how much of it one may ask for at a time."""

    nodes: dict[str, ua.NodeId]
    at_once: int
    values: int


@dataclass
class _Read:
    """What of one tag was found so far."""

    tag: str
    node: ua.NodeId
    samples: list[Sample] = field(default_factory=list)
    point: bytes | None = None
    empty: int = 0


class Backfill:
    """Of one endpoint."""

    def __init__(self, endpoint: Endpoint, journal: Journal, clock: Clock, standing: BackfillStanding) -> None:
        self._endpoint, self._journal, self._clock, self._standing = endpoint, journal, clock, standing
        self._tags = {t.tag: t for t in endpoint.tag if t.tag_class in PLACED_BY_TIME} if endpoint.backfill else {}
        self._prefix = f"backfill:{endpoint.name}:"
        self._windows: dict[str, Window] = {}

    async def recall(self) -> None:
        """What the journal says is still to be asked for."""
        notes = await self._journal.notes(self._prefix) if self._tags else {}
        self._windows = {name: msgspec.json.decode(text, type=Window) for name, text in notes.items()}
        self._standing.waiting = len(self._windows)

    def owed(self, items: Iterable[Entry]) -> dict[str, str | None]:
        """Notes to be journaled together with the gaps among these."""
        gaps = [i for i in items if isinstance(i, Gap) and i.reason in REASONS and i.from_at_us > 1]
        room = MAX_WAITING - len(self._windows)
        windows = [Window(gap.from_at_us, gap.to_at_us) for gap in gaps] if self._tags else []
        self._standing.left_out += max(0, len(windows) - room)
        return {f"{self._prefix}{w.from_us}-{w.to_us}": _text(w) for w in windows[: max(0, room)]}

    def took(self, notes: dict[str, str | None]) -> None:
        """They are in the journal."""
        for name, text in notes.items():
            if text is not None:
                self._windows[name] = msgspec.json.decode(text, type=Window)
        self._standing.waiting = len(self._windows)

    async def run(self, channel: Channel) -> None:
        """For as long as the connection lasts. What goes wrong here ends with its gap, not with the connection."""
        while True:
            if self._windows:
                await asyncio.sleep(SETTLE_S)
                await self._fill(channel, next(iter(self._windows)))
            await asyncio.sleep(LEAST_PAUSE_S)

    async def _fill(self, channel: Channel, name: str) -> None:
        await self._room()
        try:
            if await self._may_try(name):
                await self._fill_from(channel, name, await self._offer(channel))
        except TROUBLE as error:
            if not channel.is_open:
                raise ConnectionError("the connection was lost while the machine's history was read") from error
            self._note_failure(f"{type(error).__name__}: {error}")
        await self._keep([], {name: None})

    async def _may_try(self, name: str) -> bool:
        """Noted before the server is asked: some end the connection instead of an answer."""
        window = self._windows[name]
        if window.tries >= MAX_TRIES:
            self._note_failure(f"gave up: the connection ended {MAX_TRIES} times while the history was read")
            return False
        await self._keep([], {name: _text(msgspec.structs.replace(window, tries=window.tries + 1))})
        return True

    def _note_failure(self, text: str) -> None:
        if text != self._standing.error:
            _log.warning("%s: history: %s", self._endpoint.name, text)
        self._standing.error = text
        self._standing.left_out += 1

    # ------------------------------------------------------- what the server has

    async def _offer(self, channel: Channel) -> _Offer:
        """Nodes with a history this user may read (AccessLevel) that is being collected (Historizing)."""
        most_values, most_nodes = await self._limits(channel)
        nodes = {}
        for tag in sorted(self._tags):
            try:
                nodes[tag] = channel.node_id(self._tags[tag].node)
            except LookupError:
                continue
        for attribute, may in _NEEDED:
            values = await channel.read_attribute(list(nodes.values()), attribute)
            nodes = {tag: node for (tag, node), value in zip(nodes.items(), values, strict=True) if may(value)}
        return _Offer(nodes, min(most_nodes or NODES, NODES), min(most_values or VALUES, VALUES))

    async def _limits(self, channel: Channel) -> tuple[int, int]:
        """HistoryServerCapabilities and operation limits; 0 where the server states none. The capability itself is not
        asked for: node-opcua says False there and has the history its nodes speak of."""
        limits = (
            ua.ObjectIds.HistoryServerCapabilities_MaxReturnDataValues,
            ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryReadData,
        )
        values, nodes = map(_content, await channel.read_ids([ua.NodeId(node) for node in limits]))
        return _whole(values), _whole(nodes)

    # ------------------------------------------------------------------ reading

    async def _fill_from(self, channel: Channel, name: str, offer: _Offer) -> None:
        failures, at_once = 0, offer.at_once
        while left := [tag for tag in offer.nodes if tag > self._windows[name].after][:at_once]:
            window = self._windows[name]
            group = [_Read(tag, offer.nodes[tag]) for tag in left]
            await self._room()
            try:
                await self._read(channel, group, window, offer.values)
                failures = 0
            except TROUBLE as error:
                if not channel.is_open:
                    raise
                if _is_too_much(error) and at_once > 1:
                    at_once = max(1, at_once // 2)
                    continue
                failures += 1
                if failures >= MAX_FAILURES:
                    raise
                self._note_failure(f"{group[0].tag}: {type(error).__name__}: {error}")
                group = [_Read(one.tag, one.node) for one in group]
            crash_point("after-history-before-journal")
            await self._hand_in(name, window, group)

    async def _read(self, channel: Channel, group: list[_Read], window: Window, values: int) -> None:
        """All of some tags, answer by answer; the server keeps no continuation point of ours afterwards."""
        try:
            await self._read_on(channel, group, window, values)
        finally:
            held = [one for one in group if one.point]
            if held and channel.is_open and not is_ending():
                await self._release(channel, held, window)

    async def _read_on(self, channel: Channel, group: list[_Read], window: Window, values: int) -> None:
        asking = group
        while asking:
            began = time.monotonic()
            nodes, points = [one.node for one in asking], [one.point for one in asking]
            answers = await channel.read_history(nodes, window.asked, values=values, points=points)
            for one, answer in zip(asking, answers, strict=True):
                self._take(one, answer, window)
            asking = [one for one in asking if self._goes_on(one)]
            await asyncio.sleep(max(LEAST_PAUSE_S, time.monotonic() - began))

    def _goes_on(self, one: _Read) -> bool:
        if not one.point:
            return False
        if len(one.samples) < MAX_VALUES and one.empty < MAX_EMPTY:
            return True
        self._standing.cut_short += 1
        return False

    async def _release(self, channel: Channel, held: Sequence[_Read], window: Window) -> None:
        """A server has few continuation points (OPC 10000-4 clause 7.9)."""
        try:
            points = [one.point for one in held]
            await channel.read_history([o.node for o in held], window.asked, values=1, points=points, release=True)
        except TROUBLE as error:
            _log.info("%s: continuation points not released: %s", self._endpoint.name, error)

    def _take(self, one: _Read, answer: ua.HistoryReadResult, window: Window) -> None:
        status = int(answer.StatusCode.value)
        one.point = answer.ContinuationPoint or None
        if status >> 31:
            one.empty += 1
            if status not in _NOTHING:
                self._note_failure(f"{one.tag}: {ua.StatusCode(status).name}")
            return
        found = [s for v in _values(answer) if (s := self._sample(one.tag, v, window)) is not None]
        one.empty = 0 if found else one.empty + 1
        one.samples += found[: MAX_VALUES - len(one.samples)]

    def _sample(self, tag: str, value: Any, window: Window) -> Sample | None:
        """What was stored, at its own time, inside of what was asked for; nothing that was worked out."""
        if not isinstance(value, ua.DataValue):
            return None
        sample = sample_of(tag, value, observed_at_us=self._clock.now_us())
        at_us, status = sample.source_at_us, sample.status
        if at_us is None or status in _NOTHING or (status & 0x0C00 == 0x0400 and status & NO_RAW):
            return None
        begin, end = window.asked
        return sample if begin <= _instant(at_us) < end else None

    # ------------------------------------------------------------------- journal

    async def _hand_in(self, name: str, window: Window, group: Sequence[_Read]) -> None:
        """The values of whole tags and how far that is, in one transaction."""
        quiet = Deadband(self._endpoint.tag)
        history_of = HistoryOf(self._endpoint.name, window.from_us, window.to_us)
        made = self._blocks([s for one in group for s in one.samples], history_of)
        blocks = [kept for block in made if (kept := quiet.of_the_past(block)) is not None]
        done = msgspec.structs.replace(window, after=group[-1].tag, tries=0)
        await self._keep(blocks, {name: _text(done)})
        count = sum(len(block.value) for block in blocks)
        if count:
            self._standing.at_us = self._clock.now_us()
            self._standing.values += count
            self._standing.tags += sum(1 for one in group if one.samples)

    def _blocks(self, samples: Sequence[Sample], history_of: HistoryOf) -> list[Samples]:
        now_us = self._clock.now_us()
        parts = [samples[start : start + BLOCK_MAX] for start in range(0, len(samples), BLOCK_MAX)]
        return [_block(part, now_us, history_of) for part in parts]

    async def _keep(self, blocks: Sequence[Samples], notes: dict[str, str | None]) -> None:
        while True:
            try:
                await self._journal.append(blocks, source=self._endpoint.name, notes=notes)
                break
            except JournalFull:
                await asyncio.sleep(1.0)
        for name, text in notes.items():
            if text is None:
                self._windows.pop(name, None)
        self.took(notes)

    async def _room(self) -> None:
        """The present goes first."""
        journal, until = self._journal, time.monotonic() + BEHIND_S
        while True:
            is_full = journal.bytes > journal.max_bytes * FULL_SHARE
            is_behind = journal.depth > BEHIND and time.monotonic() < until
            if not is_full and not is_behind:
                return
            await asyncio.sleep(LEAST_PAUSE_S)


def _block(samples: Sequence[Sample], now_us: int, history_of: HistoryOf) -> Samples:
    types: dict[str, str] = {}
    for sample in samples:
        types.setdefault(sample.tag, sample.data_type)
    places = {tag: place for place, tag in enumerate(types)}
    return Samples(
        tags=list(types),
        tag=[places[s.tag] for s in samples],
        value=[s.value for s in samples],
        observed_at_us=now_us,
        age_us=[now_us - (s.source_at_us or 0) for s in samples],
        status=[s.status for s in samples] if any(s.status for s in samples) else [],
        data_types=list(types.values()),
        history_of=history_of,
    )


def _values(answer: ua.HistoryReadResult) -> Sequence[Any]:
    """The values in an answer; none if what came is something else."""
    found = getattr(answer.HistoryData, "DataValues", None)
    return found if isinstance(found, list) else []


def _content(value: ua.DataValue) -> Any:
    good = value.StatusCode is None or value.StatusCode.is_good()
    return value.Value.Value if good and value.Value is not None else None


def _may_read(level: ua.DataValue, *, needed: bool) -> bool:
    """Whether the HistoryRead bit is set; a server need not say what the user's own level is."""
    bits = _content(level)
    return bool(bits & 1 << ua.AccessLevel.HistoryRead) if isinstance(bits, int) else not needed


def _is_collected(historizing: ua.DataValue) -> bool:
    return _content(historizing) is not False


_NEEDED: Final[tuple[tuple[ua.AttributeIds, Callable[[ua.DataValue], bool]], ...]] = (
    (ua.AttributeIds.AccessLevel, partial(_may_read, needed=True)),
    (ua.AttributeIds.UserAccessLevel, partial(_may_read, needed=False)),
    (ua.AttributeIds.Historizing, _is_collected),
)
"""What a node must say, asked of those that said the one before: most machines have no history at all."""


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _is_too_much(error: BaseException) -> bool:
    return isinstance(error, ua.UaStatusCodeError) and error.code == ua.StatusCodes.BadTooManyOperations


def _instant(at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at_us)


def _text(window: Window) -> str:
    return msgspec.json.encode(window).decode()
