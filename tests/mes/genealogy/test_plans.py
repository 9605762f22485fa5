"""How the databases go about it: by index, step by step, whatever the size. Not how long it takes."""

from __future__ import annotations

from typing import Any

import pytest

from mes.genealogy import statements
from mes.genealogy.at_station import statements as at_station
from mes.genealogy.errors import GenealogyTooLarge
from mes.genealogy.may_i.statements import FACTS
from mes.genealogy.process_values.statements import PIECES_AROUND
from mes.genealogy.queries import get_recall, list_shipped, trace_from, trace_used, walk
from mes.genealogy.service import record_genealogy
from mes.genealogy.types import Act, ActKind, Link, NewLot, Recording, Suspects
from mes.kernel.db import Database, ReadSession
from tests.support.plants import PRESS

STEPS = ("USED_IN", "USED_IN_LINKS", "MADE_OF_LINKS")


@pytest.fixture(scope="module")
def fan() -> Recording:
    """One lot into 3,000 units, each of them past a station."""
    names = [f"N{n}" for n in range(3_000)]
    return Recording(
        lots=[NewLot("ROOT", "BOARD", 10**12), *(NewLot(name, "BOARD") for name in names)],
        acts=[Act(ActKind.passed, name, n, PRESS, n + 1) for n, name in enumerate(names)],
        links=[Link(n, "ROOT", name) for n, name in enumerate(names)],
    )


@pytest.mark.parametrize("name", STEPS)
def test_a_step_goes_by_index_and_never_through_a_whole_table(plant: Database, fan: Recording, name: str) -> None:
    """On PostgreSQL with sequential scans as dear as in a large plant: no hash over a table is to be the way out."""
    plant.write_now(record_genealogy, actor=None, recording=fan)
    is_sqlite = plant.dialect == "sqlite"

    def plan(session: ReadSession) -> str:
        sql = getattr(statements, name).text(plant.dialect)
        keys = statements.key_text(session, range(1, 2_000))
        if is_sqlite:
            rows = session.driver_query(f"EXPLAIN QUERY PLAN {sql}", (keys, keys))
        else:
            session.driver_query("SELECT set_config('enable_seqscan', 'off', true)")
            rows = session.driver_query(f"EXPLAIN {sql}", (keys, keys))
        return "\n".join(str(row[-1]) for row in rows) + "\n"

    found = plant.read_now(plan)
    scans = (
        ("SCAN e\n", "SCAN m\n", "SCAN s\n", "SCAN genealogy") if is_sqlite else ("Seq Scan", "Hash J", "Merge Join")
    )
    assert not [scan for scan in scans if scan in found], found
    if name == "USED_IN":
        assert ("COVERING INDEX ix_genealogy_link_used" if is_sqlite else "Index Only Scan") in found
    if not is_sqlite:
        assert "InitPlan" in found, "a set as a constant is looked at key by key by the planner"
    if name == "MADE_OF_LINKS" and not is_sqlite:
        assert "pk_genealogy_link" in found, "by the index that begins with the child, with or without statistics"
        assert "ix_genealogy_act_lot" in found
        assert "AND (seq IS NOT NULL)" in found, "what passed nowhere needs no look at its acts"
    if name == "MADE_OF_LINKS" and is_sqlite:
        assert "SEARCH a USING INDEX ix_genealogy_act_lot (lot_pk=? AND seq>?)" in found
        assert "SEARCH m USING INDEX ix_slot_mount_slot (slot_pk=? AND from_seq<?)" in found


FOUND_BY = {
    "PASSES_OF_LOTS": ("a USING INDEX ix_genealogy_act_lot (lot_pk=? AND seq>?)", "ix_genealogy_act_lot"),
    "PARENTS_OF_LOTS": ("e USING PRIMARY KEY (child_pk=?)", "pk_genealogy_link"),
}


