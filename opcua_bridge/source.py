"""One endpoint: connect, supervise, subscribe; from publish responses to the journal, nothing lost, nothing twice.

The rules (reference: OPC 10000-4 clauses 5.14 and 6.7):

* an acknowledgement is sent only after what it acknowledges is in the journal, on disk;
* a connection that comes back takes up its old session and subscription and asks for what it missed (Republish), and so
  does a process that comes back, from the record in the journal;
* whatever may have been lost is a Gap in the journal, before the first value after it;
* a value that is not known is a bad sample: the last one is never left standing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from asyncua import ua

from opcua_bridge.audit import AUDIT_EVERY_S, Audit
from opcua_bridge.backfill import Backfill
from opcua_bridge.blocks import Naming, known_tags
from opcua_bridge.channel import Channel, ItemAnswer, ItemRequest
from opcua_bridge.clock import Clock
from opcua_bridge.crash import crash_point
from opcua_bridge.deadband import Deadband
from opcua_bridge.decoder import Changes, Decoder, Message, Published, Undecodable
from opcua_bridge.job_lists import JobLists
from opcua_bridge.journal import Journal, JournalFull, MonitoredItem, SourceRecord
from opcua_bridge.lasting import lasting
from opcua_bridge.refusal_words import is_refusal, retry_s, words_of
from opcua_bridge.skew import watch_clock
from opcua_bridge.standing import SourceHealth, trouble_of
from opcua_bridge.tag_map import Endpoint, Events, Tag, TagClass, fingerprint
from opcua_bridge.trust import Trust
from opcua_bridge.values import event_of, sample_of, unknown_sample
from standards.lineside.health_v1 import Trouble
from standards.lineside.ingest_v1 import Entry, Gap, Sample, Samples, numbers_of
from standards.opcua.status import overflowed

IN_FLIGHT: Final = 3
INBOX: Final = 8
"""Responses received and not yet journaled; beyond, no PublishRequest is sent and the machine's queue is the buffer."""
MAX_REPUBLISH: Final = 10_000
KNOWN_EVERY_S: Final = 10.0
QUEUE_SIZE: Final = {TagClass.measurement: 1_000}
QUEUE_SIZE_DEFAULT: Final = 10_000
"""Asked for; a server that has less says so. At 50 changes a second it bridges 200 s."""
SMALL_QUEUE: Final = 1_000
SILENT_RESUMES: Final = 2
"""A subscription that stays silent this often after it was taken up again is given up."""
SEQUENCE_END: Final = 0xFFFFFFFF
NAMED_MAX_BYTES: Final = 512 * 1024
"""Names of tags in one gap, UTF-8: far below what the server takes at once. A gap of more names none: it is then one of
everything the bridge tells of."""
EVER: Final = 1
"""Where a gap begins if the machine never gave a time."""
DECIDED_WITHIN_S: Final = 0.5
"""After a refusal: how often to look whether somebody has decided about a certificate."""
_log = logging.getLogger(__name__)


class Silence(ConnectionError):
    """Neither values nor keep-alives for twice the keep-alive interval."""

    trouble = Trouble.silent


class SubscriptionLost(ConnectionError):
    """The machine's server has ended the subscription."""

    trouble = Trouble.subscription_lost


class ServerRestarted(ConnectionError):
    """The server took our old token, but it is another run of the server: the session is somebody else's."""

    trouble = Trouble.server_restarted


class NotConnected(ConnectionError):
    """There is no session with this endpoint at the moment."""


@dataclass
class Refused:
    """A node the server would not monitor; tried again later and later."""

    status: int
    delay_s: float
    try_at: float


@dataclass
class _Loss:
    at_us: int
    since: float
    grace_s: float
    announced: bool = False


@dataclass
class _Response:
    number: int
    result: Published


