"""Materials and lots: what they are, whether they may be used, how long."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType, field

from standards.isa95.material import Disposition
from standards.lineside.events_v1.base import Event, Microseconds, Reason, Written


class _OfLot(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "material-lot/…"
    lot_id: str


class HandlingPut(Event, frozen=True, kw_only=True):
    """How a material is kept, and for how long, was set."""

    its_subject: ClassVar[str] = "material/…"
    material_id: str


class LotDispositionChanged(_OfLot, frozen=True, kw_only=True):
    """A lot was held, released or closed."""

    from_: Disposition = field(name="from")
    to: Disposition
    reason: Reason


class LotExpiryChanged(_OfLot, frozen=True, kw_only=True):
    """A lot has another last moment, or none."""

    from_us: Microseconds | None
    to_us: Microseconds | None
    reason: Reason


class LotReceived(_OfLot, frozen=True, kw_only=True):
    """A lot came in."""

    material_id: str
    supplier: str
    supplier_lot: str
    manufacturer: str
    part: str
    date_code: str
    overridden: Annotated[str, Meta(description="Why it would have been refused.")] | UnsetType = UNSET
    reason: Annotated[str, Meta(description="Why it was taken all the same.")] | UnsetType = UNSET


class LotRunningOut(_OfLot, frozen=True, kw_only=True):
    """So much of the time that a lot may be used for has passed."""

    material_id: str
    life: Annotated[str, Meta(description="Which time: open-life, expiry …")]
    percent: int


class LotStorageChanged(_OfLot, frozen=True, kw_only=True):
    """A lot is kept in another way: opened, dried, cooled."""

    from_: str = field(name="from")
    to: str


class MaterialClassPut(Event, frozen=True, kw_only=True):
    """A class of materials was made or changed."""

    its_subject: ClassVar[str] = "material-class/…"
    material_class_id: str
    outcome: Written


class MaterialLotPut(Event, frozen=True, kw_only=True):
    """A lot was made known or changed from outside."""

    its_subject: ClassVar[str] = "material-lot/…"
    material_lot_id: str
    outcome: Written


class MaterialPut(Event, frozen=True, kw_only=True):
    """A material was made or changed."""

    its_subject: ClassVar[str] = "material/…"
    material_id: str
    outcome: Written


class MoistureLevelPut(Event, frozen=True, kw_only=True):
    """What a moisture sensitivity level allows was set."""

    its_subject: ClassVar[str] = "moisture-level/…"
    level: str
