"""Master data over REST: create, read, update with version, lists, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from mes.access.types import Role
from mes.definitions.api import router as definitions
from mes.equipment.api import router as equipment
from mes.exchange.plant_file import PlantDocument, check_plant_file, load_plant
from mes.genealogy.lots.api import router as lots
from mes.kernel.errors import Refusal
from mes.kernel.plants import Migrate, Plants
from mes.materials.api import router as materials
from mes.personnel.api import router as personnel
from tests.conftest import SettableClock
from tests.web.cast import hire

DEMO = Path(__file__).parents[3] / "web" / "demo_plant.yaml"


@pytest.fixture(scope="module")
def demo() -> PlantDocument:
    return check_plant_file(DEMO.read_text(encoding="utf-8"), filename=DEMO.name)


@pytest.fixture
def plants(tmp_path: Path, at_once: Migrate, clock: SettableClock, demo: PlantDocument) -> Iterator[Plants]:
    plants = Plants(data_dir=tmp_path, migrate=at_once, clock=clock)
    plants.default.write_now(load_plant, actor=None, plant=demo)
    yield plants
    plants.close()


@pytest.fixture(scope="module")
def routes() -> FastAPI:
    """Without plants; made once, because a router is prepared anew for each application."""
    app = FastAPI()
    for router in (equipment, materials, lots, definitions, personnel):
        app.include_router(router)

    @app.exception_handler(Refusal)
    async def refused(_: Request, refusal: Refusal) -> JSONResponse:
        errors = [{"where": e.where, "code": e.code} for e in refusal.errors]
        return JSONResponse({"code": refusal.code, "errors": errors}, refusal.status)

    return app


@pytest.fixture
def app(routes: FastAPI, plants: Plants) -> FastAPI:
    routes.state.plants = plants
    return routes


def client_of(app: FastAPI, plants: Plants, role: Role) -> httpx.AsyncClient:
    member = hire(plants.default, f"the-{role}", role)
    headers = {"authorization": f"Bearer {member.token}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://plant.test/api/v1", headers=headers)


@pytest.fixture
async def engineer(app: FastAPI, plants: Plants) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, plants, Role.engineer) as client:
        yield client


async def answer(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


async def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


async def test_equipment_is_created_read_and_updated_with_its_version(engineer: httpx.AsyncClient) -> None:
    body = {"id": "TEST-2", "level": "WorkUnit", "parent_id": "TEST", "nominal_cycle_s": "8.5"}
    created = await engineer.post("/equipment", json=body)
    made = await answer(created, 201)
    assert created.headers["location"] == "/api/v1/equipment/TEST-2"
    assert (made["work_center_id"], made["area_id"], made["nominal_cycle_s"]) == ("TEST", "ELECTRONICS", "8.5")
    assert await code(await engineer.post("/equipment", json=body)) == (409, "equipment-exists")
    change = {"level": "WorkUnit", "parent_id": "TEST", "description": "Second tester"}
    seen = created.headers["etag"]
    updated = await engineer.put("/equipment/TEST-2", json=change, headers={"if-match": seen})
    assert (await answer(updated))["description"] == "Second tester"
    stale = await engineer.put("/equipment/TEST-2", json=change, headers={"if-match": seen})
    assert await code(stale) == (409, "version-conflict")
    assert await code(await engineer.put("/equipment/TEST-2", json=change)) == (400, "version-missing")


async def test_equipment_in_the_wrong_place_is_refused_by_name(engineer: httpx.AsyncClient) -> None:
    refused = await engineer.post("/equipment", json={"id": "X", "level": "WorkUnit", "parent_id": "ELECTRONICS"})
    assert refused.status_code == 422
    assert refused.json()["errors"] == [{"where": "X", "code": "equipment-nesting"}]
    assert await code(await engineer.get("/equipment/X")) == (404, "equipment-not-found")


@pytest.mark.parametrize(
    "body",
    [
        {"id": "A B", "level": "Area", "parent_id": "AURORA-1"},
        {"id": "A/B", "level": "Area", "parent_id": "AURORA-1"},
        {"id": "A", "level": "Hall", "parent_id": "AURORA-1"},
        {"id": "A", "level": "Area", "parent_id": "AURORA-1", "colour": "red"},
        {"id": "A", "level": "Area", "parent_id": "AURORA-1", "description": "x" * 501},
        {"id": "A", "level": "WorkCenter", "parent_id": "MACHINING", "nominal_cycle_s": "0.0000001"},
        {"id": "x" * 101, "level": "Area", "parent_id": "AURORA-1"},
    ],
)
async def test_documents_are_strict_and_bounded(engineer: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await engineer.post("/equipment", json=body)).status_code == 422


async def test_lists_are_filtered_and_paged_with_cursors(engineer: httpx.AsyncClient) -> None:
    cells, cursor = [], None
    while True:
        params = {"parent_id": "SMT-1", "limit": 3, **({"cursor": cursor} if cursor else {})}
        page = await answer(await engineer.get("/equipment", params=params))
        cells += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert cells == sorted(cells)
    assert len(cells) == 7
    assert await code(await engineer.get("/equipment", params={"cursor": "x"})) == (400, "bad-cursor")
    assert (await engineer.get("/equipment", params={"limit": 5_000})).status_code == 422


async def test_tree_status_and_states(engineer: httpx.AsyncClient) -> None:
    (root,) = await answer(await engineer.get("/equipment-tree"))
    assert root["equipment"]["id"] == "AURORA"
    areas = root["children"][0]["children"]
    assert [area["equipment"]["id"] for area in areas] == ["ELECTRONICS", "MACHINING"]
    status = await answer(await engineer.get("/equipment/CNC-1/status"))
    assert (status["state"], status["known"], status["unknown_reason"]) == ("Unknown", False, "no-signal")
    found = await answer(await engineer.get("/equipment-status", params={"area_id": "MACHINING"}))
    assert len(found["items"]) == 3
    span = {"from_at": "2026-01-01T00:00:00Z", "to_at": "2026-01-02T00:00:00Z"}
    intervals = await answer(await engineer.get("/equipment/CNC-1/state-intervals", params=span))
    assert intervals == {"items": [], "next_cursor": None}
    naive = {"from_at": "2026-01-01T00:00:00", "to_at": "2026-01-02T00:00:00"}
    assert (await engineer.get("/equipment/CNC-1/state-intervals", params=naive)).status_code == 422


async def test_a_machine_is_swapped(engineer: httpx.AsyncClient, clock: SettableClock) -> None:
    made = await engineer.post("/physical-assets", json={"id": "MC-9", "vendor": "Spindelwerk"})
    assert (await answer(made, 201))["equipment_id"] is None
    clock.advance(hours=1)
    mappings = await answer(await engineer.post("/equipment/CNC-1/asset-mappings", json={"physical_asset_id": "MC-9"}))
    assert [(m["physical_asset_id"], m["to_at"] is None) for m in mappings] == [("MC-5120", False), ("MC-9", True)]
    assert (await answer(await engineer.get("/physical-assets/MC-9")))["equipment_id"] == "CNC-1"
    assert (await answer(await engineer.get("/equipment/CNC-1/asset-mappings")))["items"] == mappings
    change = await engineer.put("/physical-assets/MC-9", json={"model": "M500", "version": 1})
    assert (await answer(change))["version"] == 2
    assert len((await answer(await engineer.get("/physical-assets", params={"limit": 100})))["items"]) == 11


async def test_calendar_is_replaced_with_its_version(engineer: httpx.AsyncClient) -> None:
    calendar = await answer(await engineer.get("/calendar"))
    day = {"from_at": "2026-10-24T20:00:00Z", "to_at": "2026-10-25T06:00:00Z"}
    calendar["shift_patterns"][2]["days"] = ["mon", "tue", "wed", "thu", "fri", "sat"]
    assert (await answer(await engineer.put("/calendar", json=calendar)))["version"] == 2
    assert await code(await engineer.put("/calendar", json=calendar)) == (409, "version-conflict")
    shifts = (await answer(await engineer.get("/calendar/shifts", params=day)))["items"]
    night = next(shift for shift in shifts if shift["id"] == "night")
    assert (night["production_day"], night["working_s"]) == ("2026-10-24", 9 * 3600 - 1800 - 0)
    calendar |= {"time_zone": "Mars/Olympus", "version": 2}
    assert await code(await engineer.put("/calendar", json=calendar)) == (422, "calendar-invalid")


async def test_materials_and_conversions(engineer: httpx.AsyncClient) -> None:
    body = {"id": "SCREW", "unit": "pcs", "conversions": [{"unit": "box", "factor": "250"}]}
    made = await engineer.post("/material-definitions", json=body)
    assert (await answer(made, 201))["conversions"] == [{"unit": "box", "factor": "250"}]
    ask = {"quantity": "1000", "from_unit": "pcs", "to_unit": "box"}
    converted = await answer(await engineer.get("/material-definitions/SCREW/conversion", params=ask))
    assert converted == {"value": "4", "unit": "box"}
    inexact = await engineer.get("/material-definitions/CB-100/conversion", params={**ask, "to_unit": "kg"})
    assert await code(inexact) == (422, "unit-not-convertible")
    change = {"unit": "kg", "version": 1}
    assert await code(await engineer.put("/material-definitions/SCREW", json=change)) == (409, "material-unit-fixed")
    listed = await answer(await engineer.get("/material-definitions"))
    assert "SCREW" in [item["id"] for item in listed["items"]]


@pytest.mark.parametrize(
    ("classes", "members", "body"),
    [
        ("material-classes", "material-definitions", {"id": "NEW", "unit": "g"}),
        ("equipment-classes", "equipment", {"id": "NEW", "level": "WorkUnit", "parent_id": "TEST"}),
    ],
)
async def test_classes_and_what_belongs_to_them(
    engineer: httpx.AsyncClient, classes: str, members: str, body: dict[str, Any]
) -> None:
    key = classes.replace("-", "_")
    named = {**body, key: ["KIND", "KIND"]}
    missing = await engineer.post(f"/{members}", json=named)
    assert await code(missing) == (404, f"{classes.removesuffix('es')}-not-found")
    made = await engineer.post(f"/{classes}", json={"id": "KIND", "description": "of a kind"})
    assert await answer(made, 201) == {"id": "KIND", "description": "of a kind", "properties": [], "version": 1}
    assert made.headers["location"] == f"/api/v1/{classes}/KIND"
    changed = await engineer.put(f"/{classes}/KIND", json={"description": "alike"}, headers={"if-match": '"1"'})
    assert (await answer(changed))["version"] == 2
    assert [item["id"] for item in (await answer(await engineer.get(f"/{classes}")))["items"]] == ["KIND"]
    made = await engineer.post(f"/{members}", json=named)
    assert (await answer(made, 201))[key] == ["KIND"]
    listed = await answer(await engineer.get(f"/{members}", params={key.removesuffix("es"): "KIND"}))
    assert [item["id"] for item in listed["items"]] == ["NEW"]
    change = {name: value for name, value in body.items() if name != "id"}
    silent = await engineer.put(f"/{members}/NEW", json=change, headers={"if-match": made.headers["etag"]})
    assert (await answer(silent))[key] == ["KIND"]
    many = {**body, "id": "MANY", key: [f"C-{n}" for n in range(201)]}
    assert (await engineer.post(f"/{members}", json=many)).status_code == 422


@pytest.mark.parametrize(
    ("classes", "members", "body"),
    [
        ("material-classes", "material-definitions", {"id": "NEW", "unit": "g"}),
        ("equipment-classes", "equipment", {"id": "NEW", "level": "WorkUnit", "parent_id": "TEST"}),
    ],
)
async def test_properties_of_a_class_are_those_of_its_members_but_for_their_own(
    engineer: httpx.AsyncClient, classes: str, members: str, body: dict[str, Any]
) -> None:
    melts = {"id": "Melts at", "description": "Liquidus", "value": "217", "unit": "°C"}
    alloy, mine = ({"id": "Alloy", "description": "", "value": value, "unit": ""} for value in ("SAC305", "SN63"))
    kind = {"id": "KIND", "properties": [melts, {"id": "Alloy", "value": "SAC305"}]}
    assert (await answer(await engineer.post(f"/{classes}", json=kind), 201))["properties"] == [alloy, melts]
    own = {**body, classes.replace("-", "_"): ["KIND"], "properties": [mine]}
    said = await answer(await engineer.post(f"/{members}", json=own), 201)
    assert (said["properties"], said["inherited_properties"]) == ([mine], [{"class_id": "KIND", **melts}])
    change = {name: value for name, value in body.items() if name != "id"} | {"version": said["version"]}
    assert await answer(await engineer.put(f"/{members}/NEW", json=change)) == said, "left out: they stay"
    emptied = await answer(await engineer.put(f"/{members}/NEW", json={**change, "properties": []}))
    assert (emptied["properties"], emptied["version"]) == ([], said["version"] + 1)
    assert [one["value"] for one in emptied["inherited_properties"]] == ["SAC305", "217"]
    changed = await engineer.put(f"/{classes}/KIND", json={"description": "", "properties": [mine], "version": 1})
    assert (await answer(changed))["version"] == 2
    shown = await answer(await engineer.get(f"/{members}/NEW"))
    assert shown["inherited_properties"] == [{"class_id": "KIND", **mine}]
    many = [{"id": f"P{n}"} for n in range(101)]
    for wrong in ([mine, mine], many, [{"id": "P", "value": "x" * 501}], [{"id": " "}]):
        refused = await engineer.post(f"/{classes}", json={"id": "WRONG", "properties": wrong})
        assert refused.status_code == 422


@pytest.mark.parametrize(
    ("things", "body"),
    [
        ("material-lots", {"id": "NEW", "material_id": "SP-305", "quantity": "5", "unit": "kg"}),
        ("persons", {"id": "NEW", "name": "Ada"}),
    ],
)
async def test_properties_of_lots_and_people(engineer: httpx.AsyncClient, things: str, body: dict[str, Any]) -> None:
    mine, size = ({"id": name, "description": "", "value": "7", "unit": "mm"} for name in ("Coil", "Size"))
    said = await answer(await engineer.post(f"/{things}", json={**body, "properties": [size, mine]}), 201)
    assert said["properties"] == [mine, size]
    change = {name: value for name, value in said.items() if name not in ("id", "principal_id", "properties")}
    kept = await answer(await engineer.put(f"/{things}/NEW", json=change))
    assert kept == said, "left out: they stay"
    emptied = await answer(await engineer.put(f"/{things}/NEW", json={**change, "properties": []}))
    assert (emptied["properties"], emptied["version"]) == ([], said["version"] + 1)
    rows = [{**body, "properties": [mine]}]
    bulk = await answer(await engineer.post(f"/{things}/bulk", json={"rows": rows}))
    assert [row["outcome"] for row in bulk["rows"]] == ["updated"]
    assert (await answer(await engineer.get(f"/{things}/NEW")))["properties"] == [mine]
    refused = await engineer.post(f"/{things}", json={**body, "id": "WRONG", "properties": [mine, mine]})
    assert refused.status_code == 422


async def test_no_property_of_a_material_says_its_unit_once_more(engineer: httpx.AsyncClient) -> None:
    body = {"id": "NEW", "unit": "g", "properties": [{"id": "BaseUnitOfMeasure", "value": "kg"}]}
    refused = await engineer.post("/material-definitions", json=body)
    assert (refused.status_code, "says units in B2MML" in refused.text) == (422, True)


async def test_lots_with_exact_quantities_and_holds(engineer: httpx.AsyncClient) -> None:
    body = {"id": "L-1", "material_id": "SP-305", "quantity": "0.1", "unit": "kg"}
    assert (await answer(await engineer.post("/material-lots", json=body), 201))["quantity"] == "0.1"
    vague = {**body, "id": "L-2", "quantity": 12345678901.123456}
    assert (await engineer.post("/material-lots", json=vague)).status_code == 422
    hold = {"disposition": "Restricted", "reason": "Expired", "version": 1}
    held = await answer(await engineer.post("/material-lots/L-1/disposition", json=hold))
    assert (held["disposition"], held["version"]) == ("Restricted", 2)
    listed = await answer(await engineer.get("/material-lots", params={"disposition": "Restricted"}))
    assert [item["id"] for item in listed["items"]] == ["L-1", "MCU-2609-02"]
    change = {"material_id": "SP-305", "quantity": "0.4", "unit": "kg", "disposition": "UnRestricted", "version": 2}
    assert await code(await engineer.put("/material-lots/L-1", json=change)) == (409, "lot-hold-stands")
    free = {"disposition": "UnRestricted", "reason": "It was the other can", "version": 2}
    await answer(await engineer.post("/material-lots/L-1/disposition", json=free))
    changed = await engineer.put("/material-lots/L-1", json={**change, "version": 3})
    assert (await answer(changed))["quantity"] == "0.4"


async def test_routings_and_recipes_in_versions(engineer: httpx.AsyncClient) -> None:
    recipe = {"description": "Hotter", "parameters": {"peak_c": "250"}, "seen_version_label": "1"}
    assert (await answer(await engineer.put("/work-masters/WM-CB-SMT", json=recipe)))["version_label"] == "2"
    versions = await answer(await engineer.get("/work-masters", params={"work_master_id": "WM-CB-SMT"}))
    assert [v["version_label"] for v in versions["items"]] == ["1", "2"]
    segment = {"id": "MILL", "work_master_id": "WM-BH-MILL", "equipment_id": "CNC-1", "quantity_per_cycle": "4"}
    change = {"material_id": "BH-200", "segments": [segment], "seen_version_label": "1"}
    new = await answer(await engineer.put("/operations-definitions/BH-200-ROUTE", json=change))
    assert (new["version_label"], new["state"], new["segments"][0]["nominal_cycle_s"]) == ("2", "Released", "75")
    stale = await engineer.put("/operations-definitions/BH-200-ROUTE", json=change)
    assert await code(stale) == (409, "version-conflict")
    old = await answer(await engineer.get("/operations-definitions/BH-200-ROUTE", params={"version_label": "1"}))
    assert old["state"] == "Obsolete"
    back = await engineer.post(
        "/operations-definitions/BH-200-ROUTE/versions/1/state",
        json={"state": "Released", "version": old["version"]},
    )
    assert (await answer(back))["state"] == "Released"
    created = {"id": "BH-ALT", "material_id": "BH-200", "state": "Draft", "segments": [segment]}
    assert (await answer(await engineer.post("/operations-definitions", json=created), 201))["version_label"] == "1"
    missing = {**created, "id": "BH-3", "segments": [{**segment, "equipment_id": "X"}]}
    refused = await engineer.post("/operations-definitions", json=missing)
    assert refused.json()["errors"] == [{"where": "BH-3/MILL", "code": "equipment-not-found"}]


async def test_a_draft_is_drawn_up_and_released_for_later(engineer: httpx.AsyncClient) -> None:
    png = b"\x89PNG\r\n\x1a\n"
    uploaded = await answer(await engineer.post("/instruction-documents", content=png), 201)
    shown = await engineer.get(f"/instruction-documents/{uploaded['sha256']}")
    assert (shown.content, shown.headers["content-type"]) == (png, "image/png")
    assert await code(await engineer.post("/instruction-documents", content=b"<svg/>")) == (
        422,
        "instruction-document-invalid",
    )
    path = "/operations-definitions/BH-200-ROUTE/versions"
    draft = await answer(await engineer.post(f"{path}/1/drafts"), 201)
    assert (draft["version_label"], draft["state"], draft["fixed"]) == ("2", "Draft", False)
    material = {
        "material_id": "AL-6082-D80",
        "quantity": "1",
        "scrap_allowance": "2.5",
        "substitutes": [{"material_id": "BOX-10"}],
    }
    segment = {
        "id": "MILL",
        "work_master_id": "WM-BH-MILL",
        "equipment_id": "CNC-1",
        "alternative_equipment_ids": ["REWORK-1"],
        "parameters": {"spindle_rpm": "9000"},
        "personnel_class_ids": ["CNC-OPERATOR"],
        "instructions": [{"title": "Clamp", "text": "Two", "document_sha256": uploaded["sha256"]}],
    }
    body = {"material_id": "BH-200", "segments": [{**segment, "materials": [material]}], "version": draft["version"]}
    changed = await answer(await engineer.put(f"{path}/2", json=body))
    (step,) = changed["segments"]
    assert {name: step[name] for name in segment} == segment
    assert step["materials"][0]["substitutes"] == [{"material_id": "BOX-10", "quantity": "1"}]
    assert step["materials"][0]["scrap_allowance"] == "2.5"
    assert await code(await engineer.put(f"{path}/2", json=body)) == (409, "version-conflict")
    later = {"from_at": "2030-01-01T00:00:00Z", "version": changed["version"]}
    planned = await answer(await engineer.post(f"{path}/2/effectivity", json=later))
    assert planned["effectivity"] == {"from_at": "2030-01-01T00:00:00Z", "until_at": None}
    released = {"state": "Released", "version": planned["version"]}
    assert (await answer(await engineer.post(f"{path}/2/state", json=released)))["fixed"] is True
    assert (await answer(await engineer.get("/operations-definitions/BH-200-ROUTE?version_label=1")))[
        "state"
    ] == "Released"
    again = {**body, "version": planned["version"] + 1}
    assert await code(await engineer.put(f"{path}/2", json=again)) == (409, "operations-definition-version-fixed")


async def test_recipes_with_limits_and_an_end(engineer: httpx.AsyncClient) -> None:
    limit = {"data_type": "decimal", "unit": "Cel", "low": "240", "high": "250"}
    recipe = {"id": "WM-HOT", "parameters": {"peak": "245"}, "limits": {"peak": limit}}
    made = await answer(await engineer.post("/work-masters", json=recipe), 201)
    assert made["limits"] == {"peak": limit}
    refused = await engineer.post("/work-masters", json={**recipe, "id": "WM-2", "parameters": {"peak": "251"}})
    assert await code(refused) == (422, "parameter-out-of-limits")
    path = "/work-masters/WM-HOT/versions/1/effectivity"
    ended = await answer(await engineer.post(path, json={"until_at": "2030-01-01T00:00:00Z", "version": 1}))
    assert (ended["effectivity"]["until_at"], ended["version"]) == ("2030-01-01T00:00:00Z", 2)
    backwards = {"from_at": "2030-01-01T00:00:00Z", "until_at": "2029-01-01T00:00:00Z", "version": 2}
    assert await code(await engineer.post(path, json=backwards)) == (422, "effectivity-invalid")


async def test_scrap_reasons(engineer: httpx.AsyncClient) -> None:
    assert (await engineer.post("/scrap-reasons", json={"id": "WET", "description": "Wet"})).status_code == 201
    gone = await engineer.put("/scrap-reasons/WET", json={"description": "Wet", "active": False, "version": 1})
    assert (await answer(gone))["active"] is False
    assert "WET" not in [r["id"] for r in (await answer(await engineer.get("/scrap-reasons")))["items"]]
    assert (await answer(await engineer.get("/scrap-reasons/WET")))["version"] == 2


async def test_only_engineers_change_and_bridges_see_nothing(app: FastAPI, plants: Plants) -> None:
    body = {"id": "X", "description": "x"}
    for role, reading, writing in ((Role.operator, 200, 403), (Role.bridge, 403, 403), (Role.administrator, 200, 201)):
        async with client_of(app, plants, role) as client:
            assert (await client.get("/scrap-reasons")).status_code == reading
            assert (await client.post("/scrap-reasons", json=body)).status_code == writing
