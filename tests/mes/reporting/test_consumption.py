"""What a report says of lots that went into a job's pieces, and that a later word about them is a new version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from mes.access.privacy.service import put_privacy_policy
from mes.access.privacy.types import PerformanceByPerson, PrivacyPolicy
from mes.access.service import create_principal
from mes.access.types import Role
from mes.genealogy.service import (
    mount_lot,
    record_genealogy,
    record_pass,
    remove_part,
    replace_part,
    reverse_act,
    unmount_lot,
)
from mes.genealogy.types import OPEN_SEQ, Act, ActKind, Link, LinkKind, Mount, NewLot, Recording
from mes.kernel.db import Database, ReadSession
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import UnitOfWork
from mes.materials.service import put_lots
from mes.materials.types import LotKind, LotSpec
from mes.reporting import service
from mes.reporting.queries import list_operations_performance
from mes.reporting.rules import LOTS_TOLD_MAX, Consumption, told_consumption
from mes.reporting.service import publish_due_reports
from mes.reporting.statements import MOUNTED
from tests.conftest import SettableClock
from tests.mes.orders.acts import Acts, build_benches
from tests.support.ticks import tick

JOB, PLACE = "LO-1-FIT", "FITTER"
Used = dict[str, str]


@dataclass
class Floor:
    """A job at the fitting bench that has begun, and three lots of screws."""

    plant: Database
    clock: SettableClock
    acts: Acts
    told: int = 0

    def publish(self) -> list[dict[str, Any]]:
        """What the ERP is told of the job now that it was not told before."""
        self.clock.advance(seconds=15)
        tick(self.plant, publish_due_reports)
        entries = self.plant.read_now(list_operations_performance, after=self.told, limit=1000)
        self.told = entries[-1].cursor if entries else self.told
        said = [entry.content["job_response"] for entry in entries]
        return [response for response in said if response["id"] == JOB]

    def used(self, version: int) -> Used:
        """What the one new version says was used, by lot."""
        (report,) = self.publish()
        assert report["version"] == version
        return {one["material_lot_id"]: one["quantity"] for one in report["material_actual"] if is_used(one)}

    def record(self, act: Act, links: Sequence[Link], *lots: NewLot, actor: int | None = None) -> int:
        recording = Recording(lots, [act], links)
        return int(self.plant.write_now(record_genealogy, actor=actor, recording=recording).first_act)

    def act(self, kind: ActKind, lot_id: str, place: str = PLACE) -> Act:
        return Act(kind, lot_id, to_us(self.clock()), place, None, JOB)


def is_used(actual: dict[str, Any]) -> bool:
    return bool(actual["use"] == "Consumed")


@pytest.fixture
def floor(plant: Database, clock: SettableClock) -> Floor:
    plant.write_now(build_benches, actor=None)
    acts = Acts(plant)
    acts.release(*acts.submit("LO-1", 4))
    acts.make("LO-1-CUT", 4)
    acts.start(JOB)
    acts.do(put_lots, specs=[LotSpec(name, "SCREW", Decimal(50), "pcs") for name in ("S-1", "S-2", "S-3")])
    floor = Floor(plant, clock, acts)
    floor.publish()
    return floor


def finish(floor: Floor) -> None:
    floor.acts.good(JOB, 4)
    floor.acts.complete(JOB)


class TestScanned:
    def test_a_report_names_lots_people_and_places_and_what_comes_late_is_a_version(self, floor: Floor) -> None:
        floor.acts.do(put_privacy_policy, policy=PrivacyPolicy(PerformanceByPerson.ids), version=0)
        ada = floor.acts.do(create_principal, principal_id="ada", role=Role.operator, display_name="Ada")
        lamps = NewLot("LAMPS", "LAMP", 4_000_000, LotKind.lot, JOB)
        links = [Link(0, "S-1", "LAMPS", 3_500_000), Link(0, "S-2", "LAMPS", 1_000_000)]
        done = floor.record(floor.act(ActKind.consumed, "LAMPS", "MENDER"), links, lamps, actor=ada)
        finish(floor)
        (report,) = floor.publish()
        assert [one for one in report["material_actual"] if is_used(one)] == [
            {
                "material_id": "SCREW",
                "material_lot_id": lot_id,
                "use": "Consumed",
                "unit": "pcs",
                "quantity": quantity,
                "quantity_upper": quantity,
                "exact": True,
            }
            for lot_id, quantity in (("S-1", "3.5"), ("S-2", "1"))
        ]
        assert report["personnel_actual"] == [{"person_id": "ada"}, {"quantity": "15", "unit": "s"}]
        assert report["equipment_actual"] == [{"equipment_id": PLACE}, {"equipment_id": "MENDER"}]
        assert floor.publish() == []

        floor.record(floor.act(ActKind.consumed, "LAMPS"), [Link(0, "S-3", "LAMPS", 2_000_000)])
        assert floor.used(version=2) == {"S-1": "3.5", "S-2": "1", "S-3": "2"}
        floor.acts.do(reverse_act, request_id="never", act=done, reason="another box")
        assert floor.used(version=3) == {"S-3": "2"}
        assert floor.publish() == []

    def test_a_part_taken_out_and_put_back(self, floor: Floor) -> None:
        board = NewLot("B-1", "SCREW")
        lamp = NewLot("L-1", "LAMP", job_id=JOB)
        act = floor.act(ActKind.installed, "L-1")
        floor.record(act, [Link(0, "B-1", "L-1", 1_000_000, LinkKind.installed)], board, lamp)
        finish(floor)
        assert floor.used(version=1) == {"B-1": "1"}
        out = floor.acts.do(remove_part, request_id="out", unit_id="L-1", part_id="B-1")
        assert floor.used(version=2) == {}
        floor.acts.do(reverse_act, request_id="in-again", act=out, reason="wrong lamp")
        assert floor.used(version=3) == {"B-1": "1"}
        floor.record(Act(ActKind.moved, "B-1", to_us(floor.clock())), [], NewLot("B-2", "SCREW"))
        floor.acts.do(replace_part, request_id="new", unit_id="L-1", part_id="B-1", new_part_id="B-2")
        assert floor.used(version=4) == {}


class TestMounted:
    def test_what_was_taken_out_long_ago_is_not_looked_at(self, sqlite_database: Database) -> None:
        def plan(session: ReadSession) -> list[str]:
            return [row[3] for row in session.driver_query(f"EXPLAIN QUERY PLAN {MOUNTED}", (1,) * 8)]

        mounts = [step for step in sqlite_database.read_now(plan) if "ix_slot_mount_until" in step]
        assert [step.partition("(")[2] for step in mounts] == [
            "equipment_pk=? AND until_us=?)",
            "equipment_pk=? AND until_us>?)",
        ]

    def test_what_is_put_right_about_a_mount_is_a_version(self, floor: Floor) -> None:
        slot = {"equipment_id": PLACE, "slot_id": "1"}
        mounted = floor.acts.do(mount_lot, request_id="m", lot_id="S-1", quantity_per_e6=2_000_000, **slot)
        for number in range(4):
            floor.clock.advance(seconds=1)
            passed = {"equipment_id": PLACE, "job_id": JOB, "material_id": "LAMP"}
            floor.acts.do(record_pass, request_id=f"p-{number}", lot_id=f"D-{number}", **passed)
        finish(floor)
        assert floor.used(version=1) == {"S-1": "8"}
        taken = floor.acts.do(unmount_lot, request_id="u", seq=3, **slot)
        assert floor.used(version=2) == {"S-1": "4"}
        floor.acts.do(reverse_act, request_id="still-in", act=taken, reason="it was the other slot")
        assert floor.used(version=3) == {"S-1": "8"}
        floor.acts.do(reverse_act, request_id="never-in", act=mounted, reason="it was the other slot")
        assert floor.used(version=4) == {}

    def test_a_lot_that_many_jobs_took_of_is_told_in_portions(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(service, "REPORTS_MAX", 5)
        monkeypatch.setattr(service, "JOBS_AT_ONCE", 20)
        finish(floor)
        floor.publish()
        copies = 50

        def many(uow: UnitOfWork) -> None:
            names = uow.execute(text("SELECT * FROM job_order WHERE 1 = 0")).keys()
            its = {"pk": "1000 + k.v", "id": "CAST(k.v AS VARCHAR)"}
            sql = f"INSERT INTO job_order ({', '.join(names)}) WITH RECURSIVE k(v) AS (SELECT 1 UNION ALL "
            sql += f"SELECT v + 1 FROM k WHERE v < {copies}) SELECT {', '.join(its.get(n, f'j.{n}') for n in names)} "
            uow.execute(text(f"{sql} FROM job_order j, k WHERE j.id = '{JOB}'"))

        floor.acts.do(many)
        mount = Mount(0, "1", "S-1", 1, OPEN_SEQ, quantity_per_e6=1_000_000)
        act = Act(ActKind.mounted, "S-1", to_us(floor.clock()) - 60_000_000, PLACE)
        floor.acts.do(record_genealogy, recording=Recording(acts=[act], mounts=[mount]))
        tick(floor.plant, publish_due_reports)
        due = "SELECT count(*) FROM job_order WHERE report_due_at_us IS NOT NULL"
        assert floor.plant.read_now(lambda s: s.execute(text(due)).scalar()) == copies + 1 - 5

    def test_acts_that_took_nothing_of_it_write_nothing(self, floor: Floor) -> None:
        finish(floor)
        floor.publish()
        floor.record(Act(ActKind.consumed, "X", to_us(floor.clock())), [Link(0, "S-1", "X", 1)], NewLot("X", "LAMP"))
        floor.acts.do(mount_lot, request_id="m", lot_id="S-1", equipment_id="CUTTER", slot_id="1", quantity_per_e6=1)
        assert floor.publish() == []


names = st.sampled_from(["A", "B", "C"])


@given(st.lists(st.tuples(names, names, st.integers(0, 10**15)), max_size=40), st.booleans())
def test_nothing_of_a_quantity_is_lost_where_lots_are_too_many_to_name(
    drawn: list[tuple[str, str, int]], many: bool
) -> None:
    more = [("A", "A", 1)] * LOTS_TOLD_MAX if many else []
    consumed = [Consumption(m, f"L-{n}", unit, q) for n, (m, unit, q) in enumerate((*drawn, *more))]
    told = told_consumption(consumed)
    assert len(told) <= LOTS_TOLD_MAX
    assert all(bool(one.lot_id) is (len(consumed) <= LOTS_TOLD_MAX) for one in told)
    assert totals(told) == totals(consumed)


def totals(consumed: Sequence[Consumption]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for one in consumed:
        found[one.material_id, one.unit] += one.quantity_e6
    return found
