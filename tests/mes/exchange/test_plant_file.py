"""The plant file: every fault with its line, all or nothing, twice is once, on both databases."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from mes.definitions.queries import (
    get_definition,
    get_work_master,
    list_scrap_reasons,
    read_document,
    resolve_definition,
)
from mes.definitions.types import DataType, MediaType, ParameterLimit
from mes.edge.queries import get_bridge, list_bindings
from mes.equipment.queries import get_calendar, get_equipment, get_physical_asset
from mes.exchange.plant_file import (
    KnownPlant,
    LoadSummary,
    PlantDocument,
    PlantFileInvalid,
    check_plant_file,
    load_plant,
    read_known_plant,
)
from mes.kernel.db import Database
from mes.kernel.errors import NotFound
from mes.kernel.outbox import head_seq
from mes.kernel.properties import InheritedProperty, Property
from mes.materials.life.queries import get_handling, list_moisture_levels
from mes.materials.queries import get_material, get_material_lot
from mes.materials.types import ApprovedPart
from mes.personnel.queries import get_person
from mes.quality.queries import get_requirement, list_defect_codes
from mes.quality.types import StepCheck

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "web" / "demo_plant.yaml"
TAG_MAP = ROOT / "opcua_bridge" / "demo_tag_map.toml"
ALARM = "{tag: T, signal: alarm, equipment: WC}"
SMALL = """\
equipment:
  - {id: ENT, level: Enterprise}
  - {id: SITE, level: Site, parent: ENT}
  - {id: AREA, level: Area, parent: SITE}
  - {id: WC, level: WorkCenter, parent: AREA}
material_definitions:
  - {id: M, unit: pcs, conversions: [{unit: panel, factor: 8}]}
work_masters:
  - {id: WM, parameters: {peak_c: 245.5, lid: true}}
operations_definitions:
  - id: ROUTE
    material: M
    segments:
      - {id: S1, work_master: WM, equipment: WC, quantity_per_cycle: 0.125}
