"""The chain of hashes: whatever is done to a record afterwards shows, and where."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mes.kernel.chain import Anchor, ChainCheck, Fault, FaultKind, link

Row = tuple[list[Any], bytes | None]
TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=10)


def event(seq: int, text: str = "", origin: str | None = None) -> list[Any]:
    return [seq, f"id-{seq}", "tally.moved.v1", "tally", "a", json.dumps({"t": text}), 7, text, seq, seq, origin, None]


def chained(count: int) -> list[Row]:
    rows: list[Row] = []
    previous = b""
    for seq in range(1, count + 1):
        row = event(seq, origin="o" if seq % 2 else None)
        previous = link(previous, row)
        rows.append((row, previous))
    return rows


def faults(rows: list[Row], **asked: Any) -> list[Fault]:
    check = ChainCheck(**asked)
    check.follow(rows)
    check.end()
    return check.faults


@given(st.integers(1, 20), st.data())
def test_one_change_shows_where_it_was_made(count: int, data: st.DataObject) -> None:
    rows = chained(count)
    assert faults(rows) == []
    at = data.draw(st.integers(0, count - 1))
    column = data.draw(st.integers(1, 11))
    row = list(rows[at][0])
    row[column] = "other"
    rows[at] = (row, rows[at][1])
    assert faults(rows) == [Fault(FaultKind.changed, at + 1)]


@given(st.integers(3, 20), st.data())
def test_what_was_removed_is_named(count: int, data: st.DataObject) -> None:
    rows = chained(count)
    first = data.draw(st.integers(2, count - 1))
    last = data.draw(st.integers(first, count - 1))
    assert faults(rows[: first - 1] + rows[last:]) == [Fault(FaultKind.removed, first, last)]


@given(TEXTS, st.one_of(st.none(), TEXTS))
def test_a_link_is_what_the_handbook_says(text: str, origin: str | None) -> None:
    """As an auditor would compute it, with what every Python has."""
    row = event(1, text, origin)
    said = row if origin is not None else row[:10]
    written = json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()
    assert link(b"before", row) == hashlib.sha256(b"before" + written).digest()


def test_an_event_between_two_others_shows() -> None:
    rows = chained(4)
    assert faults([rows[0], rows[1], (event(2, "another"), None), *rows[2:]]) == [Fault(FaultKind.added, 2)]
    assert faults([(event(-1), None), *rows]) == [Fault(FaultKind.added, -1)]


def test_a_link_that_was_taken_away_shows_and_the_rest_still_holds() -> None:
    rows = chained(5)
    rows[2] = (rows[2][0], None)
    assert faults(rows) == [Fault(FaultKind.unlinked, 3)]
    rows[2] = (event(3, "another"), None)
    assert faults(rows) == [Fault(FaultKind.unlinked, 3), Fault(FaultKind.changed, 4)]


def test_a_chain_cannot_be_said_to_begin_later() -> None:
    rows = chained(4)
    assert faults([(row, None) for row, _ in rows[:2]] + rows[2:]) == [Fault(FaultKind.changed, 3)]


def test_events_before_the_chain_are_not_part_of_it() -> None:
    first: Row = (event(1), None)
    row = event(2)
    check = ChainCheck()
    check.follow([first, (row, link(b"", row))])
    check.end()
    assert (check.faults, check.begun_at, check.count) == ([], 2, 2)


def test_what_was_noted_shows_a_record_that_was_written_anew() -> None:
    noted = chained(5)[3][1] or b""
    anew: list[Row] = []
    previous = b""
    for seq in range(1, 6):
        row = event(seq, "another past")
        previous = link(previous, row)
        anew.append((row, previous))
    assert faults(anew) == []
    assert faults(anew, noted={4: noted}) == [Fault(FaultKind.another, 4)]
    assert faults(chained(2), noted={4: noted}) == [Fault(FaultKind.removed, 3, 4)]


def test_a_part_is_followed_from_where_it_goes_on() -> None:
    rows = chained(6)
    assert faults(rows[3:], after=Anchor(3, rows[2][1] or b"")) == []
    assert faults(rows[3:], after=Anchor(3, b"x" * 32)) == [Fault(FaultKind.changed, 4)]
    assert faults(rows[3:]) == [Fault(FaultKind.removed, 1, 3), Fault(FaultKind.changed, 4)]


def test_faults_are_counted_beyond_those_that_are_kept() -> None:
    rows = [(event(seq), b"x" * 32) for seq in range(1, 40)]
    check = ChainCheck()
    check.follow(rows)
    assert (len(check.faults), check.more) == (20, 19)
