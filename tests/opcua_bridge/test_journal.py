"""The journal: durable, contiguous, bounded; every loss a gap."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from opcua_bridge.journal import Journal, JournalFull, MonitoredItem, SourceRecord
from standards.lineside.ingest_v1 import Gap, Sample, Samples
from tests.opcua_bridge.support import exploded

MEASURED = frozenset({"Temperature"})


@contextmanager
def opened(path: Path, **options: Any) -> Iterator[Journal]:
    journal = Journal(path, **options)
    try:
        yield journal
    finally:
        journal.close()


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    with opened(tmp_path / "j.sqlite") as it:
        yield it


def sample(tag: str, value: int) -> Sample:
    return Sample(tag=tag, value=value, observed_at_us=value, source_at_us=value)


async def content(journal: Journal) -> list[dict[str, Any]]:
    stored = await journal.read_after(0, limit=100_000, max_bytes=10**9)
    return [document for body in stored.bodies for document in exploded(msgspec.msgpack.decode(body))]


async def values(journal: Journal) -> list[Any]:
    return [i.get("value") for i in await content(journal)]


async def test_numbers_go_on_after_everything_was_forgotten_and_the_file_was_closed(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with opened(path) as first:
        assert await first.append([sample("a", 1), sample("a", 2)], source="s") == 2
        first.forget_through(2)
        name = first.journal_id
    with opened(path) as second:
        assert (second.journal_id, second.depth) == (name, 0)
        assert await second.append([sample("a", 3)], source="s") == 3
        stored = await second.read_after(0, limit=10, max_bytes=10**6)
        assert (stored.first_seq, len(stored.bodies)) == (3, 1)


async def test_a_read_is_bounded_by_number_and_bytes_and_always_moves_on(journal: Journal) -> None:
    await journal.append([sample("a", n) for n in range(10)], source="s")
    assert len((await journal.read_after(0, limit=3, max_bytes=10**6)).bodies) == 3
    stored = await journal.read_after(4, limit=10, max_bytes=1)
    assert (stored.first_seq, len(stored.bodies)) == (5, 1)


async def test_items_and_the_place_reached_are_kept_together(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    record = SourceRecord(
        "s", token="i=7", nonce=b"\x01", subscription_id=5, last_seq=3, known_us=30,
        items={9: MonitoredItem("a", 111, "abc", 1000)},
    )  # fmt: skip
    with opened(path) as journal:
        await journal.append([sample("a", 1)], source="s", record=record, whole_record=True)
        moved = replace(record, last_seq=4, known_us=40, items={})
        await journal.append([sample("a", 2)], source="s", record=moved)
    with opened(path) as journal:
        assert await journal.load_source("s") == replace(record, last_seq=4, known_us=40)


async def test_saving_a_session_never_moves_the_place_back(journal: Journal) -> None:
    record = SourceRecord("s", subscription_id=5, last_seq=3, known_us=30)
    await journal.append([], source="s", record=record, whole_record=True)
    await journal.append([], source="s", record=replace(record, last_seq=9))
    await journal.save_source(replace(record, token="i=8"))
    loaded = await journal.load_source("s")
    assert (loaded.token, loaded.last_seq) == ("i=8", 9)


async def test_short_of_room_measurements_go_first_and_a_gap_says_how_many(tmp_path: Path) -> None:
    with opened(tmp_path / "j.sqlite", max_bytes=10_000) as journal:
        n = 0
        while journal.bytes < 8_000:
            n += 1
            await journal.append([sample("Count", n)], source="s", droppable=MEASURED)
        last = await journal.append(
            [sample("Temperature", 101), sample("Count", n + 1)], source="s", droppable=MEASURED
        )
        await journal.append([sample("Temperature", 102)], source="s", droppable=MEASURED)
        assert journal.dropped == 2
        assert (await values(journal))[-1] == n + 1
        journal.forget_through(last)
        await journal.append([sample("Count", n + 2)], source="s", droppable=MEASURED)
        await journal.append([sample("Temperature", 103)], source="s", droppable=MEASURED)
        found = [i for i in await content(journal) if i["kind"] == "gap"]
        assert found == [
            {
                "kind": "gap", "source": "s", "from_at_us": 101, "to_at_us": 102, "reason": "journal-full",
                "tags": ["Temperature"], "lost": 2,
            }
        ]  # fmt: skip
        assert journal.dropped == 0


async def test_what_was_dropped_is_not_forgotten_by_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with opened(path, max_bytes=2_000) as journal:
        while journal.bytes < 1_700:
            await journal.append([sample("Count", 1)], source="s", droppable=MEASURED)
        await journal.append([sample("Temperature", 7)], source="s", droppable=MEASURED)
    with opened(path) as journal:
        await journal.append([sample("Temperature", 8)], source="s", droppable=MEASURED)
        kinds = [i["kind"] for i in await content(journal)]
        assert kinds[-2:] == ["gap", "sample"]


async def test_full_to_the_brim_refuses_whole_and_takes_again_once_there_is_room(tmp_path: Path) -> None:
    record = SourceRecord("s", subscription_id=1, last_seq=1)
    with opened(tmp_path / "j.sqlite", max_bytes=2_000) as journal:
        await journal.append([], source="s", record=record, whole_record=True)
        while journal.bytes < 2_000:
            last = await journal.append([sample("Count", 1)], source="s")
        with pytest.raises(JournalFull):
            await journal.append([sample("Count", 2)], source="s", record=replace(record, last_seq=2))
        assert (await journal.load_source("s")).last_seq == 1
        journal.forget_through(last)
        await journal.append([sample("Count", 2)], source="s", record=replace(record, last_seq=2))
        assert await values(journal) == [2]


async def test_a_full_disk_refuses_and_later_nothing_is_torn(tmp_path: Path) -> None:
    with opened(tmp_path / "j.sqlite") as journal:
        await journal.append([sample("Count", 1)], source="s")
        pages = journal._db.execute("pragma page_count").fetchone()[0]
        journal._db.execute(f"pragma max_page_count = {pages}")  # SQLite's own "database or disk is full"
        big = [Sample(tag="Count", value="x" * 4000, observed_at_us=n) for n in range(20)]
        with pytest.raises(JournalFull):
            await journal.append(big, source="s")
        journal._db.execute("pragma max_page_count = 1000000")
        assert await journal.append(big, source="s") == 21
        assert len(await content(journal)) == 21


@pytest.mark.parametrize("damage", ["not a database at all" * 300, ""])
async def test_a_damaged_file_is_set_aside_and_a_new_journal_knows_since_when(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "j.sqlite"
    with opened(path) as journal:
        record = SourceRecord("s", subscription_id=1, known_us=5_000)
        last = await journal.append([sample("a", 1)], source="s", record=record, whole_record=True)
        journal.forget_through(last)
        await journal.first_seq()
        name = journal.journal_id
    if damage:
        path.write_text(damage)
    else:
        torn = bytearray(path.read_bytes())
        torn[4096:12288] = b"\xa5" * 8192
        path.write_bytes(torn)
    with opened(path) as journal:
        assert journal.journal_id != name
        assert (await journal.load_source("s")).known_us == 5_000
        assert any(file.startswith("j.sqlite.damaged-") for file in os.listdir(tmp_path))
        assert await journal.append([sample("a", 2)], source="s") == 1


async def test_what_append_has_answered_is_on_disk(tmp_path: Path) -> None:
    with opened(tmp_path / "j.sqlite") as journal:
        await journal.append([sample("a", 1)], source="s")
        assert journal._db.execute("pragma synchronous").fetchone() == (2,)
        assert journal._db.execute("pragma journal_mode").fetchone() == ("wal",)
        other = sqlite3.connect(tmp_path / "j.sqlite")
        assert other.execute("select count(*) from item").fetchone() == (1,)
        other.close()


async def test_starting_anew_puts_the_gap_first_and_numbers_from_one(journal: Journal) -> None:
    await journal.append([sample("a", n) for n in (1, 2, 3)], source="s")
    name = journal.journal_id
    gap = Gap(source="s", from_at_us=0, to_at_us=9, reason="bridge-stopped")
    await journal.start_anew([gap])
    assert journal.journal_id != name
    assert [i["kind"] for i in await content(journal)] == ["gap", "sample", "sample", "sample"]
    assert await journal.append([sample("a", 4)], source="s") == 5


async def test_commands_are_remembered_until_their_result_is_posted(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with opened(path) as journal:
        await journal.begin_command("c", "{}", 1)
        assert await journal.command("c") == ("{}", None)
        await journal.end_command("c", "first")
        await journal.end_command("c", "second")
    with opened(path) as journal:
        assert await journal.open_commands() == [("c", "{}", "first")]
        await journal.command_posted("c")
        assert await journal.open_commands() == []
        assert await journal.command("c") == ("{}", "first")


def block(*values: int, tags: tuple[str, ...] = ("Count",)) -> Samples:
    count = len(values)
    return Samples(
        list(tags), [n % len(tags) for n in range(count)], list(values), 1_000, [1_000 - value for value in values]
    )


async def test_every_value_of_a_block_has_a_number(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with opened(path) as journal:
        assert await journal.append([sample("Count", 1), block(2, 3, 4), sample("Count", 5)], source="s") == 5
        assert await values(journal) == [1, 2, 3, 4, 5]
        stored = await journal.read_after(1, limit=3, max_bytes=10**6)
        assert (stored.first_seq, stored.numbers, len(stored.bodies)) == (2, 3, 1)
    with opened(path) as journal:
        assert (journal.last_seq, journal.depth) == (5, 5)


async def test_a_block_some_of_whose_numbers_are_asked_for_comes_whole_and_is_kept_whole(journal: Journal) -> None:
    await journal.append([block(1, 2, 3), block(4, 5)], source="s")
    stored = await journal.read_after(2, limit=100, max_bytes=10**6)
    assert (stored.first_seq, stored.numbers) == (1, 5)
    journal.forget_through(2)
    assert await journal.first_seq() == 1
    journal.forget_through(3)
    assert await journal.first_seq() == 4
    await journal.append([], source="s")
    assert journal.depth == 2


async def test_a_block_is_split_under_the_numbers_it_has(journal: Journal) -> None:
    await journal.append([sample("Count", 1), block(2, 3, tags=("Count", "Scrap")), sample("Count", 4)], source="s")
    await journal.split_item(2)
    stored = await journal.read_after(0, limit=100, max_bytes=10**6)
    assert len(stored.bodies) == stored.numbers == 4
    assert [(d["tag"], d["value"], d["source_at_us"]) for d in await content(journal)] == [
        ("Count", 1, 1), ("Count", 2, 2), ("Scrap", 3, 3), ("Count", 4, 4),
    ]  # fmt: skip


async def test_short_of_room_a_block_keeps_what_is_no_measurement(tmp_path: Path) -> None:
    with opened(tmp_path / "j.sqlite", max_bytes=1_000) as journal:
        while journal.bytes < 900:
            await journal.append([sample("Count", 0)], source="s", droppable=MEASURED)
        mixed = block(5, 6, 7, 8, tags=("Temperature", "Count"))
        await journal.append([mixed, block(9, tags=("Temperature",))], source="s", droppable=MEASURED)
        assert (await values(journal))[-2:] == [6, 8]
        assert journal.dropped == 3


async def test_a_journal_of_another_version_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with closing(sqlite3.connect(path)) as old:
        old.execute("create table item(seq integer primary key, body blob not null)")
    with opened(path) as journal:
        assert (journal.recovered_from_us, journal.last_seq) == (0, 0)
    assert any(".damaged-" in name for name in os.listdir(tmp_path))
