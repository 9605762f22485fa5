"""Which version a new order takes, what a draft may become, what a step says: on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest

from mes.definitions import errors, queries
from mes.definitions.queries import ResolvedDefinition
from mes.definitions.service import (
    add_draft_instruction,
    begin_draft,
    drop_draft_instruction,
    drop_draft_segment,
    put_definitions,
    put_document,
    put_draft_segment,
    put_work_masters,
    replace_draft,
    set_definition_effectivity,
    set_definition_state,
    set_draft_tolerances,
    set_work_master_effectivity,
    update_work_master,
)
from mes.definitions.types import (
    DOCUMENT_MAX_BYTES,
    DataType,
    DefinitionState,
    Effectivity,
    InstructionSpec,
    MaterialSpecification,
    MediaType,
    ParameterLimit,
    Substitute,
    WorkMasterSpec,
)
from mes.equipment.types import PutOutcome
from mes.kernel.db import Database
from mes.kernel.errors import VersionConflict
from mes.kernel.outbox import head_seq
from mes.materials.service import put_materials
from mes.materials.types import MaterialSpec
from mes.personnel.service import put_personnel_class
from standards.isa95.material import MaterialUse
from tests.conftest import SettableClock
from tests.mes.definitions.conftest import PACK, ROUTE, SMT

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = Effectivity(from_at=NOW + DAY)


def put(plant: Database, *specs: object) -> list[PutOutcome]:
    return list(plant.write_now(put_definitions, actor=None, specs=specs).values())


def taken(plant: Database, at: datetime) -> str:
    found = plant.read_now(queries.resolve_definition, definition_id="ROUTE", material_id=None, at=at)
    return str(found.version_label)


def version(plant: Database, label: str) -> ResolvedDefinition:
    return plant.read_now(queries.get_definition, definition_id="ROUTE", version_label=label)


def edit(plant: Database, verb: object, label: str, **kwargs: object) -> None:
    seen = kwargs.pop("version", None) or version(plant, label).version
    plant.write_now(verb, actor=None, version_label=label, version=seen, **kwargs)


class TestEffectivity:
    def test_a_version_for_tomorrow_leaves_todays_in_force_until_then(self, plant: Database) -> None:
        put(plant, ROUTE)
        put(plant, replace(ROUTE, description="new", effectivity=LATER))
        assert (taken(plant, NOW), taken(plant, NOW + DAY)) == ("1", "2")
        assert version(plant, "1").state is DefinitionState.Released

    def test_a_version_for_a_week_gives_way_to_the_one_before(self, plant: Database) -> None:
        put(plant, ROUTE)
        put(plant, replace(ROUTE, description="trial", effectivity=Effectivity(NOW, NOW + 7 * DAY)))
        assert (taken(plant, NOW), taken(plant, NOW + 7 * DAY)) == ("2", "1")

    def test_none_in_force_is_told_apart_from_none_released(self, plant: Database) -> None:
        put(plant, replace(ROUTE, effectivity=LATER))
        with pytest.raises(errors.OperationsDefinitionNotEffective):
            taken(plant, NOW)
        with pytest.raises(errors.OperationsDefinitionNotFound):
            plant.read_now(queries.resolve_definition, definition_id="X", material_id=None, at=NOW)

    def test_it_may_be_changed_with_the_version_that_was_seen(self, plant: Database) -> None:
        put(plant, ROUTE)
        ended = Effectivity(until_at=NOW)
        edit(plant, set_definition_effectivity, "1", definition_id="ROUTE", effectivity=ended)
        assert version(plant, "1").effectivity == ended
        with pytest.raises(VersionConflict):
            edit(plant, set_definition_effectivity, "1", definition_id="ROUTE", effectivity=LATER, version=1)
        backwards = Effectivity(NOW, NOW)
        with pytest.raises(errors.EffectivityInvalid):
            edit(plant, set_definition_effectivity, "1", definition_id="ROUTE", effectivity=backwards)

    def test_put_settles_it_and_twice_is_once(self, plant: Database) -> None:
        put(plant, ROUTE)
        assert put(plant, replace(ROUTE, effectivity=LATER)) == [PutOutcome.Updated]
        before = plant.read_now(head_seq)
        assert put(plant, replace(ROUTE, effectivity=LATER)) == [PutOutcome.Unchanged]
        assert plant.read_now(head_seq) == before
        assert version(plant, "1").effectivity == LATER

    def test_a_recipe_that_is_not_effective_stops_new_orders(self, plant: Database) -> None:
        put(plant, ROUTE)
        recipe = {"work_master_id": "WM-SMT", "version_label": "1"}
        until = Effectivity(until_at=NOW + DAY)
        plant.write_now(set_work_master_effectivity, actor=None, **recipe, effectivity=until, version=1)
        assert taken(plant, NOW) == "1"
        with pytest.raises(errors.WorkMasterNotEffective, match="WM-SMT 1"):
            taken(plant, NOW + DAY)
        with pytest.raises(VersionConflict):
            plant.write_now(set_work_master_effectivity, actor=None, **recipe, effectivity=until, version=1)

    def test_a_routing_takes_the_newest_recipe_that_is_effective(self, plant: Database) -> None:
        spec = WorkMasterSpec("WM-SMT", parameters={"peak_c": "250"}, effectivity=LATER)
        plant.write_now(put_work_masters, actor=None, specs=[spec])
        put(plant, ROUTE)
        assert version(plant, "1").segments[0].work_master_version == "1"


class TestParameters:
    LIMITED = WorkMasterSpec(
        "WM-SMT",
        parameters={"peak_c": "245", "program": "A"},
        limits={"peak_c": ParameterLimit(DataType.decimal, "Cel", Decimal(240), Decimal("250.5"))},
    )

    def put_recipe(self, plant: Database, **changes: object) -> list[PutOutcome]:
        spec = replace(self.LIMITED, **changes)  # type: ignore[arg-type]
        return list(plant.write_now(put_work_masters, actor=None, specs=[spec]).values())

    def test_limits_are_content_and_come_back_exactly(self, plant: Database) -> None:
        assert self.put_recipe(plant) == [PutOutcome.Updated]
        assert self.put_recipe(plant) == [PutOutcome.Unchanged]
        found = plant.read_now(queries.get_work_master, work_master_id="WM-SMT")
        assert (found.version_label, found.limits) == ("2", self.LIMITED.limits)

    def test_a_value_outside_of_its_limits_is_refused(self, plant: Database) -> None:
        with pytest.raises(errors.ParameterOutOfLimits, match="251 is not within") as refusal:
            self.put_recipe(plant, parameters={"peak_c": "251", "program": "A"})
        assert [(e.where, e.code) for e in refusal.value.errors] == [("peak_c", "parameter-out-of-limits")]
        spec = replace(self.LIMITED, parameters={"peak_c": "hot", "program": "A"})
        with pytest.raises(errors.ParameterOutOfLimits):
            plant.write_now(update_work_master, actor=None, spec=spec, seen_label="1")

    def test_a_step_sets_values_within_the_limits_of_its_recipe(self, plant: Database) -> None:
        self.put_recipe(plant)
        put(plant, replace(ROUTE, segments=(replace(SMT, parameters={"peak_c": "250.5"}), PACK)))
        assert version(plant, "1").segments[0].parameters == {"peak_c": "250.5"}
        for name, value, code in (
            ("peak_c", "250.6", "parameter-out-of-limits"),
            ("peak_c", "hot", "parameter-type"),
            ("speed", "1", "parameter-not-found"),
        ):
            with pytest.raises(errors.OperationsDefinitionInvalid) as refusal:
                put(plant, replace(ROUTE, segments=(replace(SMT, parameters={name: value}), PACK)))
            assert [(e.where, e.code) for e in refusal.value.errors] == [("ROUTE/SMT", code)]


def furnished(plant: Database) -> str:
    """Another paste, a skill, and a picture; its SHA-256."""
    plant.write_now(put_materials, actor=None, specs=[MaterialSpec("PASTE-2", "g")])
    plant.write_now(put_personnel_class, actor=None, personnel_class_id="SKILL")
    return str(plant.write_now(put_document, actor=None, content=PNG).sha256)


def rich(sha256: str) -> object:
    paste = MaterialSpecification(
        "PASTE", MaterialUse.Consumed, Decimal("0.6"), Decimal("2.5"), (Substitute("PASTE-2", Decimal("0.7")),)
    )
    step = replace(
        SMT,
        materials=(paste,),
        alternatives=("PACK-1",),
        personnel_class_ids=("SKILL",),
        instructions=(InstructionSpec("Load", "Panel first"), InstructionSpec("Look", document_sha256=sha256)),
    )
    return replace(ROUTE, segments=(step, PACK))


class TestSteps:
    def test_everything_a_step_says_comes_back_and_twice_is_once(self, plant: Database) -> None:
        spec = rich(furnished(plant))
        assert [put(plant, spec), put(plant, spec)] == [[PutOutcome.Created], [PutOutcome.Unchanged]]
        step = version(plant, "1").segments[0]
        assert [p.equipment_id for p in step.alternatives] == ["PACK-1"]
        assert step.personnel_class_ids == ("SKILL",)
        (paste,) = step.materials
        assert paste.allowance_e6 == 2_500_000
        assert [(s.material_id, s.unit, s.quantity_e6) for s in paste.substitutes] == [("PASTE-2", "g", 700_000)]
        seen = [(i.sequence, i.title, i.text, i.media_type) for i in step.instructions]
        assert seen == [(1, "Load", "Panel first", None), (2, "Look", "", MediaType.png)]

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"alternatives": ("LINE",)}, "duplicate-id"),
            ({"alternatives": ("NOWHERE",)}, "equipment-not-found"),
            ({"alternatives": ("AREA",)}, "segment-equipment-level"),
            ({"personnel_class_ids": ("NOBODY",)}, "personnel-class-not-found"),
            ({"instructions": (InstructionSpec("x", document_sha256="0" * 64),)}, "instruction-document-not-found"),
        ],
    )
    def test_what_is_not_there_is_refused(self, plant: Database, changes: dict[str, object], code: str) -> None:
        with pytest.raises(errors.OperationsDefinitionInvalid) as refusal:
            put(plant, replace(ROUTE, segments=(replace(SMT, **changes), PACK)))  # type: ignore[arg-type]
        assert [e.code for e in refusal.value.errors] == [code]

    def test_a_substitute_has_to_be_a_material_and_another_one(self, plant: Database) -> None:
        for name, code in (("PASTE", "duplicate-id"), ("GLUE", "material-not-found")):
            material = replace(SMT.materials[0], substitutes=(Substitute(name, Decimal(1)),))
            with pytest.raises(errors.OperationsDefinitionInvalid) as refusal:
                put(plant, replace(ROUTE, segments=(replace(SMT, materials=(material,)), PACK)))
            assert [e.code for e in refusal.value.errors] == [code]


class TestDocuments:
    def test_the_same_content_is_kept_once_and_told_once(self, plant: Database) -> None:
        first = plant.write_now(put_document, actor=None, content=PNG)
        before = plant.read_now(head_seq)
        assert plant.write_now(put_document, actor=None, content=PNG) == first
        assert plant.read_now(head_seq) == before
        assert plant.read_now(queries.read_document, sha256=first.sha256) == (MediaType.png, PNG)

    @pytest.mark.parametrize("content", [b"", b"<html>", b"<svg xmlns=''/>", b"GIF89a", b" %PDF-1.7"])
    def test_the_content_says_what_it_is_not_its_name(self, plant: Database, content: bytes) -> None:
        with pytest.raises(errors.InstructionDocumentInvalid):
            plant.write_now(put_document, actor=None, content=content)

    def test_it_is_bounded(self, plant: Database) -> None:
        with pytest.raises(errors.InstructionDocumentTooLarge):
            plant.write_now(put_document, actor=None, content=PNG + bytes(DOCUMENT_MAX_BYTES))
        with pytest.raises(errors.InstructionDocumentNotFound):
            plant.read_now(queries.read_document, sha256="0" * 64)


class TestDrafts:
    @pytest.fixture
    def drafted(self, plant: Database) -> Database:
        put(plant, rich(furnished(plant)))
        assert plant.write_now(begin_draft, actor=None, definition_id="ROUTE", from_label="1") == "2"
        return plant

    def test_a_draft_begins_as_a_copy_that_no_order_takes(self, drafted: Database) -> None:
        first, draft = version(drafted, "1"), version(drafted, "2")
        assert (draft.state, draft.fixed, first.fixed) == (DefinitionState.Draft, False, True)
        assert [s.id for s in draft.segments] == ["SMT", "PACK"]
        assert [i.title for i in draft.segments[0].instructions] == ["Load", "Look"]
        assert taken(drafted, NOW) == "1"

    def test_steps_are_changed_added_and_dropped(self, drafted: Database) -> None:
        old = version(drafted, "1")
        test = replace(PACK, segment_id="TEST")
        edit(drafted, put_draft_segment, "2", definition_id="ROUTE", segment=replace(SMT, description="New"))
        edit(drafted, put_draft_segment, "2", definition_id="ROUTE", segment=test)
        draft = version(drafted, "2")
        assert [(s.id, s.description) for s in draft.segments] == [("SMT", "New"), ("PACK", ""), ("TEST", "")]
        assert draft.segments[0].instructions == ()
        edit(drafted, drop_draft_segment, "2", definition_id="ROUTE", segment_id="SMT")
        assert [(s.id, s.after) for s in version(drafted, "2").segments] == [("PACK", ()), ("TEST", ())]
        assert version(drafted, "1") == old

    def test_a_tolerance_is_percent_as_it_is_kept(self, drafted: Database) -> None:
        tolerate = partial(edit, drafted, set_draft_tolerances, definition_id="ROUTE")
        tolerate("2", under_percent=Decimal("2.5"), over_percent=None)
        edit(drafted, put_draft_segment, "2", definition_id="ROUTE", segment=replace(SMT, description="New"))
        kept = [(v.under_tolerance_bp, v.over_tolerance_bp) for v in (version(drafted, "1"), version(drafted, "2"))]
        assert kept == [(None, None), (250, None)]
        for wrong in ("-0.01", "1000.01", "2.125"):
            with pytest.raises(errors.OperationsDefinitionInvalid) as refused:
                tolerate("2", under_percent=Decimal(0), over_percent=Decimal(wrong))
            assert [(e.where, e.code) for e in refused.value.errors] == [("ROUTE/over_percent", "tolerance-invalid")]
        with pytest.raises(errors.OperationsDefinitionVersionFixed):
            tolerate("1", under_percent=None, over_percent=None)

    def test_an_instruction_grows_and_shrinks_step_by_step(self, drafted: Database) -> None:
        step = {"definition_id": "ROUTE", "segment_id": "SMT"}
        edit(drafted, add_draft_instruction, "2", **step, title="Check", content=b"%PDF-1.7")
        edit(drafted, drop_draft_instruction, "2", **step, sequence=1)
        kept = version(drafted, "2").segments[0].instructions
        assert [(i.sequence, i.title, i.media_type) for i in kept] == [
            (1, "Look", MediaType.png),
            (2, "Check", MediaType.pdf),
        ]
        with pytest.raises(errors.InstructionDocumentInvalid):
            edit(drafted, add_draft_instruction, "2", **step, title="Bad", content=b"<svg/>")
        assert len(version(drafted, "2").segments[0].instructions) == 2

    def test_the_second_editor_is_told(self, drafted: Database) -> None:
        seen = version(drafted, "2").version
        edit(drafted, put_draft_segment, "2", definition_id="ROUTE", segment=SMT)
        with pytest.raises(VersionConflict):
            edit(drafted, put_draft_segment, "2", definition_id="ROUTE", segment=SMT, version=seen)
        with pytest.raises(errors.SegmentNotFound):
            edit(drafted, drop_draft_segment, "2", definition_id="ROUTE", segment_id="NONE")
        with pytest.raises(errors.OperationsDefinitionInvalid):
            edit(drafted, replace_draft, "2", spec=replace(ROUTE, segments=()))

    def test_what_was_released_once_is_fixed_even_as_a_draft_again(
        self, drafted: Database, clock: SettableClock
    ) -> None:
        for state in (DefinitionState.Released, DefinitionState.Draft):
            edit(drafted, set_definition_state, "2", definition_id="ROUTE", state=state)
        with pytest.raises(errors.OperationsDefinitionVersionFixed):
            edit(drafted, put_draft_segment, "2", definition_id="ROUTE", segment=SMT)
        with pytest.raises(errors.OperationsDefinitionVersionFixed):
            edit(drafted, put_draft_segment, "1", definition_id="ROUTE", segment=SMT)
