"""What is read from a machine's own history after a gap: in history at its true time, and no word about the present."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import text

from mes.edge.queries import get_bridge
from mes.edge.service import put_tag_bindings
from mes.edge.types import TagBindingSpec
from mes.history.queries import list_samples, list_texts
from mes.ingest.queries import list_gaps
from mes.ingest.types import GapView
from mes.kernel.db import Database, ReadSession
from standards.lineside.ingest_v1 import BatchAnswer, Gap, HistoryOf, Samples
from tests.conftest import SettableClock
from tests.support.plants import BRIDGE, CELL, PRESS, Box

SECOND = 1_000_000
TEMPERATURE = f"{PRESS}.Temperature"


def pk_of(plant: Database, tag: str) -> int:
    def read(session: ReadSession) -> int:
        return int(session.execute(text("SELECT pk FROM tag_binding WHERE tag = :tag"), {"tag": tag}).scalar_one())

    return plant.read_now(read)


def curve(plant: Database, box: Box, tag: str = TEMPERATURE) -> list[tuple[int, float | None]]:
    window = {"tag_pk": pk_of(plant, tag), "from_us": 0, "to_us": box.at_us() + 3600 * SECOND}
    samples, _ = plant.read_now(list_samples, **window)
    return [
        (int(at_us), None if value != value else float(value))
        for at_us, value in zip(samples.at_us, samples.value, strict=True)
    ]


def gaps(plant: Database) -> tuple[GapView, ...]:
    return plant.read_now(list_gaps, bridge_pk=plant.read_now(get_bridge, bridge_id=BRIDGE).pk)


def late(box: Box, gap: Gap, *values: tuple[str, object, int | None], status: int = 0) -> BatchAnswer:
    """Tag, value and its time, out of the machine's history."""
    now_us = box.at_us()
    tags = sorted({tag for tag, _, _ in values})
    block = Samples(
        tags,
        [tags.index(tag) for tag, _, _ in values],
        [value for _, value, _ in values],  # type: ignore[misc]
        now_us,
        [None if at_us is None else now_us - at_us for _, _, at_us in values],
        [status] * len(values),
        history_of=HistoryOf(gap.source, gap.from_at_us, gap.to_at_us),
    )
    first, box.seq = box.seq + 1, box.seq + len(values)
    return box.hand_in(first, [block])


@pytest.fixture
def gap(plant: Database, box: Box, clock: SettableClock) -> Gap:
    """Ten seconds that nobody saw; the present is there again: 30 degrees, 120 pieces."""
    box.ready()
    box.say(box.sample(TEMPERATURE, 20.0), box.sample(f"{CELL}.Good", 100))
    since = box.at_us()
    clock.advance(seconds=10)
    gap = box.gap(since, box.at_us())
    box.say(gap, box.sample(TEMPERATURE, 30.0), box.sample(f"{CELL}.Good", 120))
    clock.advance(seconds=1)
    return gap


def test_measurements_stand_at_their_true_times_and_the_gap_says_so(plant: Database, box: Box, gap: Gap) -> None:
    begin = gap.from_at_us
    late(box, gap, *((TEMPERATURE, 20.0 + n, begin + n * SECOND) for n in range(1, 6)))
    late(box, gap, *((TEMPERATURE, 20.0 + n, begin + n * SECOND) for n in range(6, 11)))
    known = [(at_us, value) for at_us, value in curve(plant, box) if value is not None]
    assert known == [(begin + n * SECOND, 20.0 + n) for n in range(11)]
    [view] = gaps(plant)
    assert (view.from_at_us, view.to_at_us, view.filled, view.filled_tags) == (begin, gap.to_at_us, 10, 1)


def test_the_same_again_is_no_more(plant: Database, box: Box, gap: Gap) -> None:
    again = [(TEMPERATURE, 21.0, gap.from_at_us + SECOND), (TEMPERATURE, 22.0, gap.from_at_us + 2 * SECOND)]
    late(box, gap, *again)
    once = curve(plant, box)
    late(box, gap, *again)
    assert curve(plant, box) == once
    assert gaps(plant)[0].filled == 2


