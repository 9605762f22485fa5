"""The journal: a bounded, durable queue between the machines and the server, in one SQLite file.

Everything the bridge tells the server is numbered here, 1, 2, 3 …, and kept until the server holds it: each item one
number, a block of values one for each. One transaction per append, synced to disk before `append` returns. What belongs
together commits together: the values of a publish response and the place the subscription has reached; so a bridge
killed at any moment neither loses nor repeats. Items are encoded once, as they travel to the server.

Bounds: above 80 % of `max_bytes` measurements are dropped (a Gap with their number follows); at `max_bytes`, or when
the disk is full, `append` waits, and the machine's own queue is the buffer.
A damaged file is set aside and a new journal, with a new `journal_id`, begins.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import queue
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from opcua_bridge.blocks import BLOCK_MAX, thinned
from standards.lineside.ingest_v1 import (
    Entry,
    Gap,
    Sample,
    Samples,
    numbers_of,
    pack,
    single_values,
    unpack_entry,
)

T = TypeVar("T")
SOFT_SHARE: Final = 0.8
"""From this share of `max_bytes` on, measurements are dropped."""
IDLE_FORGET_S: Final = 0.5
MARK_EVERY_S: Final = 10.0
COMMAND_MEMORY_S: Final = 7 * 24 * 3600
_log = logging.getLogger(__name__)
FORMAT: Final = 2
"""Of the file (`pragma user_version`)."""

NOTE: Final = "note:"
_SCHEMA: Final = """
create table if not exists meta(key text primary key, value text not null) without rowid;
create table if not exists item(seq integer primary key, numbers integer not null, body blob not null);
create table if not exists source(endpoint text primary key, session text not null, items text not null,
    last_seq integer not null, known_us integer, gap_from_us integer, gap_reason text not null, seen_us integer)
    without rowid;
create table if not exists command(id text primary key, body text not null, result text,
    posted integer not null default 0, at_us integer not null) without rowid;
"""


_HELD: Final = "from item where seq <= ? and seq + numbers - 1 <= ?"
"""Items whose every number is at most this."""
_SUM_OF_HELD: Final = f"select coalesce(sum(numbers), 0), coalesce(sum(length(body)), 0) {_HELD}"
_DELETE_HELD: Final = f"delete {_HELD}"


class JournalFull(Exception):
    """No room: the bound is reached or the disk is full. What was to be appended is not in the journal."""


class BegunAnew(ConnectionError):
    """The journal was found to be an old one and has begun again: what was learnt of a subscription holds no more."""


@dataclass(frozen=True)
class MonitoredItem:
    """A tag or notifier as the machine's server knows it."""

    tag: str
    item_id: int
    fingerprint: str
    queue_size: int
    sampling_ms: float | None = None
    """What the server made of the sampling interval; None: recorded by an earlier version."""


@dataclass(frozen=True)
class SourceRecord:
    """What a bridge that comes back must know to go on with the old subscription, as if it had never been away."""

    endpoint: str
    token: str = ""
    nonce: bytes = b""
    subscription_id: int = 0
    last_seq: int = 0
    """The last notification message whose items are in the journal."""
    known_us: int | None = None
    """Everything up to this instant (the machine server's clock) is in the journal; None: nothing yet."""
    seen_us: int | None = None
    """The bridge's clock at that instant: the machine's may be set."""
    gap_from_us: int | None = None
    gap_reason: str = ""
    """A gap that is to be recorded with the first value after it."""
    server_start_us: int | None = None
    keep_alive_s: float = 2.0
    """What the server made of the keep-alive asked for."""
    publishing_ms: float | None = None
    lifetime_s: float | None = None
    """What the server made of publishing interval and lifetime; None: recorded by an earlier version."""
    items: dict[int, MonitoredItem] = field(default_factory=dict)
    """By client handle."""
    life: int = 0
    """Which beginning of the journal this is of (see `Journal.disown`)."""


@dataclass(frozen=True)
class Stored:
    """A run of the journal, encoded."""

    journal_id: str
    first_seq: int
    bodies: list[bytes]
    numbers: int
    """How many numbers they take together."""


@dataclass(frozen=True)
class _Append:
    items: Sequence[Entry]
    source: str
    droppable: frozenset[str]
    record: SourceRecord | None
    whole_record: bool
    notes: Mapping[str, str | None]


@dataclass
class _Dropping:
    """Measurements that found no room, until a Gap can say so."""

    source: str
    from_us: int
    to_us: int
    lost: int
    tags: list[str]