"""


def faults(text: str, filename: str = "p.yaml", known: KnownPlant | None = KnownPlant()) -> list[tuple[int, str]]:
    with pytest.raises(PlantFileInvalid) as refusal:
        check_plant_file(text, filename=filename, known=known)
    assert all(e.where.startswith(f"{filename}:") for e in refusal.value.errors)
    return [(int(e.where.rpartition(":")[2]), e.code) for e in refusal.value.errors]


@pytest.fixture(scope="module")
def demo() -> PlantDocument:
    return check_plant_file(DEMO.read_text(encoding="utf-8"), filename=DEMO.name, known=KnownPlant())


def load(database: Database, text: str, filename: str = "p.yaml") -> LoadSummary:
    plant = check_plant_file(text, filename=filename, known=database.read_now(read_known_plant))
    return database.write_now(load_plant, actor=None, plant=plant)


def with_line(extra: str) -> str:
    """The small plant and one more line at its end, line 15."""
    return SMALL + extra


def test_demo_plant_is_right_complete_and_loads_twice_as_once(database: Database, demo: PlantDocument) -> None:
    first = database.write_now(load_plant, actor=None, plant=demo)
    assert first.updated == first.unchanged == 0
    assert first.created > 200
    before = database.read_now(head_seq)
    again = database.write_now(load_plant, actor=None, plant=demo)
    assert (again.created, again.updated, again.unchanged) == (0, 0, first.created)
    assert database.read_now(head_seq) == before


def test_demo_plant_says_what_the_story_needs(database: Database, demo: PlantDocument) -> None:
    database.write_now(load_plant, actor=None, plant=demo)
    route = database.read_now(resolve_definition, definition_id=None, material_id="CB-100")
    steps = [(s.id, s.equipment_id, s.quantity_per_cycle_e6 // 1_000_000, s.manual) for s in route.segments]
    assert steps == [
        ("SMT", "SMT-1", 8, False),
        ("DEPANEL", "DEPANEL-1", 8, False),
        ("TEST", "TEST-1", 1, False),
        ("PACK", "PACK-1", 1, True),
    ]
    assert [s.after for s in route.segments[1:]] == [
        (("SMT", "AfterEnd"),),
        (("DEPANEL", "AfterEnd"),),
        (("TEST", "AfterEnd"),),
    ]
    bearing = database.read_now(resolve_definition, definition_id=None, material_id="BH-200")
    assert [(s.equipment_id, s.quantity_per_cycle_e6) for s in bearing.segments] == [("CNC-1", 2_000_000)]
    assert database.read_now(get_physical_asset, physical_asset_id="MC-5120").equipment_id == "CNC-1"
    assert database.read_now(get_material_lot, lot_id="SP-2611-04").quantity == Decimal("4.5")
    sven = database.read_now(get_person, person_id="SVEN")
    assert sven is not None
    assert (sven.language, sven.principal_id) == ("de", "SVEN")
    assert database.read_now(get_calendar).calendar.time_zone == "Europe/Berlin"
    assert "X-OUT" in {reason.reason_id for reason in database.read_now(list_scrap_reasons)}


def test_every_signal_of_the_simulated_factory_is_bound(database: Database, demo: PlantDocument) -> None:
    from opcua_bridge.simulator.catalog import signal_types
    from opcua_bridge.tag_map import JobDriver, load_tag_map

    database.write_now(load_plant, actor=None, plant=demo)
    bridge = database.read_now(get_bridge, bridge_id="EDGE-1")
    bindings = {b.tag: b for b in database.read_now(list_bindings, bridge_pk=bridge.pk)}
    asked_and_told = (".Cmd.", ".MayI.")
    wanted = {tag for tag in signal_types() if not any(part in tag for part in asked_and_told)}
    assert wanted - bindings.keys() == set()
    targets = [target for endpoint in load_tag_map(TAG_MAP).endpoints for target in endpoint.job_target]
    listed = {tag for t in targets if t.driver == JobDriver.isa95_job_control for tag in t.job_tags}
    assert listed
    assert {tag for tag in bindings.keys() - wanted if not tag.endswith(".Alarm")} == listed
    assert bindings["CNC-1.GoodCount"].units_per_count_e6 == 2_000_000
    assert bindings["DEPANEL-1.GoodCount"].modulus == 65_536
    points = {tag for tag, b in bindings.items() if b.counting_point_of_pk is not None}
    assert {tag.partition(".")[0] for tag in points} == {"SMT-1-AOI", "DEPANEL-1", "TEST-1", "CNC-1"}


def test_json_says_the_same_as_yaml(database: Database) -> None:
    load(database, SMALL)
    as_json = {
        "equipment": [
            {"id": "ENT", "level": "Enterprise"},
            {"id": "SITE", "level": "Site", "parent": "ENT"},
            {"id": "AREA", "level": "Area", "parent": "SITE"},
            {"id": "WC", "level": "WorkCenter", "parent": "AREA"},
        ],
        "material_definitions": [{"id": "M", "unit": "pcs", "conversions": [{"unit": "panel", "factor": 8}]}],
    }
    summary = load(database, json.dumps(as_json, indent=1), "p.json")
    assert (summary.created, summary.updated, summary.unchanged) == (0, 0, 5)


def test_changed_entries_update_and_absent_ones_stay_and_are_said(database: Database) -> None:
    load(database, SMALL)
    summary = load(database, "equipment:\n  - {id: WC, level: WorkCenter, parent: AREA, description: New}\n")
    assert (summary.created, summary.updated, summary.unchanged) == (0, 1, 0)
    assert summary.kinds[0].absent == ("AREA", "ENT", "SITE")
    assert "left alone" in str(summary)
    assert database.read_now(get_equipment, equipment_id="WC").description == "New"


def test_changed_routing_without_a_named_version_is_the_next_version(database: Database) -> None:
    load(database, SMALL)
    summary = load(database, SMALL.replace("quantity_per_cycle: 0.125", "quantity_per_cycle: 0.25"))
    assert summary.updated == 1
    found = database.read_now(resolve_definition, definition_id="ROUTE", material_id=None)
    assert (found.version_label, found.segments[0].quantity_per_cycle_e6) == ("2", 250_000)


def test_changed_routing_under_the_same_named_version_is_a_fault_with_its_line(database: Database) -> None:
    named = SMALL.replace("  - id: ROUTE\n", "  - id: ROUTE\n    version: 1\n")
    load(database, named)
    with pytest.raises(PlantFileInvalid) as refusal:
        load(database, named.replace("0.125", "0.25"))
    assert [(e.where, e.code) for e in refusal.value.errors] == [("p.yaml:11", "operations-definition-version-fixed")]


def test_one_fault_and_nothing_is_written(database: Database) -> None:
    before = database.read_now(head_seq)
    with pytest.raises(PlantFileInvalid):
        load(database, SMALL.replace("equipment: WC", "equipment: NOWHERE"))
    assert database.read_now(head_seq) == before
    with pytest.raises(NotFound):
        database.read_now(get_equipment, equipment_id="ENT")


def test_refusal_late_in_the_load_undoes_what_was_written_before(database: Database) -> None:
    load(database, SMALL + "material_lots:\n  - {id: L, material: M, quantity: 1}\n")
    changed = SMALL.replace("level: Enterprise", "level: Enterprise, description: New")
    with pytest.raises(PlantFileInvalid) as refusal:
        load(database, changed + "material_lots:\n  - {id: L, material: M, quantity: 1, unit: panel}\n")
    assert [(e.where, e.code) for e in refusal.value.errors] == [("p.yaml:16", "material-lot-fixed")]
    assert database.read_now(get_equipment, equipment_id="ENT").description == ""


def test_references_may_lead_into_the_plant(database: Database) -> None:
    text = "material_lots:\n  - {id: L, material: M, quantity: 4, unit: panel}\n"
    assert faults(text) == [(2, "reference-not-found")]
    load(database, SMALL)
    known = database.read_now(read_known_plant)
    check_plant_file(text, filename="p.yaml", known=known)
    assert load(database, text).created == 1
    assert faults(text.replace("panel", "kg"), known=known) == [(2, "unit-not-convertible")]
    moved = "material_definitions:\n  - {id: M, unit: kg}\n"
    assert faults(moved, known=known) == [(2, "material-unit-fixed")]


def test_without_knowing_the_plant_only_the_file_itself_is_judged() -> None:
    text = "material_lots:\n  - {id: L, material: M, quantity: 4}\n"
    assert isinstance(check_plant_file(text, filename="p.yaml"), PlantDocument)


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("nonsense: []\n", (15, "unknown-key")),
        ("persons: {id: P}\n", (15, "plant-file-shape")),
        ('persons: [{id: P, name: P, pin: "1234"}]\n', (15, "unknown-key")),
        ("persons: [{name: P}]\n", (15, "missing-key")),
        ("persons: [{id: 4711, name: P}]\n", (15, "invalid-value")),
        ("persons: [{id: P, name: P, role: bridge}]\n", (15, "invalid-value")),
        ("persons: [{id: P, name: P, qualifications: [X]}]\n", (15, "reference-not-found")),
        ("physical_assets: [{id: A, equipment: WC}, {id: B, equipment: WC}]\n", (15, "asset-mapping-overlap")),
        ("scrap_reasons: [{id: R, description: a}, {id: R, description: b}]\n", (15, "duplicate-id")),
        ("material_lots: [{id: L, material: M, quantity: 0.0000001}]\n", (15, "invalid-value")),
        ("material_lots: [{id: L, material: M, quantity: -1}]\n", (15, "invalid-value")),
        ("material_lots: [{id: L, material: M, quantity: 1, disposition: Lost}]\n", (15, "invalid-value")),
        ("calendar: {time_zone: Mars/Olympus}\n", (15, "unknown-time-zone")),
        ("calendar: {time_zone: UTC, production_day_start: 6}\n", (15, "invalid-value")),
        ("bridges: [{id: B, tags: [{tag: T, signal: counter, equipment: WC}]}]\n", (15, "binding-invalid")),
        ("bridges: [{id: B, tags: [{tag: T, signal: alarm, equipment: X}]}]\n", (15, "reference-not-found")),
        (f"bridges: [{{id: B, tags: [{ALARM}, {ALARM}]}}]\n", (15, "duplicate-id")),
        ("id: &x 1\n", (15, "unknown-key")),
    ],
)
def test_each_fault_has_its_line_and_code(extra: str, expected: tuple[int, str]) -> None:
    assert faults(with_line(extra)) == [expected]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("parent: SITE", "parent: NOWHERE", (4, "parent-not-found")),
        ("level: Area, parent: SITE", "level: Area, parent: ENT", (4, "equipment-nesting")),
        ("level: Area,", "level: Aria,", (4, "invalid-value")),
        ("parent: ENT}", "parent: ENT, confirmation: manual}", (3, "confirmation-not-here")),
        ("factor: 8", "factor: -8", (7, "conversion-invalid")),
        ("unit: panel", "unit: pcs", (7, "conversion-invalid")),
        ("equipment: WC,", "equipment: AREA,", (14, "segment-equipment-level")),
        ("0.125}", "0.125, after: [S1]}", (14, "segment-cycle")),
        ("0.125}", "0}", (14, "invalid-value")),
        ("material: M\n", "material: X\n", (12, "reference-not-found")),
    ],
)
def test_each_fault_in_the_middle_has_its_line_and_code(old: str, new: str, expected: tuple[int, str]) -> None:
    assert old in SMALL
    assert expected in faults(SMALL.replace(old, new))


def test_all_faults_are_told_at_once_in_order_of_lines() -> None:
    text = (
        SMALL.replace("level: Area,", "level: Aria,")
        .replace("factor: 8", "factor: x")
        .replace("work_master: WM,", "work_master: WX,")
    )
    assert faults(text) == [(4, "invalid-value"), (7, "conversion-invalid"), (14, "reference-not-found")]


def test_a_ring_of_equipment_is_told_on_every_line_of_it() -> None:
    ring = "equipment:\n" + "".join(
        f"  - {{id: M{n}, level: EquipmentModule, parent: M{(n + 1) % 3}}}\n" for n in range(3)
    )
    assert faults(ring) == [(2, "equipment-cycle"), (3, "equipment-cycle"), (4, "equipment-cycle")]


def test_shifts_that_overlap_are_told_with_their_line() -> None:
    text = """\