def test_what_is_beyond_the_gap_is_kept_and_not_told_of_it(plant: Database, box: Box, gap: Gap) -> None:
    late(box, gap, (TEMPERATURE, 19.0, gap.from_at_us - SECOND), (TEMPERATURE, 20.5, gap.from_at_us + SECOND))
    assert (gap.from_at_us - SECOND, 19.0) in curve(plant, box)
    assert gaps(plant)[0].filled == 1


def test_a_counter_out_of_the_past_moves_nothing(plant: Database, box: Box, gap: Gap, clock: SettableClock) -> None:
    """A tag map may call a measurement what is bound to be a counter: then it says nothing."""
    before = counted(plant)
    answer = late(box, gap, *((f"{CELL}.Good", 100 + n, gap.from_at_us + n * SECOND) for n in range(1, 10)))
    assert answer.quarantined == 9
    assert counted(plant) == before
    clock.advance(seconds=1)
    box.say(box.sample(f"{CELL}.Good", 121))
    low, high = counted(plant)
    assert (low, high) == (before[0] + 1, None if before[1] is None else before[1] + 1)
    assert gaps(plant)[0].filled == 0


def test_a_bad_value_of_the_past_is_not_known_there_and_not_now(plant: Database, box: Box, gap: Gap) -> None:
    late(box, gap, (TEMPERATURE, 25.0, gap.from_at_us + SECOND))
    late(box, gap, (TEMPERATURE, None, gap.from_at_us + 2 * SECOND), status=0x80310000)
    seen = curve(plant, box)
    assert (gap.from_at_us + 2 * SECOND, None) in seen
    assert seen[-1] == (gap.to_at_us, 30.0)
    assert gaps(plant)[0].filled == 1


def test_a_value_that_does_not_say_when_is_none(plant: Database, box: Box, gap: Gap) -> None:
    before = curve(plant, box)
    late(box, gap, (TEMPERATURE, 99.0, None))
    assert curve(plant, box) == before
    assert late(box, gap, (TEMPERATURE, "warm", None)).quarantined == 1
    assert curve(plant, box) == before


def test_an_identity_of_the_past_is_found(plant: Database, box: Box, gap: Gap) -> None:
    serial = TagBindingSpec(f"{PRESS}.Serial", "identity", PRESS, what="serial")
    plant.write_now(put_tag_bindings, actor=None, bridge_id=BRIDGE, bindings=[serial])
    late(box, gap, (f"{PRESS}.Serial", "S-7", gap.from_at_us + SECOND))
    window = {"tag_pk": pk_of(plant, f"{PRESS}.Serial"), "from_us": 0, "to_us": box.at_us()}
    assert [(t.at_us, t.text) for t in plant.read_now(list_texts, **window)] == [(gap.from_at_us + SECOND, "S-7")]


def test_the_past_keeps_no_machine_unknown(plant: Database, box: Box, gap: Gap) -> None:
    """However much of it comes in one batch: the present was told before."""
    plant.write_now(lambda uow: uow.driver_write("UPDATE bridge SET silent_since_us = 1", ()), actor=None)
    late(box, gap, *((TEMPERATURE, 20.0, gap.from_at_us + n * 1000) for n in range(1, 2000)))

    def silent(session: ReadSession) -> int | None:
        return session.execute(text("SELECT silent_since_us FROM bridge")).scalar_one()  # type: ignore[no-any-return]

    assert plant.read_now(silent) is None


def counted(plant: Database) -> tuple[Decimal, Decimal | None]:
    def read(session: ReadSession) -> tuple[Decimal, Decimal | None]:
        rows = session.execute(text("SELECT low_e6, high_e6 FROM count_fact")).all()
        high = None if any(row[1] is None for row in rows) else Decimal(sum(row[1] for row in rows)) / 10**6
        return Decimal(sum(row[0] for row in rows)) / 10**6, high

    return plant.read_now(read)
