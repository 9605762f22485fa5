"""The writer: grouped, serial, all or nothing for each verb, answered after the commit."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from mes.kernel.db import Database, ReadOnlySession, ReadSession
from mes.kernel.errors import Conflict, ConstraintConflict, Unavailable, ValueNotKept
from mes.kernel.outbox import head_seq, list_events
from mes.kernel.pending import keyed_update
from mes.kernel.uow import UnitOfWork


def add_one(uow: UnitOfWork) -> int:
    value = uow.driver_query("SELECT value FROM tally WHERE name = 'a'")[0][0] + 1
    uow.driver_execute("UPDATE tally SET value = ? WHERE name = 'a'", (value,))
    uow.emit("tally.moved.v1", topics=["tally"], subject="a", payload={"value": value})
    return int(value)


def add_then_refuse(uow: UnitOfWork) -> None:
    add_one(uow)
    raise Conflict("not this one")


def add_then_break(uow: UnitOfWork) -> None:
    add_one(uow)
    uow.execute(text("INSERT INTO tally VALUES ('a', 5)"))


SET = keyed_update("tally", (("value", "bigint"), ("name", "text")), always="moved = moved + 1")


def put(uow: UnitOfWork, *, name: str, value: int | None) -> None:
    """A write that, on PostgreSQL, is sent no earlier than it must be. Of None only the database knows it is wrong."""
    uow.driver_update(SET, (value, name))
    uow.emit("tally.moved.v1", topics=["tally"], subject=name, payload={"value": value})


async def together(database: Database, *calls: dict[str, object]) -> list[object]:
    """Calls of `put` in one batch: the writer is kept busy until all of them wait."""
    go = threading.Event()
    busy = asyncio.create_task(database.write(lambda _uow: go.wait(10), actor=None))
    await asyncio.sleep(0.05)
    waiting = [asyncio.create_task(database.write(put, actor=None, **call)) for call in calls]
    await asyncio.sleep(0.05)
    go.set()
    await busy
    return await asyncio.gather(*waiting, return_exceptions=True)


def rows_of(session: ReadSession) -> dict[str, tuple[int, int]]:
    return {row.name: (row.value, row.moved) for row in session.execute(text("SELECT * FROM tally"))}


def value_of(session: ReadSession) -> int:
    return int(session.execute(text("SELECT value FROM tally")).scalar_one())


class TestGrouping:
    async def test_no_update_is_lost_under_concurrency(self, tally: Database) -> None:
        values = await asyncio.gather(*(tally.write(add_one, actor=None) for _ in range(400)))
        assert sorted(values) == list(range(1, 401))
        assert await tally.read(value_of) == 400

    async def test_a_failed_verb_is_undone_alone(self, tally: Database) -> None:
        verbs = [add_then_refuse if n % 5 == 0 else add_then_break if n % 7 == 0 else add_one for n in range(100)]
        answers = await asyncio.gather(*(tally.write(verb, actor=None) for verb in verbs), return_exceptions=True)
        good = sum(verb is add_one for verb in verbs)
        assert sum(isinstance(answer, Conflict) for answer in answers) == 100 - good
        assert sum(isinstance(answer, ConstraintConflict) for answer in answers) == verbs.count(add_then_break)
        assert await tally.read(value_of) == good
        events = await tally.read(list_events, after=0)
        assert [event.payload["value"] for event in events] == list(range(1, good + 1))
        assert [event.seq for event in events] == list(range(1, good + 1))

    async def test_a_commit_is_shared(self, tally: Database) -> None:
        commits = []
        tally.on_commit(lambda: commits.append(1))
        await asyncio.gather(*(tally.write(add_one, actor=None) for _ in range(200)))
        assert len(commits) < 100

    async def test_what_a_round_of_the_event_loop_writes_is_one_batch(self, tally: Database) -> None:
        """However long the round takes: a busy server's requests are read one after another."""
        commits = []
        tally.on_commit(lambda: commits.append(1))

        async def slow() -> int:
            time.sleep(0.02)  # noqa: ASYNC251  as reading a request would
            return await tally.write(add_one, actor=None)

        assert sorted(await asyncio.gather(*(slow() for _ in range(5)))) == [1, 2, 3, 4, 5]
        assert len(commits) == 1

    async def test_the_answer_comes_after_the_commit(self, tally: Database) -> None:
        for _ in range(20):
            value = await tally.write(add_one, actor=None)
            assert await tally.read(value_of) == value

    async def test_rows_updated_together_are_updated_in_turn(self, wide: Database) -> None:
        calls = [{"name": name, "value": value} for value, name in enumerate("abcabba")]
        assert await together(wide, *calls) == [None] * 7
        assert await wide.read(rows_of) == {"a": (6, 3), "b": (5, 3), "c": (2, 1)}
        events = await wide.read(list_events, after=0)
        assert [event.payload["value"] for event in events] == list(range(7))

    async def test_what_the_database_refuses_at_the_commit_costs_nobody_else(self, wide: Database) -> None:
        calls = [{"name": name, "value": value} for name, value in (("a", 1), ("b", None), ("c", 3))]
        answers = await together(wide, *calls)
        assert isinstance(answers.pop(1), ConstraintConflict)
        assert answers == [None, None]
        assert await wide.read(rows_of) == {"a": (1, 1), "b": (0, 0), "c": (3, 1)}
        assert [event.subject for event in await wide.read(list_events, after=0)] == ["a", "c"]

    async def test_a_closed_database_says_so(self, tally: Database) -> None:
        tally.close()
        with pytest.raises(Unavailable):
            await tally.write(add_one, actor=None)

    async def test_what_was_written_before_it_is_closed_is_finished(self, tally: Database) -> None:
        """Even if the round of the event loop is not over."""
        write = asyncio.create_task(tally.write(add_one, actor=None))
        await asyncio.sleep(0)
        tally.close()
        async with asyncio.timeout(5):
            assert await write == 1

    async def test_every_write_that_meets_the_closing_is_answered(self, tally: Database) -> None:
        """Done or refused; from several threads at the same instant."""
        closer = asyncio.create_task(asyncio.to_thread(tally.close))
        writes: list[asyncio.Task[int]] = []
        while not closer.done():
            writes.append(asyncio.create_task(tally.write(add_one, actor=None)))
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            answers = await asyncio.gather(*writes, return_exceptions=True)
        done = [answer for answer in answers if isinstance(answer, int)]
        assert done == list(range(1, len(done) + 1))
        assert all(isinstance(answer, Unavailable) for answer in answers[len(done) :])

    async def test_actor_and_correlation_stand_in_the_audit_trail(self, tally: Database) -> None:
        await tally.write(add_one, actor=7, correlation_id="abc")
        (event,) = await tally.read(list_events, after=0)
        assert (event.actor, event.correlation_id, event.topics) == (7, "abc", ("tally",))


