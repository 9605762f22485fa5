"""View models of scanning at a station. Pure: dataclasses of queries and an instant in, primitives out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Final
from urllib.parse import quote, urlencode

from mes.access.types import Voucher
from mes.genealogy.at_station.types import (
    BY_HAND,
    CartonAt,
    Held,
    HeldKind,
    Lately,
    Line,
    LotAt,
    Place,
    SetUp,
    UnitAt,
    UnitEvent,
    Where,
)
from mes.kernel.errors import Refusal
from mes.quality.types import DefectCodeView
from web.components.material import LineView, LotView, line_view, lot_view
from web.components.tools import ToolLine, tool_line
from web.wording import RefusalWords, code_key

UNDO_S: Final = 10
PARTS_SHOWN: Final = 8
EVENTS_SHOWN: Final = 6
UNITS: Final = "/trace/units/"
CONTENTS_SHOWN: Final = 30
SAID: Final[Mapping[str, tuple[str, str]]] = {
    "ready": ("idle", "scan-barcode"),
    "lot": ("ask", "chevron-right"),
    "slot": ("ask", "chevron-right"),
    "line": ("ask", "hand"),
    "occupied": ("ask", "circle-help"),
    "mounted": ("run", "check"),
    "spliced": ("run", "check"),
    "used": ("run", "check"),
    "unmounted": ("run", "check"),
    "unit": ("run", "play"),
    "unit-no": ("down", "ban"),
    "passed": ("run", "check"),
    "failed": ("warn", "triangle-alert"),
    "reworked": ("run", "undo-2"),
    "scrapped": ("run", "trash-2"),
    "into": ("ask", "chevron-right"),
    "swap": ("ask", "chevron-right"),
    "installed": ("run", "check"),
    "removed": ("run", "check"),
    "exchanged": ("run", "check"),
    "carton": ("ask", "package"),
    "stack": ("ask", "package"),
    "tool": ("ask", "wrench"),
    "tool-mounted": ("run", "check"),
    "tool-out": ("run", "check"),
    "tool-cleaned": ("run", "check"),
    "packed": ("run", "check"),
    "unpacked": ("run", "check"),
    "shipped": ("run", "send"),
    "shipment": ("idle", "send"),
    "person": ("ask", "user"),
    "alike": ("ask", "circle-help"),
    "nothing": ("ask", "circle-help"),
    "no-job": ("down", "ban"),
    "undone": ("run", "undo-2"),
    "refused": ("down", "ban"),
}
"""What a scan or an act is answered with: tone and icon."""
SOUNDS: Final = {"run": "ok", "idle": "ok", "ask": "ask", "warn": "ask", "down": "no"}
EVENTS: Final[Mapping[str, str]] = {
    "mounted": "chevron-right",
    "unmounted": "chevron-left",
    "passed": "play",
    "produced": "zap",
    "consumed": "package",
    "installed": "wrench",
    "removed": "undo-2",
    "replaced": "refresh-cw",
    "packed": "package",
    "unpacked": "package",
    "reworked": "undo-2",
    "verdict-passed": "check",
    "verdict-failed": "triangle-alert",
    "verdict-aborted": "circle-slash",
    "verdict-rework": "undo-2",
    "verdict-scrapped": "trash-2",
    "verdict-reversed": "undo-2",
    "other": "info",
}
"""What was done or decided, and its icon."""


@dataclass(frozen=True, slots=True)
class Told:
    """What has just been done, or is asked. `undoes` is the request id of what can be taken back ("" nothing)."""

    kind: str
    what: str = ""
    where: str = ""
    undoes: str = ""


@dataclass(frozen=True, slots=True)
class MaterialRegion:
    base: str
    job: str
    order_id: str
    good: Decimal
    planned: Decimal
    unit: str
    running: bool
    lines: tuple[LineView, ...]


@dataclass(frozen=True, slots=True)
class ToolsRegion:
    """With what the station works. `differs`: the last pass was told with another program than the job asks for."""

    base: str
    tools: tuple[ToolLine, ...]
    wanted: str
    told: str
    differs: bool


@dataclass(frozen=True, slots=True)
class EventView:
    at: datetime
    kind: str
    icon: str
    what: str
    who: str
    note: str
    undone: bool = False


@dataclass(frozen=True, slots=True)
class LatelyRegion:
    base: str
    events: tuple[EventView, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    text: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LotPanel:
    """A lot that waits for its slot; `fits` are the slots it may go into, `at` where it is now."""

    lot: LotView
    fits: tuple[LineView, ...]
    at: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SlotPanel:
    """A slot. `lot` is what waits to come into it where something is there already."""

    line: LineView
    by_hand: bool
    lot: LotView | None


@dataclass(frozen=True, slots=True)
class PartView:
    part_id: str
    material: str


@dataclass(frozen=True, slots=True)
class UnitPanel:
    """A unit. `ask` "": its acts; `fail`, `rework`, `scrap`: what the tap was for is asked for."""

    unit_id: str
    material: str
    allowed: bool
    known: bool
    may_begin: bool
    failed: bool
    step: str
    carton_id: str
    parts: tuple[PartView, ...]
    more_parts: int
    defects: tuple[Choice, ...]
    steps: tuple[Choice, ...]
    codes: tuple[Choice, ...]
    reasons: tuple[Choice, ...]
    history: tuple[EventView, ...]
    record: str
    """The address of its whole record, "" where no screen shows it."""


@dataclass(frozen=True, slots=True)
class CartonPanel:
    container_id: str
    contents: tuple[PartView, ...]
    count: int
    more: bool
    shipment_id: str
    inside_id: str
    """The container it is in."""


@dataclass(frozen=True, slots=True)
class ToolPanel:
    """A tool; `here`: it stands at this station."""

    tool: ToolLine
    here: bool


@dataclass(frozen=True, slots=True)
class AlikePanel:
    lots: tuple[LotView, ...]


@dataclass(frozen=True, slots=True)
class NothingPanel:
    """A scan that nobody knows: it may be a new unit (`may_begin`) or a new carton."""

    text: str
    may_begin: bool


Panel = LotPanel | SlotPanel | UnitPanel | CartonPanel | ToolPanel | AlikePanel | NothingPanel


@dataclass(frozen=True, slots=True)
class OverrideView:
    """A supervisor may decide otherwise: `act` again with `fields`, a name, a PIN and a reason. `why` the PIN was not
    taken, else ""."""

    act: str
    fields: tuple[tuple[str, str], ...]
    people: tuple[Choice, ...]
    chosen: str
    reason: str
    other_reason: str
    why: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the scan is answered with, in big type, and what goes with it.

    `kind` chooses the words; of `refused` they are `title`, `detail` and `next_step`. Of a unit `step` is what is done
    here, or what stands in the way as `code` says, and `place` where that is done.
    """

    base: str
    kind: str
    tone: str
    icon: str
    sound: str
    what: str
    where: str
    title: str
    detail: str
    next_step: str
    code: str
    step: str
    place: str
    held: Held
    before: str
    before_ms: int
    request_id: str
    panel_kind: str
    panel: Panel | None = None
    override: OverrideView | None = None
    undoes: str = ""
    until_ms: int = 0
    sign_in: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ScanPage:
    equipment_id: str
    name: str
    base: str
    station: str
    request_id: str
    answer: Answer
    material: MaterialRegion
    tools: ToolsRegion
    lately: LatelyRegion


