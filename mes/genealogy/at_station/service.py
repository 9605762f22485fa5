"""Verbs of people with a scanner at a station; each is a verb of genealogy or quality, and what goes with it there."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import count
from typing import Final

from mes.definitions.queries import ResolvedMaterial
from mes.equipment.queries import get_equipment
from mes.genealogy.at_station import statements
from mes.genealogy.at_station.queries import bill_of, find_place_of_act
from mes.genealogy.at_station.rules import SCRAP, STEP, by_hand_slot, own_request_id, request_ids_of
from mes.genealogy.at_station.types import WITH_VERDICT
from mes.genealogy.errors import GenealogyInvalid, LotUnknown
from mes.genealogy.may_i.errors import UnitRefused
from mes.genealogy.may_i.queries import get_permission
from mes.genealogy.may_i.service import report_step
from mes.genealogy.may_i.types import Permission, Why
from mes.genealogy.service import mount_lot, pack_lots, record_pass, reverse_act, scan_lot
from mes.genealogy.service.once import done_once
from mes.genealogy.service.recording import record
from mes.genealogy.statements import Requested, act_times, find_request, find_requests, load_lots, material_of
from mes.genealogy.types import Act, ActKind, NewLot, Override, Recording
from mes.kernel.limits import ID_MAX
from mes.kernel.uow import UnitOfWork
from mes.materials.errors import QuantityNotExact, UnitNotConvertible, WrongMaterial
from mes.materials.queries import convert_quantity, get_material_lot
from mes.materials.types import LotKind
from mes.orders.errors import NothingToUndo
from mes.orders.queries import get_job
from mes.orders.service import report_good, report_scrap, undo_count
from mes.orders.statements import load_counted
from mes.orders.types import UNDO_S, JobView
from mes.quality.service import scrap_unit, take_back_verdict
from mes.quality.statements import load_decided, load_known
from mes.quality.types import PERSON, STATION, FoundDefect, Verdict
from standards.isa95.job_control import JobState
from standards.isa95.quantity import from_e6, to_e6

UNDONE: Final = "undone at the station"


@done_once()
def use_lot(
    uow: UnitOfWork, *, request_id: str, equipment_id: str, job_id: str, lot_id: str, override: Override | None = None
) -> int:
    """From the next piece on a lot is used by hand for its line of the job's bill, in the place of the lot before it.

    Where people do the work a piece takes what the bill says of it; how many pieces pass a machine at once nobody says.
    Repeating a `request_id` does nothing. Answers the number of the act. `wrong-material` where the bill asks for
    nothing of the kind, and as `mount_lot`. An override puts it in a line of its own.
    """
    material_id, line = _on_bill(uow, bill_of(uow.session, job_id=job_id), job_id, lot_id, override)
    slot_id = by_hand_slot(line.material_id if line else material_id)
    if len(slot_id) > ID_MAX:
        raise GenealogyInvalid(f"The id of {material_id} is too long for a place at a station.")
    is_manual = get_equipment(uow.session, equipment_id=equipment_id).manual
    per_e6 = _per_piece_e6(uow, line, material_id, lot_id) if line and is_manual else 0
    return mount_lot(
        uow,
        request_id=request_id,
        equipment_id=equipment_id,
        slot_id=slot_id,
        lot_id=lot_id,
        quantity_per_e6=per_e6,
        override=override,
    )


@done_once()
def install_part(
    uow: UnitOfWork,
    *,
    request_id: str,
    unit_id: str,
    part_id: str,
    equipment_id: str,
    job_id: str = "",
    override: Override | None = None,
) -> int:
    """A part, or what a piece needs of a lot by the job's bill, goes into a unit.

    Repeating a `request_id` does nothing. Answers the number of the act. As `scan_lot`.
    """
    return scan_lot(
        uow,
        request_id=request_id,
        parent_id=part_id,
        child_id=unit_id,
        quantity_e6=_needed_e6(uow, job_id, part_id) or 1_000_000,
        equipment_id=equipment_id,
        job_id=job_id,
        override=override,
    )


def _needed_e6(uow: UnitOfWork, job_id: str, lot_id: str) -> int:
    """What a piece takes of a lot; 0 of what is one piece itself, or where the bill does not say."""
    lot = load_lots(uow, [lot_id]).get(lot_id)
    if lot is None or lot.kind != LotKind.lot:
        return 0
    material_id = material_of(uow, [lot_id])[lot_id]
    line = _line(bill_of(uow.session, job_id=job_id), material_id)
    return _per_piece_e6(uow, line, material_id, lot_id) if line else 0


def _on_bill(
    uow: UnitOfWork, bill: tuple[ResolvedMaterial, ...], job_id: str, lot_id: str, override: Override | None
) -> tuple[str, ResolvedMaterial | None]:
    """The material of a lot and its line of the bill. `lot-unknown`; `wrong-material` where there is no such line."""
    material_id = material_of(uow, [lot_id]).get(lot_id)
    if material_id is None:
        raise LotUnknown(f"Nobody has recorded {lot_id}.")
    line = _line(bill, material_id)
    if line is None and override is None:
        raise WrongMaterial(f"{lot_id} is {material_id}, which is not on the bill of {job_id}.")
    return material_id, line


def _line(bill: tuple[ResolvedMaterial, ...], material_id: str) -> ResolvedMaterial | None:
    named = (one for one in bill if one.material_id == material_id)
    instead = (one for one in bill if material_id in {other.material_id for other in one.substitutes})
    return next(named, None) or next(instead, None)


def _per_piece_e6(uow: UnitOfWork, line: ResolvedMaterial, material_id: str, lot_id: str) -> int:
    """What a piece takes in the unit of the lot; 0 where that has no exact number."""
    own = {line.material_id: (line.quantity_e6, line.unit)}
    per_e6, unit = (own | {s.material_id: (s.quantity_e6, s.unit) for s in line.substitutes})[material_id]
    lot = get_material_lot(uow.session, lot_id=lot_id)
    asked = {"material_id": material_id, "from_unit": unit, "to_unit": lot.unit}
    try:
        return to_e6(convert_quantity(uow.session, quantity=from_e6(per_e6), **asked))
    except (QuantityNotExact, UnitNotConvertible):
        return 0


@done_once()
def begin_unit(uow: UnitOfWork, *, request_id: str, unit_id: str, equipment_id: str, job_id: str) -> int:
    """A serial that nobody knows yet is a unit of what a job makes. Answers the number of the act.

    `job-order-not-found`, `genealogy-invalid` where there already is a lot of this id.
    """
    job = get_job(uow.session, job_id=job_id, now=uow.now)
    lot = NewLot(unit_id, job.material_id, 1_000_000, LotKind.unit, job_id)
    act = Act(ActKind.produced, unit_id, uow.now_us, equipment_id, None, job_id, None, request_id)
    made = record(uow, Recording(lots=(lot,), acts=(act,)))
    uow.emit(
        "genealogy.unit-begun.v1",
        topics=[f"equipment/{equipment_id}", f"material-lot/{unit_id}"],
        subject=f"material-lot/{unit_id}",
        payload={"act": made.first_act, "unit_id": unit_id, "equipment_id": equipment_id, "job_id": job_id},
    )
    return made.first_act


def finish_step(
    uow: UnitOfWork,
    *,
    request_id: str,
    unit_id: str,
    equipment_id: str,
    verdict: Verdict,
    defects: tuple[FoundDefect, ...] = (),
    note: str = "",
) -> Permission:
    """A unit passed or failed its step here. At a station where people do the work it also passes the station (what is
    in use there is in it), and the first time it is good it is a good piece of the running job.

    Repeating a `request_id` does nothing. As `report_step`.
    """
    is_new = (STATION, request_id) not in load_known(uow, {(STATION, request_id)})
    found = report_step(
        uow,
        unit_id=unit_id,
        equipment_id=equipment_id,
        verdict=verdict,
        request_id=request_id,
        defects=defects,
        note=note,
    )
    if not is_new or not get_equipment(uow.session, equipment_id=equipment_id).manual:
        return found
    if load_lots(uow, [unit_id]):
        own_id = own_request_id(request_id, WITH_VERDICT)
        record_pass(uow, request_id=own_id, lot_id=unit_id, equipment_id=equipment_id, job_id=found.job_id)
    job = _counting_job(uow, found.job_id)
    if verdict is Verdict.passed and job and not _was_good(uow, unit_id, job.job_id, request_id):
        report_good(uow, job_id=job.job_id, quantity=Decimal(1), request_id=request_id)
    return found


def _counting_job(uow: UnitOfWork, job_id: str) -> JobView | None:
    """The job if people count it and it runs."""
    job = get_job(uow.session, job_id=job_id, now=uow.now) if job_id else None
    return job if job and job.manual and job.state is JobState.Running else None


def _was_good(uow: UnitOfWork, unit_id: str, job_id: str, request_id: str) -> bool:
    return bool(uow.driver_query(statements.PASSED_HERE, (unit_id, job_id, request_id)))


def lose_unit(uow: UnitOfWork, *, request_id: str, unit_id: str, equipment_id: str, reason_id: str, note: str) -> None:
    """A unit is scrapped; at a station where people count it is a scrapped piece of the running job, unless it had
    been good there. Repeating a `request_id` does nothing. As `scrap_unit` and `report_scrap`.
    """
    found = get_permission(uow, unit_id=unit_id, equipment_id=equipment_id, now_us=uow.now_us)
    scrap_unit(uow, unit_id=unit_id, request_id=request_id, note=note)
    job = _counting_job(uow, found.job_id)
    if job and not _was_good(uow, unit_id, job.job_id, request_id):
        own_id = own_request_id(request_id, SCRAP)
        report_scrap(uow, job_id=job.job_id, quantity=Decimal(1), reason_id=reason_id, request_id=own_id)


@done_once()
def pack_unit(
    uow: UnitOfWork,
    *,
    request_id: str,
    container_id: str,
    unit_id: str,
    equipment_id: str,
    override: Override | None = None,
) -> int:
    """A unit goes into a carton, a new one if nobody knows it; if packing is its next step, it has passed that.

    Repeating a `request_id` does nothing. Answers the number of the act. `unit-refused` where it may not be worked on
    here, or where packing is none of its steps and it failed; and as `pack_lots`.
    """
    found = get_permission(uow, unit_id=unit_id, equipment_id=equipment_id, now_us=uow.now_us)
    if found.allowed:
        own_id = own_request_id(request_id, STEP)
        finish_step(uow, request_id=own_id, unit_id=unit_id, equipment_id=equipment_id, verdict=Verdict.passed)
    elif found.why is not Why.already_done and not _is_free(uow, found):
        raise UnitRefused(f"{unit_id}: {found.why} {found.other}".rstrip(), why=found.why, other=found.other)
    return pack_lots(
        uow,
        request_id=request_id,
        container_id=container_id,
        lot_ids=[unit_id],
        equipment_id=equipment_id,
        override=override,
    )


def _is_free(uow: UnitOfWork, found: Permission) -> bool:
    """Packing is none of its steps, and whatever was decided of it last was good."""
    if found.why is not Why.no_step:
        return False
    rows = uow.driver_query(statements.LAST_VERDICT, (found.unit_id,))
    return not rows or rows[0][0] not in (Verdict.failed, Verdict.rework)


def undo_act(uow: UnitOfWork, *, request_id: str, undoes: str, equipment_id: str | None = None) -> None:
    """Take back within 10 s what was done under a request id: a scan, a decision about a unit, a verdict with the pass
    and the piece it counted. Repeating a `request_id` does nothing. `equipment_id`: it has to be where that was done
    (`find_place_of_act`).

    `nothing-to-undo` later, and where something else followed; and as `reverse_act`.
    """
    if find_request(uow, request_id) or load_known(uow, {(PERSON, request_id)}):
        return
    if equipment_id not in (None, find_place_of_act(uow, undoes=undoes)):
        raise NothingToUndo("It was done elsewhere.")
    step = own_request_id(undoes, STEP)
    acts = find_requests(uow, request_ids_of(undoes))
    verdicts = [key for key in ((STATION, undoes), (STATION, step), (PERSON, undoes)) if load_decided(uow, *key)]
    _refuse_late(uow, acts.values(), verdicts)
    own_ids = (own_request_id(request_id, f":{n}") if n else request_id for n in count())
    for act in acts.values():
        reverse_act(uow, request_id=next(own_ids), act=act.pk, reason=UNDONE)
    for source, result_id in verdicts:
        own_id = next(own_ids) if acts else request_id
        take_back_verdict(uow, request_id=own_id, source=source, result_id=result_id, reason=UNDONE)
    for counted in load_counted(uow, request_ids_of(undoes)):
        undo_count(uow, request_id=counted)


def _refuse_late(uow: UnitOfWork, acts: Iterable[Requested], verdicts: Iterable[tuple[str, str]]) -> None:
    decided = [load_decided(uow, *key) for key in verdicts]
    times = [one.recorded_at_us for one in decided if one] + act_times(uow, [act.pk for act in acts])
    if not times or min(times) + UNDO_S * 1_000_000 < uow.now_us:
        raise NothingToUndo("It stands.")