class Journal:
    """One file, one writer thread. Methods that end in `_now` are for the writer thread and for tests."""

    def __init__(self, path: Path, *, max_bytes: int = 512 * 1024 * 1024) -> None:
        self.path, self._max_bytes = path, max_bytes
        self._mark_path = path.with_name(path.name + ".mark")
        self.recovered_from_us: int | None = None
        """Set when a damaged journal was set aside: up to when the server is known to hold everything."""
        self.life = 0
        self._db = self._open()
        self._load()
        self.opened_seq = self.last_seq
        """The last number the file had given when it was opened."""
        self._opened = {r.endpoint: r for r in map(self._load_source_now, self._endpoints())}
        """How far each subscription was then."""
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Callable[[Any, BaseException | None], None]] | None]
        self._jobs = queue.SimpleQueue()
        self._forget_seq = 0
        self._marked_at = -MARK_EVERY_S
        self._listeners: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    # ---------------------------------------------------------------- opening

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._connected()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
                raise
            self._set_aside(error)
            return self._connected()

    def _connected(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            db.execute("pragma journal_mode=wal")
            db.execute("pragma synchronous=full")
            if db.execute("pragma quick_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("quick_check failed")
            fresh = db.execute("select count(*) from sqlite_master").fetchone()[0] == 0
            if not fresh and db.execute("pragma user_version").fetchone()[0] != FORMAT:
                raise sqlite3.DatabaseError("of another version of the bridge")
            db.executescript(_SCHEMA)
            db.execute(f"pragma user_version = {FORMAT}")
            db.execute("insert or ignore into meta values('journal_id', ?)", (str(uuid.uuid4()),))
            db.execute("insert or ignore into meta values('last_seq', '0')")
        except BaseException:
            db.close()
            raise
        return db

    def _set_aside(self, error: Exception) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        _log.error("journal %s is damaged (%s); it is set aside as *.damaged-%s", self.path, error, stamp)
        self.recovered_from_us = self._read_mark()
        for suffix in ("", "-wal", "-shm"):
            part = self.path.with_name(self.path.name + suffix)
            with contextlib.suppress(FileNotFoundError):
                part.rename(part.with_name(f"{part.name}.damaged-{stamp}-{uuid.uuid4().hex[:6]}"))

    def _read_mark(self) -> int:
        try:
            return int(json.loads(self._mark_path.read_text())["complete_through_us"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def _load(self) -> None:
        meta = dict(self._db.execute("select key, value from meta").fetchall())
        self.journal_id = meta["journal_id"]
        self.last_seq = int(meta["last_seq"])
        row = self._db.execute("select coalesce(sum(numbers), 0), coalesce(sum(length(body)), 0) from item").fetchone()
        self.depth, self.bytes = int(row[0]), int(row[1])
        raw = meta.get("dropping")
        self._dropping = {d["source"]: _Dropping(**d) for d in json.loads(raw)} if raw else {}
        self.dropped = sum(d.lost for d in self._dropping.values())

    # ------------------------------------------------------- the writer thread

    def _run(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=IDLE_FORGET_S if self._forget_seq else None)
            except queue.Empty:
                self._idle()
                continue
            if job is None:
                return
            work, answer = job
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001  (handed to whoever asked)
                answer(None, error)
            else:
                answer(result, None)

    def _idle(self) -> None:
        with contextlib.suppress(sqlite3.Error), self._transaction():
            pass

    @contextlib.contextmanager
    def _transaction(self) -> Any:
        """One commit. What the server has acknowledged goes in the same one."""
        self._db.execute("begin immediate")
        through, self._forget_seq = self._forget_seq, 0
        gone = (0, 0)
        try:
            if through:
                gone = self._delete_through(through)
            yield
            self._db.execute("commit")
        except BaseException:
            self._forget_seq = max(self._forget_seq, through)
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("rollback")
            raise
        self.depth -= gone[0]
        self.bytes -= gone[1]

    def _delete_through(self, through: int) -> tuple[int, int]:
        row = self._db.execute(_SUM_OF_HELD, (through, through)).fetchone()
        self._db.execute(_DELETE_HELD, (through, through))
        return int(row[0]), int(row[1])

    async def _do(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(result: Any, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        def answer(result: Any, error: BaseException | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
                loop.call_soon_threadsafe(settle, result, error)

        self._jobs.put((work, answer))
        return await future

    def close(self) -> None:
        """Finish what was asked for and close the file."""
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join()
        with contextlib.suppress(sqlite3.Error), self._transaction():
            pass
        self._db.close()

    # ------------------------------------------------------------------ items

    def on_append(self, callback: Callable[[], None]) -> None:
        """Called on the event loop's side after every append (see `append`)."""
        self._listeners.append(callback)

    async def append(
        self,
        items: Sequence[Entry],
        *,
        source: str,
        droppable: frozenset[str] = frozenset(),
        record: SourceRecord | None = None,
        whole_record: bool = False,
        notes: Mapping[str, str | None] | None = None,
    ) -> int:
        """Number and keep items, synced to disk, with the place the subscription has reached. Answers the last number.

        `droppable`: tags that may be dropped when room runs out. Of `record`, session and items are kept only
        with `whole_record`. `notes`: texts to be kept under these names, None: forgotten. Raises JournalFull; then
        nothing was kept, place and notes included.
        """
        batch = _Append(items, source, droppable, record, whole_record, notes or {})
        last = await self._do(lambda: self._append_now(batch))
        for listener in self._listeners:
            listener()
        return last

    def _append_now(self, batch: _Append) -> int:
        self._check_life(batch.record)
        tight = self.bytes >= self._max_bytes * SOFT_SHARE
        if self.bytes >= self._max_bytes:
            self._make_room()
            if self.bytes >= self._max_bytes:
                raise JournalFull(f"the journal holds {self.bytes} bytes of {self._max_bytes}")
        try:
            return self._insert(batch, dropping_now=tight)
        except sqlite3.OperationalError as error:
            if "full" not in str(error):
                raise
        try:
            return self._insert(batch, dropping_now=True)
        except sqlite3.OperationalError as error:
            raise JournalFull(str(error)) from error

    def _check_life(self, record: SourceRecord | None) -> None:
        if record is not None and record.life != self.life:
            raise BegunAnew("the journal has begun anew")

    def _make_room(self) -> None:
        if self._forget_seq:
            self._idle()

    def _insert(self, batch: _Append, *, dropping_now: bool) -> int:
        kept, dropping = _divided(batch, self._dropping, dropping_now=dropping_now)
        rows = list(_numbered(((numbers_of(item), pack(item)) for item in kept), self.last_seq + 1))
        last = rows[-1][0] + rows[-1][1] - 1 if rows else self.last_seq
        with self._transaction():
            self._db.executemany("insert into item values(?, ?, ?)", rows)
            self._db.execute("update meta set value = ? where key = 'last_seq'", (str(last),))
            if dropping or self._dropping:
                self._save_dropping(dropping)
            if batch.record is not None:
                self._reach(batch.record, whole=batch.whole_record)
            self._note(batch.notes)
        self._dropping = dropping
        self.dropped = sum(d.lost for d in dropping.values())
        self.depth += last - self.last_seq
        self.bytes += sum(len(body) for _, _, body in rows)
        self.last_seq = last
        return last

    def _note(self, notes: Mapping[str, str | None]) -> None:
        gone = [(NOTE + name,) for name, text in notes.items() if text is None]
        kept = [(NOTE + name, text) for name, text in notes.items() if text is not None]
        self._db.executemany("delete from meta where key = ?", gone)
        self._db.executemany("insert or replace into meta values(?, ?)", kept)

    async def notes(self, prefix: str) -> dict[str, str]:
        """The notes whose names begin so."""
        return await self._do(lambda: self._notes_now(NOTE + prefix))

    def _notes_now(self, prefix: str) -> dict[str, str]:
        rows = self._db.execute("select key, value from meta order by key").fetchall()
        return {key.removeprefix(NOTE): value for key, value in rows if key.startswith(prefix)}

    def _save_dropping(self, dropping: dict[str, _Dropping]) -> None:
        text = json.dumps([vars(d) for d in dropping.values()])
        self._db.execute("insert or replace into meta values('dropping', ?)", (text,))

    async def read_after(self, seq: int, *, limit: int, max_bytes: int) -> Stored:
        """The items after number `seq`, up to `limit` numbers and `max_bytes` (at least one item, if there is one).

        An item some of whose numbers are after `seq` comes whole.
        """
        return await self._do(lambda: self._read_now(seq, limit, max_bytes))

    def _read_now(self, seq: int, limit: int, max_bytes: int) -> Stored:
        rows = self._db.execute(
            "select seq, numbers, body from item where seq > ? and seq + numbers - 1 > ? order by seq",
            (seq - BLOCK_MAX, seq),
        )
        bodies: list[bytes] = []
        first, size, numbers = seq + 1, 0, 0
        for number, its_numbers, body in rows:
            size += len(body)
            if bodies and (size > max_bytes or numbers + its_numbers > limit):
                break
            if not bodies:
                first = number
            bodies.append(body)
            numbers += its_numbers
        return Stored(self.journal_id, first, bodies, numbers)

    async def first_seq(self) -> int:
        """The oldest number still here, or the next one if there is none."""
        return await self._do(self._first_now)

    def _first_now(self) -> int:
        row = self._db.execute("select min(seq) from item where seq + numbers - 1 > ?", (self._forget_seq,)).fetchone()
        return int(row[0]) if row[0] is not None else self.last_seq + 1

    async def oldest_at_us(self) -> int | None:
        """When the oldest item that waits for the server was observed; None if nothing waits."""
        return await self._do(self._oldest_now)

    def _oldest_now(self) -> int | None:
        row = self._db.execute(
            "select body from item where seq + numbers - 1 > ? order by seq limit 1", (self._forget_seq,)
        ).fetchone()
        if row is None:
            return None
        entry = unpack_entry(row[0])
        return (entry.to_at_us if isinstance(entry, Gap) else entry.observed_at_us) or None

    @property
    def max_bytes(self) -> int:
        return self._max_bytes

    def forget_through(self, seq: int) -> None:
        """The server holds everything up to `seq`. It is deleted with the next commit, or half a second later."""

        def note() -> None:
            self._forget_seq = max(self._forget_seq, seq)
            if seq >= self.last_seq:
                self._mark()

        self._jobs.put((note, lambda _result, _error: None))

    def _mark(self) -> None:
        """Beside the journal, for the day it is damaged: up to when the server holds everything."""
        if time.monotonic() - self._marked_at < MARK_EVERY_S:
            return
        row = self._db.execute("select min(known_us) from source").fetchone()
        if row[0] is None:
            return
        self._marked_at = time.monotonic()
        scratch = self._mark_path.with_name(self._mark_path.name + ".new")
        with contextlib.suppress(OSError):
            scratch.write_text(json.dumps({"complete_through_us": row[0]}))
            scratch.replace(self._mark_path)

    async def split_item(self, seq: int) -> None:
        """Have every value of a block stand alone, under the number it has already."""
        await self._do(lambda: self._split_now(seq))

    def _split_now(self, seq: int) -> None:
        with self._transaction():
            block = unpack_entry(self._db.execute("select body from item where seq = ?", (seq,)).fetchone()[0])
            bodies = [pack(item) for item in single_values(block)]
            self._db.execute("delete from item where seq = ?", (seq,))
            rows = _numbered(((1, body) for body in bodies), seq)
            self._db.executemany("insert into item values(?, ?, ?)", rows)

    async def replace_item(self, seq: int, gap: Gap) -> None:
        """Put a gap in the place of an item of one number that the server cannot take."""
        await self._do(lambda: self._replace_now(seq, gap))

    def _replace_now(self, seq: int, gap: Gap) -> None:
        with self._transaction():
            self._db.execute("update item set body = ? where seq = ?", (pack(gap), seq))

    async def start_anew(self, gaps: Sequence[Gap]) -> None:
        """Give the journal a new identity: the gaps first, then everything not yet acknowledged, numbered from 1."""
        await self._do(lambda: self._start_anew_now(gaps))

    def _start_anew_now(self, gaps: Sequence[Gap]) -> None:
        journal_id = str(uuid.uuid4())
        with self._transaction():
            kept = self._db.execute("select numbers, body from item order by seq").fetchall()
            rows = list(_numbered([(1, pack(gap)) for gap in gaps] + kept, 1))
            last = rows[-1][0] + rows[-1][1] - 1 if rows else 0
            self._db.execute("delete from item")
            self._db.executemany("insert into item values(?, ?, ?)", rows)
            self._db.execute("update meta set value = ? where key = 'last_seq'", (str(last),))
            self._db.execute("update meta set value = ? where key = 'journal_id'", (journal_id,))
            self._db.execute("delete from meta where key like ?", (NOTE + "%",))
        self.journal_id, self.last_seq = journal_id, last
        self.depth, self.bytes = last, sum(len(body) for _, _, body in rows)

    async def disown(self, why: str, now_us: int) -> None:
        """This file is an old one, put back: the server holds more of it than it ever gave.

        All its items go, and it gets a new identity, with a gap of each source from the last instant it knew then. Of
        subscriptions nothing is known any more: what a machine's server still has of one may be at the plant already.
        Whoever appends by what they knew gets BegunAnew."""
        _log.error("journal %s: %s", self.path, why)
        await self._do(lambda: self._disown_now(now_us))

    def _disown_now(self, now_us: int) -> None:
        records = [replace(self._opened.get(n, SourceRecord(n)), **_UNKNOWN) for n in self._endpoints()]
        starts = [(r.endpoint, r.gap_from_us or r.known_us or 0) for r in records]
        gaps = [Gap(name, from_us, max(from_us, now_us), "bridge-stopped") for name, from_us in starts]
        with self._transaction():
            self._db.execute("delete from item")
            self._db.execute("delete from meta where key like ?", (NOTE + "%",))
            self._save_dropping({})
            for record in records:
                self._write_source(record)
        self.life += 1
        self._dropping, self.dropped = {}, 0
        self._start_anew_now(gaps)

    # ---------------------------------------------------------------- sources

    def _endpoints(self) -> list[str]:
        return [row[0] for row in self._db.execute("select endpoint from source")]

    async def load_source(self, endpoint: str) -> SourceRecord:
        return await self._do(lambda: self._load_source_now(endpoint))

    def _load_source_now(self, endpoint: str) -> SourceRecord:
        row = self._db.execute(
            "select session, items, last_seq, known_us, gap_from_us, gap_reason, seen_us from source "
            "where endpoint = ?",
            (endpoint,),
        ).fetchone()
        if row is None:
            return SourceRecord(endpoint, known_us=self.recovered_from_us, life=self.life)
        session = json.loads(row[0])
        items = {int(handle): MonitoredItem(*values) for handle, values in json.loads(row[1]).items()}
        return SourceRecord(
            endpoint,
            token=session["token"],
            nonce=bytes.fromhex(session["nonce"]),
            subscription_id=session["subscription_id"],
            server_start_us=session["server_start_us"],
            keep_alive_s=session["keep_alive_s"],
            publishing_ms=session.get("publishing_ms"),
            lifetime_s=session.get("lifetime_s"),
            last_seq=row[2],
            known_us=row[3],
            gap_from_us=row[4],
            gap_reason=row[5],
            seen_us=row[6],
            items=items,
            life=self.life,
        )

    async def save_source(self, record: SourceRecord) -> None:
        """Keep session and items, synced to disk. How far the subscription has come is written by `append` alone.
        Raises BegunAnew."""
        await self._do(lambda: self._save_source_now(record))

    def _save_source_now(self, record: SourceRecord) -> None:
        self._check_life(record)
        with self._transaction():
            self._db.execute(
                "update source set session = ?, items = ? where endpoint = ?",
                (_session_text(record), _items_text(record), record.endpoint),
            )

    def _write_source(self, record: SourceRecord) -> None:
        self._db.execute(
            "insert or replace into source values(?, ?, ?, ?, ?, ?, ?, ?)",
            (record.endpoint, _session_text(record), _items_text(record), *_reached(record)),
        )

    def _reach(self, record: SourceRecord, *, whole: bool) -> None:
        if whole:
            self._write_source(record)
            return
        self._db.execute(
            "update source set last_seq = ?, known_us = ?, gap_from_us = ?, gap_reason = ?, seen_us = ? "
            "where endpoint = ?",
            (*_reached(record), record.endpoint),
        )

    # --------------------------------------------------------------- commands

    async def begin_command(self, command_id: str, body: str, at_us: int) -> None:
        """Remember, synced to disk, that this command is about to be carried out."""
        await self._do(lambda: self._begin_command_now(command_id, body, at_us))

    def _begin_command_now(self, command_id: str, body: str, at_us: int) -> None:
        with self._transaction():
            old_us = at_us - COMMAND_MEMORY_S * 1_000_000
            self._db.execute("delete from command where posted = 1 and at_us < ?", (old_us,))
            row = (command_id, body, at_us)
            self._db.execute("insert or ignore into command(id, body, at_us) values(?, ?, ?)", row)

    async def end_command(self, command_id: str, result: str) -> None:
        await self._do(lambda: self._end_command_now(command_id, result))

    def _end_command_now(self, command_id: str, result: str) -> None:
        with self._transaction():
            self._db.execute("update command set result = ? where id = ? and result is null", (result, command_id))

    async def command_posted(self, command_id: str) -> None:
        await self._do(lambda: self._command_posted_now(command_id))

    def _command_posted_now(self, command_id: str) -> None:
        with self._transaction():
            self._db.execute("update command set posted = 1 where id = ?", (command_id,))

    async def command(self, command_id: str) -> tuple[str, str | None] | None:
        """Body and result of a command this bridge has begun, or None."""
        return await self._do(
            lambda: self._db.execute("select body, result from command where id = ?", (command_id,)).fetchone()
        )

    async def open_commands(self) -> list[tuple[str, str, str | None]]:
        """Commands begun whose result the server does not have: id, body, result."""
        return await self._do(
            lambda: self._db.execute("select id, body, result from command where posted = 0 order by at_us").fetchall()
        )


_UNKNOWN: Final[dict[str, Any]] = {
    "token": "",
    "nonce": b"",
    "subscription_id": 0,
    "last_seq": 0,
    "server_start_us": None,
    "items": {},
}
"""Of a record, when nothing is known of the subscription any more."""


def _reached(record: SourceRecord) -> tuple[int, int | None, int | None, str, int | None]:
    return record.last_seq, record.known_us, record.gap_from_us, record.gap_reason, record.seen_us


def _session_text(record: SourceRecord) -> str:
    return json.dumps(
        {
            "token": record.token,
            "nonce": record.nonce.hex(),
            "subscription_id": record.subscription_id,
            "server_start_us": record.server_start_us,
            "keep_alive_s": record.keep_alive_s,
            "publishing_ms": record.publishing_ms,
            "lifetime_s": record.lifetime_s,
        }
    )


def _items_text(record: SourceRecord) -> str:
    items = record.items.items()
    return json.dumps({h: [i.tag, i.item_id, i.fingerprint, i.queue_size, i.sampling_ms] for h, i in items})


def _numbered(items: Iterable[tuple[int, bytes]], first: int) -> Iterator[tuple[int, int, bytes]]:
    """Rows: first number, how many, body."""
    for numbers, body in items:
        yield first, numbers, body
        first += numbers


def _divided(
    batch: _Append, dropping: dict[str, _Dropping], *, dropping_now: bool
) -> tuple[list[Entry], dict[str, _Dropping]]:
    """What to keep, and what has been dropped by then. A gap is written before the first item that is kept after it."""
    left = {name: replace(d) for name, d in dropping.items()}
    if dropping_now:
        parted = [_without_droppable(batch, item, left) for item in batch.items]
        return [item for item in parted if item is not None], left
    kept = list(batch.items)
    if kept and batch.source in left:
        kept.insert(0, _dropped_gap(left.pop(batch.source)))
    return kept, left


def _without_droppable(batch: _Append, item: Entry, left: dict[str, _Dropping]) -> Entry | None:
    if isinstance(item, Sample) and item.tag in batch.droppable:
        at_us = item.source_at_us or item.observed_at_us
        _count_dropped(left, _Dropping(batch.source, at_us, at_us, 1, [item.tag]))
        return None
    if not isinstance(item, Samples) or batch.droppable.isdisjoint(item.tags):
        return item
    droppable = [tag in batch.droppable for tag in item.tags]
    gone = thinned(item, [droppable[place] for place in item.tag])
    if gone is not None:
        _count_dropped(left, _of_block(batch.source, gone))
    return thinned(item, [not droppable[place] for place in item.tag])


def _of_block(source: str, gone: Samples) -> _Dropping:
    ages = [age or 0 for age in gone.age_us] or [0]
    at_us = gone.observed_at_us
    return _Dropping(source, at_us - max(ages), at_us - min(ages), len(gone.tag), gone.tags)


def _count_dropped(dropping: dict[str, _Dropping], more: _Dropping) -> None:
    due = dropping.setdefault(more.source, replace(more, lost=0))
    due.from_us, due.to_us = min(due.from_us, more.from_us), max(due.to_us, more.to_us)
    due.lost += more.lost
    if more.tags != due.tags:
        due.tags = list(dict.fromkeys([*due.tags, *more.tags]))


def _dropped_gap(due: _Dropping) -> Gap:
    return Gap(
        source=due.source,
        from_at_us=due.from_us,
        to_at_us=due.to_us,
        reason="journal-full",
        tags=due.tags,
        lost=due.lost,
    )