def station_of(equipment_id: str) -> str:
    """The address of a station."""
    return f"/s/{quote(equipment_id, safe='')}"


def base_of(equipment_id: str) -> str:
    """The address of scanning there."""
    return f"{station_of(equipment_id)}/scan"


def records_at(paths: Iterable[str]) -> str:
    """Where this server shows units whole, by the paths of its routes; "" nowhere."""
    return UNITS if any(path.startswith(f"{UNITS}{{") for path in paths) else ""


def sign_in_href(equipment_id: str) -> str:
    return f"/signin?{urlencode({'station': equipment_id, 'next': base_of(equipment_id)})}"


def held_href(equipment_id: str, held: Held) -> str:
    """Scanning there, with what was scanned before."""
    if not held.kind:
        return base_of(equipment_id)
    carried = {"held": held.kind.value, "held_id": held.id, "held_part": held.part_id}
    return f"{base_of(equipment_id)}?{urlencode(carried)}"


# -- material


def material_region(place: Place, now: datetime) -> MaterialRegion:
    """Where material is used at a station, what is amiss first among what is used by hand; slots in their order."""
    job = place.job
    return MaterialRegion(
        station_of(place.equipment_id),
        (job.material_description or job.material_id) if job else "",
        job.operations_request_id if job else "",
        job.good_low if job else Decimal(0),
        job.quantity if job else Decimal(0),
        job.unit if job else "",
        bool(place.job_id),
        tuple(line_view(line, now) for line in place.lines),
    )


