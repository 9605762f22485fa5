"""REST documents of genealogy. Everything is bounded; quantities are decimals, as text."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import Annotated, Final

import orjson
from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field, StringConstraints

from mes.genealogy.types import (
    BATCH_MAX,
    NODES_MAX,
    OPEN_SEQ,
    SEQ_MAX,
    SHARED_UNITS_MAX,
    Act,
    ActKind,
    Context,
    Link,
    LinkKind,
    Mount,
    NewLot,
    Override,
    Recording,
    Suspects,
)
from mes.kernel.sqltypes import to_us
from mes.kernel.texts import NO_NUL
from mes.materials.rules import exact_number
from mes.materials.schemas import Document, Id
from mes.materials.types import LotKind
from standards.isa95.quantity import to_e6

LOTS_MAX: Final = 10_000
"""Lots named in one request."""
Amount = Annotated[Decimal, BeforeValidator(exact_number), Field(gt=0, le=10**12, max_digits=19, decimal_places=6)]
RequestId = Annotated[str, StringConstraints(min_length=1, max_length=100), NO_NUL]
Reference = Annotated[str, StringConstraints(max_length=250), NO_NUL]
Name = Annotated[str, StringConstraints(max_length=100), NO_NUL]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=500), NO_NUL]
ParameterText = Annotated[str, StringConstraints(max_length=1_000), NO_NUL]
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Sequence_ = Annotated[int, Field(ge=0, lt=SEQ_MAX)]
Lots = Annotated[list[Id], Field(min_length=1, max_length=LOTS_MAX)]
Limit = Annotated[int, Field(ge=1, le=NODES_MAX)]
ONE: Final = Decimal(1)


def _by_name(kinds: type[IntEnum]) -> BeforeValidator:
    return BeforeValidator(lambda value: kinds.__members__.get(value, value) if isinstance(value, str) else value)


AnyAct = Annotated[ActKind, _by_name(ActKind)]
AnyLink = Annotated[LinkKind, _by_name(LinkKind)]
AnyLot = Annotated[LotKind, _by_name(LotKind)]


class OverrideIn(Document):
    """A supervisor's decision that it shall be done all the same."""

    reason: Reason

    def value(self) -> Override:
        return Override(self.reason)


class ContextIn(Document):
    """With what something was done."""

    program: Name = ""
    tool: Name = ""
    parameters: Annotated[dict[Name, ParameterText | Whole | float | bool | None], Field(max_length=200)] = {}

    def value(self) -> Context:
        return Context(self.program, self.tool, orjson.dumps(self.parameters, option=orjson.OPT_SORT_KEYS).decode())


class NewLotIn(Document):
    id: Id
    material_id: Id
    quantity: Amount = ONE
    kind: AnyLot = LotKind.unit
    job_order_id: Reference = ""

    def value(self) -> NewLot:
        return NewLot(self.id, self.material_id, to_e6(self.quantity), self.kind, self.job_order_id)


class ActIn(Document):
    """`sequence`: it passed the equipment as the so-many-th piece."""

    kind: AnyAct
    lot_id: Id
    at: AwareDatetime
    equipment_id: Reference = ""
    sequence: Sequence_ | None = None
    job_order_id: Reference = ""
    context: ContextIn | None = None

    def value(self) -> Act:
        context = self.context.value() if self.context else None
        return Act(self.kind, self.lot_id, to_us(self.at), self.equipment_id, self.sequence, self.job_order_id, context)


class LinkIn(Document):
    """`act` is the place of its act in `acts`, from 0."""

    act: Annotated[int, Field(ge=0, lt=BATCH_MAX)]
    parent_id: Id
    child_id: Id
    quantity: Amount = ONE
    kind: AnyLink = LinkKind.consumed

    def value(self) -> Link:
        return Link(self.act, self.parent_id, self.child_id, to_e6(self.quantity), self.kind)


class PastMountIn(Document):
    """A lot was in a slot of its act's equipment for these pieces, both included; without a last one it still is."""

    act: Annotated[int, Field(ge=0, lt=BATCH_MAX)]
    slot_id: Id
    lot_id: Id
    from_sequence: Sequence_
    to_sequence: Sequence_ | None = None
    until: AwareDatetime | None = None
    quantity_per_piece: Annotated[Decimal, BeforeValidator(exact_number), Field(ge=0, le=10**9, decimal_places=6)] = (
        Decimal(0)
    )

    def value(self) -> Mount:
        last = OPEN_SEQ if self.to_sequence is None else self.to_sequence
        until_us = None if self.until is None else to_us(self.until)
        per_e6 = to_e6(self.quantity_per_piece)
        return Mount(self.act, self.slot_id, self.lot_id, self.from_sequence, last, until_us, per_e6)


class RecordingIn(Document):
    """Taken whole or not at all; at most 100,000 rows together."""

    request_id: RequestId
    lots: Annotated[list[NewLotIn], Field(max_length=BATCH_MAX)] = []
    acts: Annotated[list[ActIn], Field(max_length=BATCH_MAX)] = []
    links: Annotated[list[LinkIn], Field(max_length=BATCH_MAX)] = []
    mounts: Annotated[list[PastMountIn], Field(max_length=BATCH_MAX)] = []
    override: OverrideIn | None = None

    def value(self) -> Recording:
        return Recording(
            [lot.value() for lot in self.lots],
            [act.value() for act in self.acts],
            [link.value() for link in self.links],
            [mount.value() for mount in self.mounts],
        )


