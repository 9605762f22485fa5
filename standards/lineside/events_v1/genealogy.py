"""What was made of what, and where lots went."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from standards.lineside.events_v1.base import Event, Millionths, Named, Reason

Act = Annotated[int, Meta(description="The number of the act.")]
Overridden = Annotated[list[str], Meta(description="Lots that were used all the same.")]
Job = Annotated[str, Meta(description="Empty: none.")]
Place = Annotated[str, Meta(description="The id of the equipment; empty: none.")]
Cycles = Annotated[int, Meta(description="What it has done.")]


class _OfLots(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "genealogy"
    lot_ids: Named
    reason: Reason


class _OfTool(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "tool/…"
    tool_id: str


class _Packed(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "material-lot/…, the container"
    act: Act
    container_id: str
    lot_ids: list[str]
    overridden: Overridden | UnsetType = UNSET
    override_reason: Reason | UnsetType = UNSET


class _OfPart(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "material-lot/…, the unit"
    act: Act
    unit_id: str
    part_id: str


class ActReversed(Event, frozen=True, kw_only=True):
    """What was recorded by mistake counts no more."""

    its_subject: ClassVar[str] = "material-lot/…"
    act: Act
    reversal: Act
    lot_id: str
    reason: Reason


class LotAdjusted(Event, frozen=True, kw_only=True):
    """Somebody said how much of a lot is left."""

    its_subject: ClassVar[str] = "material-lot/…"
    act: Act
    lot_id: str
    quantity_before: Annotated[str, Meta(description="A decimal number.")]
    quantity_after: Annotated[str, Meta(description="A decimal number.")]
    unit: str
    reason: Reason


class LotLinked(Event, frozen=True, kw_only=True):
    """One lot or serial became part of another."""

    its_subject: ClassVar[str] = "material-lot/…, the child"
    act: Act
    kind: Annotated[str, Meta(description="installed, consumed …")]
    parent_id: Annotated[str, Meta(description="What went in.")]
    child_id: Annotated[str, Meta(description="What it is in now.")]
    quantity_e6: Millionths
    equipment_id: Place
    job_id: Job
    overridden: Overridden | UnsetType = UNSET
    override_reason: Reason | UnsetType = UNSET


class LotMounted(Event, frozen=True, kw_only=True):
    """A lot is in a slot of a machine from now on."""

    its_subject: ClassVar[str] = "material-lot/…"
    act: Act
    lot_id: str
    equipment_id: Place
    slot_id: str
    from_seq: Annotated[int, Meta(description="The first piece that has it, by its number there.")]
    splice: Annotated[bool, Meta(description="Whether it was joined to the one before.")]
    overridden: Overridden
    override_reason: Reason


class LotSplit(Event, frozen=True, kw_only=True):
    """A lot was divided."""

    its_subject: ClassVar[str] = "material-lot/…"
    act: Act
    lot_id: str
    into: Annotated[dict[str, int], Meta(description="By new lot: how much, in millionths.")]


class LotUnmounted(Event, frozen=True, kw_only=True):
    """A lot was taken out of a slot."""

    its_subject: ClassVar[str] = "material-lot/…"
    act: Act
    lot_id: str
    equipment_id: Place
    slot_id: str
    to_seq: Annotated[int, Meta(description="The last piece that has it, by its number there.")]


class LotsHeld(_OfLots, frozen=True, kw_only=True):
    """The lots of a recall may not be used."""

    held: int


class LotsMerged(Event, frozen=True, kw_only=True):
    """Lots became one."""

    its_subject: ClassVar[str] = "material-lot/…, the new one"
    act: Act
    lot_ids: list[str]
    into_id: str


class LotsMoved(Event, frozen=True, kw_only=True):
    """Lots are at another place."""

    its_subject: ClassVar[str] = "equipment/…"
    equipment_id: str
    lot_ids: list[str]


class LotsPacked(_Packed, frozen=True, kw_only=True):
    """Lots and serials are in a container."""


class LotsReleased(_OfLots, frozen=True, kw_only=True):
    """Lots of a recall may be used again."""

    released: int
    hold_reason: Annotated[str, Meta(description="What they were held for.")]


class LotsUnpacked(_Packed, frozen=True, kw_only=True):
    """Lots and serials were taken out of a container."""


class PartRemoved(_OfPart, frozen=True, kw_only=True):
    """A part was taken out of a unit."""


class PartReplaced(_OfPart, frozen=True, kw_only=True):
    """A part of a unit was replaced."""

    new_part_id: str


class ProgramOverridden(Event, frozen=True, kw_only=True):
    """A machine runs another program than the job's, and somebody said why."""

    its_subject: ClassVar[str] = "job/…"
    job_order_id: str
    operations_request_id: str
    program: str
    program_revision: str
    wanted: str
    reason: Reason


class Recorded(Event, frozen=True, kw_only=True):
    """Many acts were recorded together."""

    its_subject: ClassVar[str] = "genealogy"
    first_act: Annotated[int | None, Meta(description="The number of the first; null: none.")]
    acts: int
    links: int
    lots: int
    mounts: int
    overridden: Overridden
    override_reason: Reason


class SentRecorded(Event, frozen=True, kw_only=True):
    """What left in the past was recorded."""

    its_subject: ClassVar[str] = "genealogy"
    shipments: int
    lots: int


class SetupPut(Event, frozen=True, kw_only=True):
    """What belongs in the slots of a machine was set."""

    its_subject: ClassVar[str] = "equipment/…"
    equipment_id: str
    materials: Annotated[dict[str, str], Meta(description="By slot: the material.")]


class ShipmentLeft(Event, frozen=True, kw_only=True):
    """A shipment left for a customer."""

    its_subject: ClassVar[str] = "material-lot/…, the shipment"
    act: Act
    shipment_id: str
    customer_id: str
    delivery_note: str
    lots: Annotated[int, Meta(description="How many are in it.")]


class StationPassed(Event, frozen=True, kw_only=True):
    """A piece passed a station."""

    its_subject: ClassVar[str] = "material-lot/…"
    act: Act
    lot_id: str
    equipment_id: str
    seq: Annotated[int, Meta(description="Its number there.")]
    job_id: Job


class ToolCleaned(_OfTool, frozen=True, kw_only=True):
    """A tool was cleaned."""

    cycles: Cycles


class ToolMounted(_OfTool, frozen=True, kw_only=True):
    """A tool is at a station."""

    equipment_id: str
    cycles: Cycles


class ToolProlonged(_OfTool, frozen=True, kw_only=True):
    """A tool may be used for longer than its limits say."""

    to_cycles: int
    reason: Reason


class ToolPut(_OfTool, frozen=True, kw_only=True):
    """A tool was made known or changed."""


class ToolUnmounted(_OfTool, frozen=True, kw_only=True):
    """A tool was taken out of a station."""

    cycles: Cycles


class UnitBegun(Event, frozen=True, kw_only=True):
    """A new serial is a unit of what a job makes."""

    its_subject: ClassVar[str] = "material-lot/…, the unit"
    act: Act
    unit_id: str
    equipment_id: str
    job_id: str