@pytest.mark.parametrize("name", ["LOT_ROWS", "GROUPS", "SHIPPED", *FOUND_BY])
def test_the_rows_of_an_answer_are_found_by_index_and_grouped_without_sorting(
    plant: Database, fan: Recording, name: str
) -> None:
    plant.write_now(record_genealogy, actor=None, recording=fan)

    def plan(session: ReadSession) -> str:
        sql = getattr(statements, name).text(plant.dialect)
        explain = "EXPLAIN QUERY PLAN" if plant.dialect == "sqlite" else "EXPLAIN"
        if plant.dialect == "postgresql":
            session.driver_query("SELECT set_config('enable_seqscan', 'off', true)")
        keys = statements.key_text(session, range(1, 2_000))
        rows = session.driver_query(f"{explain} {sql}", (keys, keys) if name == "SHIPPED" else (keys,))
        return "\n".join(str(row[-1]) for row in rows) + "\n"

    found = plant.read_now(plan)
    if name == "SHIPPED":
        assert "ix_material_lot_shipped" in found, found
        assert "hashed SubPlan" in found or plant.dialect == "sqlite", found
        return
    searched = FOUND_BY.get(name, ("l USING INTEGER PRIMARY KEY", "pk_material_lot"))
    assert searched[plant.dialect == "postgresql"] in found, found
    if name == "GROUPS" and plant.dialect == "postgresql":
        assert "HashAggregate" in found, found


