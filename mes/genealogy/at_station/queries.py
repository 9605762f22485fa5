"""Reads of scanning at a station: what a scan is, where material is used, a unit, a carton, what was done lately."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlmodel import Session

from mes.definitions.queries import ResolvedMaterial, get_segments
from mes.equipment.queries import get_equipment
from mes.genealogy.at_station import statements
from mes.genealogy.at_station.rules import (
    by_hand_slot,
    follow,
    ids_of,
    in_order,
    is_carton_label,
    request_ids_of,
    slot_of,
)
from mes.genealogy.at_station.types import (
    ALIKE_MAX,
    BY_HAND,
    CONTENTS_MAX,
    HISTORY_MAX,
    LATELY_SHOWN,
    PARTS_MAX,
    WITH_VERDICT,
    CartonAt,
    Follow,
    Held,
    Lately,
    Line,
    LotAt,
    Part,
    Place,
    ScanKind,
    Scanned,
    SetUp,
    UnitAt,
    UnitEvent,
    Where,
)
from mes.genealogy.errors import LotUnknown
from mes.genealogy.may_i.queries import get_permission
from mes.genealogy.may_i.rules import PROGRAM, expected_program
from mes.genealogy.may_i.statements import load_parameters
from mes.genealogy.statements import Reads, load_lots, lot_id_of, material_of
from mes.genealogy.tools.queries import list_tools_at
from mes.genealogy.tools.statements import known_tools
from mes.genealogy.types import ActKind, LotFacts
from mes.kernel.db import ReadSession
from mes.kernel.errors import FieldError, Refusal
from mes.kernel.sqltypes import from_us
from mes.kernel.uow import marks
from mes.materials.life.queries import LotLifeView, lots_with_lives
from mes.materials.queries import get_materials
from mes.materials.receiving.errors import LabelUnreadable
from mes.materials.receiving.rules import label_key
from mes.materials.rules import usable_lot
from mes.materials.tables import MaterialLot
from mes.materials.types import LotKind
from mes.orders.queries import list_station_jobs
from mes.orders.tables import JobOrderRow
from mes.personnel.queries import list_sign_in_names
from mes.quality.errors import UnitNotSeen
from mes.quality.queries import get_unit_results, list_open_defects
from mes.quality.types import ResultView, Verdict
from standards.isa95.job_control import JobState
from standards.isa95.material import MaterialUse
from standards.isa95.quantity import from_e6
from standards.labels.faults import LabelFault
from standards.labels.reading import Label, read_label

_J: Final = JobOrderRow.__table__  # type: ignore[attr-defined]
_L: Final = MaterialLot.__table__  # type: ignore[attr-defined]
_KINDS: Final = {
    LotKind.lot: ScanKind.lot,
    LotKind.unit: ScanKind.unit,
    LotKind.container: ScanKind.container,
    LotKind.shipment: ScanKind.shipment,
}
_USED: Final = frozenset({MaterialUse.Consumed.value, MaterialUse.Consumable.value})
_WORK: Final = frozenset({JobState.Running, JobState.Interrupted})


# -- what was scanned


def understand_scan(
    session: ReadSession, *, text: str, slot_id: str, held: Held, equipment_id: str, now: datetime
) -> Follow:
    """What follows from a scan, or from a tap on a slot. `label-unreadable`, `equipment-not-found`."""
    place = get_place(session, equipment_id=equipment_id, now=now)
    if slot_id:
        return follow(Scanned(ScanKind.slot, slot_id), held, place)
    scanned = recognise_scan(session, text=text, equipment_id=equipment_id, now=now)
    lots = material_of(session, [scanned.id]) if scanned.kind in (ScanKind.lot, ScanKind.unit) else {}
    found = follow(scanned, held, place, lots.get(scanned.id, ""))
    return replace(found, lot_id=found.lot_id or scanned.id, alike=scanned.alike)


def recognise_scan(session: ReadSession, *, text: str, equipment_id: str, now: datetime) -> Scanned:
    """What a scan is, at a station: a slot of it before a lot of this id, a lot before a tool or a
    person. `label-unreadable`."""
    try:
        label = read_label(text, year=now.year)
    except LabelFault as fault:
        raise LabelUnreadable(fault.detail, errors=[FieldError("label", fault.detail, fault.code)]) from fault
    ids = ids_of(label)
    return (
        _slot(session, ids, equipment_id)
        or _known(session, ids)
        or _seen(session, text)
        or _tool(session, ids)
        or _person(session, ids)
        or Scanned(ScanKind.nothing, _told(label, ids), is_carton_label=is_carton_label(label))
    )


def _told(label: Label, ids: Sequence[str]) -> str:
    return ids[0] if ids else (label.supplier_part or label.customer_part or label.gtin or label.text)[:60]


def _slot(session: ReadSession, ids: Sequence[str], equipment_id: str) -> Scanned | None:
    place = get_equipment(session, equipment_id=equipment_id).pk
    slots = [row[0] for row in session.driver_query(statements.SLOTS, (place,)) if not row[0].startswith(BY_HAND)]
    found = next((slot for one in ids if (slot := slot_of(one, equipment_id, slots))), "")
    return Scanned(ScanKind.slot, found) if found else None


def _known(session: ReadSession, ids: Sequence[str]) -> Scanned | None:
    lots = load_lots(session, ids)
    for one in ids:
        if one in lots:
            return Scanned(_KINDS[LotKind(lots[one].kind)], one)
        if session.driver_query(statements.HAS_VERDICT, (one,)):
            return Scanned(ScanKind.unit, one)
    return None


def _seen(session: ReadSession, text: str) -> Scanned | None:
    """A supplier's label: the one lot that came in under it and is not used up, or all of them."""
    key = label_key(text)
    lots = statements.seen_under(session, key, ALIKE_MAX) if key else []
    if not lots:
        return None
    return Scanned(ScanKind.lot, lots[0]) if len(lots) == 1 else Scanned(ScanKind.alike, lots[0], tuple(lots))