calendar:
  time_zone: Europe/Berlin
  shift_patterns:
    - {id: a, days: [mon], start: "06:00", end: "14:00", breaks: [{start: "15:00", end: "15:10"}]}
    - {id: b, days: [mon], start: "13:00", end: "22:00"}
  exceptions:
    - {day: 2026-12-25, kind: closed}
    - {day: 2026-12-25, kind: extra}
"""
    assert faults(text) == [
        (3, "shifts-overlap"),
        (4, "break-outside-shift"),
        (7, "exception-shifts"),
        (8, "duplicate-id"),
    ]


def test_message_of_a_secret_tells_what_to_do() -> None:
    with pytest.raises(PlantFileInvalid) as refusal:
        check_plant_file('persons:\n  - {id: P, name: P, pin: "1234"}\n', filename="p.yaml")
    assert "lineside pin set" in refusal.value.errors[0].message


def test_person_keeps_the_dates_of_a_qualification_the_file_names_again(database: Database) -> None:
    text = "personnel_classes: [{id: C, description: x}]\npersons: [{id: P, name: P, qualifications: [C]}]\n"
    assert load(database, text).created == 2
    assert load(database, text).unchanged == 2
    assert load(database, text.replace("name: P,", "name: Q,")).updated == 1


def test_classes_and_what_belongs_to_them(database: Database) -> None:
    text = SMALL.replace("level: WorkCenter,", "level: WorkCenter, classes: [LINES],")
    text = text.replace("unit: pcs,", "unit: pcs, classes: [BOARDS],")
    assert faults(text) == [(5, "reference-not-found"), (7, "reference-not-found")]
    text += "equipment_classes: [{id: LINES, description: Lines}]\nmaterial_classes: [{id: BOARDS}]\n"
    first = load(database, text)
    assert load(database, text).unchanged == first.created
    assert database.read_now(get_equipment, equipment_id="WC").classes == ("LINES",)
    assert load(database, SMALL).updated == 0
    assert database.read_now(get_material, material_id="M").classes == ("BOARDS",)


def test_properties_of_classes_and_of_what_belongs_to_them(database: Database) -> None:
    text = SMALL.replace("unit: pcs,", "unit: pcs, classes: [BOARDS], properties: [{id: Layers, value: '4'}],")
    said = "[{id: Layers, value: '2'}, {id: Tg, value: '170', unit: Cel}]"
    text += f"material_classes: [{{id: BOARDS, properties: {said}}}]\n"
    first = load(database, text)
    assert load(database, text).unchanged == first.created
    view = database.read_now(get_material, material_id="M")
    assert view.properties == (Property("Layers", value="4"),)
    assert view.inherited == (InheritedProperty("BOARDS", Property("Tg", value="170", unit="Cel")),)
    assert load(database, SMALL).updated == 0
    assert len(faults(text.replace("{id: Tg,", "{id: Layers,"))) == 1
    assert len(faults(text.replace("{id: Layers, value: '4'}", "{id: UnitConversion}"))) == 1
    assert len(faults(SMALL + "personnel_classes: [{id: C, properties: []}]\n")) == 1


def test_properties_of_lots_and_people(database: Database) -> None:
    reel = "material_lots: [{id: L-1, material: M, quantity: 5, properties: [{id: Coil, value: '7', unit: mm}]}]\n"
    ada = "persons: [{id: p-ada, name: Ada, properties: [{id: Shoe size, value: '41'}]}]\n"
    first = load(database, SMALL + reel + ada)
    assert load(database, SMALL + reel + ada).unchanged == first.created
    assert database.read_now(get_material_lot, lot_id="L-1").properties == (Property("Coil", value="7", unit="mm"),)
    silent = "material_lots: [{id: L-1, material: M, quantity: 5}]\npersons: [{id: p-ada, name: Ada}]\n"
    assert load(database, SMALL + silent).updated == 0
    person = database.read_now(get_person, person_id="p-ada")
    assert person is not None
    assert person.properties == (Property("Shoe size", value="41"),)
    emptied = "material_lots: [{id: L-1, material: M, quantity: 5, properties: []}]\n"
    assert load(database, SMALL + emptied).updated == 1
    assert database.read_now(get_material_lot, lot_id="L-1").properties == ()


def test_defect_codes_and_what_steps_ask_are_loaded(database: Database) -> None:
    words = "defect_codes: [{id: BRIDGED, description: Solder bridge}]\n"
    asks = "quality_requirements: [{id: WM, unit_check: passed}]\n"
    plant = check_plant_file(SMALL + words + asks, filename="p.yaml", known=KnownPlant())
    assert database.write_now(load_plant, actor=None, plant=plant).created > 0
    assert [code.code_id for code in database.read_now(list_defect_codes)] == ["BRIDGED"]
    assert database.read_now(get_requirement, work_master_id="WM").unit_check is StepCheck.passed
    again = database.write_now(load_plant, actor=None, plant=plant)
    assert (again.created, again.updated) == (0, 0)
    nobody = SMALL + "quality_requirements: [{id: NOBODY}]\n"
    assert faults(nobody) == [(15, "reference-not-found")]


def test_how_materials_are_kept_comes_with_the_file(database: Database) -> None:
    kept = (
        "material_handling:\n"
        "  - {id: M, msl: 3, shelf_life_days: 90, approved_parts: [{manufacturer: Nexa, part: 32}]}\n"
        "moisture_levels:\n  - {id: 3, floor_life_h: 120, bake_h: 48}\n"
    )
    assert load(database, SMALL + kept).created == load(database, SMALL + kept).unchanged
    found = database.read_now(get_handling, material_id="M").spec
    assert (found.msl, found.shelf_life_days, found.approved_parts) == ("3", 90, (ApprovedPart("Nexa", "32"),))
    levels = {view.spec.level: view.spec for view in database.read_now(list_moisture_levels)}
    assert (levels["3"].floor_life_h, levels["3"].bake_h, levels["4"].floor_life_h) == (120, 48, 72)


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ("material_handling: [{id: X}]", "reference-not-found"),
        ("material_handling: [{id: M, msl: 7}]", "handling-invalid"),
        ("material_handling: [{id: M, msl: 6}]", "handling-invalid"),
        ("material_handling: [{id: M, open_life_h: -1}]", "invalid-value"),
        ("material_handling: [{id: M, approved_parts: [{part: P}]}]", "missing-key"),
        ("moisture_levels: [{id: 3}]", "handling-invalid"),
        ("moisture_levels: [{id: 3, floor_life_h: 4}, {id: 3, floor_life_h: 5}]", "duplicate-id"),
    ],
)
def test_how_materials_cannot_be_kept(extra: str, code: str) -> None:
    assert faults(with_line(extra)) == [(15, code)]


RICH = """\
equipment:
  - {id: ENT, level: Enterprise}
  - {id: SITE, level: Site, parent: ENT}
  - {id: AREA, level: Area, parent: SITE}
  - {id: WC, level: WorkCenter, parent: AREA}
  - {id: WC-2, level: WorkCenter, parent: AREA}