class RecordingOut(Document):
    """The numbers of the acts are `first_act` and those after it."""

    first_act: int
    acts: int
    links: int
    lots: int
    overridden: list[str]


class ActOut(Document):
    """The number of an act: by it the act can be taken back."""

    act: int


class ScanIn(Document):
    """So much of `parent_id` goes into `child_id`. `material_id` names the position of the job's
    bill (empty: any of it); without a bill it is what is asked for."""

    request_id: RequestId
    parent_id: Id
    child_id: Id
    quantity: Amount = ONE
    kind: AnyLink = LinkKind.installed
    equipment_id: Reference = ""
    job_order_id: Reference = ""
    material_id: Reference = ""
    override: OverrideIn | None = None


class PassIn(Document):
    """A piece passed a station. A serial that nobody knows yet is made of `material_id`."""

    request_id: RequestId
    lot_id: Id
    equipment_id: Id
    sequence: Sequence_ | None = None
    job_order_id: Reference = ""
    material_id: Reference = ""
    context: ContextIn | None = None


class PassOut(Document):
    sequence: int


class MountIn(Document):
    """A lot is in a slot from piece `sequence` on; by a splice from the piece that is worked on."""

    request_id: RequestId
    equipment_id: Id
    slot_id: Id
    lot_id: Id
    sequence: Sequence_ | None = None
    splice: bool = False
    quantity_per_piece: Annotated[Decimal, BeforeValidator(exact_number), Field(ge=0, le=10**9, decimal_places=6)] = (
        Decimal(0)
    )
    override: OverrideIn | None = None


class UnmountIn(Document):
    request_id: RequestId
    equipment_id: Id
    slot_id: Id
    sequence: Sequence_ | None = None


class SetupIn(Document):
    """Which material belongs in which slot; "" anything."""

    materials: Annotated[dict[Id, Reference], Field(min_length=1, max_length=2_000)]


class PackIn(Document):
    request_id: RequestId
    container_id: Id
    lot_ids: Lots
    equipment_id: Reference = ""
    override: OverrideIn | None = None


class UnpackIn(Document):
    request_id: RequestId
    container_id: Id
    lot_ids: Lots
    override: OverrideIn | None = None


class ShipIn(Document):
    request_id: RequestId
    shipment_id: Id
    customer_id: Id
    lot_ids: Lots
    delivery_note: Name = ""


class MoveIn(Document):
    request_id: RequestId
    lot_ids: Lots
    equipment_id: Id


class SplitIn(Document):
    request_id: RequestId
    lot_id: Id
    into: Annotated[dict[Id, Amount], Field(min_length=1, max_length=LOTS_MAX)]


class MergeLotsIn(Document):
    request_id: RequestId
    lot_ids: Lots
    into_id: Id


class RemovalIn(Document):
    """A part is taken out of a unit; with `new_part_id` another is put in."""

    request_id: RequestId
    unit_id: Id
    part_id: Id
    new_part_id: Reference = ""
    quantity: Amount = ONE
    equipment_id: Reference = ""
    override: OverrideIn | None = None


class AdjustmentIn(Document):
    """So much was counted to be left of a lot."""

    request_id: RequestId
    lot_id: Id
    quantity_left: Annotated[Decimal, BeforeValidator(exact_number), Field(ge=0, le=10**12, decimal_places=6)]
    reason: Reason


class ReversalIn(Document):
    request_id: RequestId
    reason: Reason


class RecallIn(Document):
    """What is suspected: lots, a range of serials, and acts that fit everything else that is named."""

    lot_ids: Annotated[list[Id], Field(max_length=LOTS_MAX)] = []
    from_lot_id: Reference = ""
    to_lot_id: Reference = ""
    equipment_id: Reference = ""
    program: Reference = ""
    tool: Reference = ""
    operator_id: Reference = ""
    job_order_id: Reference = ""
    from_at: AwareDatetime | None = None
    to_at: AwareDatetime | None = None
    limit: Limit = NODES_MAX

    def value(self) -> Suspects:
        return Suspects(
            lot_ids=tuple(self.lot_ids),
            from_lot_id=self.from_lot_id,
            to_lot_id=self.to_lot_id,
            equipment_id=self.equipment_id,
            program=self.program,
            tool=self.tool,
            operator_id=self.operator_id,
            job_id=self.job_order_id,
            from_at_us=_us(self.from_at),
            until_us=_us(self.to_at),
        )


class SuspectHoldIn(RecallIn):
    reason: Reason


class HeldOut(Document):
    """How many lots were put on hold that were not before."""

    held: int


class SuspectReleaseIn(SuspectHoldIn):
    """`hold_reason`: the reason that was given with the hold, word for word; what is held for another reason stays."""

    hold_reason: Reason


class ReleasedOut(Document):
    """How many lots were released; of the others how many are held for other reasons, by reason, are not on hold
    (released already, or never held), or closed."""

    released: int
    held_otherwise: dict[str, int]
    not_held: int
    closed: int


class SharedIn(Document):
    failed_ids: Annotated[list[Id], Field(min_length=1, max_length=SHARED_UNITS_MAX)]
    good_ids: Annotated[list[Id], Field(min_length=1, max_length=SHARED_UNITS_MAX)]
    limit: Annotated[int, Field(ge=1, le=1_000)] = 50


class AnswerOut(Document):
    """Facts by name, and tables by name: `columns` and `rows`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    truncated: str
    """Which limit ended it: "lots", "links", "levels", "values" or "measurements"; "" none."""


def _us(at: datetime | None) -> int | None:
    return None if at is None else to_us(at)