def test_links_of_one_answer_are_bounded_and_a_cycle_never_goes_unseen_for_it(
    plant: Database, fan: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.write_now(record_genealogy, actor=None, recording=fan)
    monkeypatch.setattr(walk, "LINKS_MAX", 50)
    monkeypatch.setattr(walk, "KEYS_A_STATEMENT", 7)
    answer = plant.read_now(trace_used, lot_id="ROOT")
    assert (answer.facts["truncated"], len(answer.tables["links"].rows)) == ("links", 50)
    many = [Link(n, f"N{n}", "TOP") for n in range(60)]
    top = Recording([NewLot("TOP", "BOARD")], [Act(ActKind.consumed, "TOP", 0, note=str(n)) for n in range(60)], many)
    plant.write_now(record_genealogy, actor=None, recording=top)
    over = Recording(acts=[Act(ActKind.consumed, "TOP", 0)], links=[Link(0, "TOP", "N0")])
    with pytest.raises(GenealogyTooLarge):
        plant.write_now(record_genealogy, actor=None, recording=over)


@pytest.mark.parametrize(
    ("query", "asked", "most"),
    [
        (trace_from, {"lot_id": "N0"}, 5),
        (trace_used, {"lot_id": "ROOT"}, 5),
        (get_recall, {"suspects": Suspects(lot_ids=("ROOT",))}, 8),
        (list_shipped, {"lot_ids": ["ROOT"]}, 4),
    ],
)
def test_a_level_is_one_statement_whatever_the_size(
    plant: Database, fan: Recording, query: Any, asked: dict[str, Any], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two levels here; the lot, the rows of the answer and all their names take one each, in a recall what is in a
    carton and whose orders the jobs are as well."""
    plant.write_now(record_genealogy, actor=None, recording=fan)
    asking = ReadSession.driver_query
    count = 0

    def counted(session: ReadSession, *args: Any) -> list[Any]:
        nonlocal count
        count += 1
        return asking(session, *args)

    monkeypatch.setattr(ReadSession, "driver_query", counted)
    plant.read_now(query, **asked)
    assert count <= most


def test_the_neighbours_of_a_mount_are_found_by_index(plant: Database) -> None:
    """However many mounts a slot had."""

    def plan(session: ReadSession) -> str:
        sql, asked = statements.TOUCHING.text(plant.dialect), '[{"slot": 1, "first": 5, "last": 9}]'
        explain = "EXPLAIN QUERY PLAN" if plant.dialect == "sqlite" else "EXPLAIN"
        if plant.dialect == "postgresql":
            session.driver_query("SELECT set_config('enable_seqscan', 'off', true)")
        return "\n".join(str(row[-1]) for row in session.driver_query(f"{explain} {sql}", (asked,)))

    found = plant.read_now(plan)
    if plant.dialect == "sqlite":
        for condition in ("slot_pk=? AND from_seq>? AND from_seq<?", "slot_pk=? AND from_seq<?"):
            assert f"INDEX ix_slot_mount_slot ({condition})" in found, found
    else:
        assert found.count("using ix_slot_mount_slot on slot_mount") == 2, found
        assert "Seq Scan" not in found


def test_the_pieces_around_a_pass_are_found_by_index(plant: Database, fan: Recording) -> None:
    plant.write_now(record_genealogy, actor=None, recording=fan)

    def plan(session: ReadSession) -> str:
        explain = "EXPLAIN QUERY PLAN" if plant.dialect == "sqlite" else "EXPLAIN"
        if plant.dialect == "postgresql":
            session.driver_query("SELECT set_config('enable_seqscan', 'off', true)")
        asked = (statements.key_text(session, range(1, 2_000)),)
        rows = session.driver_query(f"{explain} {PIECES_AROUND[plant.dialect]}", asked)
        return "\n".join(str(row[-1]) for row in rows)

    found = plant.read_now(plan)
    assert found.count("INDEX ix_genealogy_act_pass (" if plant.dialect == "sqlite" else "ix_genealogy_act_pass") == 2
    assert "Sort" not in found
    assert "TEMP B-TREE" not in found


AT_STATION = {
    "LATELY": (1, 10),
    "VERDICTS_LATELY": (1, 10),
    "MOUNTED": (1,),
    "PARTS": (1, 10),
    "CONTENTS": (1, 10),
    "PACKED_IN": (1,),
    "ACTS_OF_UNIT": (1, 10),
    "PASSED_HERE": ("N1", "J", "R"),
    "HAS_VERDICT": ("N1",),
    "LAST_VERDICT": ("N1",),
    "ORDER_OF_UNIT": ("N1", "N1"),
}


@pytest.mark.parametrize("name", AT_STATION)
def test_what_a_station_asks_at_each_scan_goes_by_index(plant: Database, fan: Recording, name: str) -> None:
    plant.write_now(record_genealogy, actor=None, recording=fan)
    is_sqlite = plant.dialect == "sqlite"

    def plan(session: ReadSession) -> str:
        sql = getattr(at_station, name)
        if not is_sqlite:
            session.driver_query("SELECT set_config('enable_seqscan', 'off', true)")
        rows = session.driver_query(f"EXPLAIN {'QUERY PLAN ' if is_sqlite else ''}{sql}", AT_STATION[name])
        return "\n".join(str(row[-1]) for row in rows) + "\n"

    found = plant.read_now(plan)
    tables = ("genealogy_act", "genealogy_link", "slot_mount", "unit_verdict", "material_lot")
    scans = [f"SCAN {one}\n" for one in "aemovl"] if is_sqlite else [f"Seq Scan on {table}" for table in tables]
    assert not [scan for scan in scans if scan in found], found


def test_whether_a_station_records_is_seen_at_its_last_piece_not_by_reading_every_act(
    plant: Database, fan: Recording
) -> None:
    """PostgreSQL, with statistics, holds a station that never recorded for one whose first act it meets at once."""
    plant.write_now(record_genealogy, actor=None, recording=fan)
    is_sqlite = plant.dialect == "sqlite"
    if not is_sqlite:
        plant.write_now(lambda uow: uow.driver_execute("ANALYZE genealogy_act"), actor=None)

    def plan(session: ReadSession) -> list[str]:
        explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        return [str(row[-1]) for row in session.driver_query(f"{explain} {FACTS}", (PRESS, "N1", "N1"))]

    found = plant.read_now(plan)
    by_index = "SEARCH g USING" if is_sqlite else "Index Only Scan Backward using ix_genealogy_act_pass"
    assert [line for line in found if by_index in line], found
    assert not [line for line in found if "SCAN g" in line or "Seq Scan on genealogy_act g" in line], found


def test_mounts_that_no_longer_tell_are_found_by_index(plant: Database, fan: Recording) -> None:
    """Down from what changed, not through all mounts, nor through all links."""
    plant.write_now(record_genealogy, actor=None, recording=fan)

    def plan(session: ReadSession) -> str:
        explain = "EXPLAIN QUERY PLAN" if plant.dialect == "sqlite" else "EXPLAIN"
        if plant.dialect == "postgresql":
            session.driver_query("SELECT set_config('enable_seqscan', 'off', true)")
        keys = statements.key_text(session, [1, 2])
        rows = session.driver_query(f"{explain} {statements.MADE_FROM.text(plant.dialect)}", (keys, 9, 1_001))
        rows += session.driver_query(f"{explain} {statements.FORGET_BY_LOT.text(plant.dialect)}", (keys,))
        return "\n".join(str(row[-1]) for row in rows) + "\n"

    found = plant.read_now(plan)
    for index in ("ix_slot_mount_lot_pk", "ix_genealogy_link_used", "ix_genealogy_act_lot"):
        assert index in found, found
    assert not [scan for scan in ("SCAN e\n", "SCAN slot_mount", "Seq Scan", "Hash J", "Merge Join") if scan in found]
