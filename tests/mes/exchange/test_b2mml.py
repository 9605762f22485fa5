"""The B2MML door: documents in, documents out, taken whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from mes.access.types import Role
from mes.definitions.queries import get_definition
from mes.definitions.service import put_work_masters
from mes.definitions.types import DefinitionState, WorkMasterSpec
from mes.equipment.queries import get_equipment
from mes.exchange.b2mml.types import OBJECTS_MAX
from mes.kernel.db import Database
from mes.kernel.outbox import head_seq
from mes.kernel.properties import InheritedProperty, Property
from mes.materials.queries import get_material, get_material_lot
from mes.materials.service import set_disposition
from mes.orders.queries import get_operations_request
from mes.orders.service import complete_job, release_jobs, report_good, report_scrap, start_job
from mes.orders.types import RequestState
from mes.personnel.queries import get_person
from mes.reporting.service import publish_due_reports
from standards.isa95.b2mml.types import NAMESPACE_V0401
from standards.isa95.material import Disposition
from tests.conftest import SettableClock
from tests.mes.exchange.b2mml_of import (
    Answer,
    Erp,
    document,
    lot,
    produced,
    property_of,
    quantity,
    request,
    said,
    schedule,
)
from tests.support.ticks import tick
from tests.web.cast import hire, hire_cast


@pytest.fixture
def erp(http: httpx.AsyncClient, plant: Database) -> Erp:
    return Erp(http, hire(plant, "iris", Role.integration).token)


def order(plant: Database, id: str) -> Any:
    return plant.read_now(get_operations_request, operations_request_id=id, now=plant.clock())


class TestOrders:
    async def test_a_schedule_becomes_orders_and_is_acknowledged(self, erp: Erp, plant: Database) -> None:
        between = "<EndTime>2026-03-05T14:00:00Z</EndTime><Priority>70</Priority>"
        body = document("ProcessOperationsSchedule", schedule(request("PO-1", between=between), request("PO-2", "8")))
        answer = await erp.send(body)
        assert (answer.status, answer.root, answer.codes) == (200, "AcknowledgeOperationsSchedule", ["created"] * 2)
        card = order(plant, "PO-1")
        assert (card.material_id, card.quantity, card.priority) == ("BOARD", Decimal(50), 70)
        assert card.due_at is not None
        assert card.due_at.isoformat() == "2026-03-05T14:00:00+00:00"
        assert [job.segment_id for job in card.jobs] == ["LINE", "PRESS", "BENCH"]

    async def test_the_acknowledgement_says_whom_it_answers(self, erp: Erp) -> None:
        answer = await erp.send(document("ProcessOperationsSchedule", schedule(request("PO-1"))))
        verb, area = answer.document.verb, answer.document.area
        assert verb.value("OriginalApplicationArea", "BODID") == "B-7"
        assert (area.value("Sender", "LogicalID"), area.value("Receiver", "LogicalID")) == ("Lineside", "ERP-1")
        (criterion,) = answer.criteria
        place = "DataArea/OperationsSchedule[1]/OperationsRequest[1]"
        assert criterion.value("ResponseExpression") == place
        assert answer.document.objects[0].value("OperationsRequest", "ID") == "PO-1"

    async def test_the_same_again_changes_nothing(self, erp: Erp, plant: Database) -> None:
        body = document("SyncOperationsSchedule", schedule(request("PO-1")))
        await erp.send(body)
        before = plant.read_now(head_seq)
        again = await erp.send(body)
        assert (again.status, again.root, again.codes) == (200, "ConfirmBOD", ["unchanged"])
        assert plant.read_now(head_seq) == before

    async def test_other_content_under_the_same_version_is_a_conflict(self, erp: Erp, plant: Database) -> None:
        await erp.send(document("SyncOperationsSchedule", schedule(request("PO-1"))))
        other = await erp.send(document("SyncOperationsSchedule", schedule(request("PO-1", "51"), request("PO-2"))))
        assert (other.status, other.codes) == (409, ["operations-request-differs", "not-written"])
        assert order(plant, "PO-1").quantity == 50

    async def test_one_refusal_leaves_nothing_of_the_document(self, erp: Erp, plant: Database) -> None:
        before = plant.read_now(head_seq)
        body = document("SyncOperationsSchedule", schedule(request("PO-1"), request("PO-2", material="NOTHING")))
        answer = await erp.send(body)
        assert (answer.status, answer.codes) == (422, ["not-written", "operations-definition-not-found"])
        assert [c.first("ResponseExpression").attribute("actionCode") for c in answer.criteria] == [
            "Rejected",
            "Rejected",
        ]
        assert plant.read_now(head_seq) == before

    async def test_a_newer_version_replaces_the_order(self, erp: Erp, plant: Database) -> None:
        await erp.send(document("ProcessOperationsSchedule", schedule(request("PO-1"))))
        newer = schedule(request("PO-1", "60", before="<Version>2</Version>"))
        answer = await erp.send(document("ChangeOperationsSchedule", newer))
        assert (answer.root, answer.codes) == ("RespondOperationsSchedule", ["created"])
        assert (order(plant, "PO-1").version, order(plant, "PO-1").quantity) == ("2", 60)

    async def test_a_change_moves_priority_and_due_date(self, erp: Erp, plant: Database) -> None:
        await erp.send(document("ProcessOperationsSchedule", schedule(request("PO-1"))))
        urgent = document("ChangeOperationsSchedule", schedule(request("PO-1", between="<Priority>90</Priority>")))
        assert (await erp.send(urgent)).codes == ["updated"]
        assert (await erp.send(urgent)).codes == ["unchanged"]
        assert order(plant, "PO-1").priority == 90
        more = await erp.send(document("ChangeOperationsSchedule", schedule(request("PO-1", "70"))))
        assert (more.status, more.codes) == (409, ["operations-request-differs"])
        words = request("PO-1", before="<Description>Blue</Description>")
        renamed = await erp.send(document("ChangeOperationsSchedule", schedule(words)))
        assert (renamed.status, renamed.codes) == (409, ["operations-request-differs"])
        unknown = await erp.send(document("ChangeOperationsSchedule", schedule(request("PO-9"))))
        assert (unknown.status, unknown.codes) == (422, ["operations-request-not-found"])

    async def test_cancel_gives_an_order_up_once(self, erp: Erp, plant: Database) -> None:
        await erp.send(document("ProcessOperationsSchedule", schedule(request("PO-1"))))
        reason = "<ActionCriteria><ChangeStatus><Reason>Customer left</Reason></ChangeStatus></ActionCriteria>"
        cancel = document("CancelOperationsSchedule", schedule(request("PO-1")), criteria=reason)
        assert (await erp.send(cancel)).codes == ["cancelled"]
        assert (await erp.send(cancel)).codes == ["unchanged"]
        assert order(plant, "PO-1").state is RequestState.Cancelled

    async def test_a_request_that_says_it_is_cancelled_cancels(self, erp: Erp, plant: Database) -> None:
        await erp.send(document("ProcessOperationsSchedule", schedule(request("PO-1"))))
        state = "<RequestState>Cancelled</RequestState>"
        answer = await erp.send(document("SyncOperationsSchedule", schedule(request("PO-1", between=state))))
        assert answer.codes == ["cancelled"]

    async def test_a_value_that_cannot_be_used_is_named(self, erp: Erp) -> None:
        for wrong in UNUSABLE_REQUESTS:
            answer = await erp.send(document("ProcessOperationsSchedule", schedule(wrong)))
            assert (answer.status, answer.codes[0]) == (422, "b2mml-value-unusable"), wrong
            assert answer.sentence("b2mml-value-unusable")

    async def test_what_is_passed_over_is_said(self, erp: Erp) -> None:
        consumed = produced("SCREW", "4").replace("Produced", "Consumed")
        more = request("PO-1").replace("</SegmentRequirement>", f"{consumed}</SegmentRequirement>")
        answer = await erp.send(document("ProcessOperationsSchedule", schedule(more)))
        assert answer.codes == ["created", "element-ignored"]
        assert "the routing says what is used" in answer.sentence("element-ignored")


UNUSABLE_REQUESTS = [
    request("PO 1"),
    request("PO-1", before="<Version>a b</Version>"),
    request("PO-1", between="<Priority>101</Priority>"),
    request("PO-1", between="<Priority>0.5</Priority>"),
    request("PO-1", between="<RequestState>Forecast</RequestState>"),
    request("PO-1", before=f"<Description>{'x' * 501}</Description>"),
    request("PO-1", "1.0000001"),
    request("PO-1", "lots"),
    request("PO-1").replace("Produced", "Consumed"),
    request("PO-1").replace("</MaterialRequirement>", f"</MaterialRequirement>{produced('BOARD', '9')}"),
]


def work(*jobs: tuple[str, str], id: str = "WO-1") -> str:
    inner = "".join(
        f"<JobOrder><ID>{n}</ID><WorkMasterID>{master}</WorkMasterID>"
        f"<EquipmentRequirement><ID>1</ID><EquipmentID>{place}</EquipmentID></EquipmentRequirement>"
        f"{produced('BOARD', '16')}</JobOrder>"
        for n, (master, place) in enumerate(jobs)
    )
    return f"<WorkSchedule><ID>W-1</ID><WorkRequest><ID>{id}</ID>{inner}</WorkRequest></WorkSchedule>"


STEPS = (("WM-LINE", "LINE"), ("WM-PRESS", "PRESS"), ("WM-BENCH", "BENCH"))


class TestWorkSchedules:
    async def test_one_that_asks_for_what_the_routing_has_is_taken(self, erp: Erp, plant: Database) -> None:
        body = document("ProcessWorkSchedule", work(*STEPS))
        answer = await erp.send(body)
        assert (answer.status, answer.root, answer.codes) == (200, "AcknowledgeWorkSchedule", ["created"])
        assert order(plant, "WO-1").quantity == 16
        assert (await erp.send(body)).codes == ["unchanged"]
        assert (await erp.send(document("CancelWorkSchedule", work(*STEPS)))).codes == ["cancelled"]

    async def test_one_that_asks_for_other_jobs_is_refused(self, erp: Erp) -> None:
        for jobs in (STEPS[:2], (("WM-OTHER", "LINE"), *STEPS[1:]), (("WM-LINE", "BENCH"), *STEPS[1:])):
            answer = await erp.send(document("ProcessWorkSchedule", work(*jobs)))
            assert (answer.status, answer.codes) == (409, ["work-schedule-differs"]), jobs


class TestMaterials:
    async def test_materials_come_with_unit_and_conversions(self, erp: Erp, plant: Database) -> None:
        box = "<Value><ValueString>500</ValueString><UnitOfMeasure>box</UnitOfMeasure></Value>"
        more = f"<MaterialDefinitionProperty><ID>UnitConversion</ID>{box}</MaterialDefinitionProperty>"
        body = document("SyncMaterialDefinition", property_of("SCREW", "pcs", description="M3 x 8", more=more))
        answer = await erp.send(body)
        assert (answer.root, answer.codes) == ("ConfirmBOD", ["created"])
        view = plant.read_now(get_material, material_id="SCREW")
        assert (view.unit, view.description) == ("pcs", "M3 x 8")
        assert [(c.unit, c.numerator, c.denominator) for c in view.conversions] == [("box", 500, 1)]
        assert (await erp.send(body)).codes == ["unchanged"]
        assert (await erp.send(document("SyncMaterialDefinition", property_of("SCREW", "")))).codes == ["unchanged"]
        changed = document("ChangeMaterialDefinition", property_of("SCREW", "", description="M3 x 10"))
        assert (await erp.send(changed)).codes == ["updated"]

    async def test_each_refusal_is_named_and_nothing_is_written(self, erp: Erp, plant: Database) -> None:
        before = plant.read_now(head_seq)
        objects = (
            property_of("NEW", "kg"),
            property_of("UNITLESS", ""),
            property_of("BOARD", "kg"),
            property_of("NEW", "pcs"),
            property_of("a b", "kg"),
        )
        answer = await erp.send(document("ProcessMaterialDefinition", *objects))
        assert answer.status == 422
        assert answer.codes == [
            "not-written",
            "b2mml-value-unusable",
            "material-unit-fixed",
            "b2mml-value-unusable",
            "b2mml-value-unusable",
        ]
        assert plant.read_now(head_seq) == before

    async def test_there_are_bounds(self, erp: Erp) -> None:
        box = "<Value><ValueString>5</ValueString><UnitOfMeasure>u</UnitOfMeasure></Value>"
        one = f"<MaterialDefinitionProperty><ID>UnitConversion</ID>{box}</MaterialDefinitionProperty>"
        answer = await erp.send(document("SyncMaterialDefinition", property_of("SCREW", "pcs", more=one * 51)))
        assert answer.codes == ["b2mml-value-unusable"]
        classes = "".join(f"<PersonnelClassID>C{n}</PersonnelClassID>" for n in range(201))
        person = f"<Person><ID>p-ada</ID>{classes}</Person>"
        assert (await erp.send(document("SyncPerson", person))).codes == ["b2mml-value-unusable"]
        many = produced("BOARD", "1", name="MaterialSpecification") * 2001
        segment = f"<OperationsSegment><ID>S</ID>{many}</OperationsSegment>"
        routing = f"<OperationsDefinition><ID>R</ID>{segment}</OperationsDefinition>"
        assert (await erp.send(document("SyncOperationsDefinition", routing))).codes == ["b2mml-value-unusable"]

    async def test_a_change_is_of_something_that_is_there(self, erp: Erp) -> None:
        answer = await erp.send(document("ChangeMaterialDefinition", property_of("NEW", "kg")))
        assert (answer.status, answer.codes) == (422, ["material-not-found"])

    async def test_a_factor_is_no_bomb(self, erp: Erp) -> None:
        bomb = "<Value><ValueString>1e999999999</ValueString><UnitOfMeasure>box</UnitOfMeasure></Value>"
        more = f"<MaterialDefinitionProperty><ID>UnitConversion</ID>{bomb}</MaterialDefinitionProperty>"
        answer = await erp.send(document("SyncMaterialDefinition", property_of("SCREW", "pcs", more=more)))
        assert answer.codes == ["conversion-invalid"]

    async def test_materials_and_their_lots_in_one_document(self, erp: Erp, plant: Database) -> None:
        reel = lot("R-1", "<MaterialDefinitionID>PASTE</MaterialDefinitionID>", quantity("0.5", "kg"))
        objects = (
            f"<MaterialInformation>{inner}</MaterialInformation>" for inner in (reel, property_of("PASTE", "kg"))
        )
        answer = await erp.send(document("SyncMaterialInformation", *objects))
        assert answer.codes == ["created", "created"]
        assert plant.read_now(get_material_lot, lot_id="R-1").quantity == Decimal("0.5")

    async def test_classes_of_materials_and_equipment(self, erp: Erp, plant: Database) -> None:
        kind = "<MaterialClass><ID>PASTES</ID><Description>Solder paste</Description></MaterialClass>"
        of_kind = property_of("PASTE", "kg", more="<MaterialClassID>PASTES</MaterialClassID>")
        together = f"<MaterialInformation>{kind}{of_kind}</MaterialInformation>"
        body = document("SyncMaterialInformation", together)
        assert (await erp.send(body)).codes == ["created", "created"]
        assert (await erp.send(body)).codes == ["unchanged", "unchanged"]
        assert plant.read_now(get_material, material_id="PASTE").classes == ("PASTES",)
        assert (await erp.send(document("SyncMaterialDefinition", property_of("PASTE", "kg")))).codes == ["unchanged"]
        line = "<Equipment><ID>LINE</ID><EquipmentClassID>LINES</EquipmentClassID></Equipment>"
        inner = f"<EquipmentInformation><ID>1</ID>{line}<EquipmentClass><ID>LINES</ID></EquipmentClass>"
        answer = await erp.send(document("SyncEquipmentInformation", f"{inner}</EquipmentInformation>"))
        assert answer.codes == ["updated", "created"]
        assert plant.read_now(get_equipment, equipment_id="LINE").classes == ("LINES",)
        shown_kind = await erp.send(document("GetMaterialClass", "<MaterialClass><ID/></MaterialClass>"))
        assert [one.value("Description") for one in shown_kind.document.objects] == ["Solder paste"]
        wrong = property_of("BOARD", "", more="<MaterialClassID>NONE</MaterialClassID>")
        assert (await erp.send(document("SyncMaterialDefinition", wrong))).codes == ["material-class-not-found"]
        changed = document("ChangeEquipmentClass", "<EquipmentClass><ID>OVENS</ID></EquipmentClass>")
        assert (await erp.send(changed)).codes == ["equipment-class-not-found"]

    async def test_properties_are_taken_whole_or_left_alone(self, erp: Erp, plant: Database) -> None:
        melts, alloy = said("MaterialClass", "Melts at", "217", "Cel", description="Liquidus"), "MaterialDefinition"
        kind = f"<MaterialClass><ID>PASTES</ID>{melts}</MaterialClass>"
        of_kind = f"{said(alloy, 'Alloy', 'SAC305')}<MaterialClassID>PASTES</MaterialClassID>"
        new = f"<MaterialInformation>{kind}{property_of('PASTE', 'kg', more=of_kind)}</MaterialInformation>"
        body = document("SyncMaterialInformation", new)
        assert [(await erp.send(body)).codes for _ in range(2)] == [["created"] * 2, ["unchanged"] * 2]
        view = plant.read_now(get_material, material_id="PASTE")
        assert view.properties == (Property("Alloy", value="SAC305"),)
        liquidus = Property("Melts at", "Liquidus", "217", "Cel")
        assert view.inherited == (InheritedProperty("PASTES", liquidus),)
        silent = document("SyncMaterialDefinition", property_of("PASTE", "kg"))
        assert (await erp.send(silent)).codes == ["unchanged"]
        other = said(alloy, "Melts at", "220").replace(
            "</Value>", "</Value><Value><ValueString>9</ValueString></Value>"
        )
        answer = await erp.send(document("SyncMaterialDefinition", property_of("PASTE", "kg", more=other)))
        assert answer.codes == ["updated", "element-ignored"]
        view = plant.read_now(get_material, material_id="PASTE")
        assert (view.properties, view.inherited) == ((Property("Melts at", value="220"),), ())

    async def test_properties_are_bounded(self, erp: Erp) -> None:
        long, twice = said("Equipment", "L", "x" * 501), said("Equipment", "L", "1") * 2
        many = "".join(said("Equipment", f"P{n}") for n in range(101))
        for wrong in (long, twice, many, said("Equipment", "P" * 101), said("Equipment", "P", "1", "u" * 21)):
            answer = await erp.send(document("SyncEquipment", f"<Equipment><ID>LINE</ID>{wrong}</Equipment>"))
            assert answer.codes == ["b2mml-value-unusable"]

    async def test_properties_of_lots_and_people(self, erp: Erp, plant: Database) -> None:
        """Taken as those of materials are; a lot tells its own again, of people a document tells nothing."""
        reel = lot("L-1", OF_BOARD, said("MaterialLot", "Coil", "7", "mm", description="Which"), quantity("7"))
        assert (await erp.send(document("SyncMaterialLot", reel))).codes == ["created"]
        coil = (Property("Coil", "Which", "7", "mm"),)
        assert plant.read_now(get_material_lot, lot_id="L-1").properties == coil
        silent = document("SyncMaterialLot", lot("L-1", quantity("8")))
        assert [(await erp.send(silent)).codes for _ in range(2)] == [["updated"], ["unchanged"]]
        assert plant.read_now(get_material_lot, lot_id="L-1").properties == coil
        (shown_lot,) = (await erp.send(document("GetMaterialLot", lot("L-1")))).document.objects
        (told,) = shown_lot.all("MaterialLotProperty")
        assert (told.value("ID"), told.value("Value", "ValueString")) == ("Coil", "7")
        words = f"<PersonName>Ada</PersonName>{said('Person', 'Shoe size', '41')}"
        person = document("SyncPerson", f"<Person><ID>p-ada</ID>{words}</Person>")
        assert [(await erp.send(person)).codes for _ in range(2)] == [["created"], ["unchanged"]]
        again = document("SyncPerson", "<Person><ID>p-ada</ID></Person>")
        assert (await erp.send(again)).codes == ["unchanged"]
        ada = plant.read_now(get_person, person_id="p-ada")
        assert ada is not None
        assert ada.properties == (Property("Shoe size", value="41"),)


OF_BOARD = "<MaterialDefinitionID>BOARD</MaterialDefinitionID>"


class TestLots:
    async def test_a_lot_says_only_what_it_changes(self, erp: Erp, plant: Database) -> None:
        new = document("ProcessMaterialLot", lot("L-1", OF_BOARD, "<Disposition>Planned</Disposition>", quantity("7")))
        assert (await erp.send(new)).codes == ["created"]
        assert (await erp.send(new)).codes == ["unchanged"]
        assert (await erp.send(document("ChangeMaterialLot", lot("L-1", quantity("6"))))).codes == ["updated"]
        view = plant.read_now(get_material_lot, lot_id="L-1")
        assert (view.quantity, view.disposition) == (Decimal(6), Disposition.Planned)

    async def test_a_document_puts_a_lot_on_hold_and_does_not_lift_it(self, erp: Erp, plant: Database) -> None:
        await erp.send(document("ProcessMaterialLot", lot("L-1", OF_BOARD, quantity("7"))))
        plant.write_now(set_disposition, actor=None, lot_id="L-1", disposition=Disposition.Restricted, reason="x")
        lift = await erp.send(document("SyncMaterialLot", lot("L-1", "<Disposition>UnRestricted</Disposition>")))
        assert (lift.status, lift.codes) == (409, ["lot-on-hold", "quantity-missing"])
        assert (await erp.send(document("SyncMaterialLot", lot("L-1", quantity("6"))))).codes == ["updated"]
        assert plant.read_now(get_material_lot, lot_id="L-1").disposition is Disposition.Restricted

    async def test_cancel_closes_a_lot(self, erp: Erp, plant: Database) -> None:
        await erp.send(document("ProcessMaterialLot", lot("L-1", OF_BOARD, quantity("7"))))
        cancel = document("CancelMaterialLot", lot("L-1"))
        assert [(await erp.send(cancel)).codes for _ in range(2)] == [["cancelled"], ["unchanged"]]
        assert plant.read_now(get_material_lot, lot_id="L-1").disposition is Disposition.Closed

    async def test_refusals_name_their_lot(self, erp: Erp) -> None:
        unknown = lot("L-2", "<MaterialDefinitionID>NOTHING</MaterialDefinitionID>", quantity("1"))
        of_unit = lot("L-3", OF_BOARD, quantity("1", "kg"))
        body = document("SyncMaterialLot", lot("L-1", OF_BOARD, quantity("1")), unknown, of_unit, lot("L-4"))
        codes = ["not-written", "material-not-found", "unit-not-convertible", "b2mml-value-unusable"]
        assert (await erp.send(body)).codes == [*codes, "quantity-missing"]


class TestPlaceAndPeople:
    async def test_equipment_comes_as_a_tree(self, erp: Erp, plant: Database) -> None:
        cell = "<EquipmentChild><ID>L2-1</ID><EquipmentLevel>WorkCell</EquipmentLevel></EquipmentChild>"
        scope = "<HierarchyScope><EquipmentID>HALL</EquipmentID><EquipmentLevel>Area</EquipmentLevel></HierarchyScope>"
        line = f"<Equipment><ID>L2</ID>{scope}<EquipmentLevel>ProductionLine</EquipmentLevel>{cell}</Equipment>"
        body = document("SyncEquipment", line)
        assert (await erp.send(body)).codes == ["created", "created"]
        assert (await erp.send(body)).codes == ["unchanged", "unchanged"]
        assert plant.read_now(get_equipment, equipment_id="L2-1").parent_id == "L2"

    async def test_equipment_keeps_what_only_we_know(self, erp: Erp, plant: Database) -> None:
        said = "<Equipment><ID>BENCH</ID><Description>By the window</Description></Equipment>"
        assert (await erp.send(document("ChangeEquipment", said))).codes == ["updated"]
        view = plant.read_now(get_equipment, equipment_id="BENCH")
        assert (view.description, view.manual, view.parent_id) == ("By the window", True, "BENCHES")

    async def test_equipment_in_a_wrong_place_is_named(self, erp: Erp) -> None:
        lost = "<Equipment><ID>LOST</ID><EquipmentLevel>WorkCell</EquipmentLevel></Equipment>"
        strange = "<Equipment><ID>ODD</ID><EquipmentLevel>Other</EquipmentLevel></Equipment>"
        answer = await erp.send(document("SyncEquipment", lost, strange))
        assert answer.codes == ["equipment-place-invalid", "b2mml-value-unusable"]

    async def test_people_and_their_classes(self, erp: Erp, plant: Database) -> None:
        solder = "<PersonnelClass><ID>SOLDER</ID><Description>Soldering</Description></PersonnelClass>"
        ada = (
            "<Person><ID>p-ada</ID><PersonName>Ada L.</PersonName><PersonnelClassID>SOLDER</PersonnelClassID></Person>"
        )
        inner = f"<PersonnelInformation><ID>all</ID>{ada}{solder}</PersonnelInformation>"
        body = document("SyncPersonnelInformation", inner)
        assert (await erp.send(body)).codes == ["created", "created"]
        assert (await erp.send(body)).codes == ["unchanged", "unchanged"]
        person = plant.read_now(get_person, person_id="p-ada")
        assert person is not None
        assert (person.name, [q.personnel_class_id for q in person.qualifications]) == ("Ada L.", ["SOLDER"])
        unknown = "<Person><ID>p-bob</ID><PersonnelClassID>FLYING</PersonnelClassID></Person>"
        assert (await erp.send(document("SyncPerson", unknown))).codes == ["personnel-class-unknown"]


def routing(version: str = "1", *, consumed: str = "3", inner: str = "") -> str:
    used = produced("PASTE", consumed, "kg", "MaterialSpecification").replace("Produced", "Consumed")
    step = (
        "<OperationsSegment><ID>PRINT</ID><Duration>PT30S</Duration><WorkMasterSourceID>WM-LINE</WorkMasterSourceID>"
        "<EquipmentSpecification><ID>1</ID><EquipmentID>LINE</EquipmentID></EquipmentSpecification>"
        f"{produced('PANEL', '4', name='MaterialSpecification')}{used}{inner}</OperationsSegment>"
    )
    return f"<OperationsDefinition><ID>PANEL-ROUTE</ID><Version>{version}</Version>{step}</OperationsDefinition>"


class TestRoutings:
    @pytest.fixture(autouse=True)
    async def materials(self, erp: Erp, plant: Database) -> None:
        plant.write_now(put_work_masters, actor=None, specs=[WorkMasterSpec("WM-X")])
        await erp.send(document("SyncMaterialDefinition", property_of("PANEL", "pcs"), property_of("PASTE", "kg")))

    async def test_a_routing_is_released_and_its_quantities_are_per_piece(self, erp: Erp, plant: Database) -> None:
        body = document("ProcessOperationsDefinition", routing())
        answer = await erp.send(body)
        assert (answer.root, answer.codes) == ("AcknowledgeOperationsDefinition", ["created"])
        assert (await erp.send(body)).codes == ["unchanged"]
        view = plant.read_now(get_definition, definition_id="PANEL-ROUTE")
        (step,) = view.segments
        assert (view.state, view.material_id) == (DefinitionState.Released, "PANEL")
        assert (step.quantity_per_cycle_e6, step.own_nominal_cycle_s) == (4_000_000, 30)
        assert [(m.material_id, m.quantity_e6) for m in step.materials] == [("PASTE", 750_000)]

    async def test_versions_are_fixed_and_can_be_withdrawn(self, erp: Erp, plant: Database) -> None:
        await erp.send(document("ProcessOperationsDefinition", routing()))
        other = await erp.send(document("SyncOperationsDefinition", routing(consumed="2")))
        assert (other.status, other.codes) == (409, ["operations-definition-version-fixed"])
        assert (await erp.send(document("SyncOperationsDefinition", routing("2", consumed="2")))).codes == ["updated"]
        cancel = document("CancelOperationsDefinition", routing("2"))
        assert [(await erp.send(cancel)).codes for _ in range(2)] == [["cancelled"], ["unchanged"]]
        view = plant.read_now(get_definition, definition_id="PANEL-ROUTE", version_label="2")
        assert view.state is DefinitionState.Obsolete

    async def test_every_fault_of_a_routing_is_told(self, erp: Erp) -> None:
        wrong = routing().replace("WM-LINE", "WM-NONE").replace(">LINE<", ">NOWHERE<")
        answer = await erp.send(document("ProcessOperationsDefinition", wrong))
        sentence = answer.sentence("operations-definition-invalid")
        assert "there is no work master 'WM-NONE'" in sentence
        assert "there is no equipment 'NOWHERE'" in sentence

    async def test_what_no_routing_can_be_made_of_is_refused(self, erp: Erp) -> None:
        for body, code in NO_ROUTINGS:
            answer = await erp.send(document("ProcessOperationsDefinition", body))
            assert (answer.status, answer.codes) == (422, [code]), body


NO_ROUTINGS = [
    (routing(consumed="1").replace("<QuantityString>4<", "<QuantityString>3<"), "b2mml-value-unusable"),
    (routing().replace("PT30S", "P1M"), "b2mml-value-unusable"),
    (routing().replace("<EquipmentID>LINE</EquipmentID>", ""), "b2mml-value-unusable"),
    (routing().replace("Produced", "Consumed"), "b2mml-value-unusable"),
    (routing().replace("WM-LINE", "WM-NONE"), "operations-definition-invalid"),
]


NO_TRANSACTIONS = [
    ("<order/>", 400, "b2mml-unreadable"),
    ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 400, "b2mml-unreadable"),
    ("<a>" * 50 + "</a>" * 50, 413, "b2mml-too-large"),
    (document("SyncMaterialLot", lot("L", "<Disposition>Maybe</Disposition>")), 422, "b2mml-invalid"),
    (document("ProcessWorkPerformance", "<WorkPerformance/>"), 422, "b2mml-invalid"),
    (document("ShowMaterialLot", lot("L")), 422, "b2mml-not-supported"),
    (document("GetPerson", "<Person><ID>ada</ID></Person>"), 422, "b2mml-not-supported"),
    (document("GetMaterialLot", lot("L"), namespace=NAMESPACE_V0401), 422, "b2mml-not-supported"),
    (document("GetMaterialLot", criteria="<Expression>//*</Expression>"), 422, "b2mml-value-unusable"),
    (document("GetMaterialLot", criteria="<Expression>after:x</Expression>"), 400, "bad-cursor"),
    (document("GetMaterialLot", *(lot(str(n)) for n in range(101))), 422, "b2mml-value-unusable"),
    (document("SyncMaterialLot", *(lot(str(n)) for n in range(OBJECTS_MAX + 1))), 413, "b2mml-too-large"),
    (
        document(
            "SyncMaterialLot",
            lot("L"),
            criteria='<ActionCriteria><ActionExpression actionCode="Delete"/></ActionCriteria>',
        ),
        422,
        "b2mml-not-supported",
    ),
]


class TestRefusals:
    async def test_what_is_no_transaction_of_ours_is_a_problem(self, erp: Erp) -> None:
        for body, status, code in NO_TRANSACTIONS:
            answer = await erp.post(body)
            kind = answer.headers["content-type"]
            assert (answer.status_code, kind, answer.json()["code"]) == (status, "application/problem+json", code), body
            assert answer.json()["next_step"]

    async def test_faults_have_their_lines(self, erp: Erp) -> None:
        answer = await erp.post(document("SyncMaterialLot", "\n", lot("L", "<Disposition>Maybe</Disposition>")))
        (error,) = answer.json()["errors"]
        assert (error["where"], error["code"]) == ("line 2", "value-invalid")

    async def test_only_xml_is_read(self, erp: Erp) -> None:
        answer = await erp.post("{}", **{"content-type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (415, "xml-expected")
        sent = await erp.post(document("GetMaterialLot"), **{"content-type": "text/xml; charset=utf-8"})
        assert sent.status_code == 200

    async def test_only_an_integration_comes_in(self, http: httpx.AsyncClient, plant: Database) -> None:
        for role, member in hire_cast(plant).items():
            answer = await Erp(http, member.token).post(document("GetMaterialLot"))
            assert answer.status_code == (200 if role is Role.integration else 403), role

    async def test_what_has_been_worked_with_is_not_deleted(self, erp: Erp) -> None:
        answer = await erp.send(document("CancelMaterialDefinition", property_of("BOARD", "")))
        assert (answer.status, answer.codes) == (422, ["b2mml-not-supported"])


def shown(answer: Answer) -> list[str]:
    return [found.value("ID") for found in answer.document.objects]


class TestShow:
    async def test_materials_lots_and_equipment_by_id(self, erp: Erp) -> None:
        await erp.send(document("SyncMaterialLot", lot("L-1", OF_BOARD, quantity("7"))))
        answer = await erp.send(document("GetMaterialLot", lot("L-1"), lot("L-9")))
        assert (answer.root, answer.status, shown(answer)) == ("ShowMaterialLot", 200, ["L-1"])
        assert answer.codes == ["material-lot-not-found"]
        (found,) = answer.document.objects
        assert found.value("MaterialDefinitionID") == "BOARD"
        assert (found.value("Disposition"), found.value("Quantity", "QuantityString")) == ("UnRestricted", "7")
        line = await erp.send(document("GetEquipment", "<Equipment><ID>LINE</ID></Equipment>"))
        (found,) = line.document.objects
        scope = found.first("HierarchyScope")
        assert scope is not None
        assert (scope.value("EquipmentID"), scope.value("EquipmentLevel")) == ("HALL", "Area")

    async def test_what_is_shown_can_be_sent_back_and_changes_nothing(self, erp: Erp) -> None:
        coil = said("MaterialLot", "Coil", "7", "mm") + said("MaterialLot", "Tested")
        await erp.send(document("SyncMaterialLot", lot("L-1", OF_BOARD, coil, quantity("7.25"))))
        for kind, member in (("MaterialClass", "MaterialDefinition"), ("EquipmentClass", "Equipment")):
            words = (
                f"<ID>C</ID><Description>x</Description>{said(kind, 'Colour', 'red')}{said(kind, 'Size', '7', 'mm')}"
            )
            assert (await erp.send(document(f"Sync{kind}", f"<{kind}>{words}</{kind}>"))).codes == ["created"]
            words = f"<ID>{'BOARD' if member == 'MaterialDefinition' else 'LINE'}</ID>{said(member, 'Colour')}"
            sync = document(f"Sync{member}", f"<{member}>{words}<{kind}ID>C</{kind}ID></{member}>")
            assert (await erp.send(sync)).codes == ["updated"]
        for noun in ("MaterialClass", "MaterialDefinition", "MaterialLot", "EquipmentClass", "Equipment"):
            answer = await erp.post(document(f"Get{noun}", f"<{noun}><ID/></{noun}>"))
            back = answer.text.replace(f"Show{noun}", f"Sync{noun}")
            head, rest = back.split("<Show>")
            sent = head + "<Sync/>" + rest.split("</Show>")[1]
            codes = (await erp.send(sent)).codes
            assert set(codes) - {"element-ignored"} == {"unchanged"}, noun

    async def test_listings_page(self, erp: Erp) -> None:
        materials = [property_of(f"M-{n}", "kg") for n in range(5)]
        await erp.send(document("SyncMaterialDefinition", *materials))
        seen, after = [], ""
        while True:
            criteria = f"<Expression>limit:2</Expression>{after}"
            page = await erp.send(document("GetMaterialDefinition", criteria=criteria))
            seen += shown(page)
            if "more" not in page.codes:
                break
            after = f"<Expression>{page.sentence('more')}</Expression>"
        assert seen == ["BOARD", *(f"M-{n}" for n in range(5))]

    async def test_nothing_found_is_said(self, erp: Erp) -> None:
        nothing = await erp.send(document("GetMaterialLot"))
        assert (nothing.status, nothing.root, nothing.codes) == (200, "ConfirmBOD", ["nothing-found"])
        unknown = await erp.send(document("GetMaterialLot", lot("L-9")))
        assert (unknown.status, unknown.root, unknown.codes) == (404, "ConfirmBOD", ["material-lot-not-found"])


class TestPerformance:
    @pytest.fixture
    async def made(self, erp: Erp, plant: Database, clock: SettableClock) -> None:
        """PO-1: nine good boards and one scratched at the bench, reported."""
        await erp.send(document("SyncOperationsDefinition", BENCH_ONLY))
        await erp.send(
            document(
                "ProcessOperationsSchedule",
                schedule(
                    request("PO-1", "10").replace(
                        "<OperationsDefinitionID/>", "<OperationsDefinitionID>BENCH-ROUTE</OperationsDefinitionID>"
                    )
                ),
            )
        )
        job = order(plant, "PO-1").jobs[0].job_id

        def do(verb: Callable[..., Any], **values: Any) -> None:
            plant.write_now(verb, actor=None, **values)

        do(release_jobs, versions={job: 1})
        do(start_job, job_id=job, version=order(plant, "PO-1").jobs[0].version)
        do(report_good, job_id=job, quantity=Decimal(9), request_id="g")
        do(report_scrap, job_id=job, quantity=Decimal(1), reason_id="scratch", request_id="s")
        do(complete_job, job_id=job, version=order(plant, "PO-1").jobs[0].version)
        clock.advance(minutes=5)
        tick(plant, publish_due_reports)

    async def test_an_order_is_reported(self, erp: Erp, made: None) -> None:
        asked = "<OperationsPerformance><ID>PO-1</ID></OperationsPerformance>"
        answer = await erp.send(document("GetOperationsPerformance", asked))
        assert (answer.root, shown(answer), answer.codes) == ("ShowOperationsPerformance", ["PO-1"], [])
        (performance,) = answer.document.objects
        assert performance.value("PerformanceState") == "Completed"
        (response,) = performance.all("OperationsResponse")
        (segment,) = response.all("SegmentResponse")
        assert (response.value("ResponseState"), response.value("OperationsSegmentID")) == ("Completed", "BENCH")
        assert segment.value("EquipmentActual", "EquipmentID") == "BENCH"
        (actual,) = segment.all("MaterialActual")
        assert (actual.value("MaterialUse"), actual.value("Quantity", "QuantityString")) == ("Produced", "9")
        (scrap,) = actual.all("MaterialActualProperty")
        assert (scrap.value("ID"), scrap.value("Quantity", "QuantityString")) == ("Scrap", "1")
        assert scrap.value("MaterialActualPropertyChild", "ID") == "scratch"

    async def test_the_feed_goes_on_after_its_cursor(self, erp: Erp, made: None) -> None:
        first = await erp.send(document("GetWorkPerformance"))
        (performance,) = first.document.objects
        (job,) = performance.all("WorkResponse")[0].all("JobResponse")
        assert (performance.value("ID"), job.value("WorkMasterID"), job.value("JobState")) == (
            "PO-1",
            "WM-BENCH",
            "Completed",
        )
        after = f"<Expression>{first.sentence('more')}</Expression>"
        rest = await erp.send(document("GetWorkPerformance", criteria=after))
        assert (rest.root, rest.codes) == ("ConfirmBOD", ["nothing-found"])


BENCH_ONLY = (
    "<OperationsDefinition><ID>BENCH-ROUTE</ID><OperationsSegment><ID>BENCH</ID>"
    "<WorkMasterSourceID>WM-BENCH</WorkMasterSourceID>"
    "<EquipmentSpecification><ID>1</ID><EquipmentID>BENCH</EquipmentID></EquipmentSpecification>"
    f"{produced('BOARD', '1', name='MaterialSpecification')}</OperationsSegment></OperationsDefinition>"
)
