"""Pure: what a scan can be looked up by, and where a lot goes at a station."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from mes.genealogy.at_station.types import (
    BY_HAND,
    NOTHING_HELD,
    WITH_VERDICT,
    Follow,
    Following,
    Held,
    HeldKind,
    Place,
    ScanKind,
    Scanned,
)
from mes.kernel.limits import ID_MAX
from standards.labels.reading import Label, LabelFormat

SERIAL_FIELDS: Final[Mapping[LabelFormat, tuple[str, ...]]] = {
    LabelFormat.data_identifiers: ("S", "3S"),
    LabelFormat.gs1: ("00", "21"),
}
"""Fields that name one thing: a serial (MH10.8.2 S, GS1 (21)), a package (3S, SSCC (00))."""
CARTON_FIELD: Final = "00"
SLOT_PREFIX: Final = "SLOT:"
"""What a label may have before the id of a slot, where ids of slots could be taken for something else."""


STEP: Final = ":step"
SCRAP: Final = ":scrap"
"""How request ids of acts end that another one brings with it."""


def own_request_id(request_id: str, what: str) -> str:
    """The request id of one of several acts that are done by one."""
    return request_id[: ID_MAX - len(what)] + what


def request_ids_of(request_id: str) -> tuple[str, ...]:
    """All under which something may have been done by one act at a station, itself first."""
    step = own_request_id(request_id, STEP)
    more = (own_request_id(one, WITH_VERDICT) for one in (request_id, step))
    return (request_id, step, *more, own_request_id(request_id, SCRAP))


def by_hand_slot(material_id: str) -> str:
    """The slot that stands for a material used by hand."""
    return f"{BY_HAND}{material_id}"


def in_order(slot_id: str) -> tuple[tuple[int, int, str], ...]:
    """Slots as people count them: 2 before 10, 1-A before 1-B."""
    parts = re.split(r"([0-9]+)", slot_id)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part)


def ids_of(label: Label) -> tuple[str, ...]:
    """What a label may be looked up by, the most telling first; never longer than an id."""
    if label.format is LabelFormat.plain:
        found: Sequence[str] = (label.text,)
    else:
        found = [label.values[field] for field in SERIAL_FIELDS[label.format] if label.values.get(field)]
    return tuple(one for one in found if len(one) <= ID_MAX)


def is_carton_label(label: Label) -> bool:
    """Whether it is a serial shipping container code."""
    return label.format is LabelFormat.gs1 and bool(label.values.get(CARTON_FIELD))


def slot_of(text: str, equipment_id: str, slots: Sequence[str]) -> str:
    """The slot of a station that a text names: by its id, `SLOT:id` or `station/id`; "" none."""
    for prefix in ("", SLOT_PREFIX, f"{SLOT_PREFIX}{equipment_id}/", f"{equipment_id}/"):
        if text.startswith(prefix) and text.removeprefix(prefix) in slots:
            return text.removeprefix(prefix)
    return ""


def follow(scanned: Scanned, held: Held, place: Place, material_id: str = "") -> Follow:
    """What a scan means after what was scanned before. `material_id`: of the lot or unit that was scanned."""
    if scanned.kind is ScanKind.lot:
        return _lot(scanned.id, held, place, material_id)
    if scanned.kind is ScanKind.unit:
        return _unit(scanned.id, held, place, material_id)
    if scanned.kind is ScanKind.slot:
        return _slot(scanned.id, held, place)
    if scanned.kind is ScanKind.tool:
        return Follow(Following.show, Held(HeldKind.tool, scanned.id))
    if scanned.kind is ScanKind.container or scanned.is_carton_label:
        return _carton(scanned.id, held)
    return Follow(Following(scanned.kind.value), held)


def _lot(lot_id: str, held: Held, place: Place, material_id: str) -> Follow:
    if held.kind is HeldKind.slot:
        return into_slot(held.id, lot_id, place)
    if held.id != lot_id and held.kind in _ASSEMBLY | _PACKING:
        return _belongs(lot_id, held)
    lines = place.lines_for(material_id)
    if any(line.by_hand for line in lines or place.lines):
        return _by_hand(lot_id, held, place)
    if lines:
        return Follow(Following.show, Held(HeldKind.lot, lot_id))
    return Follow(Following.not_here if place.lines else Following.no_job, held, lot_id=lot_id)


def _by_hand(lot_id: str, held: Held, place: Place) -> Follow:
    """Used by one scan; what is not on the bill is refused there, and may be decided otherwise."""
    return Follow(Following.use if place.job_id else Following.no_job, held, lot_id=lot_id)


_ASSEMBLY: Final = frozenset({HeldKind.into, HeldKind.swap})
_PACKING: Final = frozenset({HeldKind.carton, HeldKind.stack})


def _belongs(lot_id: str, held: Held) -> Follow:
    """It goes into what is held."""
    if held.kind in _PACKING:
        return Follow(Following.pack, held, unit_id=lot_id, container_id=held.id)
    what = Following.exchange if held.kind is HeldKind.swap else Following.install
    return Follow(what, Held(HeldKind.unit, held.id), lot_id=lot_id, unit_id=held.id)


def _unit(unit_id: str, held: Held, place: Place, material_id: str) -> Follow:
    if held.id != unit_id:
        is_part = held.kind is HeldKind.unit and any(material_id in line.material_ids for line in place.lines)
        if is_part or held.kind in _ASSEMBLY | _PACKING:
            return _belongs(unit_id, held)
    return Follow(Following.show, Held(HeldKind.unit, unit_id))


def _slot(slot_id: str, held: Held, place: Place) -> Follow:
    if place.line(slot_id) is None:
        return Follow(Following.nothing, held, lot_id=slot_id)
    if held.kind is HeldKind.lot:
        return into_slot(slot_id, held.id, place)
    return Follow(Following.show, Held(HeldKind.slot, slot_id))


def _carton(container_id: str, held: Held) -> Follow:
    carton = Held(HeldKind.carton, container_id)
    if held.kind is HeldKind.stack and held.id != container_id:
        return _belongs(container_id, held)
    if held.kind is HeldKind.unit and held.id != container_id:
        return Follow(Following.pack, carton, unit_id=held.id, container_id=container_id)
    return Follow(Following.show, carton)


def into_slot(slot_id: str, lot_id: str, place: Place) -> Follow:
    """A lot comes into a slot; where something is there already, somebody has to say how. By hand the newer is used."""
    line = place.line(slot_id)
    if line is not None and line.by_hand:
        return _by_hand(lot_id, NOTHING_HELD, place)
    is_free = line is None or line.mounted is None
    return Follow(Following.mount if is_free else Following.occupied, slot_id=slot_id, lot_id=lot_id)
