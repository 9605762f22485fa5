"""The B2MML door before its judges: real documents of V0401 go in, and every answer is valid by MESA's schemas 7.01."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from lxml import etree

from mes.access.types import Role
from mes.exchange.b2mml.outgoing import operations_performance, work_performance
from mes.kernel.db import Database
from mes.materials.queries import get_material, get_material_lot
from mes.orders.queries import get_operations_request
from mes.reporting.rules import Consumption, Interval, JobOutcome, RunTime, job_response
from standards.isa95.b2mml import Document, Element, element, leaf, write_document
from standards.isa95.job_control import JobState
from tests.mes.exchange.b2mml_of import XML, document, lot, produced, property_of, quantity, request, said, schedule
from tests.support.rest import rest_api
from tests.web.cast import OnePlant, hire

JUDGES: Final = (
    ("XML schemas of B2MML, MESA International", "7.01 (commit 65cc665, 2023-07-11)"),
    ("Documents of V0401 (Courbon)", "2012"),
    ("lxml", None),
)

COURBON = "examples-v0401-courbon"
N = {"b": "http://www.mesa.org/xml/B2MML"}


@pytest.fixture(params=["sqlite"])
def database_url(sqlite_url: str) -> str:
    """What is judged here is XML; the verbs behind it have their tests on both databases."""
    return sqlite_url


@pytest.fixture
async def erp(built_plant: None, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    app = rest_api()
    app.state.plants = OnePlant(database)
    headers = {**XML, "authorization": f"Bearer {hire(database, 'iris', Role.integration).token}"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://plant", headers=headers) as client:
        yield client


@pytest.fixture
def b2mml(conformance: Path) -> Path:
    return conformance / "b2mml-v7.01"


@cache
def schema_of(folder: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(folder / "Schema" / "AllSchemas.xsd"))


def judged(folder: Path, written: bytes) -> Any:
    """The document, if MESA's schemas have nothing against it."""
    read, schema = etree.fromstring(written), schema_of(folder)
    assert schema.validate(read), (schema.error_log, written.decode())
    return read


def codes(answer: Any) -> list[str]:
    return [str(node.text) for node in answer.iterfind(".//b:ResponseCriteria/b:ChangeStatus/b:Code", N)]


async def send(erp: httpx.AsyncClient, folder: Path, body: str | bytes, status: int = 200) -> Any:
    answer = await erp.post("/b2mml", content=body)
    assert answer.status_code == status, answer.text
    return judged(folder, answer.content)