class TestReading:
    async def test_a_query_cannot_write(self, tally: Database) -> None:
        from mes.kernel.tables import ConsumerCursor

        def naughty(session: ReadSession) -> None:
            session.add(ConsumerCursor(consumer="x", seq=1))
            session.flush()

        def sneaky(session: ReadSession) -> None:
            session.execute(text("UPDATE tally SET value = 99"))

        with pytest.raises(ReadOnlySession):
            await tally.read(naughty)
        with pytest.raises(Exception, match=r"(?i)read"):
            await tally.read(sneaky)
        assert await tally.read(value_of) == 0

    async def test_a_query_sees_one_snapshot(self, tally: Database) -> None:
        entered, moved = threading.Event(), threading.Event()

        def twice(session: ReadSession) -> tuple[int, int]:
            first = value_of(session)
            entered.set()
            moved.wait(5)
            return first, value_of(session)

        reading = asyncio.ensure_future(tally.read(twice))
        await asyncio.to_thread(entered.wait, 5)
        await tally.write(add_one, actor=None)
        moved.set()
        assert await reading == (0, 0)


class TestOutboxOrder:
    async def test_two_processes_never_let_a_reader_skip(self, tally: Database, database_url: str) -> None:
        """Two writers on one plant, a reader that follows by `seq > last`: it sees every row."""
        other = Database(database_url)
        seen: list[int] = []
        done = asyncio.Event()

        async def follow() -> None:
            last = 0
            while not (done.is_set() and await tally.read(head_seq) == last):
                for event in await tally.read(list_events, after=last):
                    seen.append(event.seq)
                    last = event.seq
                await asyncio.sleep(0)

        follower = asyncio.ensure_future(follow())
        for _ in range(15):
            await asyncio.gather(*(db.write(add_one, actor=None) for db in (tally, other) for _ in range(10)))
        done.set()
        await follower
        other.close()
        assert seen == list(range(1, 301))


