"""The hierarchy and the machines that fill it, on both databases."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import event

from mes.equipment import queries
from mes.equipment.errors import (
    AssetMappingOverlap,
    ConfirmationNotHere,
    EquipmentClassExists,
    EquipmentClassNotFound,
    EquipmentExists,
    EquipmentNotFound,
    EquipmentPlaceInvalid,
    PhysicalAssetNotFound,
)
from mes.equipment.service import (
    create_equipment,
    create_equipment_class,
    map_asset,
    put_equipment,
    put_equipment_classes,
    put_physical_assets,
    update_equipment,
    update_equipment_class,
    update_physical_asset,
)
from mes.equipment.statements import load_asset_pks
from mes.equipment.types import EquipmentSpec, PhysicalAssetSpec, PutOutcome
from mes.kernel.classes import ClassSpec
from mes.kernel.db import Database
from mes.kernel.errors import BadCursor, VersionConflict
from mes.kernel.outbox import head_seq
from mes.kernel.properties import InheritedProperty, Property
from mes.kernel.uow import UnitOfWork
from standards.isa95.equipment_hierarchy import EquipmentLevel as L
from tests.mes.equipment.conftest import SPECS


def write(database: Database, verb, **kwargs):  # type: ignore[no-untyped-def]
    return database.write_now(verb, actor=None, **kwargs)


def test_parents_may_come_after_their_children(plant: Database) -> None:
    view = plant.read_now(queries.get_equipment, equipment_id="CELL")
    assert (view.parent_id, view.work_center_id, view.area_id) == ("LINE", "LINE", "AREA")


def test_putting_the_same_again_changes_and_says_nothing(plant: Database) -> None:
    before = plant.read_now(head_seq)
    outcomes = write(plant, put_equipment, specs=SPECS)
    assert set(outcomes.values()) == {PutOutcome.Unchanged}
    assert plant.read_now(head_seq) == before


def test_a_hierarchy_is_written_in_as_many_statements_whatever_its_size(plant: Database) -> None:
    def put(uow: UnitOfWork, specs: list[EquipmentSpec]) -> int:
        said: list[str] = []
        connection = uow.session.connection()
        note = lambda *args: said.append(args[2])  # noqa: E731
        event.listen(connection, "before_cursor_execute", note)
        put_equipment(uow, specs=specs)
        event.remove(connection, "before_cursor_execute", note)
        return len(said)

    few, many = (
        write(plant, put, specs=[EquipmentSpec(f"U-{n}", L.WorkCell, "LINE") for n in names])
        for names in (range(2), range(2, 60))
    )
    assert few == many
    view = plant.read_now(queries.get_equipment, equipment_id="U-59")
    assert (view.work_center_id, view.area_id, view.version) == ("LINE", "AREA", 1)


def test_work_unit_takes_its_confirmation_from_its_work_center(plant: Database) -> None:
    assert plant.read_now(queries.get_equipment, equipment_id="PACK-1").manual
    assert not plant.read_now(queries.get_equipment, equipment_id="CELL").manual


def test_moving_a_work_center_moves_what_stands_in_it(plant: Database) -> None:
    write(plant, put_equipment, specs=[EquipmentSpec("HALL-2", L.Area, "SITE")])
    write(plant, put_equipment, specs=[EquipmentSpec("LINE", L.ProductionLine, "HALL-2")])
    assert plant.read_now(queries.get_equipment, equipment_id="CELL").area_id == "HALL-2"


def test_level_change_that_breaks_a_child_is_refused(plant: Database) -> None:
    with pytest.raises(EquipmentPlaceInvalid) as refusal:
        write(plant, put_equipment, specs=[EquipmentSpec("LINE", L.StorageZone, "AREA")])
    assert [e.where for e in refusal.value.errors] == ["CELL"]
    assert plant.read_now(queries.get_equipment, equipment_id="LINE").level == "ProductionLine"


def test_all_faults_are_named_and_nothing_is_written(plant: Database) -> None:
    specs = [EquipmentSpec("OK", L.Area, "SITE"), EquipmentSpec("B1", L.Area, "X"), EquipmentSpec("B2", L.Area, "AREA")]
    with pytest.raises(EquipmentPlaceInvalid) as refusal:
        write(plant, put_equipment, specs=specs)
    assert {e.where for e in refusal.value.errors} == {"B1", "B2"}
    with pytest.raises(EquipmentNotFound):
        plant.read_now(queries.get_equipment, equipment_id="OK")


def test_cycle_time_is_exact_and_only_where_jobs_run(plant: Database) -> None:
    spec = EquipmentSpec("CELL", L.WorkCell, "LINE", nominal_cycle_s=Decimal("012.123456"))
    write(plant, put_equipment, specs=[spec])
    assert plant.read_now(queries.get_equipment, equipment_id="CELL").nominal_cycle_s == Decimal("12.123456")
    with pytest.raises(ConfirmationNotHere):
        write(plant, put_equipment, specs=[EquipmentSpec("AREA", L.Area, "SITE", nominal_cycle_s=Decimal(1))])


def test_create_refuses_a_taken_id(plant: Database) -> None:
    with pytest.raises(EquipmentExists):
        write(plant, create_equipment, spec=SPECS[0])


def test_second_writer_of_the_same_version_is_refused(plant: Database) -> None:
    version = plant.read_now(queries.get_equipment, equipment_id="CELL").version
    one, other = replace(SPECS[0], description="one"), replace(SPECS[0], description="other")
    write(plant, update_equipment, spec=one, version=version)
    with pytest.raises(VersionConflict):
        write(plant, update_equipment, spec=other, version=version)
    assert plant.read_now(queries.get_equipment, equipment_id="CELL").description == "one"


def test_pages_hold_everything_once(plant: Database) -> None:
    ids, cursor = [], None
    while True:
        page = plant.read_now(queries.list_equipment, cursor=cursor, limit=3)
        ids += [view.equipment_id for view in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert ids == sorted(s.equipment_id for s in SPECS)
    with pytest.raises(BadCursor):
        plant.read_now(queries.list_equipment, cursor="nonsense")


def test_filters(plant: Database) -> None:
    def ids(**wanted: str) -> list[str]:
        return [v.equipment_id for v in plant.read_now(queries.list_equipment, **wanted).items]

    assert ids(level="WorkUnit") == ["PACK-1"]
    assert ids(parent_id="AREA") == ["LINE", "PACK"]
    assert ids(work_center_id="LINE") == ["CELL", "LINE"]


def test_equipment_belongs_to_classes_until_it_is_said_otherwise(plant: Database) -> None:
    write(plant, put_equipment_classes, specs=[ClassSpec("PLACERS", "Placers"), ClassSpec("LEADED")])
    cell = next(spec for spec in SPECS if spec.equipment_id == "CELL")
    classed = replace(cell, classes=("PLACERS", "LEADED"))
    version = plant.read_now(queries.get_equipment, equipment_id="CELL").version
    assert write(plant, put_equipment, specs=[classed]) == {"CELL": PutOutcome.Updated}
    before = plant.read_now(head_seq)
    assert write(plant, put_equipment, specs=[classed]) == {"CELL": PutOutcome.Unchanged}
    assert write(plant, put_equipment, specs=[cell]) == {"CELL": PutOutcome.Unchanged}
    assert plant.read_now(head_seq) == before
    view = plant.read_now(queries.get_equipment, equipment_id="CELL")
    assert (view.classes, view.version) == (("LEADED", "PLACERS"), version + 1)
    members = [plant.read_now(queries.list_equipment, equipment_class=name).items for name in ("PLACERS", "NONE")]
    assert [[view.equipment_id for view in page] for page in members] == [["CELL"], []]
    write(plant, update_equipment, spec=replace(cell, classes=()), version=view.version)
    view = plant.read_now(queries.get_equipment, equipment_id="CELL")
    assert (view.classes, view.version) == ((), version + 2)


def test_properties_are_an_equipments_own_or_its_classes(plant: Database) -> None:
    heads, speed = Property("Heads", value="2"), Property("Speed", "Parts placed", "40000", "1/h")
    write(plant, put_equipment_classes, specs=[ClassSpec("PLACERS", properties=(heads, speed))])
    cell = next(spec for spec in SPECS if spec.equipment_id == "CELL")
    own = Property("Heads", value="4")
    classed = replace(cell, classes=("PLACERS",), properties=(own,))
    new = EquipmentSpec("NEW", cell.level, cell.parent_id, properties=(speed,))
    assert write(plant, put_equipment, specs=[classed, new])["CELL"] is PutOutcome.Updated
    assert set(write(plant, put_equipment, specs=[classed, new]).values()) == {PutOutcome.Unchanged}
    assert write(plant, put_equipment, specs=[cell]) == {"CELL": PutOutcome.Unchanged}
    view, other = (plant.read_now(queries.get_equipment, equipment_id=name) for name in ("CELL", "NEW"))
    assert (view.properties, view.inherited) == ((own,), (InheritedProperty("PLACERS", speed),))
    assert (other.properties, other.inherited) == ((speed,), ())


def test_refusals_of_equipment_classes(plant: Database) -> None:
    write(plant, create_equipment_class, spec=ClassSpec("PLACERS"))
    with pytest.raises(EquipmentClassExists):
        write(plant, create_equipment_class, spec=ClassSpec("PLACERS"))
    write(plant, update_equipment_class, spec=ClassSpec("PLACERS", "Placers"), version=1)
    with pytest.raises(VersionConflict):
        write(plant, update_equipment_class, spec=ClassSpec("PLACERS", ""), version=1)
    with pytest.raises(EquipmentClassNotFound):
        write(plant, update_equipment_class, spec=ClassSpec("OVENS", ""), version=1)
    with pytest.raises(EquipmentClassNotFound) as refusal:
        write(plant, put_equipment, specs=[replace(spec, classes=("OVENS",)) for spec in SPECS[:2]])
    assert [error.where for error in refusal.value.errors] == [spec.equipment_id for spec in SPECS[:2]]


def test_tree(plant: Database) -> None:
    (root,) = plant.read_now(queries.equipment_tree)
    area = root.children[0].children[0]
    assert [c.equipment.equipment_id for c in area.children] == ["LINE", "PACK"]
    with pytest.raises(EquipmentNotFound):
        plant.read_now(queries.equipment_tree, root_id="NOWHERE")


def test_swapping_a_machine_ends_one_interval_and_begins_the_next(plant: Database) -> None:
    specs = [PhysicalAssetSpec("SN-1", vendor="Acme"), PhysicalAssetSpec("SN-2")]
    write(plant, put_physical_assets, specs=specs)
    write(plant, map_asset, equipment_id="CELL", physical_asset_id="SN-1", at_us=1_000)
    write(plant, map_asset, equipment_id="CELL", physical_asset_id="SN-2", at_us=5_000)
    write(plant, map_asset, equipment_id="CELL", physical_asset_id="SN-2", at_us=6_000)
    mappings = plant.read_now(queries.list_asset_mappings, equipment_id="CELL")
    assert [(m.physical_asset_id, m.to_at is None) for m in mappings] == [("SN-1", False), ("SN-2", True)]
    assert mappings[0].to_at == mappings[1].from_at
    pks = plant.read_now(queries.get_equipment_pks, ids=["CELL"])
    at = {t: plant.write_now(load_asset_pks, actor=None, pks=pks.values(), at_us=t) for t in (999, 4_999, 5_000)}
    first = plant.read_now(queries.get_physical_asset, physical_asset_id="SN-1").pk
    second = plant.read_now(queries.get_physical_asset, physical_asset_id="SN-2").pk
    assert at == {999: {}, 4_999: {pks["CELL"]: first}, 5_000: {pks["CELL"]: second}}


def test_machine_that_fills_another_role_leaves_its_old_one(plant: Database) -> None:
    write(plant, put_physical_assets, specs=[PhysicalAssetSpec("SN-1", equipment_id="CELL")])
    now_us = plant.read_now(queries.list_asset_mappings, equipment_id="CELL")[0].from_at
    write(plant, map_asset, equipment_id="PACK-1", physical_asset_id="SN-1", at_us=2_000_000_000_000_000)
    assert plant.read_now(queries.list_asset_mappings, equipment_id="CELL")[0].to_at is not None
    assert plant.read_now(queries.get_physical_asset, physical_asset_id="SN-1").equipment_id == "PACK-1"
    assert now_us is not None


def test_mapping_before_the_last_change_is_refused(plant: Database) -> None:
    write(plant, put_physical_assets, specs=[PhysicalAssetSpec("SN-1"), PhysicalAssetSpec("SN-2")])
    write(plant, map_asset, equipment_id="CELL", physical_asset_id="SN-1", at_us=5_000)
    with pytest.raises(AssetMappingOverlap):
        write(plant, map_asset, equipment_id="CELL", physical_asset_id="SN-2", at_us=4_000)
    write(plant, map_asset, equipment_id="CELL", physical_asset_id=None, at_us=6_000)
    assert plant.read_now(queries.get_physical_asset, physical_asset_id="SN-1").equipment_id == ""


def test_asset_update_keeps_its_role_and_checks_the_version(plant: Database) -> None:
    write(plant, put_physical_assets, specs=[PhysicalAssetSpec("SN-1", equipment_id="CELL")])
    write(plant, update_physical_asset, spec=PhysicalAssetSpec("SN-1", vendor="Acme"), version=1)
    view = plant.read_now(queries.get_physical_asset, physical_asset_id="SN-1")
    assert (view.vendor, view.equipment_id, view.version) == ("Acme", "CELL", 2)
    with pytest.raises(VersionConflict):
        write(plant, update_physical_asset, spec=PhysicalAssetSpec("SN-1"), version=1)
    with pytest.raises(PhysicalAssetNotFound):
        write(plant, update_physical_asset, spec=PhysicalAssetSpec("SN-9"), version=1)
