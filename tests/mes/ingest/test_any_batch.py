"""Whatever a bridge hands in that is a batch at all is taken: nothing in it holds up what is behind it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mes.ingest.api import UNREADABLE
from mes.kernel.db import Database
from standards.lineside import commands_v1, health_v1, ingest_v1
from standards.lineside.ingest_v1 import Batch, Entry, Gap, HistoryOf, Sample, Samples, SourceEvent
from standards.opcua.status import Quality
from tests.fuzz.damage import NONSENSE, damaged, damaged_bytes
from tests.support.plants import CELL, LINE, PRESS, Box

ROLES = ("Good", "State", "Remote", "Job.OrderId", "Job.State", "Job.Substate", "Temperature", "Mode", "StartedAt")
KNOWN = [f"{place}.{role}" for place in (LINE, CELL, PRESS) for role in ROLES]
tags = st.sampled_from(KNOWN) | st.sampled_from([*NONSENSE, "x" * 201])
times = st.integers(1_772_000_000_000_000, 1_773_000_000_000_000) | st.integers(-(2**70), 2**70)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 1000),
    st.integers(-(2**80), 2**80),
    st.floats(),
    st.sampled_from(NONSENSE),
)
values = scalars | st.lists(scalars, max_size=3)
words = st.sampled_from(NONSENSE) | st.text(max_size=10)
samples = st.builds(
    Sample,
    tag=tags,
    value=values,
    observed_at_us=times,
    source_at_us=st.none() | times,
    server_at_us=st.none() | times,
    quality=st.sampled_from(Quality),
    status=st.integers(0, 2**32 - 1) | st.integers(-(2**70), 2**70),
    data_type=words,
    overflow=st.booleans(),
)
events = st.builds(
    SourceEvent,
    tag=tags,
    event_id=words,
    event_type=words,
    message=words,
    severity=st.integers(-(2**70), 2**70),
    observed_at_us=times,
    source_at_us=st.none() | times,
    active=st.none() | st.booleans(),
    acked=st.none() | st.booleans(),
)
gaps = st.builds(
    Gap,
    source=words,
    from_at_us=times,
    to_at_us=times,
    reason=words,
    tags=st.none() | st.lists(tags, max_size=3),
    lost=st.none() | st.integers(-(2**70), 2**70),
)


@st.composite
def blocks(draw: st.DrawFn) -> Samples:
    named = draw(st.lists(tags, min_size=1, max_size=4))
    found = draw(st.lists(st.tuples(st.integers(0, len(named) - 1), values), max_size=6))
    return Samples(
        named,
        [place for place, _ in found],
        [value for _, value in found],
        draw(times),
        [draw(st.none() | st.integers(-10, 10**9) | times) for _ in found] if draw(st.booleans()) else [],
        [draw(st.integers(0, 2**32 - 1)) for _ in found] if draw(st.booleans()) else [],
        [draw(words) for _ in named] if draw(st.booleans()) else [],
        draw(st.none() | st.builds(HistoryOf, words, times, times)),
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=settings().max_examples // 4 or 1)
@given(st.lists(samples | events | gaps | blocks(), min_size=1, max_size=6))
def test_every_batch_is_taken_whole(plant: Database, box: Box, items: list[Entry]) -> None:
    batch = Batch(box.journal_id, box.seq + 1, items)
    for encode, decode in (
        (ingest_v1.encode, ingest_v1.decode_batch),
        (ingest_v1.pack, ingest_v1.decode_packed_batch),
    ):
        with suppress(msgspec.MsgspecError, OverflowError):  # no number of that size in MessagePack
            batch = decode(encode(batch))
    box.seq += sum(map(ingest_v1.numbers_of, batch.items))
    answer = box.hand_in(batch.first_seq, batch.items)
    assert (answer.accepted_through, answer.duplicates) == (box.seq, 0)


SOUND = Batch(
    "j-1",
    1,
    [
        Sample(KNOWN[0], 7, observed_at_us=1, source_at_us=2, data_type="UInt16"),
        Samples([KNOWN[0], KNOWN[6]], [0, 1], [8, 20.5], 3, [2, 1], [0, 0]),
        SourceEvent("a", "e", "t", "m", 500, 4, active=True),
        Gap("plc", 1, 2, "connection-lost", ["a"], 3),
    ],
)


@given(damaged(ingest_v1.encode(SOUND).decode()), damaged_bytes(ingest_v1.pack(SOUND)))
def test_damaged_bytes_are_a_batch_or_refused(text: str, packed: bytes) -> None:
    read: list[tuple[Any, bytes]] = [(ingest_v1.decode_batch, text.encode()), (ingest_v1.decode_packed_batch, packed)]
    for decode, data in read:
        with suppress(*UNREADABLE):
            batch = decode(data)
            assert sum(map(ingest_v1.numbers_of, batch.items)) >= 0


HEALTH = health_v1.encode(health_v1.BridgeHealth(at_us=1))
RESULT = commands_v1.encode(commands_v1.CommandResult(commands_v1.Outcome.done, "well"))


@given(damaged(HEALTH.decode()).map(str.encode) | damaged_bytes(HEALTH))
def test_damaged_bytes_are_health_or_refused(data: bytes) -> None:
    with suppress(*UNREADABLE):
        health_v1.decode_health(data)


@given(damaged(RESULT.decode()).map(str.encode) | damaged_bytes(RESULT))
def test_damaged_bytes_are_a_result_or_refused(data: bytes) -> None:
    with suppress(*UNREADABLE):
        commands_v1.decode_result(data)
