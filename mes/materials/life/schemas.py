"""REST documents of how materials are kept and how long lots may be used. Hours and days are whole numbers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from mes.kernel.sqltypes import from_us
from mes.materials.life.queries import (
    HandlingView,
    LotLifeView,
    MoistureLevelView,
    StorageChangeView,
)
from mes.materials.life_rules import HOURS_MAX
from mes.materials.schemas import Document
from mes.materials.types import ApprovedPart, HandlingSpec, LifeClock, LifeKind, MoistureLevelSpec, Storage
from standards.isa95.material import Disposition

Level = Literal["1", "2", "2a", "3", "4", "5", "5a", "6"]
Span = Annotated[int, Field(ge=1, le=HOURS_MAX)]
PartText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Gtin = Annotated[str, StringConstraints(pattern=r"^([0-9]{14})?$")]


class ApprovedPartDocument(Document):
    """A manufacturer's part that may be received as the material; `gtin` of 14 digits finds it by a GS1 label."""

    manufacturer: PartText
    part: PartText
    gtin: Gtin = ""

    @classmethod
    def of(cls, part: ApprovedPart) -> ApprovedPartDocument:
        return cls(manufacturer=part.manufacturer, part=part.part, gtin=part.gtin)


class HandlingChange(Document):
    """The whole of how a material is received and kept. With no approved part any part may be received."""

    approved_parts: list[ApprovedPartDocument] = Field(default=[], max_length=200)
    shelf_life_days: Span | None = None
    open_life_h: Span | None = None
    warm_up_h: Span | None = None
    msl: Level | None = None
    floor_life_h: Span | None = None
    bake_h: Span | None = None
    version: int | None = None
    """The version that was read, 0 where nobody had said anything; or send If-Match."""

    def spec(self, material_id: str) -> HandlingSpec:
        parts = tuple(ApprovedPart(p.manufacturer, p.part, p.gtin) for p in self.approved_parts)
        times = (self.shelf_life_days, self.open_life_h, self.warm_up_h)
        return HandlingSpec(material_id, parts, *times, self.msl or "", self.floor_life_h, self.bake_h)


class HandlingOut(Document):
    material_id: str
    approved_parts: list[ApprovedPartDocument]
    shelf_life_days: int | None
    open_life_h: int | None
    warm_up_h: int | None
    msl: str | None
    floor_life_h: int | None
    bake_h: int | None
    version: int

    @classmethod
    def of(cls, view: HandlingView) -> HandlingOut:
        spec = view.spec
        return cls(
            material_id=spec.material_id,
            approved_parts=[ApprovedPartDocument.of(part) for part in spec.approved_parts],
            shelf_life_days=spec.shelf_life_days,
            open_life_h=spec.open_life_h,
            warm_up_h=spec.warm_up_h,
            msl=spec.msl or None,
            floor_life_h=spec.floor_life_h,
            bake_h=spec.bake_h,
            version=view.version,
        )


class MoistureLevelChange(Document):
    """The plant's rule of a level. After `dry_reset_factor` × an exposure of at most `dry_reset_within_h` in the dry,
    and after `bake_h` in the oven, floor life starts anew."""

    floor_life_h: Annotated[int, Field(ge=0, le=HOURS_MAX)] | None = None
    dry_reset_factor: Span | None = None
    dry_reset_within_h: Annotated[int, Field(ge=0, le=HOURS_MAX)] = 0
    bake_h: Span | None = None
    version: int | None = None
    """The version that was read, 0 for the standard's; or send If-Match."""

    def spec(self, level: str) -> MoistureLevelSpec:
        return MoistureLevelSpec(level, self.floor_life_h, self.dry_reset_factor, self.dry_reset_within_h, self.bake_h)


class MoistureLevelOut(Document):
    level: str
    floor_life_h: int | None
    dry_reset_factor: int | None
    dry_reset_within_h: int
    bake_h: int | None
    version: int

    @classmethod
    def of(cls, view: MoistureLevelView) -> MoistureLevelOut:
        spec = view.spec
        return cls(
            level=spec.level,
            floor_life_h=spec.floor_life_h,
            dry_reset_factor=spec.dry_reset_factor,
            dry_reset_within_h=spec.dry_reset_within_h,
            bake_h=spec.bake_h,
            version=view.version,
        )


class LifeClockOut(Document):
    """`left_s` is negative when the life is over; it passes only while `running`."""

    life: LifeKind
    left_s: int
    total_s: int | None
    percent: int
    running: bool

    @classmethod
    def of(cls, clock: LifeClock) -> LifeClockOut:
        total_s = None if clock.total_us is None else clock.total_us // 1_000_000
        return cls(
            life=clock.kind,
            left_s=clock.left_us // 1_000_000,
            total_s=total_s,
            percent=clock.percent,
            running=clock.running,
        )


class LotLifeOut(Document):
    """What is left of a lot's lives, and the code of what forbids its use now."""

    lot_id: str
    material_id: str
    disposition: Disposition
    msl: str | None
    storage: Storage
    since: AwareDatetime
    opened_at: AwareDatetime | None
    expires_at: AwareDatetime | None
    lives: list[LifeClockOut]
    refused_by: str | None
    version: int

    @classmethod
    def of(cls, view: LotLifeView) -> LotLifeOut:
        refusal = view.refusal
        return cls(
            lot_id=view.lot_id,
            material_id=view.material_id,
            disposition=view.disposition,
            msl=view.msl or None,
            storage=view.life.exposure.storage,
            since=_since(view),
            opened_at=view.opened_at,
            expires_at=view.expires_at,
            lives=[LifeClockOut.of(clock) for clock in view.clocks],
            refused_by=None if refusal is None else refusal.code,
            version=view.version,
        )


def _since(view: LotLifeView) -> datetime:
    return from_us(view.life.exposure.since_us)


class StorageChangeOut(Document):
    at: AwareDatetime
    storage: Storage
    exposed_s: int
    who: str

    @classmethod
    def of(cls, change: StorageChangeView) -> StorageChangeOut:
        return cls(at=change.at, storage=change.storage, exposed_s=change.exposed_us // 1_000_000, who=change.who)


class StorageChange(Document):
    """Where a lot is put."""

    storage: Storage
    version: int | None = None
    """The version that was read, 0 where nothing was known; or send If-Match."""


class ExpiryChange(Document):
    """The last day a lot may be used; null for none."""

    expires_on: date | None
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
    version: int | None = None
    """The version that was read, 0 where nothing was known; or send If-Match."""
