"""From the journal to the server: one batch in flight, for ever, in order.

Network and server trouble is waited out with a capped, jittered backoff. The server answers up to where it holds
everything, durably; only that is forgotten here. When it misses something (409 `ingest-sequence-gap`) the uplink goes
back to it; when that is no longer in the journal, the journal starts anew with a Gap.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx
import msgspec

from opcua_bridge.clock import Clock
from opcua_bridge.crash import crash_point
from opcua_bridge.journal import Journal, Stored
from opcua_bridge.lasting import end_if_asked_to
from opcua_bridge.standing import Delay
from standards.lineside.health_v1 import STARTING
from standards.lineside.ingest_v1 import MAX_BATCH_BYTES, MAX_BATCH_ITEMS, MSGPACK, BatchAnswer, Gap, decode_answer

INGEST_PATH: Final = "/api/v1/bridge/ingest"
BACKOFF_FIRST_S: Final = 0.2
BACKOFF_LAST_S: Final = 15.0
HEARTBEAT_S: Final = 5.0
"""A bridge with nothing to tell says so this often; the server calls its machines unknown after 15 s of silence."""
REFUSED_RETRY_S: Final = 30.0
"""Between two tries when the server does not accept the token."""
UNREADABLE: Final = "ingest-unreadable"
OVERHEAD_BYTES: Final = 1024
_pack = msgspec.msgpack.Encoder().encode
_KEYS: Final = tuple(map(_pack, ("journal_id", "first_seq", "items")))
_log = logging.getLogger(__name__)


@dataclass
class UplinkHealth:
    error: str = STARTING
    error_at_us: int = 0
    acknowledged_seq: int = 0
    acknowledged_at_us: int = 0
    sent_items: int = 0
    duplicates: int = 0
    quarantined: int = 0
    rewinds: int = 0
    anew: int = 0


class _Retry(Exception):
    """Try again later; the text says why."""

    def __init__(self, why: str, *, least_s: float = 0.0) -> None:
        super().__init__(why)
        self.least_s = least_s


class Uplink:
    """`run` never returns; cancel it. `client` has the server's base address."""

    def __init__(
        self, journal: Journal, client: httpx.AsyncClient, *, token: str, clock: Clock, sources: Sequence[str] = ()
    ) -> None:
        self._journal, self._client, self._clock = journal, client, clock
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": MSGPACK}
        self.sources = tuple(sources)
        self.health = UplinkHealth()
        self.delay = Delay()
        self._wake = asyncio.Event()
        self._cursor = 0
        self._limit = MAX_BATCH_ITEMS
        self._delay_s = 0.0
        self.confirmed = asyncio.Event()
        """The server has said that it holds no more of this journal than the file had when it was opened."""
        if not journal.opened_seq:
            self.confirmed.set()
        journal.on_append(self._appended)

    def _appended(self) -> None:
        self.delay.appended(self._journal.last_seq, self._clock.now_us())
        self._wake.set()

    async def run(self) -> None:
        self._cursor = await self._journal.first_seq() - 1
        while True:
            try:
                await self._confirm()
                while await self.send_next():
                    pass
                if not await self._woken():
                    await self._say_nothing_new()
            except (_Retry, httpx.HTTPError, httpx.InvalidURL) as error:
                await self._pause(error)

    async def _confirm(self) -> None:
        """Before anything is sent: is this journal the newest, or an old one that somebody has put back? Of that,
        numbers would be used twice (and the second use be dropped there as known) and readings told again.

        Asked with a hole that the server must refuse, so that nothing is said by it."""
        if self.confirmed.is_set():
            return
        opened_seq = self._journal.opened_seq
        beyond = Stored(self._journal.journal_id, opened_seq + 2, [], 0)
        response = await self._client.post(INGEST_PATH, content=encoded(beyond), headers=self._headers)
        if response.status_code == 200:
            held = _answer_in(response).accepted_through
            await self._disown(f"the server holds {held} of it, it had given {opened_seq}: it is out of a backup")
        elif response.status_code in (400, 413):
            raise _Retry(f"the server answered {response.status_code} ({_words(response)})")
        elif _problem(response).get("code") != "ingest-sequence-gap":
            await self._handle(beyond, response)
            return
        self.confirmed.set()

    async def _disown(self, why: str) -> None:
        await self._journal.disown(why, self._clock.now_us())
        self._cursor = 0
        self.delay.forget()
        self.health.anew += 1

    async def _woken(self) -> bool:
        """Wait for something in the journal; False if there was nothing for HEARTBEAT_S."""
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                await self._wake.wait()
        except TimeoutError:
            return False
        self._wake.clear()
        return True

    async def _say_nothing_new(self) -> None:
        """An empty batch: the bridge lives, and the server holds all it has."""
        nothing = Stored(self._journal.journal_id, self._cursor + 1, [], 0)
        response = await self._client.post(INGEST_PATH, content=encoded(nothing), headers=self._headers)
        if response.status_code == 200:
            self._well(self._cursor, 0, 0, 0)
        else:
            await self._handle(nothing, response)

    async def _pause(self, error: Exception) -> None:
        end_if_asked_to()
        text = str(error) or type(error).__name__
        if text != self.health.error:
            _log.warning("uplink: %s; retrying", text)
            self.health.error_at_us = self._clock.now_us()
        self.health.error = text
        self._delay_s = min(max(self._delay_s * 2, BACKOFF_FIRST_S), BACKOFF_LAST_S)
        least_s = error.least_s if isinstance(error, _Retry) else 0.0
        await asyncio.sleep(max(self._delay_s, least_s) * random.uniform(0.7, 1.3))

    async def send_next(self) -> bool:
        """Send the next batch, if there is one; whether there may be more."""
        batch = await self._journal.read_after(
            self._cursor, limit=self._limit, max_bytes=MAX_BATCH_BYTES - OVERHEAD_BYTES
        )
        if not batch.bodies:
            return False
        response = await self._client.post(INGEST_PATH, content=encoded(batch), headers=self._headers)
        await self._handle(batch, response)
        return True

    async def _handle(self, batch: Stored, response: httpx.Response) -> None:
        match response.status_code:
            case 200:
                await self._accepted(batch, response)
            case 409:
                await self._missing(response)
            case 413:
                await self._isolate(batch)
            case 400 if _problem(response).get("code") == UNREADABLE:
                await self._isolate(batch)
            case 401 | 403:
                text = f"the server does not accept the bridge's token ({_words(response)})"
                raise _Retry(text, least_s=REFUSED_RETRY_S)
            case 429 | 503:
                raise _Retry(f"the server asks to wait ({_words(response)})", least_s=_retry_after_s(response))
            case status:
                raise _Retry(f"the server answered {status} ({_words(response)})")

    async def _accepted(self, batch: Stored, response: httpx.Response) -> None:
        answer = _answer_in(response)
        if answer.accepted_through > self._journal.last_seq:
            await self._anew("the server holds more of this journal than there is")
            return
        if answer.accepted_through < batch.first_seq:
            raise _Retry(f"the server accepted nothing after {answer.accepted_through}")
        crash_point("after-uplink-before-forget")
        self._journal.forget_through(answer.accepted_through)
        self._cursor = answer.accepted_through
        self._limit = min(self._limit * 2, MAX_BATCH_ITEMS)
        self._well(answer.accepted_through, batch.numbers, answer.duplicates, answer.quarantined)

    def _well(self, through: int, sent: int, duplicates: int, quarantined: int) -> None:
        self._delay_s, self.health.error = 0.0, ""
        self.health.acknowledged_seq, self.health.acknowledged_at_us = through, self._clock.now_us()
        self.delay.acknowledged(through, self.health.acknowledged_at_us)
        self.health.sent_items += sent
        self.health.duplicates += duplicates
        self.health.quarantined += quarantined

    async def _missing(self, response: httpx.Response) -> None:
        """The server expects another number: go back to it, or start anew if it is gone."""
        problem = _problem(response)
        expected = problem.get("expected_seq")
        if problem.get("code") != "ingest-sequence-gap" or not isinstance(expected, int):
            raise _Retry(f"the server answered 409 ({_words(response)})")
        first = await self._journal.first_seq()
        if first <= expected <= self._journal.last_seq + 1 and expected - 1 != self._cursor:
            _log.warning("uplink: the server expects %d, going back from %d", expected, self._cursor + 1)
            self._cursor = expected - 1
            self.health.rewinds += 1
            return
        await self._anew(f"the server expects {expected}, the journal begins at {first}")

    async def _anew(self, why: str) -> None:
        _log.error("uplink: %s; the journal starts anew, with a gap", why)
        now_us = self._clock.now_us()
        gaps = [Gap(source=s, from_at_us=0, to_at_us=now_us, reason="bridge-stopped") for s in self.sources]
        await self._journal.start_anew(gaps)
        self._cursor = 0
        self.delay.forget()
        self.health.anew += 1

    async def _isolate(self, batch: Stored) -> None:
        """Smaller and smaller batches, until the item that the server cannot take is alone and gives way to a gap."""
        if len(batch.bodies) > 1:
            self._limit = max(1, batch.numbers // 2)
            return
        if batch.numbers > 1:
            await self._journal.split_item(batch.first_seq)
            return
        _log.error("uplink: the server cannot take item %d; a gap takes its place", batch.first_seq)
        await self._journal.replace_item(batch.first_seq, _gap_for(batch.bodies[0], self._clock.now_us()))


def _answer_in(response: httpx.Response) -> BatchAnswer:
    try:
        return decode_answer(response.content)
    except msgspec.DecodeError as error:
        raise _Retry(f"the server's answer is none: {error}") from error


def encoded(batch: Stored) -> bytes:
    """The request's body: the items are in the journal as MessagePack already."""
    head = b"\x83" + _KEYS[0] + _pack(batch.journal_id) + _KEYS[1] + _pack(batch.first_seq) + _KEYS[2]
    return head + b"\xdd" + len(batch.bodies).to_bytes(4, "big") + b"".join(batch.bodies)


def _gap_for(body: bytes, now_us: int) -> Gap:
    item = msgspec.msgpack.decode(body)
    at_us = item.get("source_at_us") or item.get("observed_at_us") or now_us
    tags = [item["tag"]] if isinstance(item.get("tag"), str) else item.get("tags")
    return Gap(
        source=item.get("source", ""), from_at_us=at_us, to_at_us=at_us, reason="journal-full", tags=tags, lost=1
    )


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        document = json.loads(response.content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _words(response: httpx.Response) -> str:
    problem = _problem(response)
    return str(problem.get("code") or problem.get("detail") or response.reason_phrase)


def _retry_after_s(response: httpx.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return min(float(text), 60.0) if text.isdigit() else 1.0