material_definitions:
  - {id: M, unit: pcs}
  - {id: P, unit: g}
  - {id: P-2, unit: g}
personnel_classes: [{id: SKILL}]
work_masters:
  - id: WM
    parameters:
      peak_c: {value: 245, unit: Cel, low: 240, high: 250.5}
      program: A
operations_definitions:
  - id: ROUTE
    material: M
    effective_from: 2026-12-01T06:00:00+01:00
    segments:
      - id: S1
        work_master: WM
        equipment: WC
        alternatives: [WC-2]
        parameters: {peak_c: 250}
        qualifications: [SKILL]
        materials:
          - {material: P, quantity: 0.6, scrap_allowance: 2.5, substitutes: [{material: P-2, quantity: 0.7}]}
        instructions:
          - {title: Load, text: Panel first}
          - title: Look
            document: |
              iVBORw0K
              GgoAAAAA
"""


def test_everything_a_routing_says_round_trips(database: Database) -> None:
    first = load(database, RICH)
    assert (first.updated, first.unchanged) == (0, 0)
    again = load(database, RICH)
    assert (again.created, again.updated, again.unchanged) == (0, 0, first.created)
    definition = database.read_now(get_definition, definition_id="ROUTE")
    assert definition.effectivity.from_at == datetime(2026, 12, 1, 5, tzinfo=UTC)
    (step,) = definition.segments
    assert [place.equipment_id for place in step.alternatives] == ["WC-2"]
    assert (step.parameters, step.personnel_class_ids) == ({"peak_c": "250"}, ("SKILL",))
    assert [(m.allowance_e6, m.substitutes[0].quantity_e6) for m in step.materials] == [(2_500_000, 700_000)]
    load_it, look = step.instructions
    assert (load_it.title, load_it.text, load_it.media_type) == ("Load", "Panel first", None)
    kept = database.read_now(read_document, sha256=look.document_sha256)
    assert kept == (MediaType.png, b"\x89PNG\r\n\x1a\n\0\0\0\0")
    recipe = database.read_now(get_work_master, work_master_id="WM")
    assert recipe.limits == {"peak_c": ParameterLimit(DataType.decimal, "Cel", Decimal(240), Decimal("250.5"))}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("value: 245", "value: 251", (15, "parameter-out-of-limits")),
        ("low: 240", "low: 260", (15, "parameter-out-of-limits")),
        ("06:00:00+01:00", "06:00:00", (20, "invalid-value")),
        ("+01:00\n", "+01:00\n    effective_until: 2026-12-01T00:00:00Z\n", (21, "effectivity-invalid")),
        ("[WC-2]", "[WC-9]", (25, "reference-not-found")),
        ("[WC-2]", "[AREA]", (25, "segment-equipment-level")),
        ("[WC-2]", "[WC]", (22, "duplicate-id")),
        ("qualifications: [SKILL]", "qualifications: [X]", (27, "reference-not-found")),
        ("material: P-2,", "material: X,", (29, "reference-not-found")),
        ("scrap_allowance: 2.5", "scrap_allowance: -1", (29, "invalid-value")),
        ("iVBORw0K", "PHN2Zz48", (33, "invalid-value")),
        ("iVBORw0K", "***", (33, "invalid-value")),
    ],
)
def test_each_fault_of_a_rich_routing_has_its_line_and_code(old: str, new: str, expected: tuple[int, str]) -> None:
    assert old in RICH
    assert expected in faults(RICH.replace(old, new, 1))


def test_a_value_of_a_step_keeps_the_limits_of_its_recipe(database: Database) -> None:
    with pytest.raises(PlantFileInvalid) as refusal:
        load(database, RICH.replace("{peak_c: 250}", "{peak_c: 260}"))
    assert [(e.where, e.code) for e in refusal.value.errors] == [("p.yaml:18", "operations-definition-invalid")]