def tools_region(place: Place, set_up: SetUp, now: datetime, zone: tzinfo) -> ToolsRegion:
    """Tools and program of a station."""
    tools = tuple(tool_line(tool, now, zone) for tool in set_up.tools)
    return ToolsRegion(station_of(place.equipment_id), tools, set_up.wanted, set_up.told, set_up.differs)


def lately_region(equipment_id: str, events: Iterable[Lately], zone: tzinfo) -> LatelyRegion:
    views = (
        EventView(one.at.astimezone(zone), _event(one.kind), _icon(one.kind), one.lot_id, one.who, one.note, one.undone)
        for one in events
    )
    return LatelyRegion(station_of(equipment_id), tuple(views))


def _event(kind: str) -> str:
    return kind if kind in EVENTS else "other"


def _icon(kind: str) -> str:
    return EVENTS[_event(kind)]


# -- panels


def lot_panel(lot: LotAt, lines: Sequence[Line], at: Sequence[str], now: datetime) -> LotPanel:
    return LotPanel(lot_view(lot, now), tuple(line_view(line, now) for line in lines), tuple(at))


def slot_panel(line: Line, lot: LotAt | None, now: datetime) -> SlotPanel:
    return SlotPanel(line_view(line, now), line.by_hand, lot_view(lot, now) if lot else None)


def unit_panel(
    unit: UnitAt,
    *,
    may_begin: bool,
    codes: Sequence[DefectCodeView],
    reasons: Sequence[tuple[str, str]],
    zone: tzinfo,
    records: str = "",
) -> UnitPanel:
    """A unit with what can be done to it here. `records`: where units are shown whole."""
    return UnitPanel(
        unit_id=unit.permission.unit_id,
        material=unit.material,
        allowed=unit.permission.allowed,
        known=bool(unit.material or unit.history),
        may_begin=may_begin and not unit.material,
        failed=unit.is_failed,
        step=unit.here.description if unit.here else "",
        carton_id=unit.carton_id,
        parts=tuple(PartView(part.part_id, part.material) for part in unit.parts[:PARTS_SHOWN]),
        more_parts=max(len(unit.parts) - PARTS_SHOWN, 0),
        defects=tuple(Choice(str(d.pk), d.description or d.code_id, d.position) for d in unit.defects),
        steps=tuple(_step(step) for step in unit.steps),
        codes=tuple(Choice(code.code_id, code.description or code.code_id) for code in codes),
        reasons=tuple(Choice(value, text) for value, text in reasons),
        history=tuple(_unit_event(event, zone) for event in unit.history[:EVENTS_SHOWN]),
        record=f"{records}{quote(unit.permission.unit_id, safe='')}" if records else "",
    )


def _step(step: Where) -> Choice:
    return Choice(step.segment_id, step.description, step.equipment)