class Source:
    """One endpoint of the tag map. `run` does not return by itself: `stop`, then cancel it."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        journal: Journal,
        clock: Clock,
        trust: Trust,
        retry_s: tuple[float, float] = (5.0, 300.0),
        audit_every_s: float = AUDIT_EVERY_S,
        is_alone: bool = True,
    ) -> None:
        """`is_alone`: the bridge has no other endpoint, so that a gap of all of its tags need not name them."""
        self.endpoint, self._journal, self._clock, self._trust = endpoint, journal, clock, trust
        self._retry_first_s, self._retry_last_s = retry_s
        self.audit_every_s, self._is_alone = audit_every_s, is_alone
        self.audit = Audit()
        self.health = SourceHealth()
        self.backfill = Backfill(endpoint, journal, clock, self.health.backfill)
        self._jobs = JobLists(endpoint)
        self._tags = {t.tag: t for t in endpoint.tag} | self._jobs.tags
        self._events = {_events_key(e): e for e in endpoint.events}
        self._wanted = {name: fingerprint(entry) for name, entry in (self._tags | self._events).items()}
        self._droppable = frozenset(t.tag for t in endpoint.tag if t.tag_class is TagClass.measurement)
        self._record = SourceRecord(endpoint.name)
        self._name({})
        self._stale: set[str] = set(self._tags)
        self._looked_at: tuple[Sequence[int], bool] = ((), False)
        self._deadband = Deadband(endpoint.tag)
        self._decoder = Decoder()
        self._refused: dict[str, Refused] = {}
        self._loss: _Loss | None = None
        self._stop = asyncio.Event()
        self._fresh = True
        self._subscription_lost = False
        self._token_is_not_ours = False
        self._silent_resumes = 0
        self._delay_s = 0.0
        self._refusals = 0
        self._ahead_us: int | None = None
        """How far the machine's clock was before the bridge's when the session began."""
        self._channel: Channel | None = None

    # ------------------------------------------------------------- supervision

    @property
    def channel(self) -> Channel:
        """The live session, for commands. Raises NotConnected."""
        if self._channel is None or not self._channel.is_open:
            raise NotConnected(f"{self.endpoint.name} is not connected: {self.health.error}")
        return self._channel

    async def run(self) -> None:
        self._loss = _Loss(self._clock.now_us(), time.monotonic(), self.endpoint.grace_s)
        while not self._stop.is_set():
            try:
                await self._recall()
                await lasting(self._connected)
            except Exception as error:  # noqa: BLE001  (the supervisor: whatever went wrong, connect again)
                if self._stop.is_set():
                    return
                self._note_loss(_cause(error))
            await self._announce_loss()
            await self._pause()

    async def _pause(self) -> None:
        if self.health.retry_s:
            await self._until_decided(self.health.retry_s)
            return
        await asyncio.sleep(self._delay_s * random.uniform(0.8, 1.2))
        self._delay_s = min(max(self._delay_s * 2, 0.1), 5.0)

    async def _until_decided(self, most_s: float) -> None:
        """Wait, or until somebody has approved or revoked a certificate."""
        before, until = self._trust.snapshot(), time.monotonic() + most_s
        while time.monotonic() < until and self._trust.snapshot() == before:
            await self._announce_loss()
            await asyncio.sleep(DECIDED_WITHIN_S)

    def stop(self) -> None:
        """To be called before `run` is cancelled. A cancellation alone may be swallowed: by a TaskGroup whose child
        fails at the same moment (before Python 3.13), by `wait_for` (before 3.12)."""
        self._stop.set()

    @property
    def is_stopping(self) -> bool:
        return self._stop.is_set()

    def _name(self, names: dict[int, str]) -> None:
        """Tags and notifiers by client handle."""
        self._names = names
        self._naming = Naming({handle: name for handle, name in names.items() if name in self._tags})

    async def _recall(self) -> None:
        """What the journal says is what counts: an append may have been under way when the connection was lost."""
        self._record = await self._journal.load_source(self.endpoint.name)
        await self.backfill.recall()
        if self._token_is_not_ours:
            self._record = replace(self._record, token="")
        self._name({handle: item.tag for handle, item in self._record.items.items()})

    async def _connected(self) -> None:
        channel = Channel(self.endpoint, self._trust, decoder=self._decoder)
        try:
            await channel.open()
            if self._stop.is_set():
                return
            await self._establish(channel)
            await _Publishing(self, channel).run()
        finally:
            self._channel = None
            self.health.is_away(self._clock.now_us())
            channel.close()

    def _note_loss(self, error: BaseException) -> None:
        text = f"{type(error).__name__}: {words_of(error)}"
        self._refusals = self._refusals + 1 if is_refusal(error) else 0
        self.health.retry_s = retry_s(error, self._refusals) if self._refusals else 0.0
        if text != self.health.error:
            _log.warning("%s: %s", self.endpoint.name, text)
        self.health.has_failed(text, trouble_of(error), self._clock.now_us())
        if isinstance(error, Silence):
            self._silent_resumes += 1
        if isinstance(error, ServerRestarted | SubscriptionLost):
            self._delay_s = 0.0
        if isinstance(error, SubscriptionLost):
            self._subscription_lost = True
        if self._loss is None:
            self.health.reconnects += 1
            grace_s = 0.0 if isinstance(error, Silence) else self.endpoint.grace_s
            self._loss = _Loss(self._clock.now_us(), time.monotonic(), grace_s)

    async def _announce_loss(self) -> None:
        """One bad sample a tag, once the connection has been away for longer than the grace."""
        loss = self._loss
        if loss is None or loss.announced or time.monotonic() - loss.since < loss.grace_s:
            return
        samples = [unknown_sample(tag, observed_at_us=loss.at_us) for tag in self._tags]
        await self._append(samples)
        loss.announced = True
        self._stale = set(self._tags)
        self._deadband.forget()

    def heard(self) -> None:
        """A publish response has come: the connection is worth its name."""
        self._silent_resumes, self._delay_s, self._loss = 0, 0.0, None
        self._fresh = self._subscription_lost = False
        self.health.is_heard(self._clock.now_us())

    # ---------------------------------------------------- session, subscription

    async def _establish(self, channel: Channel) -> None:
        """Take up the old session and subscription, or begin new ones and say what may be missing."""
        record = self._record
        resumed = bool(record.token) and await channel.resume(record.token, record.nonce)
        if resumed:
            self._record = record = replace(record, nonce=channel.nonce)  # what the next one has to sign
        else:
            await channel.create_session()
        self._note_security(channel)
        status = await channel.read_status()
        start_us = status.start_us
        self._ahead_us = None if status.now_us is None else status.now_us - self._clock.now_us()
        self._tags |= await self._jobs.learn(channel, anew=True)
        same_server = start_us == record.server_start_us
        if resumed and not same_server:
            self._token_is_not_ours = True
            raise ServerRestarted("the server has been restarted")
        self._channel = channel
        self.health.certificate_ends_us = channel.server_certificate_ends_us
        if same_server and await self._still_subscribed(channel, resumed=resumed):
            self._record = replace(self._record, token=channel.token, nonce=channel.nonce)
            await self._journal.save_source(self._record)
            await self._republish(channel)
            return
        await self._begin(channel, self._reason(resumed=resumed, same_server=same_server))

    def _note_security(self, channel: Channel) -> None:
        self._refusals, self.health.retry_s = 0, 0.0
        warnings = list(channel.warnings)
        for warning in warnings:
            if warning not in self.health.warnings:
                _log.warning("%s: %s", self.endpoint.name, warning)
        self.health.security, self.health.warnings = channel.security, warnings

    async def _still_subscribed(self, channel: Channel, *, resumed: bool) -> bool:
        subscription_id = self._record.subscription_id
        if not subscription_id or not await channel.subscription_alive(subscription_id, transfer=not resumed):
            return False
        if self._silent_resumes < SILENT_RESUMES:
            return True
        await channel.delete_subscription(subscription_id)
        return False

    def _reason(self, *, resumed: bool, same_server: bool) -> str:
        if not same_server:
            return "server-restarted"
        if self._fresh:
            return "bridge-stopped"
        return "subscription-lost" if resumed or self._subscription_lost else "connection-lost"

    async def _begin(self, channel: Channel, reason: str) -> None:
        """A new subscription: its initial values follow the gap."""
        created = await channel.create_subscription(self.endpoint)
        before, names = self._record, self._names
        self._record = replace(before, subscription_id=int(created.SubscriptionId), last_seq=0, items={})
        self._name({})
        self._refused = {}
        self.audit.forget()
        self.health.small_queues.clear()
        self.health.rates.forget()
        try:
            refused = await self.create_items(channel, list(self._wanted))
            gap_from_us = self._gap_begins(before, channel.status.now_us)
            record = replace(
                self._record,
                token=channel.token,
                nonce=channel.nonce,
                server_start_us=channel.status.start_us,
                gap_from_us=gap_from_us,
                gap_reason=before.gap_reason or (reason if gap_from_us is not None else ""),
                keep_alive_s=created.RevisedPublishingInterval * created.RevisedMaxKeepAliveCount / 1000,
                publishing_ms=created.RevisedPublishingInterval,
                lifetime_s=created.RevisedPublishingInterval * created.RevisedLifetimeCount / 1000,
            )
            await self._append(refused, record, whole=True)
            self._token_is_not_ours = False
        except BaseException:
            self._record = before
            self._name(names)
            raise
        self._deadband.forget()

    def _seen_us(self, published_us: int) -> int:
        """When by the bridge's clock a message was published: now, unless it was kept for a bridge that was away."""
        now_us = self._clock.now_us()
        return now_us if self._ahead_us is None else min(now_us, published_us - self._ahead_us)

    def _gap_begins(self, record: SourceRecord, machine_us: int | None) -> int | None:
        """Up to when everything is known, by the machine's clock as it is now: what has passed since by the bridge's
        clock has passed, whatever the machine's was set to."""
        if record.gap_from_us is not None or record.known_us is None:
            return record.gap_from_us
        if record.seen_us is None or machine_us is None:
            return record.known_us
        return max(1, min(record.known_us, machine_us - (self._clock.now_us() - record.seen_us)))

    def _gap(self, from_us: int, to_us: int, reason: str, tags: list[str] | None = None) -> Gap:
        gap = self.health.note_gap(
            Gap(source=self.endpoint.name, from_at_us=from_us, to_at_us=max(from_us, to_us), reason=reason, tags=tags)
        )
        return gap if tags is not None else msgspec.structs.replace(gap, tags=self._own_tags())

    def _own_tags(self) -> list[str] | None:
        """Whose values a gap of this endpoint concerns, where there are others."""
        size = sum(len(tag.encode()) for tag in self._tags)
        return None if self._is_alone or size > NAMED_MAX_BYTES else sorted(self._tags)

    async def _republish(self, channel: Channel) -> None:
        """What was sent while nobody listened, in order, until the server has no more of it."""
        for _ in range(MAX_REPUBLISH):
            sequence = next_sequence(self._record.last_seq)
            message = await channel.republish(self._record.subscription_id, sequence)
            if message is None:
                return
            await self.keep([message])
            self.health.republished += 1

    # ------------------------------------------------------------------- items

    async def create_items(self, channel: Channel, names: Sequence[str]) -> list[Sample]:
        """Monitor these; the bad samples of those the server refuses. The record is changed in memory only."""
        self._tags |= await self._jobs.learn(channel, anew=False)
        requests = {random.getrandbits(31): name for name in names}
        self._name(self._names | requests)
        asked = [self._request(handle, name) for handle, name in requests.items()]
        answers = await channel.create_items(self._record.subscription_id, asked)
        bad = []
        items = dict(self._record.items)
        for answer in answers:
            name = requests[answer.handle]
            if answer.status >> 30:
                bad += self._refuse(name, answer.status)
            else:
                items[answer.handle] = self._accept(name, answer)
        self._name({handle: name for handle, name in self._names.items() if handle in items})
        self._record = replace(self._record, items=items)
        return bad

    def _request(self, handle: int, name: str) -> ItemRequest:
        tag = self._tags.get(name)
        if tag is None:
            events = self._events[name]
            return ItemRequest(handle, events.node, QUEUE_SIZE_DEFAULT, is_events=True, active=events.active)
        return ItemRequest(handle, tag.node, asked_queue_size(tag))

    def _accept(self, name: str, answer: ItemAnswer) -> MonitoredItem:
        self._refused.pop(name, None)
        self.health.refused.pop(name, None)
        tag = self._tags.get(name)
        if tag is not None and answer.queue_size < min(asked_queue_size(tag), SMALL_QUEUE):
            self.health.small_queues[name] = answer.queue_size
        return MonitoredItem(name, answer.item_id, self._wanted[name], answer.queue_size, answer.sampling_ms)

    def _refuse(self, name: str, status: int) -> list[Sample]:
        known = self._refused.get(name)
        delay_s = self._retry_first_s if known is None else min(known.delay_s * 2, self._retry_last_s)
        self._refused[name] = Refused(status, delay_s, time.monotonic() + delay_s)
        self.health.refused[name] = status
        if name not in self._tags or (known is not None and known.status == status):
            return []
        _log.warning("%s: node of %s refused, status 0x%08X", self.endpoint.name, name, status)
        return [unknown_sample(name, observed_at_us=self._clock.now_us(), status=status)]

    @property
    def refused(self) -> dict[str, Refused]:
        """Nodes the server does not monitor, by tag."""
        return self._refused

    @property
    def clock(self) -> Clock:
        return self._clock

    def note_skew(self, skew_s: float | None) -> None:
        self.health.clock_skew_s = skew_s

    @property
    def is_retry_due(self) -> bool:
        """Whether it is time to ask again for a node that was refused."""
        now = time.monotonic()
        return any(refused.try_at <= now for refused in self._refused.values())

    def missing(self) -> list[str]:
        """Tags and notifiers that should be monitored now and are not (as they are in the map)."""
        there = {item.tag: item.fingerprint for item in self._record.items.values()}
        now = time.monotonic()
        due = {n for n, r in self._refused.items() if r.try_at <= now}
        return [n for n, mark in self._wanted.items() if there.get(n) != mark and (n not in self._refused or n in due)]

    async def tend_items(self, channel: Channel) -> None:
        """Monitor what is missing, stop monitoring what is no longer in the map."""
        missing = self.missing()
        if missing:
            bad = await self.create_items(channel, missing)
            if bad:
                await self._append(bad)
        gone = self._outdated()
        if gone:
            await channel.delete_items(self._record.subscription_id, [self._record.items[h].item_id for h in gone])
            self._record = replace(self._record, items={h: i for h, i in self._record.items.items() if h not in gone})
        if gone or any(n not in self._refused for n in missing):
            await self._journal.save_source(self._record)

    async def audit_items(self, channel: Channel) -> None:
        """Monitor anew what is no longer monitored though nobody said so; what it did meanwhile is a gap."""
        tags = [item.tag for item in self._record.items.values() if item.tag in self._tags]
        values = dict(zip(tags, await channel.read([self._tags[t].node for t in tags]), strict=True))
        known = (self._record.known_us, self._record.seen_us)
        silent = set(self.audit.judge(values, known))
        if not silent:
            return
        _log.warning("%s: no longer told of %s; monitoring anew", self.endpoint.name, ", ".join(sorted(silent)))
        await self._append([self._gap_of_silence(tag, channel) for tag in sorted(silent)])
        gone = {handle for handle, item in self._record.items.items() if item.tag in silent}
        with contextlib.suppress(ua.UaStatusCodeError):  # what is not there need not be deleted
            await channel.delete_items(self._record.subscription_id, [self._record.items[h].item_id for h in gone])
        self._record = replace(self._record, items={h: i for h, i in self._record.items.items() if h not in gone})
        for tag in silent:
            self.audit.drop(tag)
        await self.tend_items(channel)

    def _gap_of_silence(self, tag: str, channel: Channel) -> Gap:
        self.health.gaps += 1
        known_us, seen_us = self.audit.clean_at(tag)
        until_us = self._record.known_us or self._clock.now_us()
        record = replace(self._record, known_us=known_us, seen_us=seen_us, gap_from_us=None)
        return self._gap(self._gap_begins(record, until_us) or 0, until_us, "item-lost", [tag])

    def _outdated(self) -> set[int]:
        current = {i.tag for i in self._record.items.values() if self._wanted.get(i.tag) == i.fingerprint}
        return {
            handle
            for handle, item in self._record.items.items()
            if item.tag not in self._wanted or (item.tag in current and self._wanted[item.tag] != item.fingerprint)
        }

    # ----------------------------------------------------------------- journal

    @property
    def record(self) -> SourceRecord:
        return self._record

    async def keep(self, messages: Sequence[Message | Gap], reread: dict[str, ua.DataValue] | None = None) -> list[int]:
        """Journal messages that are next in order; answers the numbers that may now be acknowledged."""
        items: list[Entry] = []
        record = self._record
        acks: list[int] = []
        ended: int | None = None
        for message in messages:
            if isinstance(message, Gap):
                items.append(message)
                self._stale = set(self._tags)
                continue
            if record.gap_from_us is not None and message.has_data:
                items.append(self._due_gap(record, message))
                record = replace(record, gap_from_us=None, gap_reason="")
            items += self._items_of(message, self._gap_begins(replace(record, gap_from_us=None), message.publish_us))
            ended = message.ended if ended is None else ended
            if message.publish_us is not None:
                record = replace(record, known_us=message.publish_us, seen_us=self._seen_us(message.publish_us))
            elif record.known_us is None:
                record = replace(record, known_us=EVER)
            if message.has_data:
                record = replace(record, last_seq=message.sequence)
                acks.append(record.last_seq)
            else:  # a keep-alive carries the number that comes next
                record = replace(record, last_seq=previous_sequence(message.sequence))
        items += self._reread_samples(reread or {})
        self.audit.begin((record.known_us, record.seen_us))
        crash_point("after-receive-before-journal")
        await self._append(items, record)
        crash_point("after-journal-before-ack")
        if ended is not None:
            raise SubscriptionLost(ua.StatusCode(ended).name)
        return acks

    def _due_gap(self, record: SourceRecord, message: Message) -> Gap:
        """The gap before the initial values of a new subscription."""
        self.health.gaps += 1
        from_us = record.gap_from_us or 0
        return self._gap(from_us, message.publish_us or self._clock.now_us(), record.gap_reason)

    async def _append(self, items: Sequence[Entry], record: SourceRecord | None = None, *, whole: bool = False) -> None:
        """Into the journal, however long it takes until there is room."""
        items = self._jobs.told(items)
        notes = self.backfill.owed(items)
        while True:
            try:
                await self._journal.append(
                    items,
                    source=self.endpoint.name,
                    droppable=self._droppable,
                    record=record,
                    whole_record=whole,
                    notes=notes,
                )
                break
            except JournalFull as error:
                self.health.has_failed(f"journal full: {error}", Trouble.journal_full, self._clock.now_us())
                await asyncio.sleep(0.25)
        self.backfill.took(notes)
        count = sum(map(numbers_of, items))
        self.health.samples += count
        self.health.flow.add(count)
        if record is not None:
            base = record if whole else self._record
            self._record = replace(
                base,
                last_seq=record.last_seq,
                known_us=record.known_us,
                seen_us=record.seen_us,
                gap_from_us=record.gap_from_us,
                gap_reason=record.gap_reason,
            )

    def _items_of(self, message: Message, known_us: int | None) -> list[Entry]:
        observed_us = self._clock.now_us()
        items: list[Entry] = []
        for changes in message.changes:
            items += self._overflow_gaps(changes, known_us, message.publish_us or observed_us)
            items += self._samples(changes, observed_us)
        for events in message.events:
            items += self._source_events(events, observed_us)
        return items

    def _samples(self, changes: Changes, observed_us: int) -> list[Samples]:
        blocks = self._naming.blocks(changes, observed_at_us=observed_us)
        for block in blocks:
            self.audit.note(block)
        if self._stale:
            self._stale.difference_update(*map(known_tags, blocks))
        now = time.monotonic()
        return [passed for block in blocks if (passed := self._deadband.without_noise(block, now)) is not None]

    def _overflow_gaps(self, changes: Changes, known_us: int | None, until_us: int) -> list[Gap]:
        """A queue that was full may have dropped values, whether the server says so (0x480) or not."""
        self.health.rates.saw(changes.handles)
        full = {h for h, status in zip(changes.handles, changes.statuses, strict=False) if overflowed(status)}
        if self._has_repeats(changes.handles):
            full |= {h for h, n in Counter(changes.handles).items() if n >= self._queue_size(h) > 1}
        tags = sorted({self._names[h] for h in full if self._names.get(h) in self._tags})
        if not tags:
            return []
        self.health.gaps += 1
        return [self._gap(known_us or until_us, until_us, "queue-overflow", tags)]

    def _has_repeats(self, handles: Sequence[int]) -> bool:
        """Whether a handle occurs more than once; the same object as before is not looked at again."""
        if handles is not self._looked_at[0]:
            self._looked_at = (handles, len(set(handles)) < len(handles))
        return self._looked_at[1]

    def _queue_size(self, handle: int) -> int:
        item = self._record.items.get(handle)
        return item.queue_size if item is not None else 0

    def _source_events(self, data: ua.EventNotificationList, observed_us: int) -> list[Entry]:
        found: list[Entry] = []
        for fields in data.Events or ():
            events = self._events.get(self._names.get(fields.ClientHandle, ""))
            if events is not None:
                found.append(event_of(events.tag, fields.EventFields, observed_at_us=observed_us))
        return found

    @property
    def stale(self) -> list[str]:
        """Tags whose last sample says "not known" though the connection is there."""
        return [t for t in self._stale if t not in self._refused]

    def _reread_samples(self, values: dict[str, ua.DataValue]) -> list[Sample]:
        samples = []
        for tag, value in values.items():
            if tag not in self._stale:
                continue
            self._stale.discard(tag)
            self.audit.note_reading(tag, value)
            samples.append(sample_of(tag, value, observed_at_us=self._clock.now_us()))
        return samples

    async def read_stale(self, channel: Channel) -> dict[str, ua.DataValue]:
        """The current values of tags that are good again without having changed."""
        tags = self.stale
        return dict(zip(tags, await channel.read([self._tags[t].node for t in tags]), strict=True))

    def sequence_gap(self, until_us: int) -> Gap:
        self.health.gaps += 1
        return self._gap(self._gap_begins(self._record, until_us) or until_us, until_us, "sequence-gap")