FINAL = "<Priority>70</Priority>"
QUESTIONS = [
    ("GetMaterialDefinition", "<MaterialDefinition><ID/></MaterialDefinition>", 200),
    ("GetMaterialClass", "<MaterialClass><ID>METAL</ID></MaterialClass>", 200),
    ("GetEquipmentClass", "<EquipmentClass><ID/></EquipmentClass>", 200),
    ("GetMaterialLot", lot("L-1") + lot("L-9"), 200),
    ("GetMaterialLot", lot("L-9"), 404),
    ("GetEquipment", "<Equipment><ID/></Equipment>", 200),
    ("GetOperationsPerformance", "<OperationsPerformance><ID>PO-1</ID></OperationsPerformance>", 404),
    ("GetWorkPerformance", "", 200),
]
MELTS = said("MaterialClass", "Melts at", "217", "Cel", description="Liquidus &lt; peak")
COATED = said("MaterialDefinition", "Coated")
LONG, LONGER = said("EquipmentClass", "Length", "8", "m"), said("Equipment", "Length", "9.5", "m")
COIL, SHOES = said("MaterialLot", "Coil", "7", "mm", description="Which"), said("Person", "Shoe size", "41")
COMMANDS = [
    ("ProcessMaterialDefinition", property_of("SCREW", "pcs", description="M3 &amp; &lt;washer&gt;"), 200),
    ("ChangeMaterialDefinition", property_of("SCREW", "", description="M3"), 200),
    ("SyncMaterialLot", lot("L-1", "<MaterialDefinitionID>BOARD</MaterialDefinitionID>", quantity("7")), 200),
    ("SyncMaterialLot", lot("L-1", COIL, quantity("7")), 200),
    ("SyncPerson", f"<Person><ID>p-1</ID><PersonName>Ada</PersonName>{SHOES}</Person>", 200),
    ("ProcessMaterialLot", lot("L-2", "<MaterialDefinitionID>NONE</MaterialDefinitionID>", quantity("7")), 422),
    ("ProcessOperationsSchedule", schedule(request("PO-1", between=FINAL), request("PO-2")), 200),
    ("SyncOperationsSchedule", schedule(request("PO-1"), request("PO-2", "51")), 409),
    ("CancelOperationsSchedule", schedule(request("PO-2")), 200),
    ("CancelMaterialDefinition", property_of("SCREW", ""), 422),
    ("ProcessEquipment", "<Equipment><ID>LINE</ID><Colour>red</Colour></Equipment>", 200),
    (
        "ProcessMaterialClass",
        f"<MaterialClass><ID>METAL</ID><Description>Metal</Description>{MELTS}</MaterialClass>",
        200,
    ),
    ("SyncMaterialDefinition", property_of("SCREW", "", more=f"{COATED}<MaterialClassID>METAL</MaterialClassID>"), 200),
    ("SyncEquipmentClass", f"<EquipmentClass><ID>LINES</ID>{LONG}</EquipmentClass>", 200),
    ("ChangeEquipment", f"<Equipment><ID>LINE</ID>{LONGER}<EquipmentClassID>LINES</EquipmentClassID></Equipment>", 200),
    ("CancelEquipmentClass", "<EquipmentClass><ID>LINES</ID></EquipmentClass>", 422),
]


async def test_every_answer_is_valid(erp: httpx.AsyncClient, b2mml: Path) -> None:
    for root, objects, status in (*COMMANDS, *QUESTIONS):
        asked = document(root, objects)
        if root.startswith(("Process", "Sync", "Change", "Cancel")) and "Colour" not in asked:
            judged(b2mml, asked.encode())
        await send(erp, b2mml, asked, status)


async def test_real_documents_of_v0401_load(erp: httpx.AsyncClient, database: Database, b2mml: Path) -> None:
    step = (
        "<OperationsSegment><ID>MIX</ID><WorkMasterSourceID>WM-BENCH</WorkMasterSourceID>"
        "<EquipmentSpecification><ID>1</ID><EquipmentID>BENCH</EquipmentID></EquipmentSpecification>"
        f"{produced('SO1215', '1', 'KG', 'MaterialSpecification')}</OperationsSegment>"
    )
    await send(erp, b2mml, document("SyncMaterialDefinition", property_of("SO1215", "KG")))
    routing = f"<OperationsDefinition><ID>SO1215-ROUTE</ID>{step}</OperationsDefinition>"
    await send(erp, b2mml, document("SyncOperationsDefinition", routing))
    told = {}
    for name in ("MAT-20121210170256-CRBN0001", "LOT-20121210170718-0001L0001", "PRO-20121210181416-27942"):
        body = (b2mml / COURBON / f"{name}.xml").read_bytes()
        first, again = codes(await send(erp, b2mml, body)), codes(await send(erp, b2mml, body))
        assert (first[0], again[0], first[1:]) == ("created", "unchanged", again[1:])
        told[name[:3]] = set(first[1:])
    assert told == {
        "MAT": {"release-missing", "element-ignored"},
        "LOT": {"release-missing", "material-assumed", "quantity-missing", "element-ignored"},
        "PRO": {"release-missing", "v0401-renamed", "element-missing", "element-ignored"},
    }
    material = database.read_now(get_material, material_id="CRBN0001")
    assert (material.unit, material.description) == ("KG", "Product Courbon0001")
    assert database.read_now(get_material_lot, lot_id="CRBN0001_LOT01").material_id == "CRBN0001"
    order = database.read_now(get_operations_request, operations_request_id="258456", now=database.clock())
    assert (order.material_id, order.quantity, order.unit) == ("SO1215", 1, "KG")


