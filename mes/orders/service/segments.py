"""What a job takes from the step of the routing it is made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mes.definitions.queries import ResolvedSegment, get_work_master_versions
from mes.definitions.rules import cycles_for
from mes.equipment.queries import EquipmentView
from mes.kernel.uow import UnitOfWork
from mes.orders.errors import QuantityInvalid
from mes.orders.types import CYCLES_MAX, Note
from standards.isa95.job_control import DispatchStatus, JobState

SETUP_FAMILY: Final = "setup_family"
"""The parameter of a work master that names its family."""
FAMILY_MAX: Final = 100
UNRELEASED: Final[dict[str, Any]] = {
    "state": int(JobState.NotAllowedToStart),
    "substate": 0,
    "dispatch_status": DispatchStatus.Waiting,
    "note": Note.none,
    "note_text": "",
    "confirmed_by": "",
    "good_low_e6": 0,
    "good_high_e6": 0,
    "scrap_low_e6": 0,
    "scrap_high_e6": 0,
    "report_version": 0,
    "version": 1,
}
"""A job nobody has permitted yet."""


def followed_values(segment: ResolvedSegment, pieces_e6: int, place: EquipmentView | None = None) -> dict[str, Any]:
    """Columns of a job of a step: what is to be done, how often, and where (None: the step's first place). Refusals as
    `cycles_of`."""
    cycles = cycles_of(segment, pieces_e6)
    how_often = {"cycles": cycles, "quantity_e6": cycles * segment.quantity_per_cycle_e6}
    return how_often | step_values(segment) | placed_values(segment, place)


def cycles_of(segment: ResolvedSegment, pieces_e6: int) -> int:
    """How often a step is done for so many pieces. `quantity-invalid` for more than a machine can be told."""
    cycles = cycles_for(pieces_e6, segment.quantity_per_cycle_e6)
    if cycles > CYCLES_MAX:
        raise QuantityInvalid(f"Step {segment.id} would take {cycles} cycles, more than a machine can be told.")
    return cycles


def step_values(segment: ResolvedSegment) -> dict[str, Any]:
    """The columns of a job that are the same for every order."""
    return {
        "segment_id": segment.id,
        "segment_pk": segment.pk,
        "description": segment.description,
        "work_master_pk": segment.work_master_pk,
        "work_master_id": segment.work_master_id,
        "work_master_version": segment.work_master_version,
        "sequence": segment.sequence,
        "cycle_unit": segment.cycle_unit,
        "quantity_per_cycle_e6": segment.quantity_per_cycle_e6,
        "first_article_e6": segment.first_article_e6,
    }


def placed_values(segment: ResolvedSegment, place: EquipmentView | None = None) -> dict[str, Any]:
    """The columns that depend on where the job is done."""
    if place is None or place.pk == segment.equipment_pk:
        equipment_pk, manual, nominal = segment.equipment_pk, segment.manual, segment.nominal_cycle_s
    else:
        own = segment.own_nominal_cycle_s
        equipment_pk, manual = place.pk, place.manual
        nominal = own if own is not None else place.nominal_cycle_s
    return {
        "equipment_pk": equipment_pk,
        "manual": manual,
        "nominal_cycle_us": None if nominal is None else int(nominal * 1_000_000),
    }


def setup_families(uow: UnitOfWork, segments: Sequence[ResolvedSegment]) -> dict[int, str]:
    """By recipe: the family its parameter names, else the recipe itself. What is of one family needs no set-up."""
    versions = get_work_master_versions(uow.session, {segment.work_master_id for segment in segments})
    masters = [master for found in versions.values() for master in found]
    return {m.pk: (m.parameters.get(SETUP_FAMILY) or m.work_master_id)[:FAMILY_MAX] for m in masters}


def allowed_places(segment: ResolvedSegment) -> dict[str, int]:
    """Where a step may be done: key by id, in order of preference."""
    return {segment.equipment_id: segment.equipment_pk, **{p.equipment_id: p.pk for p in segment.alternatives}}
