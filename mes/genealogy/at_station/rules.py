"""Pure: what a scan can be looked up by, and where a lot goes at a station."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from mes.genealogy.at_station.types import Line, Place
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

BY_HAND: Final = "@"
"""With which the slot of a line of the bill begins: no label of a real slot does."""


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


def lines_for(place: Place, material_id: str) -> tuple[Line, ...]:
    """Where a material belongs at a station: lines that name it before those that take anything."""
    named = tuple(line for line in place.lines if material_id in line.material_ids)
    return named or tuple(line for line in place.lines if not line.material_ids)
