"""What goes goes in runs; the chain can be followed over them, whatever stays, and over nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mes.exchange.archive.rules import first_difference, runs_removed
from mes.exchange.archive.types import REMOVED_TYPES, Linked
from mes.kernel.chain import ChainCheck, Fault, FaultKind, link

BULK, KEPT = min(REMOVED_TYPES), "access.act-signed.v1"


def chain(goes: list[bool]) -> list[Linked]:
    rows: list[Linked] = []
    before = b""
    for seq, its in enumerate(goes, start=1):
        row = (seq, f"e{seq}", BULK if its else KEPT, *("",) * 3, None, "", 0, 0, None, None)
        before = link(before, row)
        rows.append((row, before))
    return rows


def stays(rows: list[Linked]) -> list[Linked]:
    return [found for found in rows if found[0][2] == KEPT]


@given(goes=st.lists(st.booleans(), max_size=30), at_once=st.integers(1, 31))
def test_the_chain_is_whole_over_what_went(goes: list[bool], at_once: int) -> None:
    rows = chain([*goes, False])
    runs = [run for start in range(0, len(rows), at_once) for run in runs_removed(rows[start : start + at_once])]
    gone = [seq for run in runs for seq in range(run.first, run.last + 1)]
    assert gone == [row[0] for row, _ in rows if row[2] == BULK]
    check = ChainCheck()
    check.follow(stays(rows), runs)
    check.end()
    assert (check.faults, check.removed, check.head.seq) == ([], sum(goes), len(rows))


@given(goes=st.lists(st.booleans(), min_size=1, max_size=30), data=st.data())
def test_what_no_run_covers_is_missing(goes: list[bool], data: st.DataObject) -> None:
    rows = chain([False, *goes, False])
    kept = stays(rows)
    lost = data.draw(st.sampled_from(kept[:-1]))[0][0]
    check = ChainCheck()
    check.follow([found for found in kept if found[0][0] != lost], runs_removed(rows))
    assert check.faults[0] == Fault(FaultKind.removed, lost, lost)


def test_a_difference_is_told_by_its_number() -> None:
    rows = chain([True, False, True])
    assert first_difference(rows, rows) == 0
    assert first_difference(rows, rows[:2]) == 3
    assert first_difference(rows, [rows[0], (rows[1][0], b"other"), rows[2]]) == 2