def _unit_event(event: UnitEvent, zone: tzinfo) -> EventView:
    return EventView(
        event.at.astimezone(zone),
        _event(event.kind),
        _icon(event.kind),
        event.where,
        event.who,
        event.note,
        event.undone,
    )


def carton_panel(carton: CartonAt) -> CartonPanel:
    shown = tuple(PartView(part.part_id, part.material) for part in carton.contents[:CONTENTS_SHOWN])
    more = carton.more or len(carton.contents) > CONTENTS_SHOWN
    return CartonPanel(carton.container_id, shown, len(carton.contents), more, carton.shipment_id, carton.inside_id)


def override_view(
    act: str,
    fields: tuple[tuple[str, str], ...],
    people: Iterable[Voucher],
    *,
    chosen: str = "",
    reason: str = "",
    other_reason: str = "",
    why: str = "",
) -> OverrideView:
    choices = tuple(Choice(one.principal_id, one.display_name) for one in people)
    return OverrideView(act, fields, choices, chosen, reason, other_reason, why)


PANEL_KINDS: Final = {
    LotPanel: "lot",
    SlotPanel: "slot",
    UnitPanel: "unit",
    CartonPanel: "carton",
    ToolPanel: "tool",
    AlikePanel: "alike",
    NothingPanel: "nothing",
}


@dataclass(frozen=True, slots=True)
class Said:
    """Words of a refusal, or what is told of a unit."""

    title: str = ""
    detail: str = ""
    next_step: str = ""
    code: str = ""
    step: str = ""
    place: str = ""
    reason: str = ""
    """Why somebody put it on hold."""


NOTHING_SAID: Final = Said()


def answer(
    equipment_id: str,
    told: Told,
    *,
    held: Held,
    now: datetime,
    request_id: str,
    before: str = "",
    panel: Panel | None = None,
    said: Said = NOTHING_SAID,
    override: OverrideView | None = None,
) -> Answer:
    """Shape, words and sound for what was scanned or done."""
    tone, icon = SAID[told.kind]
    now_ms = int(now.timestamp() * 1000)
    until = now + timedelta(seconds=UNDO_S)
    return Answer(
        base=base_of(equipment_id),
        kind=told.kind,
        tone=tone,
        icon=icon,
        sound=SOUNDS[tone],
        what=told.what,
        where=told.where,
        title=said.title,
        detail=said.detail,
        next_step=said.next_step,
        code=said.code,
        step=said.step,
        place=said.place,
        held=held,
        before=before,
        before_ms=now_ms,
        request_id=request_id,
        panel_kind="" if panel is None else PANEL_KINDS[type(panel)],
        panel=panel,
        override=override,
        undoes=told.undoes,
        until_ms=int(until.timestamp() * 1000) if told.undoes else 0,
        sign_in=sign_in_href(equipment_id) if told.kind == "person" else "",
        reason=said.reason,
    )


def kind_of(held: Held, unit: UnitAt | None) -> str:
    """What is said of what is held, where nothing else has just happened."""
    if held.kind is HeldKind.unit and unit is not None:
        return "unit" if unit.permission.allowed else "unit-no"
    if held.kind is HeldKind.slot and held.id.startswith(BY_HAND):
        return "line"
    return held.kind.value or "ready"


def said_of_unit(unit: UnitAt) -> Said:
    """What is done here, or what stands in the way and where that is done."""
    permission = unit.permission
    step = unit.here if permission.allowed else unit.stands
    code = "" if permission.why is None else code_key("scan.why", permission.why).removeprefix("scan.why.")
    if step is None:
        return Said(code=code, step=permission.other)
    return Said(code=code, step=step.description, place=step.equipment)


def said_of_refusal(refusal: Refusal, words: RefusalWords, reason: str = "") -> Said:
    detail = words.detail if words.detail_fits and refusal.detail != refusal.title else ""
    return Said(words.title, detail, words.next_step, reason=reason)