EXACT, OPEN, BETWEEN = Interval(9_000_000, 9_000_000), Interval(9_000_000, None), Interval(1_000_000, 4_000_000)


def outcome(**more: Any) -> JobOutcome:
    values: dict[str, Any] = {
        "operations_request_id": "PO-1",
        "operations_request_version": "1",
        "operations_request_state": "Completed",
        "work_request_id": "PO-1.2",
        "job_id": "PO-1.2-LINE",
        "segment_id": "LINE",
        "work_master_id": "WM-LINE",
        "work_master_version": "3",
        "equipment_id": "LINE",
        "physical_asset_ids": ("SN-7", "SN-8"),
        "person_ids": ("ada",),
        "material_id": "BOARD",
        "unit": "pcs",
        "state": JobState.Ended,
        "started_at_us": 1_772_438_400_000_000,
        "ended_at_us": 1_772_438_460_500_000,
        "ordered_e6": 10_000_000,
        "good": EXACT,
        "scrap": Interval(1_000_000, 1_000_000),
        "scrap_by_reason": {"scratch": Interval(1_000_000, 1_000_000)},
    }
    return JobOutcome(**{**values, **more})


def report(job: JobOutcome) -> dict[str, Any]:
    content = job_response(job)
    content["job_response"]["version"] = 2
    return {**content, "published_at": "2026-03-02T08:01:10.250000+00:00"}


USED = (Consumption("SCREW", "S-1", "pcs", 39_500_000), Consumption("GLUE", "", "g", 1))
OUTCOMES = [
    outcome(used_at=("BENCH",), consumed=USED, ran=RunTime(machine_s=5400)),
    outcome(good=OPEN, scrap=BETWEEN, scrap_by_reason={"": BETWEEN}),
    outcome(good=BETWEEN, rework_e6=2_000_000, ran=RunTime(labour_s=1)),
    outcome(reworked=True, state=JobState.Aborted, operations_request_state="Running"),
    outcome(cancelled=True, started_at_us=None, ended_at_us=None, operations_request_state="Cancelled"),
]


def test_every_kind_of_report_is_valid(b2mml: Path) -> None:
    area = element("ApplicationArea", leaf("CreationDateTime", "2026-03-02T08:02:00Z"))
    reports = [report(job) for job in OUTCOMES]
    for found in (operations_performance("PO-1", reports), work_performance("PO-1.2", reports)):
        read = judged(b2mml, write_document(Document(found.name, Element("Show"), area, (found,))))
        states = [node.text for node in read.iterfind(".//b:SegmentState", N)] or [
            node.text for node in read.iterfind(".//b:JobState", N)
        ]
        assert states == ["Completed", "Completed", "Completed", "Aborted", "Other"]
        actuals = read.findall(".//b:MaterialActual", N)
        used = [actual for actual in actuals if actual.findtext("b:MaterialUse", None, N) == "Consumed"]
        told = ("MaterialDefinitionID", "MaterialLotID", "Quantity/b:QuantityString", "Quantity/b:UnitOfMeasure")
        assert [[actual.findtext(f"b:{name}", None, N) for name in told] for actual in used] == [
            ["GLUE", None, "0.000001", "g"],
            ["SCREW", "S-1", "39.5", "pcs"],
        ]
        places = [node.text for node in read.iterfind(".//b:EquipmentActual/b:EquipmentID", N)]
        assert places == ["LINE", "BENCH", "LINE", "LINE", "LINE", "LINE"]
        uppers = [
            [str(node.text) for node in actual.iterfind("b:MaterialActualProperty/b:Quantity/b:QuantityString", N)]
            for actual in actuals
            if actual not in used
        ]
        assert uppers[0] == ["1"]
        assert uppers[1] == ["1", "4"]
        assert uppers[2] == ["4", "1", "2"]
