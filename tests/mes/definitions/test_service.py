"""Routings in versions, resolved for orders, on both databases."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from mes.definitions import queries
from mes.definitions.errors import (
    OperationsDefinitionAmbiguous,
    OperationsDefinitionExists,
    OperationsDefinitionInvalid,
    OperationsDefinitionNotFound,
    OperationsDefinitionVersionFixed,
    ScrapReasonExists,
    WorkMasterExists,
    WorkMasterNotFound,
    WorkMasterVersionFixed,
)
from mes.definitions.queries import ResolvedDefinition
from mes.definitions.service import (
    create_definition,
    create_scrap_reason,
    create_work_master,
    put_definitions,
    put_scrap_reasons,
    put_work_masters,
    set_definition_state,
    update_definition,
    update_scrap_reason,
    update_work_master,
)
from mes.definitions.types import DefinitionSpec, DefinitionState, ScrapReasonSpec, SegmentDependency, WorkMasterSpec
from mes.equipment.types import PutOutcome
from mes.kernel.db import Database
from mes.kernel.errors import VersionConflict
from mes.kernel.outbox import head_seq
from tests.mes.definitions.conftest import PACK, ROUTE, SMT


def write(database: Database, verb, **kwargs):  # type: ignore[no-untyped-def]
    return database.write_now(verb, actor=None, **kwargs)


def put(database: Database, *specs: DefinitionSpec) -> list[PutOutcome]:
    return list(write(database, put_definitions, specs=specs).values())


def resolve(database: Database, definition_id: str | None = None, material_id: str | None = None) -> ResolvedDefinition:
    return database.read_now(queries.resolve_definition, definition_id=definition_id, material_id=material_id)


def test_resolved_routing_has_everything_a_job_needs(plant: Database) -> None:
    put(plant, ROUTE)
    found = resolve(plant, material_id="BOARD")
    assert (found.id, found.version_label, found.unit) == ("ROUTE", "1", "pcs")
    smt, pack = found.segments
    assert (smt.sequence, smt.work_center_id, smt.area_id, smt.manual) == (1, "LINE", "AREA", False)
    assert (smt.quantity_per_cycle_e6, smt.cycle_unit, smt.work_master_version) == (8_000_000, "panel", "1")
    assert smt.nominal_cycle_s == Decimal(24)  # the line's own
    assert [(m.material_id, m.quantity_e6, m.unit) for m in smt.materials] == [("PASTE", 600_000, "g")]
    assert (pack.manual, pack.after, pack.work_center_id) == (True, (("SMT", "AfterEnd"),), "PACK")


def test_putting_the_same_again_changes_and_says_nothing(plant: Database) -> None:
    put(plant, ROUTE)
    before = plant.read_now(head_seq)
    assert put(plant, ROUTE, replace(ROUTE, version_label="1")) == [PutOutcome.Unchanged]
    assert plant.read_now(head_seq) == before


def test_changed_content_is_a_new_version_and_the_old_one_stays(plant: Database) -> None:
    put(plant, ROUTE)
    old = resolve(plant, "ROUTE")
    assert put(plant, replace(ROUTE, segments=(replace(SMT, quantity_per_cycle=Decimal(4)), PACK))) == [
        PutOutcome.Updated
    ]
    new = resolve(plant, "ROUTE")
    assert (new.version_label, new.segments[0].quantity_per_cycle_e6) == ("2", 4_000_000)
    kept = plant.read_now(queries.get_definition, definition_id="ROUTE", version_label="1")
    assert kept.segments == old.segments
    assert kept.state is DefinitionState.Obsolete


def test_named_version_is_fixed(plant: Database) -> None:
    put(plant, replace(ROUTE, version_label="A"))
    with pytest.raises(OperationsDefinitionVersionFixed):
        put(plant, replace(ROUTE, version_label="A", description="other"))
    assert put(plant, replace(ROUTE, version_label="B", description="other")) == [PutOutcome.Updated]


def test_new_recipe_version_makes_a_new_routing_version(plant: Database) -> None:
    put(plant, ROUTE)
    write(plant, put_work_masters, specs=[WorkMasterSpec("WM-SMT", parameters={"peak_c": "250"})])
    assert resolve(plant, "ROUTE").segments[0].work_master_version == "1"
    put(plant, ROUTE)
    assert resolve(plant, "ROUTE").segments[0].work_master_version == "2"


def test_drafts_are_not_followed_until_released(plant: Database) -> None:
    put(plant, replace(ROUTE, state=DefinitionState.Draft))
    with pytest.raises(OperationsDefinitionNotFound):
        resolve(plant, material_id="BOARD")
    released = DefinitionState.Released
    write(plant, set_definition_state, definition_id="ROUTE", version_label="1", state=released, version=1)
    assert resolve(plant, material_id="BOARD").state is released
    with pytest.raises(VersionConflict):
        write(plant, set_definition_state, definition_id="ROUTE", version_label="1", state=released, version=1)


def test_two_routings_of_a_material_are_ambiguous_until_one_is_named(plant: Database) -> None:
    put(plant, ROUTE, replace(ROUTE, definition_id="OTHER"))
    with pytest.raises(OperationsDefinitionAmbiguous, match="OTHER, ROUTE"):
        resolve(plant, material_id="BOARD")
    assert resolve(plant, "OTHER", "BOARD").id == "OTHER"
    with pytest.raises(OperationsDefinitionNotFound):
        resolve(plant, "OTHER", "PASTE")
    with pytest.raises(OperationsDefinitionNotFound):
        resolve(plant)


def test_all_faults_are_named_and_nothing_is_written(plant: Database) -> None:
    wrong = replace(
        ROUTE,
        material_id="X",
        segments=(
            replace(SMT, equipment_id="AREA", work_master_id="X"),
            replace(PACK, equipment_id="X", after=(SegmentDependency("PACK"),)),
        ),
    )
    with pytest.raises(OperationsDefinitionInvalid) as refusal:
        put(plant, wrong)
    assert {(e.where, e.code) for e in refusal.value.errors} == {
        ("ROUTE", "material-not-found"),
        ("ROUTE/SMT", "work-master-not-found"),
        ("ROUTE/SMT", "segment-equipment-level"),
        ("ROUTE/PACK", "equipment-not-found"),
        ("ROUTE/PACK", "segment-cycle"),
    }
    assert plant.read_now(queries.list_definitions).items == ()


def test_create_and_update_mind_what_the_caller_saw(plant: Database) -> None:
    write(plant, create_definition, spec=ROUTE)
    with pytest.raises(OperationsDefinitionExists):
        write(plant, create_definition, spec=ROUTE)
    write(plant, update_definition, spec=replace(ROUTE, description="two"), seen_label="1")
    with pytest.raises(VersionConflict):
        write(plant, update_definition, spec=replace(ROUTE, description="three"), seen_label="1")


def test_work_masters_in_versions(plant: Database) -> None:
    with pytest.raises(WorkMasterExists):
        write(plant, create_work_master, spec=WorkMasterSpec("WM-SMT"))
    write(plant, update_work_master, spec=WorkMasterSpec("WM-SMT", description="two"), seen_label="1")
    with pytest.raises(VersionConflict):
        write(plant, update_work_master, spec=WorkMasterSpec("WM-SMT", description="three"), seen_label="1")
    with pytest.raises(WorkMasterVersionFixed):
        write(plant, put_work_masters, specs=[WorkMasterSpec("WM-SMT", "1", "three")])
    first = plant.read_now(queries.get_work_master, work_master_id="WM-SMT", version_label="1")
    assert first.parameters == {"peak_c": "245"}
    with pytest.raises(WorkMasterNotFound):
        plant.read_now(queries.get_work_master, work_master_id="WM-SMT", version_label="9")


def test_pages_of_versions(plant: Database) -> None:
    for text in "abcde":
        put(plant, replace(ROUTE, description=text))
    first = plant.read_now(queries.list_definitions, limit=3)
    second = plant.read_now(queries.list_definitions, limit=3, cursor=first.next_cursor)
    assert [d.version_label for d in (*first.items, *second.items)] == list("12345")
    released = plant.read_now(queries.list_definitions, state="Released").items
    assert [d.version_label for d in released] == ["5"]


def test_scrap_reasons(plant: Database) -> None:
    spec = ScrapReasonSpec("SOLDER", "Solder defect")
    assert write(plant, put_scrap_reasons, specs=[spec]) == {"SOLDER": PutOutcome.Created}
    assert write(plant, put_scrap_reasons, specs=[spec]) == {"SOLDER": PutOutcome.Unchanged}
    with pytest.raises(ScrapReasonExists):
        write(plant, create_scrap_reason, spec=spec)
    write(plant, update_scrap_reason, spec=replace(spec, active=False), version=1)
    assert plant.read_now(queries.list_scrap_reasons) == ()
    assert [r.reason_id for r in plant.read_now(queries.list_scrap_reasons, active_only=False)] == ["SOLDER"]
