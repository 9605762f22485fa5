"""What goes goes in runs; the chain can be followed over them, whatever stays, and over nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mes.exchange.archive.rules import first_difference, runs_removed
from mes.exchange.archive.types import REMOVED_TYPES, Linked
from mes.kernel.chain import EVENTS_REMOVED, ChainCheck, Fault, FaultKind, RemovedRun, link

BULK, KEPT = min(REMOVED_TYPES), "access.act-signed.v1"


def chain(goes: list[bool]) -> list[Linked]:
    """Events of which some go, and a last one that tells of it."""
    rows: list[Linked] = []
    before = b""
    types = [*(BULK if its else KEPT for its in goes), EVENTS_REMOVED]
    for seq, its in enumerate(types, start=1):
        told = f'{{"removed": {sum(goes)}}}' if its == EVENTS_REMOVED else "{}"
        row = (seq, f"e{seq}", its, "", "", told, None, "", 0, 0, None, None)
        before = link(before, row)
        rows.append((row, before))
    return rows


def stays(rows: list[Linked]) -> list[Linked]:
    return [found for found in rows if found[0][2] != BULK]


@given(goes=st.lists(st.booleans(), max_size=30), at_once=st.integers(1, 31))
def test_the_chain_is_whole_over_what_went(goes: list[bool], at_once: int) -> None:
    rows = chain(goes)
    runs = [run for start in range(0, len(rows), at_once) for run in runs_removed(rows[start : start + at_once])]
    gone = [seq for run in runs for seq in range(run.first, run.last + 1)]
    assert gone == [row[0] for row, _ in rows if row[2] == BULK]
    check = ChainCheck()
    check.follow(stays(rows), runs)
    check.end()
    assert (check.faults, check.removed, check.head.seq) == ([], sum(goes), len(rows))


@given(goes=st.lists(st.booleans(), min_size=1, max_size=30), data=st.data())
def test_what_no_run_covers_is_missing(goes: list[bool], data: st.DataObject) -> None:
    rows = chain([False, *goes])
    kept = stays(rows)
    lost = data.draw(st.sampled_from(kept[:-1]))[0][0]
    check = ChainCheck()
    check.follow([found for found in kept if found[0][0] != lost], runs_removed(rows))
    assert check.faults[0] == Fault(FaultKind.removed, lost, lost)


def test_a_difference_is_told_by_its_number() -> None:
    rows = chain([True, False, True])
    assert first_difference(rows, rows) == 0
    assert first_difference(rows[:3], rows[:2]) == 3
    assert first_difference(rows, [rows[0], (rows[1][0], b"other"), rows[2]]) == 2


def test_a_run_that_no_event_tells_of_is_no_archive() -> None:
    rows = chain([False, False, False])
    check = ChainCheck()
    check.follow([rows[0], *rows[2:]], [RemovedRun(2, 2, rows[1][1])])
    check.end()
    assert check.faults == [Fault(FaultKind.untold, 1, 4)]


def test_a_removal_that_was_changed_to_nonsense_breaks_no_check() -> None:
    rows = chain([True])
    changed = [*rows[-1][0]]
    for changed[5] in ("nonsense", "{}", "[]", '{"removed": null}'):
        check = ChainCheck()
        check.follow([(changed, rows[-1][1])], runs_removed(rows))
        check.end()
        assert [fault.kind for fault in check.faults] == [FaultKind.changed, FaultKind.untold]