class TestNaiveVersions:
    """The traps this kernel was built against, shown to be real: the naive way fails in the same test."""

    def test_sqlite_read_modify_write_loses_updates_without_begin_immediate(self, tmp_path: Path) -> None:
        path = tmp_path / "naive.sqlite"
        with sqlite3.connect(path) as setup:
            setup.execute("PRAGMA journal_mode=WAL")
            setup.execute("CREATE TABLE tally (value INT)")
            setup.execute("INSERT INTO tally VALUES (0)")
        setup.close()
        engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30, "check_same_thread": False})
        barrier = threading.Barrier(4)

        def naive() -> None:
            for _ in range(25):
                with engine.connect() as connection:
                    value = connection.execute(text("SELECT value FROM tally")).scalar_one()
                    barrier.wait()
                    connection.execute(text("UPDATE tally SET value = :v"), {"v": value + 1})
                    connection.commit()

        threads = [threading.Thread(target=naive) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with engine.connect() as connection:
            assert connection.execute(text("SELECT value FROM tally")).scalar_one() < 100
        engine.dispose()

    def test_postgres_sequences_let_a_reader_skip_rows(self, postgres_url: str) -> None:
        engine = create_engine(postgres_url)
        with engine.begin() as setup:
            setup.execute(text("CREATE TABLE naive (seq BIGSERIAL PRIMARY KEY)"))
        slow, fast = engine.connect(), engine.connect()
        slow.execute(text("INSERT INTO naive DEFAULT VALUES"))
        fast.execute(text("INSERT INTO naive DEFAULT VALUES"))
        fast.commit()
        with engine.connect() as reader:
            last = reader.execute(text("SELECT max(seq) FROM naive")).scalar_one()
        slow.commit()
        with engine.connect() as reader:
            found = reader.execute(text("SELECT count(*) FROM naive WHERE seq > :last"), {"last": last}).scalar_one()
            total = reader.execute(text("SELECT count(*) FROM naive")).scalar_one()
        assert (last, found, total) == (2, 0, 2), "row 1 was committed after the reader went past it"
        slow.close()
        fast.close()
        engine.dispose()


class TestRehearsal:
    async def test_what_is_rehearsed_is_told_and_undone(self, tally: Database) -> None:
        """Beside verbs that count, in one batch; on PostgreSQL what travels with the next statement is sent as well."""
        tries = (tally.rehearse(add_one, actor=None) for _ in range(5))
        events, *_ = await asyncio.gather(*tries, *(tally.write(add_one, actor=None) for _ in range(5)))
        assert [(event.type, event.subject) for event in events] == [("tally.moved.v1", "a")]
        assert await tally.read(value_of) == 5
        assert await tally.read(head_seq) == 5

    async def test_a_rehearsal_is_refused_as_the_verb_would_be(self, tally: Database) -> None:
        for verb, refusal in ((add_then_refuse, Conflict), (add_then_break, ConstraintConflict)):
            with pytest.raises(refusal):
                await tally.rehearse(verb, actor=None)
        assert await tally.write(add_one, actor=None) == 1

    async def test_a_rehearsal_finds_what_only_the_database_knows(self, wide: Database) -> None:
        with pytest.raises(ConstraintConflict):
            await wide.rehearse(put, actor=None, name="a", value=None)
        assert len(await wide.rehearse(put, actor=None, name="a", value=3)) == 1
        assert (await wide.read(rows_of))["a"] == (0, 0)


def write_much(uow: UnitOfWork, *, facts: int) -> int:
    """More than a socket's buffer takes: what is pending, the question after it, and the events at the commit."""
    uow.driver_write("UPDATE tally SET value = length(?) WHERE name = 'a'", ("x" * (facts * 100),))
    many = tuple(str(n) for n in range(facts))
    marks = ", ".join("?" * len(many))
    uow.driver_write("UPDATE tally SET value = value + 1 WHERE name = 'a'")
    found = uow.driver_query(f"SELECT value FROM tally WHERE name = 'a' OR name IN ({marks})", many)
    for name in many:
        uow.emit("tally.moved.v1", topics=["tally"], subject=name, payload={"text": "x" * 200})
    return int(found[0][0])


async def test_a_verb_may_write_more_than_a_socket_takes_at_once(tally: Database) -> None:
    """psycopg stopped sending and waited for an answer, PostgreSQL for the rest: the plant wrote no more."""
    async with asyncio.timeout(30):
        assert await tally.write(write_much, actor=None, facts=10_000) == 1_000_001
        assert await tally.write(add_one, actor=None) == 1_000_002


NOT_KEPT = pytest.mark.parametrize("value", [2**70, "a\x00b"], ids=["number", "nul"])


def put_anything(uow: UnitOfWork, *, value: object) -> None:
    uow.driver_write(f"UPDATE tally SET {'value' if type(value) is int else 'name'} = ?", (value,))


def find_anything(session: ReadSession, *, value: object) -> int:
    kind = "BIGINT" if type(value) is int else "TEXT"
    return len(session.execute(text(f"SELECT CAST(:value AS {kind})"), {"value": value}).all())


@NOT_KEPT
async def test_a_value_no_database_keeps_is_refused_alone(tally: Database, value: object) -> None:
    """PostgreSQL takes neither; SQLite keeps a NUL and finds it again."""
    if isinstance(value, str) and tally.dialect == "sqlite":
        assert await tally.read(find_anything, value=value) == 1
        return
    with pytest.raises(ValueNotKept):
        await tally.read(find_anything, value=value)
    done = await asyncio.gather(
        tally.write(add_one, actor=None),
        tally.write(put_anything, actor=None, value=value),
        tally.write(add_one, actor=None),
        return_exceptions=True,
    )
    assert (done[0], type(done[1]), done[2]) == (1, ValueNotKept, 2)


def put_and_ask_anything(uow: UnitOfWork, *, value: str) -> None:
    """Makes do without an answer."""
    with suppress(psycopg.DataError):
        uow.driver_query("SELECT value FROM tally WHERE name = ?", (value,))


async def test_a_question_that_cannot_be_sent_loses_no_other_verbs_write(tally: Database) -> None:
    await asyncio.gather(
        *(tally.write(add_one, actor=None) for _ in range(3)),
        tally.write(put_many, actor=None, value=70),
        tally.write(put_and_ask_anything, actor=None, value="a\x00b"),
    )
    assert await tally.read(value_of) == 70


def put_many(uow: UnitOfWork, *, value: int) -> None:
    uow.driver_write("UPDATE tally SET value = ?", (value,))


@pytest.mark.parametrize("at_once", [1, 3])
@pytest.mark.parametrize("stale", ["DEALLOCATE ALL", "ALTER TABLE tally ALTER value TYPE INT"])
async def test_prepared_statements_that_are_so_no_more_cost_nobody_a_write(
    postgres_url: str, stale: str, at_once: int
) -> None:
    """An upgrade that changes a table while a server of the release before it runs."""
    plant = Database(postgres_url)
    try:
        plant.write_now(make_tally, actor=None)
        for _ in range(4):
            await asyncio.gather(*(plant.write(add_one, actor=None) for _ in range(at_once)))
            plant.read_now(hot_value)
        if stale == "DEALLOCATE ALL":
            plant.write_now(lambda uow: uow.driver_execute(stale) and None, actor=None)
        else:
            with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as other:
                other.execute(stale)
        await asyncio.gather(*(plant.write(add_one, actor=None) for _ in range(at_once)))
        assert plant.read_now(hot_value) == 5 * at_once
    finally:
        plant.close()


def make_tally(uow: UnitOfWork) -> None:
    uow.driver_execute("CREATE TABLE tally (name VARCHAR(20) PRIMARY KEY, value BIGINT NOT NULL)")
    uow.driver_execute("INSERT INTO tally VALUES ('a', 0)")


def hot_value(session: ReadSession) -> int:
    return int(session.driver_query("SELECT value FROM tally WHERE name = ?", ("a",))[0][0])


async def test_a_write_that_travelled_with_another_verb_is_refused_to_its_own(wide: Database) -> None:
    """Only the database knows it is wrong, and says so to whoever asks it next."""
    go = threading.Event()
    busy = asyncio.create_task(wide.write(lambda _uow: go.wait(10), actor=None))
    await asyncio.sleep(0.05)
    wrong = asyncio.create_task(wide.write(put, actor=None, name="b", value=None))
    await asyncio.sleep(0)
    right = asyncio.create_task(wide.write(add_one, actor=None))
    await asyncio.sleep(0.05)
    go.set()
    await busy
    done = await asyncio.gather(wrong, right, return_exceptions=True)
    assert (type(done[0]), done[1]) == (ConstraintConflict, 1)