def _tool(session: ReadSession, ids: Sequence[str]) -> Scanned | None:
    known = known_tools(session, ids)
    return next((Scanned(ScanKind.tool, one) for one in ids if one in known), None)


def _person(session: ReadSession, ids: Sequence[str]) -> Scanned | None:
    people = {name.principal_id for name in list_sign_in_names(session)} if ids else set()
    return next((Scanned(ScanKind.person, one) for one in ids if one in people), None)


# -- lots and where they are used


def get_lots_at(session: ReadSession, *, lot_ids: Collection[str], now: datetime) -> dict[str, LotAt]:
    """Lots as a station sees them; those nobody recorded are absent."""
    facts = load_lots(session, lot_ids)
    views = lots_with_lives(session, _L.c.id.in_(lot_ids), now=now) if facts else []
    return {view.lot_id: _lot_at(view, facts[view.lot_id]) for view in views}


def get_lot_at(session: ReadSession, *, lot_id: str, now: datetime) -> LotAt:
    """One of them. `lot-unknown`."""
    found = get_lots_at(session, lot_ids=[lot_id], now=now)
    if not found:
        raise LotUnknown(f"Nobody has recorded {lot_id}.")
    return found[lot_id]


def _lot_at(view: LotLifeView, facts: LotFacts) -> LotAt:
    left_e6 = max(facts.quantity_e6 - facts.used_e6, 0)
    material = view.material_description or view.material_id
    return LotAt(
        view.lot_id,
        view.material_id,
        material,
        from_e6(left_e6),
        view.unit,
        view.clocks,
        _refusal(view, facts, left_e6),
    )


def _refusal(view: LotLifeView, facts: LotFacts, left_e6: int) -> Refusal | None:
    return usable_lot(view.facts, shipped=facts.shipment_pk is not None, lacking=left_e6 == 0)


def find_place_of_act(reads: Reads, *, undoes: str) -> str:
    """The one place of all that was done by what has a request id; "": it has none, or several."""
    some = request_ids_of(undoes)
    rows = reads.driver_query(statements.PLACES_OF.format(some=marks(some)), some * 3)
    return str(rows[0][0]) if len(rows) == 1 else ""


def find_place_of_tool(session: ReadSession, *, tool_id: str, request_id: str) -> str:
    """Where a tool is, or was when this was done with it under `request_id`; "": nowhere."""
    return str(session.driver_query(statements.PLACE_OF_TOOL, (request_id, tool_id))[0][0])


def get_place(session: ReadSession, *, equipment_id: str, now: datetime) -> Place:
    """A station with its set-up list and what of its job's bill is in no slot, each with what is used there now.

    `equipment-not-found`.
    """
    equipment = get_equipment(session, equipment_id=equipment_id)
    job = next(
        (job for job in list_station_jobs(session, equipment_id=equipment_id, now=now) if job.state in _WORK), None
    )
    lines = _lines(session, equipment.pk, bill_of(session, job_id=job.job_id) if job else ())
    return Place(
        equipment.equipment_id,
        equipment.description or equipment.equipment_id,
        equipment.manual,
        job,
        _with_mounts(session, equipment.pk, lines, now),
    )


