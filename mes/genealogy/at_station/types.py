"""Values of scanning at a station. Quantities are × 10^6 where their names say so, times aware or int64 µs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from mes.genealogy.may_i.types import Permission
from mes.genealogy.tools.types import ToolView
from mes.kernel.errors import Refusal
from mes.materials.types import LifeClock
from mes.orders.types import JobView
from mes.quality.types import DefectView
from standards.isa95.job_control import JobState

SCAN_MAX: Final = 3_000
"""Characters of a scan."""
ALIKE_MAX: Final = 20
"""Lots that bear the same label and are named."""
LATELY_ACTS: Final = 2_000
"""So many acts of the plant are looked through for those of one station."""
LATELY_SHOWN: Final = 12
BY_HAND: Final = "@"
"""With which the slot of a line of the bill begins: no label of a real slot does."""
WITH_VERDICT: Final = ":pass"
"""How the request id of a pass ends that was recorded with a verdict: it tells nothing beside it."""
PARTS_MAX: Final = 50
HISTORY_MAX: Final = 12
CONTENTS_MAX: Final = 200


class ScanKind(StrEnum):
    """What a scan is."""

    lot = "lot"
    unit = "unit"
    container = "container"
    shipment = "shipment"
    slot = "slot"
    person = "person"
    tool = "tool"
    alike = "alike"
    """A supplier's label that several of our lots came in under."""
    nothing = "nothing"


@dataclass(frozen=True, slots=True)
class Scanned:
    """`id` is that of a lot, a slot or a person; of `nothing` what was read, as far as it can be an id.

    `is_carton_label`: it is a serial shipping container code.
    """

    kind: ScanKind
    id: str
    alike: tuple[str, ...] = ()
    is_carton_label: bool = False


@dataclass(frozen=True, slots=True)
class LotAt:
    """A lot as a station sees it. `left` is what is not used up; `refusal`: why it may not be used now."""

    lot_id: str
    material_id: str
    material: str
    left: Decimal
    unit: str
    clocks: tuple[LifeClock, ...]
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class Line:
    """Where material is used at a station: a slot of its set-up list, or `by_hand` a line of its job's bill.

    `material_ids` may be used there, the wanted one first, then its substitutes; none: anything. `per_piece_e6` is
    what a piece needs, in the material's own unit; 0: not known.
    """

    slot_id: str
    material_ids: tuple[str, ...]
    material: str
    unit: str = ""
    by_hand: bool = False
    per_piece_e6: int = 0
    mounted: LotAt | None = None
    since: datetime | None = None
    stray: bool = False
    """An earlier job left it in use; this one does not ask for it."""

    def takes(self, material_id: str) -> bool:
        """Whether this material belongs there."""
        return not self.material_ids or material_id in self.material_ids


@dataclass(frozen=True, slots=True)
class Place:
    """A station, the job in work there and where its material is used. `manual`: people do its work."""

    equipment_id: str
    name: str
    manual: bool
    job: JobView | None
    lines: tuple[Line, ...]

    @property
    def job_id(self) -> str:
        """The job that runs now, or ""."""
        return self.job.job_id if self.job and self.job.state is JobState.Running else ""

    def lines_for(self, material_id: str) -> tuple[Line, ...]:
        """Where a material belongs: lines that name it before those that take anything."""
        named = tuple(line for line in self.lines if material_id in line.material_ids and not line.stray)
        return named or tuple(line for line in self.lines if not line.material_ids)

    def line(self, slot_id: str) -> Line | None:
        return next((line for line in self.lines if line.slot_id == slot_id), None)


class HeldKind(StrEnum):
    """What was scanned before and waits for what belongs to it."""

    nothing = ""
    lot = "lot"
    slot = "slot"
    unit = "unit"
    into = "into"
    """A unit that a part is to go into."""
    swap = "swap"
    """A unit of which one part is to be replaced."""
    carton = "carton"
    stack = "stack"
    """A carton, or a pallet, that other cartons go into."""
    tool = "tool"


@dataclass(frozen=True, slots=True)
class Held:
    """`id` of a lot, slot, unit or carton; `part_id` what is to be replaced."""

    kind: HeldKind = HeldKind.nothing
    id: str = ""
    part_id: str = ""


NOTHING_HELD: Final = Held()


class Following(StrEnum):
    """What follows from a scan: something to do, or something to ask or tell."""

    mount = "mount"
    use = "use"
    install = "install"
    exchange = "exchange"
    pack = "pack"
    show = "show"
    """What is held now is shown, and what belongs to it is waited for."""
    occupied = "occupied"
    """Something is in the slot: change it, or splice to it?"""
    no_job = "no-job"
    not_here = "not-here"
    person = "person"
    shipment = "shipment"
    alike = "alike"
    nothing = "nothing"


@dataclass(frozen=True, slots=True)
class Follow:
    """What follows, on what, and what is held then. `lot_id` is also what was scanned where nothing is to be done."""

    what: Following
    held: Held = NOTHING_HELD
    slot_id: str = ""
    lot_id: str = ""
    unit_id: str = ""
    container_id: str = ""
    alike: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Where:
    """A step of a unit's order and where it is done."""

    segment_id: str
    description: str
    equipment_id: str
    equipment: str


@dataclass(frozen=True, slots=True)
class UnitEvent:
    """Something that was done to a unit, or decided of it: `kind` is an act's or a verdict's name."""

    at: datetime
    kind: str
    where: str
    who: str
    note: str = ""
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    part_id: str
    material: str


@dataclass(frozen=True, slots=True)
class UnitAt:
    """A unit at a station: whether it may be worked on here, what is in it, what happened to it, newest first.

    `stands`: the step that stands in the way, where one does; `steps`: those it may be sent back to.
    """

    permission: Permission
    material: str
    here: Where | None
    stands: Where | None
    parts: tuple[Part, ...]
    history: tuple[UnitEvent, ...]
    defects: tuple[DefectView, ...]
    steps: tuple[Where, ...]
    is_failed: bool
    carton_id: str = ""


@dataclass(frozen=True, slots=True)
class CartonAt:
    """A container and what is in it; `more`: what is not listed."""

    container_id: str
    contents: tuple[Part, ...]
    more: bool
    shipment_id: str = ""
    inside_id: str = ""
    """The container it is in."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """With what a station works: tools that stand there, the program that its job asks for, and the one that was last
    told with a pass; whether that is another one."""

    tools: tuple[ToolView, ...]
    wanted: str
    told: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Lately:
    """Something done at a station not long ago."""

    at: datetime
    kind: str
    lot_id: str
    who: str
    undone: bool
    note: str = ""
