"""ERP connections on both databases: what is taken, what follows changes, whose outcome is told, how each stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from mes.definitions.queries import get_definition, list_released_ids
from mes.definitions.service import put_definitions
from mes.definitions.types import DefinitionSpec, MaterialSpecification, SegmentSpec, Substitute
from mes.exchange.erp import errors, queries, service, taking, telling
from mes.exchange.erp.rules import digest
from mes.exchange.erp.types import (
    Confirmation,
    Consumption,
    ErpBill,
    ErpLine,
    ErpMaterial,
    ErpOrder,
    ErpStep,
    LotMade,
    OrderWord,
    TellOutcome,
    Told,
    Used,
    Worked,
)
from mes.genealogy.service import mount_lot, record_genealogy, record_pass, reverse_act
from mes.genealogy.types import Act, ActKind, Link, NewLot, Recording
from mes.kernel.db import Database
from mes.kernel.errors import VersionConflict
from mes.kernel.outbox import list_events
from mes.kernel.sqltypes import to_us
from mes.materials.queries import get_material
from mes.materials.service import put_lots, put_materials
from mes.materials.types import LotKind, LotSpec, MaterialSpec, UnitConversion
from mes.orders.errors import OrderQuantityFixed
from mes.orders.service import (
    Correction,
    cancel_order,
    change_order,
    complete_job,
    correct_counts,
    pause_job,
    report_scrap,
    resume_job,
)
from mes.orders.types import CountKind, RequestState
from mes.reporting.service import publish_due_reports
from standards.isa95.material import MaterialUse
from tests.conftest import SettableClock
from tests.mes.exchange.erp.floor import ERP, connection
from tests.mes.orders.acts import Acts, build_benches

SPEC = replace(connection(), places={"Saw": "CUTTER", "Bench": "FITTER"})
MATERIALS = (
    ErpMaterial("1", "DESK", "u", conversions=(UnitConversion("dz", 12, 1),)),
    ErpMaterial("2", "BOLT", "u"),
    ErpMaterial("3", "OIL", "kg", conversions=(UnitConversion("g", 1, 1000),)),
    ErpMaterial("4", "LOCK", "u", by_lot=True),
)
BILL = ErpBill(
    "10/1", "DESK-A", "1", Decimal(1), "u",
    (ErpLine("2", Decimal(4), "u"), ErpLine("3", Decimal(5), "g"), ErpLine("4", Decimal(1), "u")),
    (ErpStep("7", "Sawing", "Saw"), ErpStep("8", "Fitting", "Bench")),
)  # fmt: skip
ORDER = ErpOrder("100", "PO-7", OrderWord.open, "1", "10/1", Decimal(1), "dz", datetime(2026, 3, 9, tzinfo=UTC))
WHY = "as it comes"


@dataclass
class Erp:
    """One connection of a plant, without an ERP: what one would say is said by the test."""

    plant: Database
    clock: SettableClock
    pk: int = 0

    def do(self, verb: Any, **what: Any) -> Any:
        return self.plant.write_now(verb, actor=None, **what)

    def create(self, **more: Any) -> None:
        spec = replace(SPEC, **more)
        self.do(service.create_connection, spec=spec, sealed_password=b"sealed", kinds=("tryton",))
        (turn,) = self.do(service.take_turns)
        self.pk = turn.pk

    def masters(self, bill: ErpBill = BILL, materials: Sequence[ErpMaterial] = MATERIALS) -> None:
        self.do(taking.take_materials, connection_pk=self.pk, materials=materials)
        self.do(taking.take_bill, connection_pk=self.pk, spec=SPEC, bill=bill)

    def says(self, order: ErpOrder = ORDER, **more: Any) -> None:
        self.do(taking.take_order, connection_pk=self.pk, spec=SPEC, order=replace(order, **more))

    def view(self) -> Any:
        return self.plant.read_now(queries.get_connection, connection_id=ERP)

    def order(self) -> Any:
        wanted = {"connection_id": ERP, "troubled": False, "cursor": None, "limit": 10}
        (view,) = self.plant.read_now(queries.list_erp_orders, **wanted).items
        return view

    def due(self) -> Any:
        """What is to be told by now; None where nothing is."""
        self.clock.advance(seconds=15)
        self.do(publish_due_reports)
        while self.do(telling.note_news, connection_pk=self.pk):
            pass
        now_us = to_us(self.clock())
        found = self.plant.read_now(queries.list_due, connection_pk=self.pk, now_us=now_us, limit=10)
        return found[0] if found else None

    def result(self) -> telling.Result:
        return self.plant.read_now(telling.get_result, erp_order_pk=self.due().pk)

    def confirmation(self) -> Confirmation:
        found = self.result().confirmation
        assert found is not None
        return found

    def told(self, outcome: TellOutcome = TellOutcome.booked, said: str = "") -> None:
        due = self.due()
        found = self.plant.read_now(telling.get_result, erp_order_pk=due.pk).confirmation
        assert found is not None
        told = Told(outcome, said)
        self.do(telling.record_told, erp_order_pk=due.pk, sha256=digest(found), told=told)


@pytest.fixture
def acts(plant: Database) -> Acts:
    plant.write_now(build_benches, actor=None)
    return Acts(plant)


@pytest.fixture
def erp(acts: Acts, clock: SettableClock) -> Erp:
    erp = Erp(acts.plant, clock)
    erp.create()
    erp.masters()
    return erp


def make_all(erp: Erp, acts: Acts, quantity: int = 12) -> None:
    acts.release("PO-7-S7", "PO-7-S8")
    acts.make("PO-7-S7", quantity)
    acts.make("PO-7-S8", quantity)


class TestMasters:
    def test_what_the_erp_has_is_here_and_again_changes_nothing(self, erp: Erp) -> None:
        before = erp.plant.read_now(get_definition, definition_id="DESK-A")
        assert {(m.material_id, m.quantity_e6) for m in before.segments[0].materials} == {
            *(("BOLT", 4_000_000), ("OIL", 5_000), ("LOCK", 1_000_000)),
        }
        erp.masters()
        assert erp.plant.read_now(get_definition, definition_id="DESK-A") == before
        erp.masters(replace(BILL, lines=BILL.lines[:1]))
        after = erp.plant.read_now(get_definition, definition_id="DESK-A")
        assert (after.version_label, len(after.segments[0].materials)) == ("2", 1)

    def test_a_material_keeps_its_id_when_the_erp_gives_it_another_code(self, erp: Erp) -> None:
        renamed = replace(MATERIALS[1], material_id="BOLT-M6", description="Bolt M6")
        erp.masters(materials=[renamed])
        assert erp.plant.read_now(get_material, material_id="BOLT").description == "Bolt M6"

    def test_where_the_plant_has_a_routing_of_its_own_that_is_followed(self, erp: Erp, acts: Acts) -> None:
        route = DefinitionSpec("OURS", "BOLT", (SegmentSpec("CUT", "WM-CUT", "CUTTER"),))
        erp.do(put_definitions, specs=[route])
        erp.masters(replace(BILL, key="11/1", definition_id="BOLT-A", material_key="2", lines=()))
        assert erp.plant.read_now(list_released_ids, material_id="BOLT") == {"OURS"}
        erp.says(material_key="2", bill_key="11/1", unit="u", quantity=Decimal(3))
        assert [job.job_id for job in acts.order("PO-7").jobs] == ["PO-7-CUT"]

    def test_what_cannot_be_made_here_is_refused(self, erp: Erp) -> None:
        with pytest.raises(errors.ErpOrderUnusable, match="Lathe"):
            erp.masters(replace(BILL, steps=(ErpStep("9", "Turning", "Lathe"),)))
        with pytest.raises(errors.ErpOrderUnusable, match="nothing here says how"):
            erp.says(material_key="2", bill_key="0/0")


class TestOrders:
    def test_it_is_taken_in_the_materials_own_unit_and_once(self, erp: Erp, acts: Acts) -> None:
        erp.says()
        erp.says()
        card = acts.order("PO-7")
        assert (card.quantity, card.unit, card.due_at, card.version) == (12, "u", ORDER.due_at, "1")
        assert [job.equipment_id for job in card.jobs] == ["CUTTER", "FITTER"]

    def test_quantity_and_date_follow_while_it_runs_and_what_people_changed_stays(self, erp: Erp, acts: Acts) -> None:
        erp.says()
        acts.release("PO-7-S7")
        acts.start("PO-7-S7")
        acts.to_order(change_order, "PO-7", priority=90, reason=WHY)
        later = datetime(2026, 3, 20, tzinfo=UTC)
        erp.says(quantity=Decimal(2), due_at=later)
        card = acts.order("PO-7")
        assert (card.quantity, card.due_at, card.priority) == (24, later, 90)
        acts.to_order(change_order, "PO-7", due_at=ORDER.due_at, reason=WHY)
        erp.says(quantity=Decimal(20), unit="u", due_at=later)
        assert (acts.order("PO-7").quantity, acts.order("PO-7").due_at) == (20, ORDER.due_at)

    def test_what_cannot_be_followed_is_said_once_and_goes_on_when_it_can(self, erp: Erp, acts: Acts) -> None:
        erp.says()
        acts.release("PO-7-S7")
        acts.start("PO-7-S7")
        acts.good("PO-7-S7", 8)
        less = replace(ORDER, quantity=Decimal(6), unit="u")
        with pytest.raises(OrderQuantityFixed):
            erp.says(less)
        for _ in range(2):
            erp.do(taking.note_unfollowed, connection_pk=erp.pk, order=less, said="No.")
        assert (erp.order().said, erp.view().troubled) == ("No.", 1)
        assert erp.plant.read_now(queries.get_seen, connection_pk=erp.pk, keys=["100"]) == {}
        erp.says(quantity=Decimal(10), unit="u")
        assert (acts.order("PO-7").quantity, erp.order().said) == (10, "")

    def test_a_cancelled_one_is_given_up_and_looked_at_no_more(self, erp: Erp, acts: Acts) -> None:
        erp.says()
        erp.says(word=OrderWord.changing)
        assert acts.order("PO-7").state is RequestState.Waiting
        erp.says(word=OrderWord.cancelled)
        assert acts.order("PO-7").state is RequestState.Cancelled
        assert erp.plant.read_now(queries.list_open_keys, connection_pk=erp.pk) == ()
        with pytest.raises(errors.ErpOrderUnusable, match="given up here"):
            erp.says()

    def test_another_product_is_another_version_as_long_as_nothing_is_released(self, erp: Erp, acts: Acts) -> None:
        erp.do(
            taking.take_bill, connection_pk=erp.pk, spec=SPEC, bill=replace(BILL, key="12/1", definition_id="DESK-B")
        )
        erp.says()
        erp.says(bill_key="12/1")
        assert acts.order("PO-7").version == "2"

    def test_a_number_that_is_taken_is_refused(self, erp: Erp, acts: Acts) -> None:
        acts.submit("PO-7", 4)
        with pytest.raises(errors.ErpOrderUnusable, match="prefix"):
            erp.says()
        erp.do(taking.take_order, connection_pk=erp.pk, spec=replace(SPEC, order_prefix="T-"), order=ORDER)
        assert acts.order("T-PO-7").quantity == 12

    def test_done_by_hand_in_the_erp_while_it_is_made_here_is_a_persons_matter(self, erp: Erp) -> None:
        erp.says()
        with pytest.raises(errors.ErpOrderUnusable, match="by hand"):
            erp.says(word=OrderWord.done)


class TestWhatIsTold:
    def test_good_scrap_times_and_use_by_bill_and_by_lot(self, erp: Erp, acts: Acts) -> None:
        erp.says()
        acts.release("PO-7-S7", "PO-7-S8")
        acts.make("PO-7-S7", 12)
        erp.do(put_lots, specs=[LotSpec("L-1", "LOCK", Decimal(50), "u"), LotSpec("B-1", "BOLT", Decimal(50), "u")])
        made = NewLot("DESKS", "DESK", 10_000_000, LotKind.lot, "PO-7-S8")
        act = Act(ActKind.consumed, "DESKS", to_us(erp.clock()), "FITTER", None, "PO-7-S8")
        links = [Link(0, "L-1", "DESKS", 11_000_000), Link(0, "B-1", "DESKS", 44_000_000)]
        done = erp.do(record_genealogy, recording=Recording([made], [act], links))
        acts.start("PO-7-S8")
        erp.clock.advance(seconds=100)
        acts.to_job(pause_job, "PO-7-S8")
        erp.clock.advance(seconds=500)
        acts.to_job(resume_job, "PO-7-S8")
        erp.clock.advance(seconds=5)
        acts.good("PO-7-S8", 10)
        erp.do(report_scrap, job_id="PO-7-S8", quantity=Decimal(2), reason_id="scratch", request_id="two-scrapped")
        assert erp.due() is None  # 15 s later
        acts.to_job(complete_job, "PO-7-S8")
        assert erp.confirmation() == Confirmation(
            order_key="100",
            order_id="PO-7",
            material_key="1",
            good=Decimal(10),
            scrap=Decimal(2),
            lots=(LotMade("DESKS", Decimal(10)),),
            used=(Used("2", Decimal(48)), Used("3", Decimal("0.06")), Used("4", Decimal(11), "L-1")),
            worked=(Worked("7"), Worked("8", labour_s=120)),
        )
        erp.told()
        assert (erp.due(), erp.order().told_at is not None) == (None, True)
        erp.do(reverse_act, request_id="it-never-was", act=done.first_act, reason=WHY)
        assert [used.material_key for used in erp.confirmation().used] == ["2", "3"]

    def test_one_way_for_each_material_as_a_person_chooses(self, erp: Erp, acts: Acts) -> None:
        erp.says()
        ways = {"BOLT": Consumption.actual, "LOCK": Consumption.by_bill, "OIL": Consumption.actual}
        for material_id, way in ways.items():
            erp.do(service.choose_consumption, connection_id=ERP, material_id=material_id, consumption=way)
        make_all(erp, acts)
        assert erp.confirmation().used == (Used("4", Decimal(12)),)
        erp.do(service.choose_consumption, connection_id=ERP, material_id="OIL", consumption=None)
        assert erp.confirmation().used == (Used("3", Decimal("0.06")), Used("4", Decimal(12)))
        found = erp.plant.read_now(queries.list_erp_materials, connection_id=ERP)
        assert {(m.material_id, m.chosen) for m in found} == {
            *(("BOLT", True), ("DESK", False), ("LOCK", True), ("OIL", False)),
        }

    def test_what_was_mounted_counts_by_the_pieces_that_passed_a_splice_once(self, erp: Erp, acts: Acts) -> None:
        erp.says(quantity=Decimal(4), unit="u")
        acts.release("PO-7-S7")
        acts.make("PO-7-S7", 4)
        acts.release("PO-7-S8")
        acts.start("PO-7-S8")
        lots = [LotSpec(name, "LOCK", Decimal(50), "u") for name in ("L-1", "L-2")]
        erp.do(put_lots, specs=lots)
        slot = {"equipment_id": "FITTER", "slot_id": "1", "quantity_per_e6": 2_000_000}
        erp.do(mount_lot, request_id="mount-first", lot_id="L-1", **slot)
        for number in range(4):
            if number == 2:
                erp.do(mount_lot, request_id="mount-second", lot_id="L-2", splice=True, **slot)
            erp.clock.advance(seconds=1)
            passed = {"equipment_id": "FITTER", "job_id": "PO-7-S8", "material_id": "DESK"}
            erp.do(record_pass, request_id=f"pass-{number}", lot_id=f"D-{number}", **passed)
        acts.good("PO-7-S8", 4)
        acts.complete("PO-7-S8")
        confirmation = erp.confirmation()
        taken = {used.lot_id: used.quantity for used in confirmation.used if used.material_key == "4"}
        assert (set(taken), sum(taken.values())) == ({"L-1", "L-2"}, 8)
        assert [lot.lot_id for lot in confirmation.lots] == ["D-0", "D-1", "D-2", "D-3"]

    def test_a_substitute_of_what_follows_the_bill_is_not_counted_beside_it(self, erp: Erp, acts: Acts) -> None:
        erp.do(put_materials, specs=[MaterialSpec("NUT", "u")])
        erp.do(taking.take_materials, connection_pk=erp.pk, materials=[ErpMaterial("5", "NUT", "u", by_lot=True)])
        bolt = MaterialSpecification(
            "BOLT", MaterialUse.Consumed, Decimal(4), substitutes=(Substitute("NUT", Decimal(4)),)
        )
        cut = SegmentSpec("CUT", "WM-CUT", "CUTTER", materials=(bolt,))
        erp.do(put_definitions, specs=[DefinitionSpec("OURS", "OIL", (cut,))])
        erp.says(material_key="3", unit="kg", quantity=Decimal(2))
        acts.release("PO-7-CUT")
        erp.do(put_lots, specs=[LotSpec("N-1", "NUT", Decimal(50), "u")])
        made = NewLot("OIL-1", "OIL", 2_000_000, LotKind.lot, "PO-7-CUT")
        act = Act(ActKind.consumed, "OIL-1", to_us(erp.clock()), "CUTTER", None, "PO-7-CUT")
        erp.do(record_genealogy, recording=Recording([made], [act], [Link(0, "N-1", "OIL-1", 8_000_000)]))
        acts.make("PO-7-CUT", 2)
        assert erp.confirmation().used == (Used("2", Decimal(8)),)

    def test_a_corrected_count_is_told_and_the_same_again_is_not(self, erp: Erp, acts: Acts) -> None:
        erp.says()
        make_all(erp, acts)
        erp.told()
        assert erp.due() is None
        one_less = [Correction(CountKind.good, Decimal(-1)), Correction(CountKind.scrap, Decimal(1), "scratch")]
        erp.do(correct_counts, job_id="PO-7-S8", corrections=one_less, reason=WHY, request_id="one-was-broken")
        confirmation = erp.confirmation()
        assert (confirmation.good, confirmation.scrap) == (11, 1)
        assert digest(confirmation) != erp.due().told_sha256

    def test_what_the_erp_does_not_take_is_told_once(self, erp: Erp, acts: Acts) -> None:
        erp.says()
        make_all(erp, acts)
        for _ in range(2):
            erp.told(TellOutcome.refused, "The period is closed.")
            erp.clock.advance(hours=1)
        events = erp.plant.read_now(list_events, after=0, limit=1_000)
        (told,) = [event.payload for event in events if event.type == "exchange.erp-order-not-told.v1"]
        assert told == {"operations_request_id": "PO-7", "key": "100", "said": "The period is closed."}

    def test_given_up_before_anything_was_made_is_cancelled_and_after_is_what_was_made(
        self, erp: Erp, acts: Acts
    ) -> None:
        erp.says()
        acts.to_order(cancel_order, "PO-7", reason=WHY)
        assert erp.confirmation().cancelled
        erp.says(key="101", number="PO-8")
        acts.release("PO-8-S7")
        acts.start("PO-8-S7")
        acts.good("PO-8-S7", 3)
        erp.told()
        acts.to_order(cancel_order, "PO-8", reason=WHY)
        confirmation = erp.confirmation()
        assert (confirmation.order_id, confirmation.cancelled, confirmation.good) == ("PO-8", False, 0)
        assert {used.material_key for used in confirmation.used} == {"2", "3"}

    def test_lots_that_are_not_all_that_was_good_are_left_out_with_a_reason(self, erp: Erp, acts: Acts) -> None:
        erp.says()
        made = NewLot("DESKS", "DESK", 7_000_000, LotKind.lot, "PO-7-S8")
        erp.do(record_genealogy, recording=Recording([made]))
        make_all(erp, acts)
        result = erp.result()
        assert result.confirmation is not None
        assert (result.confirmation.lots, "7 pieces" in result.remarks[0]) == ((), True)


class TestTurns:
    def test_one_at_a_time_and_failing_ones_later_and_later(self, acts: Acts, clock: SettableClock) -> None:
        erp = Erp(acts.plant, clock)
        erp.create()
        assert erp.do(service.take_turns) == ()
        for failures, delay in ((1, 5), (2, 10), (3, 30)):
            erp.do(service.end_turn, connection_pk=erp.pk, fault="No answer.")
            view = erp.view()
            assert ((view.next_at - clock()).total_seconds(), view.said) == (delay, "No answer."), failures
            clock.advance(seconds=delay)
            assert len(erp.do(service.take_turns)) == 1
        erp.do(service.end_turn, connection_pk=erp.pk)
        assert (erp.view().failing_since, erp.view().last_ok_at) == (None, clock())

    def test_a_process_that_died_lets_go_of_it(self, acts: Acts, clock: SettableClock) -> None:
        erp = Erp(acts.plant, clock)
        erp.create()
        clock.advance(seconds=61)
        assert len(erp.do(service.take_turns)) == 1

    def test_it_is_kept_changed_and_removed(self, acts: Acts, clock: SettableClock) -> None:
        erp = Erp(acts.plant, clock)
        erp.create()
        with pytest.raises(errors.ErpConnectionExists):
            erp.create()
        spec = replace(SPEC, active=False)
        with pytest.raises(VersionConflict):
            erp.do(service.change_connection, spec=spec, version=9, kinds=("tryton",))
        erp.do(service.change_connection, spec=spec, version=1, kinds=("tryton",), sealed_password=b"other")
        assert (erp.view().spec.active, erp.view().version) == (False, 2)
        assert erp.plant.read_now(queries.get_sealed_password, connection_id=ERP) == b"other"
        for elsewhere in (replace(spec, url="http://127.0.0.1:10"), replace(spec, url="https://127.0.0.1:9")):
            with pytest.raises(errors.ErpConnectionInvalid, match="give it again"):
                erp.do(service.change_connection, spec=elsewhere, version=2, kinds=("tryton",))
        safe = replace(spec, url="https://erp.example", plain_http=False)
        erp.do(service.change_connection, spec=safe, version=2, kinds=("tryton",), sealed_password=b"new")
        erp.do(service.change_connection, spec=replace(safe, database="b"), version=3, kinds=("tryton",))
        with pytest.raises(errors.ErpConnectionInvalid, match="give it again"):
            erp.do(service.change_connection, spec=replace(safe, plain_http=True), version=4, kinds=("tryton",))
        erp.masters()
        erp.do(service.remove_connection, connection_id=ERP)
        assert erp.plant.read_now(queries.list_connections) == ()
        for verb, what in (
            (service.remove_connection, {}),
            (service.tell_again, {"order_id": "PO-7"}),
            (service.choose_consumption, {"material_id": "BOLT", "consumption": None}),
        ):
            with pytest.raises(errors.ErpConnectionNotFound):
                erp.do(verb, connection_id=ERP, **what)
