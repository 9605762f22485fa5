"""What a scan or an act is answered with: reads what is held now and puts the view together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import uuid4

from mes.access.permissions import Permission
from mes.access.queries import list_vouchers
from mes.definitions.queries import list_scrap_reasons
from mes.genealogy.at_station.queries import (
    get_carton_at,
    get_lot_at,
    get_lots_at,
    get_place,
    get_unit_at,
    places_of_lot,
)
from mes.genealogy.at_station.types import (
    BY_HAND,
    NOTHING_HELD,
    CartonAt,
    Follow,
    Following,
    Held,
    HeldKind,
    Place,
    UnitAt,
)
from mes.genealogy.errors import LotUnknown
from mes.genealogy.may_i.types import Why
from mes.genealogy.tools.queries import get_tool
from mes.kernel.db import ReadSession
from mes.kernel.errors import Refusal
from mes.materials.errors import LotOnHold, WrongMaterial
from mes.materials.queries import find_lot_hold
from mes.quality.queries import list_defect_codes
from web.components.material import lot_view
from web.components.plant_time import plant_zone
from web.components.tools import tool_line
from web.scan.views import (
    NOTHING_SAID,
    AlikePanel,
    Answer,
    NothingPanel,
    OverrideView,
    Panel,
    Said,
    Told,
    ToolPanel,
    answer,
    carton_panel,
    kind_of,
    lot_panel,
    override_view,
    said_of_refusal,
    said_of_unit,
    slot_panel,
    unit_panel,
)
from web.wording import refusal_words

_OF_A_UNIT: Final = frozenset({HeldKind.unit, HeldKind.into, HeldKind.swap})


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal, and what a supervisor would have to send to decide otherwise (`act` "": nobody may)."""

    refusal: Refusal
    what: str = ""
    act: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    chosen: str = ""
    reason: str = ""
    other_reason: str = ""
    why: str = ""
    permission: Permission = Permission.override_refusals


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request: what is held now, and what was done, follows, or was refused."""

    held: Held = NOTHING_HELD
    told: Told | None = None
    follow: Follow | None = None
    refused: Refused | None = None
    before: str = ""
    status: int = 200


def build_answer(
    session: ReadSession, *, equipment_id: str, outcome: Outcome, now: datetime, language: str, records: str
) -> Answer:
    """The answer with the panel of what is held now, or of what has to be chosen. `records`: as `unit_panel`."""
    held, refused = outcome.held, outcome.refused
    place = get_place(session, equipment_id=equipment_id, now=now)
    unit = get_unit_at(session, unit_id=held.id, equipment_id=equipment_id) if held.kind in _OF_A_UNIT else None
    if refused is None and (coming := _coming(outcome)):
        refused = _unusable(session, coming, now) or _wrong(session, outcome.follow, place, now)
    follow = None if refused is not None and refused.act else outcome.follow
    return answer(
        equipment_id,
        _told(outcome, refused, unit, place),
        held=held,
        now=now,
        request_id=uuid4().hex,
        before=outcome.before,
        panel=_of_follow(session, follow, place, now) or _of_held(session, held, unit, place, now, records),
        said=_said(session, refused, language) if refused else _said_of_unit(session, unit) if unit else NOTHING_SAID,
        override=_override(session, refused),
    )


def _coming(outcome: Outcome) -> str:
    """The lot that was scanned and is yet to be put somewhere; "" none."""
    if outcome.told is None:
        return outcome.held.id if outcome.held.kind is HeldKind.lot else ""
    return outcome.follow.lot_id if outcome.follow is not None and outcome.follow.what is Following.occupied else ""


def _unusable(session: ReadSession, lot_id: str, now: datetime) -> Refused | None:
    """A lot that may not be used is told so before anybody carries it to its slot."""
    refusal = get_lot_at(session, lot_id=lot_id, now=now).refusal
    return None if refusal is None else Refused(refusal, lot_id)


def _wrong(session: ReadSession, follow: Follow | None, place: Place, now: datetime) -> Refused | None:
    """A lot of another material than its slot takes is told so before anybody takes out what is there, or splices."""
    line = None if follow is None or follow.what is not Following.occupied else place.line(follow.slot_id)
    if follow is None or line is None:
        return None
    lot = get_lot_at(session, lot_id=follow.lot_id, now=now)
    if line.takes(lot.material_id):
        return None
    refusal = WrongMaterial(f"{lot.lot_id} is {lot.material}; {line.material} is asked for.")
    return Refused(refusal, lot.lot_id, "mount", (("slot_id", follow.slot_id), ("lot_id", lot.lot_id)))


def _told(outcome: Outcome, refused: Refused | None, unit: UnitAt | None, place: Place) -> Told:
    if refused is not None:
        return Told("refused", refused.what)
    if outcome.told is not None and outcome.told.kind:
        return outcome.told
    held = outcome.held
    kind = kind_of(held, unit)
    line = place.line(held.id) if kind == "line" else None
    return Told(kind, line.material if line else held.part_id or held.id, held.id)


def _said_of_unit(session: ReadSession, unit: UnitAt) -> Said:
    said = said_of_unit(unit)
    hold = find_lot_hold(session, lot_id=unit.permission.other) if unit.permission.why is Why.held else None
    return replace(said, reason=hold.reason) if hold else said


def _said(session: ReadSession, refused: Refused, language: str) -> Said:
    on_hold = isinstance(refused.refusal, LotOnHold)
    hold = find_lot_hold(session, lot_id=refused.what) if on_hold else None
    return said_of_refusal(refused.refusal, refusal_words(language, refused.refusal), hold.reason if hold else "")


def _override(session: ReadSession, refused: Refused | None) -> OverrideView | None:
    if refused is None or not refused.act:
        return None
    people = list_vouchers(session, permission=refused.permission)
    return override_view(
        refused.act,
        refused.fields,
        people,
        chosen=refused.chosen,
        reason=refused.reason,
        other_reason=refused.other_reason,
        why=refused.why,
    )


# -- panels


def _of_follow(session: ReadSession, follow: Follow | None, place: Place, now: datetime) -> Panel | None:
    """What somebody has to choose from."""
    if follow is None:
        return None
    if follow.what is Following.occupied and (line := place.line(follow.slot_id)) is not None:
        return slot_panel(line, get_lot_at(session, lot_id=follow.lot_id, now=now), now)
    if follow.what is Following.alike:
        lots = get_lots_at(session, lot_ids=follow.alike, now=now)
        return AlikePanel(tuple(lot_view(lots[lot_id], now) for lot_id in follow.alike if lot_id in lots))
    if follow.what is Following.nothing:
        return NothingPanel(follow.lot_id, bool(place.job_id))
    return None


def _of_held(
    session: ReadSession, held: Held, unit: UnitAt | None, place: Place, now: datetime, records: str
) -> Panel | None:
    if unit is not None:
        return _unit_panel(session, unit, place, records)
    if held.kind is HeldKind.lot:
        lot = get_lot_at(session, lot_id=held.id, now=now)
        at = [f"{where} · {slot.removeprefix(BY_HAND)}" for where, slot in places_of_lot(session, lot_id=held.id)]
        return lot_panel(lot, place.lines_for(lot.material_id), at, now)
    if held.kind is HeldKind.slot:
        line = place.line(held.id)
        return slot_panel(line, None, now) if line else None
    if held.kind is HeldKind.tool:
        tool = get_tool(session, tool_id=held.id, now=now)
        return ToolPanel(tool_line(tool, now, plant_zone(session)), tool.equipment_id == place.equipment_id)
    return carton_panel(_carton(session, held.id)) if held.kind in (HeldKind.carton, HeldKind.stack) else None


def _carton(session: ReadSession, container_id: str) -> CartonAt:
    """One that nobody has recorded yet is made when the first unit goes into it."""
    try:
        return get_carton_at(session, container_id=container_id)
    except LotUnknown:
        return CartonAt(container_id, (), more=False)


def _unit_panel(session: ReadSession, unit: UnitAt, place: Place, records: str) -> Panel:
    return unit_panel(
        unit,
        may_begin=bool(place.job_id),
        codes=list_defect_codes(session),
        reasons=[(one.reason_id, one.description or one.reason_id) for one in list_scrap_reasons(session)],
        zone=plant_zone(session),
        records=records,
    )