def bill_of(session: Session, *, job_id: str) -> tuple[ResolvedMaterial, ...]:
    """What a piece of a job takes; none where the job follows no definition."""
    segment_pk = session.execute(select(_J.c.segment_pk).where(_J.c.id == job_id)).scalar_one_or_none()
    segment = get_segments(session, [segment_pk]).get(segment_pk) if segment_pk is not None else None
    return tuple(one for one in segment.materials if one.use in _USED) if segment else ()


def _lines(session: ReadSession, equipment_pk: int, bill: Sequence[ResolvedMaterial]) -> tuple[Line, ...]:
    """Slots in the order of their numbers, then what of the bill belongs in none of them."""
    takes = {one.material_id: (one.material_id, *(s.material_id for s in one.substitutes)) for one in bill}
    rows = session.driver_query(statements.SLOTS, (equipment_pk,))
    slots = [
        Line(slot, takes.get(material, (material,)) if material else (), title or material or "", unit)
        for slot, material, title, unit in rows
        if not slot.startswith(BY_HAND)
    ]
    named = {material for _, material, _, _ in rows if material}
    names = get_materials(session, takes)
    by_hand = [
        Line(
            by_hand_slot(one.material_id),
            takes[one.material_id],
            names[one.material_id].description or one.material_id,
            one.unit,
            by_hand=True,
            per_piece_e6=one.quantity_e6,
        )
        for one in bill
        if not named & set(takes[one.material_id])
    ]
    return (*sorted(slots, key=lambda line: in_order(line.slot_id)), *by_hand)


def _with_mounts(session: ReadSession, equipment_pk: int, lines: Sequence[Line], now: datetime) -> tuple[Line, ...]:
    """Each line with what is used there now; what an earlier job left in use by hand is a stray line."""
    rows = session.driver_query(statements.MOUNTED, (equipment_pk,))
    lots = get_lots_at(session, lot_ids=[row[1] for row in rows], now=now)
    mounts = {slot: (lots[lot_id], from_us(at_us)) for slot, lot_id, at_us in rows}
    shown = [
        replace(line, mounted=mounts[line.slot_id][0], since=mounts[line.slot_id][1])
        if line.slot_id in mounts
        else line
        for line in lines
    ]
    strays = [
        Line(slot, (lot.material_id,), lot.material, lot.unit, by_hand=True, mounted=lot, since=since, stray=True)
        for slot, (lot, since) in sorted(mounts.items())
        if slot not in {line.slot_id for line in lines}
    ]
    return (*shown, *strays)


def get_set_up(session: ReadSession, *, place: Place, now: datetime) -> SetUp:
    """With what a station works."""
    tools = list_tools_at(session, equipment_id=place.equipment_id, now=now)
    asked = load_parameters(session, place.job.job_id) if place.job else {}
    rows = session.driver_query(statements.TOLD_PROGRAM, (place.equipment_id,))
    wanted, told = expected_program(asked), rows[0][0] if rows else ""
    return SetUp(tools, wanted, told, bool(told and wanted) and told not in (asked.get(PROGRAM), wanted))


def places_of_lot(session: ReadSession, *, lot_id: str) -> tuple[tuple[str, str], ...]:
    """Station and slot of where a lot is in use now."""
    lots = load_lots(session, [lot_id])
    rows = statements.mounted_where(session, lots[lot_id].pk) if lots else []
    return tuple((row[0], row[1]) for row in rows)


# -- units


def get_unit_at(session: ReadSession, *, unit_id: str, equipment_id: str) -> UnitAt:
    """A unit at a station. `equipment-not-found`."""
    permission = get_permission(session, unit_id=unit_id, equipment_id=equipment_id)
    lot = load_lots(session, [unit_id]).get(unit_id)
    job_id = permission.job_id or _order_of(session, unit_id)
    steps = _steps(session, job_id)
    by_id = {step.segment_id: step for step in steps}
    results = _results(session, unit_id)
    return UnitAt(
        permission,
        _title(session, lot.material_pk) if lot else "",
        by_id.get(permission.segment_id),
        by_id.get(permission.other),
        _parts(session, statements.PARTS, lot.pk, PARTS_MAX) if lot else (),
        _history(session, lot, results),
        list_open_defects(session, unit_id=unit_id),
        steps,
        next((one.verdict for one in results if one.counts), None) is Verdict.failed,
        _carton_of(session, lot),
    )


def _order_of(session: ReadSession, unit_id: str) -> str:
    rows = session.driver_query(statements.ORDER_OF_UNIT, (unit_id, unit_id))
    return rows[0][0] if rows else ""


