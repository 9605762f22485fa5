"""What a row of history may say: its fields, their limits, and the fact it is. Pure."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec
import orjson
from msgspec import Meta, Struct

from mes.genealogy.types import (
    ACT_OF,
    OPEN_SEQ,
    SEQ_MAX,
    Act,
    ActKind,
    Context,
    Fact,
    Link,
    LinkKind,
    Mount,
    NewLot,
    Sent,
)
from mes.kernel.limits import ID_PATTERN
from mes.kernel.sqltypes import to_us
from mes.materials.types import LotKind
from standards.isa95.quantity import to_e6

Id = Annotated[str, Meta(pattern=ID_PATTERN)]
Name = Annotated[str, Meta(max_length=100)]
Reference = Annotated[str, Meta(max_length=250)]
Instant = Annotated[datetime, Meta(tz=True)]
Piece = Annotated[int, Meta(ge=0, lt=SEQ_MAX)]
Parameters = Annotated[dict[str, str | int | float | bool | None], Meta(max_length=200)]
ONE: Final = Decimal(1)
QUANTITY_MAX: Final = 10**12
_NO_CONTEXT: Final = Context()


class _Row(Struct, tag_field="row", forbid_unknown_fields=True, kw_only=True):
    pass


class _Done(_Row, kw_only=True):
    """What was done: when, where, in which job, with what."""

    at: Instant
    job_order_id: Reference = ""
    program: Name = ""
    tool: Name = ""
    parameters: Parameters = {}

    @property
    def context(self) -> Context | None:
        context = Context(self.program, self.tool, _parameters(self.parameters))
        return None if context == _NO_CONTEXT else context


class LotRow(_Row, tag="lot"):
    """A lot, a serial or a container that nobody has recorded yet."""

    lot_id: Id
    material_id: Id
    quantity: Decimal = ONE
    kind: Literal["lot", "unit", "container"] = "unit"
    job_order_id: Reference = ""

    def fact(self) -> Fact:
        kind = LotKind[self.kind]
        return Fact(lot=NewLot(self.lot_id, self.material_id, _amount(self.quantity), kind, self.job_order_id))


class PassRow(_Done, tag="pass"):
    """A piece passed a station as the so-many-th."""

    lot_id: Id
    equipment_id: Id
    sequence: Piece

    def fact(self) -> Fact:
        at, job = to_us(self.at), self.job_order_id
        return Fact(act=Act(ActKind.passed, self.lot_id, at, self.equipment_id, self.sequence, job, self.context))


class LinkRow(_Done, tag="link"):
    """So much of the parent went into the child."""

    parent_id: Id
    child_id: Id
    quantity: Decimal = ONE
    kind: Literal["consumed", "by_product", "split", "merged", "packed", "installed", "reworked"] = "consumed"
    equipment_id: Reference = ""

    def fact(self) -> Fact:
        kind = LinkKind[self.kind]
        at, job = to_us(self.at), self.job_order_id
        act = Act(ACT_OF[kind], self.child_id, at, self.equipment_id, None, job, self.context)
        return Fact(act=act, link=Link(0, self.parent_id, self.child_id, _amount(self.quantity), kind))


class MountRow(_Done, tag="mount"):
    """A lot was in a slot for the pieces `from_sequence` to `to_sequence`, both included; without the last it is."""

    lot_id: Id
    equipment_id: Id
    slot_id: Id
    from_sequence: Piece
    to_sequence: Piece | None = None
    until: Instant | None = None
    quantity_per_piece: Decimal = Decimal(0)

    def fact(self) -> Fact:
        act = Act(
            ActKind.mounted, self.lot_id, to_us(self.at), self.equipment_id, None, self.job_order_id, self.context
        )
        last = OPEN_SEQ if self.to_sequence is None else self.to_sequence
        until = None if self.until is None else to_us(self.until)
        per = _amount(self.quantity_per_piece, least=0)
        return Fact(act=act, mount=Mount(0, self.slot_id, self.lot_id, self.from_sequence, last, until, per))


class ShipmentRow(_Row, tag="shipment"):
    """A lot, a unit or a container, with what is packed in it, left for a customer."""

    shipment_id: Id
    lot_id: Id
    customer_id: Id
    at: Instant
    delivery_note: Name = ""

    def fact(self) -> Fact:
        return Fact(sent=Sent(self.shipment_id, self.lot_id, self.customer_id, self.delivery_note, to_us(self.at)))


AnyRow = LotRow | PassRow | LinkRow | MountRow | ShipmentRow
_KINDS: Final = (LotRow, PassRow, LinkRow, MountRow, ShipmentRow)
COLUMNS: Final = tuple(dict.fromkeys(("row", *(name for kind in _KINDS for name in kind.__struct_fields__))))
_from_json: Final[msgspec.json.Decoder[AnyRow]] = msgspec.json.Decoder(AnyRow)


def _amount(value: Decimal, least: int = 1) -> int:
    """× 10^6; `least`: of that."""
    scaled = to_e6(value)
    if not least <= scaled <= QUANTITY_MAX * 1_000_000:
        raise ValueError(f"a quantity is {'above 0' if least else '0 or more'}, and at most {QUANTITY_MAX}")
    return scaled


def _parameters(parameters: dict[str, Any]) -> str:
    return orjson.dumps(parameters, option=orjson.OPT_SORT_KEYS).decode() if parameters else "{}"


def fact_of_json(text: str) -> Fact:
    """ValueError with the reason."""
    fact: Fact = _from_json.decode(text).fact()
    return fact


def fact_of_cells(cells: dict[str, Any]) -> Fact:
    """Cells of a line of CSV, by column, empty ones left out. ValueError with the reason."""
    if "parameters" in cells:
        cells["parameters"] = msgspec.json.decode(cells["parameters"])
    fact: Fact = msgspec.convert(cells, AnyRow, strict=False).fact()
    return fact
