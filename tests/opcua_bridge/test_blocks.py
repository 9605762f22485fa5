"""Blocks: the values of a notification by tag, each once, in their order, small enough for a batch."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opcua_bridge.blocks import BLOCK_MAX, Naming, known_tags, thinned
from opcua_bridge.deadband import Deadband
from opcua_bridge.decoder import FILETIME_1970, Changes
from opcua_bridge.tag_map import Tag, TagClass
from standards.lineside.ingest_v1 import Sample, Samples, numbers_of, samples_of
from standards.opcua.status import Quality

NOW_US = 1_795_000_000_000_000
BAD = 0x80310000
NAMES = {number: f"T{number}" for number in range(5)}


def filetime(at_us: int) -> int:
    return at_us * 10 + FILETIME_1970


def changes_of(rows: list[tuple[int, int, int, int]]) -> Changes:
    """Handle, value, status, source time in µs (0: none)."""
    handles, values, statuses, times = zip(*rows, strict=True) if rows else ((), (), (), ())
    sources = [filetime(at) if at else 0 for at in times]
    return Changes(handles, [6] * len(rows), values, statuses if any(statuses) else (), sources)


rows = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.integers(-9, 9),
        st.sampled_from([0, 0, BAD, 0x480, 0x40000000]),
        st.sampled_from([0, NOW_US - 5, NOW_US, NOW_US + 7, 1]),
    ),
    max_size=40,
)


@given(rows)
def test_every_value_of_a_known_handle_comes_once_in_order_and_nothing_else(
    found: list[tuple[int, int, int, int]],
) -> None:
    blocks = Naming(NAMES).blocks(changes_of(found), observed_at_us=NOW_US)
    samples = [sample for block in blocks for sample in samples_of(block)]
    assert [(s.tag, s.value, s.status) for s in samples] == [(NAMES[h], v, c) for h, v, c, _ in found if h in NAMES]
    times = [None if at <= 1 else at for h, _, _, at in found if h in NAMES]
    assert [s.source_at_us for s in samples] == times
    assert [s.overflow for s in samples] == [c == 0x480 for h, _, c, _ in found if h in NAMES]


def test_a_value_without_a_time_of_its_own_has_its_servers() -> None:
    """A gateway that cannot reach its controller says so like this: it is the machine's word, not the bridge's."""
    sources, servers = (0, filetime(NOW_US - 7)), (filetime(NOW_US - 3), filetime(NOW_US - 2))
    for told, expected in ((sources, [NOW_US - 3, NOW_US - 7]), ((), [NOW_US - 3, NOW_US - 2])):
        changes = Changes((1, 2), [6, 6], (None, 5), (BAD, 0), told, servers)
        [block] = Naming(NAMES).blocks(changes, observed_at_us=NOW_US)
        assert [s.source_at_us for s in samples_of(block)] == expected


def test_the_same_items_again_are_named_as_before_and_other_names_anew() -> None:
    naming = Naming(NAMES)
    first = changes_of([(1, 10, 0, NOW_US), (2, 20, 0, NOW_US)])
    assert [s.tag for s in samples_of(naming.blocks(first, observed_at_us=NOW_US)[0])] == ["T1", "T2"]
    again = Changes(first.handles, first.kinds, (11, 21))
    assert [(s.tag, s.value) for s in samples_of(naming.blocks(again, observed_at_us=NOW_US)[0])] == [
        ("T1", 11), ("T2", 21),
    ]  # fmt: skip
    other = Changes(first.handles, [11, 11], (1.5, 2.5))
    assert naming.blocks(other, observed_at_us=NOW_US)[0].data_types == ["Double", "Double"]


def test_more_than_a_batch_takes_are_several_blocks_one_after_the_other_in_time() -> None:
    """A tag's values stay in the machine's order, even where its clock was set back."""
    count = BLOCK_MAX // 2 + 10
    stamps = [NOW_US + n for n in range(count)]
    stamps[7] = NOW_US - 1_000
    found = [(1, n, 0, stamps[n]) for n in range(count)] + [(2, n, 0, NOW_US + n) for n in range(count)]
    blocks = Naming(NAMES).blocks(changes_of(found), observed_at_us=NOW_US)
    assert [numbers_of(block) for block in blocks] == [BLOCK_MAX, 20]
    by_tag = defaultdict(list)
    for block in blocks:
        for sample in samples_of(block):
            by_tag[sample.tag].append(sample.value)
    assert by_tag == {"T1": list(range(count)), "T2": list(range(count))}
    assert {sample.value for sample in samples_of(blocks[1])} == set(range(count - 10, count))


def test_thinned_keeps_what_belongs_together() -> None:
    block = Samples(["a", "b", "c"], [0, 1, 2, 1], [1, 2, 3, 4], 9, [5, 6, 7, 8], [0, BAD, 0, 0], ["Int32"] * 3)
    left = thinned(block, [False, True, False, True])
    assert left == Samples(["b"], [0, 0], [2, 4], 9, [6, 8], [BAD, 0], ["Int32"])
    assert thinned(block, [False] * 4) is None
    assert thinned(block, [True] * 4) is block


def test_a_tag_is_known_by_a_value_that_is_not_bad() -> None:
    assert known_tags(Samples(["a", "b"], [0, 1, 1], [1, 2, 3], 9, [], [BAD, BAD, 0])) == {"b"}


@pytest.mark.parametrize(
    "block",
    [
        lambda: Samples(["a"], [0, 0], [1], 9),
        lambda: Samples(["a"], [1], [1], 9),
        lambda: Samples(["a"], [-1], [1], 9),
        lambda: Samples(["a"], [0], [1], 9, [1, 2]),
        lambda: Samples(["a"], [0], [1], 9, [], [2**32]),
        lambda: Samples(["a"], [0], [1], 9, [], [], ["Int32", "Int32"]),
    ],
)
def test_columns_that_do_not_fit_together_are_no_block(block: object) -> None:
    with pytest.raises(ValueError, match=r"columns|range|fit"):
        block()  # type: ignore[operator]


def small(value: float, status: int = 0) -> Samples:
    return Samples(["a", "b"], [0, 1], [value, value], 9, [], [status, 0] if status else [])


def passed(deadband: Deadband, block: Samples, now: float) -> list[Sample]:
    left = deadband.without_noise(block, now)
    return [] if left is None else samples_of(left)


def test_a_small_change_is_not_passed_on_until_the_last_one_is_old_or_its_quality_changes() -> None:
    deadband = Deadband([Tag("a", "i=1", TagClass.measurement, 0.5, 10.0), Tag("b", "i=2", TagClass.measurement)])
    assert [s.tag for s in passed(deadband, small(1.0), 0.0)] == ["a", "b"]
    assert [s.tag for s in passed(deadband, small(1.4), 1.0)] == ["b"]
    assert [s.tag for s in passed(deadband, small(1.6), 2.0)] == ["a", "b"]
    assert [s.tag for s in passed(deadband, small(1.6), 12.5)] == ["a", "b"]
    assert passed(deadband, small(1.6, BAD), 13.0)[0].quality is Quality.bad
    deadband.forget()
    assert [s.tag for s in passed(deadband, small(1.6, BAD), 13.0)] == ["a", "b"]
