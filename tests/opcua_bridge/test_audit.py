"""What was told of each tag, whichever way the blocks came."""

from __future__ import annotations

from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from opcua_bridge.audit import Audit
from standards.lineside.ingest_v1 import Samples

BAD = 0x80310000
SHAPES = [(["a", "b"], [0, 1]), (["a", "b"], [0, 1, 0]), (["b", "c"], [1, 0]), (["c"], [0])]
blocks = st.sampled_from(SHAPES).flatmap(
    lambda shape: st.builds(
        lambda values, statuses: Samples(shape[0], shape[1], values, 9, [], statuses),
        st.lists(st.integers(0, 3), min_size=len(shape[1]), max_size=len(shape[1])),
        st.just([]) | st.lists(st.sampled_from([0, BAD]), min_size=len(shape[1]), max_size=len(shape[1])),
    )
)


def reading(told: dict[str, int | None]) -> dict[str, ua.DataValue]:
    """What a machine would answer of which this was told; None: bad."""
    return {
        tag: ua.DataValue(ua.Variant(v or 0, ua.VariantType.Int32), ua.StatusCode(BAD if v is None else 0))
        for tag, v in told.items()
    }


@given(st.lists(blocks))
def test_what_was_told_last_is_what_counts(found: list[Samples]) -> None:
    audit = Audit()
    told: dict[str, int | None] = {}
    for block in found:
        audit.note(block)
        for place, (tag, value) in enumerate(zip(block.tag, block.value, strict=True)):
            assert isinstance(value, int)
            told[block.tags[tag]] = None if block.status and block.status[place] >> 31 else value
    other = dict.fromkeys(told, 9)
    for _ in range(2):
        assert audit.judge(reading(told), (1, 2)) == []
    assert audit.judge(reading(other), (3, 4)) == []
    assert sorted(audit.judge(reading(other), (3, 4))) == sorted(told)
    assert all(audit.clean_at(tag) == (1, 2) for tag in told)


def test_what_is_told_between_two_looks_is_not_silent() -> None:
    audit = Audit()
    first = Samples(["a"], [0], [1], 9)
    audit.note(first)
    assert audit.judge(reading({"a": 2}), (1, 2)) == []
    audit.note(Samples(first.tags, first.tag, [3], 9))
    assert audit.judge(reading({"a": 2}), (1, 2)) == []
    audit.drop("a")
    assert audit.judge(reading({"a": 2}), (1, 2)) == []
    assert audit.judge(reading({"a": 2}), (1, 2)) == []


def test_of_another_subscription_everything_is_told_anew() -> None:
    audit = Audit()
    audit.note(Samples(["a"], [0], [1], 9))
    audit.forget()
    for _ in range(3):
        assert audit.judge(reading({"a": 2}), (1, 2)) == []


def test_what_was_only_read_is_silent_too_once_it_differs_and_what_was_told_counts_more() -> None:
    """A bridge that takes over a subscription is told nothing of what does not change."""
    audit = Audit()
    audit.begin((1, 2))
    audit.begin((5, 6))
    audit.note(Samples(["told"], [0], [1], 9))
    for tag, value in reading({"told": 3, "read": 3}).items():
        audit.note_reading(tag, value)
    assert audit.judge(reading({"told": 1, "read": 4}), (7, 8)) == []
    assert audit.judge(reading({"told": 1, "read": 4}), (9, 10)) == ["read"]
    assert (audit.clean_at("read"), audit.clean_at("told")) == ((1, 2), (9, 10))