class _Publishing:
    """The time between establishing a subscription and losing it."""

    def __init__(self, source: Source, channel: Channel) -> None:
        self._source, self._channel = source, channel
        self._inbox: list[_Response] = []
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._arrivals = 0
        self._acks: list[int] = []
        self._heard_at = time.monotonic()
        self._known_at = time.monotonic()
        self._publishers = IN_FLIGHT
        self._reread: dict[str, ua.DataValue] = {}
        self._reread_after = 0
        self._swept = False

    async def run(self) -> None:
        """Ends with the error that ended it, in an ExceptionGroup."""
        works = [*[self._publish] * IN_FLIGHT, self._receive, self._watch, self._tend, self._channel.keep_channel]
        works += [self._watch_clock, self._backfill]
        async with asyncio.TaskGroup() as tasks:
            for work in works:
                tasks.create_task(lasting(work))

    async def _publish(self) -> None:
        while True:
            await self._room.wait()
            acks, self._acks = self._acks, []
            try:
                result = await self._channel.publish(self._source.record.subscription_id, acks)
            except (ua.uaerrors.BadTimeout, Undecodable):
                self._acks += acks
                continue
            except ua.uaerrors.BadTooManyPublishRequests:
                self._acks += acks
                self._publishers -= 1
                if self._publishers < 1:
                    raise
                return
            self._put(result)

    def _put(self, result: Published) -> None:
        self._heard_at = time.monotonic()
        if result.subscription_id != self._source.record.subscription_id:
            return
        self._arrivals += 1
        self._inbox.append(_Response(self._arrivals, result))
        self._arrived.set()
        if len(self._inbox) >= INBOX:
            self._room.clear()

    async def _receive(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            responses, self._inbox = self._inbox, []
            self._room.set()
            self._source.heard()
            await self._take(responses)

    async def _take(self, responses: list[_Response]) -> None:
        self._sweep(responses[0].result)
        messages = await self._in_order([r.result.message for r in responses])
        last = responses[-1]
        reread: dict[str, ua.DataValue] = {}
        if self._reread and last.number > self._reread_after and not last.result.more:
            reread, self._reread = self._reread, {}
        if self._worth_keeping(messages, reread):
            self._acks += await self._source.keep(messages, reread)
            self._known_at = time.monotonic()

    def _worth_keeping(self, messages: list[Message | Gap], reread: dict[str, ua.DataValue]) -> bool:
        """Keep-alives alone are noted every ten seconds."""
        has_data = any(isinstance(m, Gap) or m.has_data for m in messages)
        return bool(has_data or reread) or time.monotonic() - self._known_at > KNOWN_EVERY_S

    def _sweep(self, result: Published) -> None:
        """Acknowledge once what an earlier connection journaled and could not acknowledge any more."""
        if self._swept:
            return
        self._swept = True
        reached = self._source.record.last_seq
        self._acks += [number for number in result.available if not is_after(number, reached)]

    async def _in_order(self, messages: Iterable[Message]) -> list[Message | Gap]:
        """What comes next, without repetitions; what is missing is asked for again, and is a gap if it is gone."""
        ready: list[Message | Gap] = []
        reached = self._source.record.last_seq
        for message in messages:
            sequence = message.sequence
            if not is_after(sequence, reached):
                self._acks += [sequence] if message.has_data else []
                continue
            expected = next_sequence(reached)
            if sequence != expected:
                ready += await self._recovered(expected, sequence, message)
                reached = previous_sequence(sequence)
            ready.append(message)
            if message.has_data:
                reached = sequence
        return ready

    async def _recovered(self, expected: int, until: int, message: Message) -> list[Message | Gap]:
        found: list[Message | Gap] = []
        hole = False
        number = expected
        for _ in range(MAX_REPUBLISH):
            if number == until:
                break
            again = await self._channel.republish(self._source.record.subscription_id, number)
            if again is not None:
                found.append(again)
            elif not hole:
                hole = True
                found.append(self._source.sequence_gap(message.publish_us or 0))
            number = next_sequence(number)
        return found

    async def _watch(self) -> None:
        limit_s = 2 * self._source.record.keep_alive_s + 0.5
        while True:
            await asyncio.sleep(min(limit_s / 4, 0.5))
            if not self._room.is_set():
                self._heard_at = time.monotonic()
            quiet_s = time.monotonic() - self._heard_at
            if quiet_s > limit_s:
                await self._ask_why()
                raise Silence(f"nothing heard for {quiet_s:.1f} s")

    async def _ask_why(self) -> None:
        """A server that still answers may say that the subscription is gone."""
        try:
            async with asyncio.timeout(1.0):
                alive = await self._channel.subscription_alive(self._source.record.subscription_id, transfer=False)
        except (OSError, ua.UaError):
            return
        if not alive:
            raise SubscriptionLost("the server does not know the subscription any more")

    async def _watch_clock(self) -> None:
        await watch_clock(self._channel, self._source.clock, self._source.note_skew)

    async def _backfill(self) -> None:
        await self._source.backfill.run(self._channel)

    async def _tend(self) -> None:
        """Nodes refused or new in the map; tags that are good again without having changed; items gone silent."""
        await self._source.tend_items(self._channel)
        audited_at = time.monotonic()
        while True:
            if time.monotonic() - audited_at >= self._source.audit_every_s and self._arrivals:
                await self._source.audit_items(self._channel)
                audited_at = time.monotonic()
            if self._source.is_retry_due:
                await self._source.tend_items(self._channel)
            if self._source.stale and not self._reread and self._arrivals:
                values = await self._source.read_stale(self._channel)
                self._reread_after, self._reread = self._arrivals, values
            await asyncio.sleep(0.1)


def asked_queue_size(tag: Tag) -> int:
    """How many values the server is asked to keep for this tag."""
    return tag.queue_size or QUEUE_SIZE.get(tag.tag_class, QUEUE_SIZE_DEFAULT)


def next_sequence(number: int) -> int:
    """Sequence numbers go from 1 to 2^32-1 and start again at 1 (OPC 10000-4 clause 7.9)."""
    return 1 if number >= SEQUENCE_END else number + 1


def previous_sequence(number: int) -> int:
    return SEQUENCE_END if number <= 1 else number - 1


def is_after(number: int, reached: int) -> bool:
    """Whether a sequence number is still to come, with the wrap in mind."""
    return 0 < (number - reached) % SEQUENCE_END < SEQUENCE_END // 2


def _events_key(events: Events) -> str:
    return f"{events.node}\x00{events.tag}"


def _cause(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