def _steps(session: ReadSession, job_id: str) -> tuple[Where, ...]:
    rows = session.driver_query(statements.STEPS, (job_id,)) if job_id else []
    found = {row[0]: Where(row[0], row[1] or row[0], row[2], row[3] or row[2]) for row in reversed(rows)}
    return tuple(reversed(found.values()))


def _results(session: ReadSession, unit_id: str) -> tuple[ResultView, ...]:
    try:
        return get_unit_results(session, unit_id=unit_id, limit=HISTORY_MAX)
    except UnitNotSeen:
        return ()


def _title(session: ReadSession, material_pk: int) -> str:
    rows = session.driver_query("SELECT description, id FROM material_definition WHERE pk = ?", (material_pk,))
    return str(rows[0][0] or rows[0][1])


def _parts(session: ReadSession, sql: str, lot_pk: int, limit: int) -> tuple[Part, ...]:
    return tuple(Part(row[0], row[1] or row[2]) for row in session.driver_query(sql, (lot_pk, limit)))


def _history(session: ReadSession, lot: LotFacts | None, results: Sequence[ResultView]) -> tuple[UnitEvent, ...]:
    acts = session.driver_query(statements.ACTS_OF_UNIT, (lot.pk, 2 * HISTORY_MAX)) if lot else []
    events = [
        UnitEvent(from_us(at_us), ActKind(kind).name, where, who, note)
        for kind, at_us, where, who, note, request_id in acts
        if not request_id.endswith(WITH_VERDICT)
    ]
    actors = names_of_actors(session, {one.actor for one in results})
    events += [
        UnitEvent(
            one.at,
            f"verdict-{one.verdict.name}",
            one.equipment_id,
            actors.get(one.actor, ""),
            _why(one),
            undone=one.ended_by is not None,
        )
        for one in results
    ]
    return tuple(sorted(events, key=lambda event: event.at, reverse=True)[:HISTORY_MAX])


def _why(result: ResultView) -> str:
    found = [" ".join((one.description or one.code_id, one.position)).strip() for one in result.defects]
    return ", ".join(text for text in (*found, result.note) if text)


def names_of_actors(session: ReadSession, pks: Collection[int | None]) -> dict[int | None, str]:
    """What people are called, by key."""
    wanted = sorted({pk for pk in pks if pk is not None})
    sql = f"SELECT pk, display_name FROM principal WHERE pk IN ({marks(wanted)})"  # noqa: S608
    return dict(session.driver_query(sql, wanted)) if wanted else {}


def _carton_of(session: ReadSession, lot: LotFacts | None) -> str:
    rows = session.driver_query(statements.PACKED_IN, (lot.pk,)) if lot else []
    return rows[0][0] if rows else ""


# -- cartons


def get_carton_at(session: ReadSession, *, container_id: str) -> CartonAt:
    """A container and what is in it, what came last first. `lot-unknown`."""
    lot = load_lots(session, [container_id]).get(container_id)
    if lot is None:
        raise LotUnknown(f"Nobody has recorded {container_id}.")
    contents = _parts(session, statements.CONTENTS, lot.pk, CONTENTS_MAX + 1)
    shipment = lot_id_of(session, lot.shipment_pk) if lot.shipment_pk else ""
    inside = _carton_of(session, lot) if not shipment else ""
    return CartonAt(container_id, contents[:CONTENTS_MAX], len(contents) > CONTENTS_MAX, shipment, inside)


# -- what was done lately


def list_lately(session: ReadSession, *, equipment_id: str, limit: int = LATELY_SHOWN) -> tuple[Lately, ...]:
    """What was done and decided at a station not long ago, newest first. `equipment-not-found`."""
    place = get_equipment(session, equipment_id=equipment_id).pk
    rows = session.driver_query(statements.LATELY, (place, 2 * limit))
    acts = [
        Lately(from_us(at_us), ActKind(kind).name, lot_id, who, bool(undone), note)
        for kind, at_us, lot_id, who, undone, note, request_id in rows
        if not request_id.endswith(WITH_VERDICT)
    ]
    verdicts = [
        Lately(from_us(at_us), f"verdict-{Verdict(verdict).name}", unit_id, who, undone=bool(undone), note=note)
        for verdict, at_us, unit_id, who, note, undone in session.driver_query(
            statements.VERDICTS_LATELY, (place, limit)
        )
    ]
    return tuple(sorted((*acts, *verdicts), key=lambda one: one.at, reverse=True)[:limit])
