"""What was measured where a unit was, while it was there: windows as rules, answers on both databases."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from mes.access.errors import SignatureNeeded
from mes.access.queries import get_access_policy
from mes.access.service import create_principal, put_access_policy
from mes.access.signatures.service import record_signature
from mes.access.signatures.types import Meaning
from mes.access.types import AccessPolicy, Role, SignedAct
from mes.definitions.service import put_definitions, put_work_masters
from mes.definitions.types import DataType, DefinitionSpec, ParameterLimit, SegmentSpec, WorkMasterSpec
from mes.edge.service import put_tag_bindings
from mes.edge.types import TagBindingSpec
from mes.equipment.service import put_equipment
from mes.equipment.types import EquipmentSpec
from mes.genealogy.process_values.queries import list_process_values
from mes.genealogy.process_values.rules import judged_of, known_of, limit_of, stays_of, tags_at
from mes.genealogy.process_values.types import SIDE_US, Judged, Known, Limit, Measured, Place, Scan, Stay
from mes.genealogy.queries import get_as_built, get_difference
from mes.genealogy.service import record_genealogy, reverse_act
from mes.genealogy.statements import ACTS_OF_LOTS, key_text, load_lot_keys
from mes.genealogy.types import Act, ActKind, Link, LinkKind, NewLot, Recording
from mes.history.sealer import Sealer
from mes.history.service import set_retention
from mes.history.types import Held, Retention
from mes.kernel.db import Database, ReadSession
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import UnitOfWork
from mes.materials.service import release_lots, set_disposition
from mes.orders.service import submit_operations_request
from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.isa95.material import Disposition
from tests.conftest import SettableClock
from tests.support.plants import BRIDGE, CELL, LINE, PRESS, Box

S: Final = 1_000_000
OVEN, ENTRY = "LINE-OVEN", "LINE-ENTRY"
ZONE = f"{OVEN}.Zone"
PLACES = {pk: Place(pk, center, center) for pk, center in ((1, 10), (2, 10), (3, 20))} | {10: Place(10, None, 10)}
NOW_US: Final = 10**12


# -- windows


SCANS = st.lists(
    st.builds(
        Scan,
        lot_pk=st.integers(1, 2),
        equipment_pk=st.sampled_from([1, 2, 3, 10]),
        at_us=st.integers(0, 3 * SIDE_US),
        piece_before_us=st.none() | st.integers(0, 3 * SIDE_US),
        piece_after_us=st.none() | st.integers(0, 3 * SIDE_US),
    ),
    max_size=8,
)


@given(SCANS)
def test_a_window_holds_its_scan_and_no_other_one_of_the_lot(scans: list[Scan]) -> None:
    for stay in stays_of(scans, PLACES, NOW_US):
        its = sorted(scan.at_us for scan in scans if scan.lot_pk == stay.lot_pk)
        assert 0 <= stay.from_us < stay.to_us <= NOW_US
        if not stay.scanned:
            assert {stay.from_us, stay.to_us} <= set(its)
            continue
        inside = {at_us for at_us in its if stay.from_us < at_us < stay.to_us}
        here = {s.at_us for s in scans if (s.lot_pk, s.equipment_pk) == (stay.lot_pk, stay.equipment_pk)}
        assert len(inside) <= 1
        assert any(stay.from_us <= at_us <= stay.to_us for at_us in here)
        assert stay.to_us - stay.from_us <= 2 * SIDE_US


@given(SCANS)
def test_every_scan_has_a_window_and_the_order_they_come_in_is_nothing(scans: list[Scan]) -> None:
    found = stays_of(scans, PLACES, NOW_US)
    assert sorted(found, key=repr) == sorted(stays_of(scans[::-1], PLACES, NOW_US), key=repr) or len(
        {(scan.lot_pk, scan.at_us) for scan in scans}
    ) < len(scans)
    for scan in scans:
        near = (stay for stay in found if stay.scanned and stay.lot_pk == scan.lot_pk)
        here = [one for one in near if one.equipment_pk == scan.equipment_pk]
        assert any(one.from_us <= scan.at_us <= one.to_us for one in here)


def test_a_window_ends_with_the_next_piece_and_the_lots_next_scan() -> None:
    scans = [Scan(1, 1, 100 * S, None, 40 * S, 130 * S), Scan(1, 2, 160 * S), Scan(1, 3, 500 * S)]
    assert [(s.equipment_pk, s.from_us // S, s.to_us // S, s.scanned) for s in stays_of(scans, PLACES, 600 * S)] == [
        (1, 40, 130, True),
        (2, 100, 500, True),
        (3, 160, 600, True),
        (10, 100, 160, False),
    ]


def test_who_comes_to_the_same_machine_again_comes_to_the_line_again() -> None:
    scans = [Scan(1, 1, 100), Scan(1, 2, 200), Scan(1, 1, 9_000), Scan(1, 2, 9_300), Scan(1, 3, 9_900)]
    runs = [(s.from_us, s.to_us) for s in stays_of(scans, PLACES, NOW_US) if not s.scanned]
    assert runs == [(100, 200), (9_000, 9_300)]


def test_a_machine_that_reads_has_its_own_window_and_the_others_have_the_lines() -> None:
    tags = [Measured(pk, f"T{pk}", "", "", place, 0) for pk, place in PLACES.items()]
    module = Measured(7, "T7", "", "", Place(30, 1, 10), 0)
    oven = Measured(8, "T8", "", "", Place(31, 10, 10), 0)
    at_1, in_line = Stay(1, 1, 0, 1, None, scanned=True), Stay(1, 10, 0, 1, None, scanned=False)
    assert [tag.pk for tag in tags_at(at_1, [*tags, module, oven], {1, 2})] == [1, 7]
    assert [tag.pk for tag in tags_at(in_line, [*tags, module, oven], {1, 2})] == [10, 8]


@pytest.mark.parametrize(
    ("parameter", "unit", "named"),
    [
        ("LINE.zone 1", "", True),
        ("ZONE 1", "Cel", True),
        ("peak", "", True),
        ("zone", "", False),
        ("peak", "K", False),
    ],
)
def test_a_parameter_names_a_value(parameter: str, unit: str, *, named: bool) -> None:
    tag = Measured(1, "Line.Zone 1", "Peak", "Cel", PLACES[1], 0)
    limit = Limit(parameter, unit, Decimal(1), None)
    assert limit_of(tag, [limit]) == (limit if named else None)


@pytest.mark.parametrize(
    ("low", "high", "known", "judged"),
    [
        (None, None, Known.all, None),
        ("1.5", "2.5", Known.all, Judged.within),
        ("1.5", "2.5", Known.part, Judged.not_known),
        ("1.6", None, Known.part, Judged.outside),
        (None, "2.4", Known.all, Judged.outside),
    ],
)
def test_what_is_not_all_known_is_never_said_to_be_within(
    low: str | None, high: str | None, known: Known, judged: Judged | None
) -> None:
    limit = Limit("p", "", None if low is None else Decimal(low), None if high is None else Decimal(high))
    assert judged_of(Held(1, 1.5, 2.5, 2.0, 2.0, 1, whole_minutes=False), known, limit) == judged
    assert judged_of(None, Known.none, limit) in (None, Judged.not_known)


def test_what_is_older_than_history_is_kept_is_said_to_be_gone() -> None:
    stay, day_us = Stay(1, 1, 0, 10, None, scanned=True), 86_400 * S
    assert known_of(None, stay, Retention(1, 10), 10 * day_us) is Known.none
    assert known_of(None, stay, Retention(1, 10), 10 * day_us + 10) is Known.not_kept


# -- answers


@pytest.fixture
def sealer(database: Database) -> Iterator[Sealer]:
    sealer = Sealer(database, breathe=lambda: None)
    yield sealer
    sealer.close()


class Line:
    """Two panels through a line whose oven reads nothing; one is split, its board goes on to the press."""

    def __init__(self, box: Box, clock: SettableClock) -> None:
        self.box, self.clock, self.database = box, clock, box.database
        self.begin_us = to_us(clock.at)
        write = self.database.write_now
        specs = [EquipmentSpec(name, EquipmentLevel.WorkCell, LINE) for name in (ENTRY, OVEN)]
        write(put_equipment, actor=None, specs=specs)
        bindings = [
            TagBindingSpec(ZONE, "measurement", OVEN, unit="Cel"),
            TagBindingSpec(f"{OVEN}.Recipe", "measurement", OVEN),
            TagBindingSpec(f"{CELL}.Light", "measurement", CELL, unit="lx"),
        ]
        write(put_tag_bindings, actor=None, bridge_id=BRIDGE, bindings=bindings)
        limits = {"zone": ParameterLimit(DataType.decimal, "Cel", Decimal(238), Decimal(245))}
        write(
            put_work_masters, actor=None, specs=[WorkMasterSpec("WM-LINE", parameters={"zone": "240"}, limits=limits)]
        )
        steps = (SegmentSpec("LINE", "WM-LINE", LINE), SegmentSpec("PRESS", "WM-PRESS", PRESS))
        write(put_definitions, actor=None, specs=[DefinitionSpec("BOARD-ROUTE", "BOARD", steps)])
        write(submit_operations_request, actor=None, id="PO-1", quantity=Decimal(16), material_id="BOARD")

    def at(self, second: float) -> int:
        return self.begin_us + round(second * S)

    def tell(self, tag: str, *values: tuple[float, Any]) -> None:
        for second, value in values:
            sample = self.box.sample(tag, value, self.at(second)) if value is not None else None
            self.box.say(sample or self.box.gap(self.at(second), self.at(second), [tag]))

    def passed(self, *scans: tuple[str, str, float, int]) -> None:
        job = {ENTRY: "PO-1-LINE", CELL: "PO-1-LINE", PRESS: "PO-1-PRESS"}
        acts = [Act(ActKind.passed, lot, self.at(second), place, seq, job[place]) for lot, place, second, seq in scans]
        self.database.write_now(record_genealogy, actor=None, recording=Recording(acts=acts))

    def built(self, lot_id: str) -> list[dict[str, Any]]:
        asked = {"lot_id": lot_id, "now_us": to_us(self.clock.at)}
        table = self.database.read_now(get_as_built, **asked).tables["process_values"]
        return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


@pytest.fixture
def line(box: Box, clock: SettableClock) -> Line:
    line = Line(box, clock)
    lots = [NewLot(name, "BOARD") for name in ("P1", "P2", "B1")]
    split = Recording(
        lots,
        [Act(ActKind.split, "B1", line.at(1), ENTRY)],
        [Link(0, "P1", "B1", kind=LinkKind.split)],
    )
    box.database.write_now(record_genealogy, actor=None, recording=split)
    clock.advance(minutes=20)
    line.tell(ZONE, (-300, 240), (30, 244), (70, None), (100, 246))
    line.tell(f"{OVEN}.Recipe", (-9, None), (0, "SAC305"))
    line.tell(f"{PRESS}.Temperature", (-4_000, 55.5))
    line.tell(f"{CELL}.Light", (900, 700))
    line.passed(("P1", ENTRY, 0, 1), ("P2", ENTRY, 60, 2), ("P1", CELL, 120, 1), ("P2", CELL, 150, 2))
    line.passed(("B1", PRESS, 600, 1))
    return line


def test_a_board_has_the_values_of_its_panel_and_a_gap_is_no_number(line: Line, sealer: Sealer) -> None:
    for turn in (lambda: None, sealer.seal, lambda: (line.clock.advance(hours=3), sealer.turn())):
        turn()
        found = {row["tag"]: row for row in line.built("B1")}
        assert sorted(found) == [f"{CELL}.Light", ZONE, f"{PRESS}.Temperature"]
        zone = found[ZONE]
        assert (zone["lot_id"], zone["equipment_id"], zone["scanned"]) == ("P1", OVEN, False)
        assert (zone["count"], zone["minimum"], zone["maximum"], zone["last"]) == (2, 240, 246, 246)
        assert zone["mean"] == pytest.approx((240 * 30 + 244 * 40 + 246 * 20) / 90, abs=1e-4)
        assert (zone["known"], zone["known_s"]) == ("part", pytest.approx(90, abs=0.001))
        assert (zone["parameter"], zone["low"], zone["high"], zone["judged"]) == ("zone", "238", "245", "outside")
        held = found[f"{PRESS}.Temperature"]
        assert (held["lot_id"], held["count"], held["mean"], held["last"]) == ("B1", 0, 55.5, 55.5)
        light = found[f"{CELL}.Light"]
        assert (light["scanned"], light["known"], light["known_s"]) == (True, "none", 0)
        assert (light["minimum"], light["maximum"], light["mean"], light["last"]) == (None,) * 4


def test_what_a_bridge_has_not_told_yet_is_not_known(line: Line) -> None:
    told_s = (to_us(line.clock.at) - line.begin_us) // S
    line.clock.advance(hours=2)
    line.passed(("P2", PRESS, told_s + 60, 2))
    row = next(row for row in line.built("P2") if row["tag"] == f"{PRESS}.Temperature")
    assert row["known"] == "part"
    assert row["known_s"] < told_s


def test_what_history_no_longer_keeps_is_said(line: Line, sealer: Sealer) -> None:
    line.clock.advance(hours=3)
    sealer.turn()
    line.database.write_now(set_retention, actor=None, samples_days=5, rollups_days=20)
    for days, known in ((7, "part"), (60, "not-kept")):
        line.clock.advance(days=days)
        sealer.forget()
        zone = next(row for row in line.built("P2") if row["tag"] == ZONE)
        assert zone["known"] == known
        assert zone["whole_minutes"] == (known == "part")


def test_a_pass_that_was_taken_back_measured_nothing_and_a_limit_is_said(line: Line) -> None:
    def some(session: ReadSession, *, limit: int) -> tuple[list[str], bool]:
        (root,) = load_lot_keys(session, ["P1"]).values()
        acts = ACTS_OF_LOTS.on(session, key_text(session, [root]))
        now_us = to_us(line.clock.at)
        found = list_process_values(session, acts=acts, root_pk=root, now_us=now_us, limit=limit)
        return [value.tag.tag for value in found.values], found.truncated

    assert line.database.read_now(some, limit=9) == ([ZONE, f"{CELL}.Light"], False)
    assert line.database.read_now(some, limit=2) == ([ZONE], True), "the recipe's name was looked at, too"
    acts = line.database.read_now(get_as_built, lot_id="P1").tables["acts"].rows
    (last,) = [row[0] for row in acts if (row[1], row[4]) == ("passed", CELL)]
    line.database.write_now(reverse_act, actor=None, request_id="r", act=last, reason="misread")
    assert line.database.read_now(some, limit=9) == ([], False)


def test_more_passes_are_no_more_statements(line: Line) -> None:
    asked: list[str] = []
    seen = lambda *told: asked.append(told[2])  # noqa: E731

    def count(session: ReadSession) -> tuple[int, int]:
        asked.clear()
        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", seen)
        try:
            (root,) = load_lot_keys(session, ["P1"]).values()
            acts = ACTS_OF_LOTS.on(session, key_text(session, [root]))
            found = list_process_values(session, acts=acts, root_pk=root, now_us=to_us(line.clock.at))
        finally:
            event.remove(engine, "before_cursor_execute", seen)
        return len(found.values), len(asked)

    few, statements = line.database.read_now(count)
    for n in range(6):
        line.passed(("P1", ENTRY, 200 + 30 * n, 10 + n), ("P1", CELL, 210 + 30 * n, 10 + n))
    many, again = line.database.read_now(count)
    assert (few, many > 5 * few) == (2, True)
    assert again == statements > 0


def test_two_units_are_compared_value_by_value(line: Line) -> None:
    asked = {"first_id": "B1", "second_id": "P2", "now_us": to_us(line.clock.at)}
    table = line.database.read_now(get_difference, **asked).tables["process_values"]
    found = {row[1]: row for row in table.rows}
    zone = found[ZONE]
    assert zone[:3] == (OVEN, ZONE, "Cel")
    assert zone[4] == pytest.approx((244 * 10 + 246 * 50) / 60, abs=1e-4)
    assert zone[5] == pytest.approx(zone[4] - zone[3])
    assert zone[6:] == ("part", "part")
    press = found[f"{PRESS}.Temperature"]
    assert press[3:] == (55.5, None, None, press[6], "")


def test_what_was_signed_of_a_unit_stands_in_its_record(line: Line) -> None:
    database = line.database
    who = database.write_now(
        create_principal, actor=None, principal_id="sven", role=Role.supervisor, display_name="Sven Hartmann"
    )
    policy = AccessPolicy(signed_acts=frozenset({SignedAct.release_lot}))
    version = database.read_now(get_access_policy).version
    database.write_now(put_access_policy, actor=None, policy=policy, version=version)
    for lot in ("P1", "P2"):
        held = {"lot_id": lot, "disposition": Disposition.Restricted, "reason": "scratched"}
        database.write_now(set_disposition, actor=None, **held)

    def release(uow: UnitOfWork, *, signature: bytes | None) -> None:
        uow.signature_sha256 = signature
        release_lots(uow, lot_ids=["P1", "P2"], reason="looked at")

    with pytest.raises(SignatureNeeded) as refused:
        database.write_now(release, actor=who, signature=None)
    key = hashlib.sha256(b"key").digest()
    act = {"token_sha256": key, "act_sha256": str(refused.value.extra["act_sha256"]), "meaning": Meaning.approved}
    database.write_now(record_signature, actor=who, **act)
    database.write_now(release, actor=who, signature=key)
    (row,) = database.read_now(get_as_built, lot_id="B1").tables["signatures"].rows
    assert row[1:6] == ("release-lot", "material-lot/P1", "approved", "sven", "Sven Hartmann")
    assert row[7] == "looked at"
