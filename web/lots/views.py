"""View models of lots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from mes.materials.life.queries import LotLifeView, RunningOut, StorageChangeView
from mes.materials.queries import LotHoldView
from mes.materials.receiving.queries import ReceiptView
from mes.materials.types import Storage
from standards.isa95.material import Disposition
from web.components.lives import LifeView, life_view
from web.components.properties import Described

STORAGE_ICONS: Final = {
    Storage.sealed: "package",
    Storage.cold: "snowflake",
    Storage.open: "unlock",
    Storage.dry_cabinet: "wind",
    Storage.baking: "flame",
}


@dataclass(frozen=True, slots=True)
class LotRow:
    """A lot among those that run out."""

    lot_id: str
    href: str
    material: str
    material_id: str
    storage: str
    quantity: Decimal
    unit: str
    on_hold: bool
    lives: tuple[LifeView, ...]


@dataclass(frozen=True, slots=True)
class RunningOutView:
    rows: tuple[LotRow, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class LotsPage:
    running_out: RunningOutView
    unknown: str = ""
    """What was looked up and is no lot."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a lot may be put."""

    storage: str
    icon: str
    current: bool


@dataclass(frozen=True, slots=True)
class Came:
    """How a lot came in."""

    supplier: str
    supplier_lot: str
    part: str
    date_code: str
    at: datetime
    who: str
    override: str
    label: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A lot came to another place."""

    storage: str
    icon: str
    at: datetime
    who: str
    exposed_s: int


@dataclass(frozen=True, slots=True)
class LotView:
    """A lot. `refused` is the code of what forbids its use, "" if nothing does; `hold` says why it is on hold."""

    lot_id: str
    base: str
    material: str
    material_id: str
    quantity: Decimal
    unit: str
    refused: str
    msl: str
    storage: str
    since: datetime | None
    opened_at: datetime | None
    expires_at: datetime | None
    lives: tuple[LifeView, ...]
    places: tuple[Place, ...]
    moves: tuple[Moved, ...]
    version: int
    closed: bool
    hold: LotHoldView | None
    may_hold: bool


@dataclass(frozen=True, slots=True)
class LotPage:
    lot_id: str
    lot: LotView
    came: Came | None
    said: tuple[Described, ...] = ()

    @property
    def last_day(self) -> str:
        """As a date field wants it."""
        return self.lot.expires_at.date().isoformat() if self.lot.expires_at else ""


def base_of(lot_id: str) -> str:
    return f"/lots/{quote(lot_id, safe='')}"


def running_out_view(found: RunningOut, now: datetime) -> RunningOutView:
    return RunningOutView(tuple(_row(view, now) for view in found.lots), found.more)


def _row(view: LotLifeView, now: datetime) -> LotRow:
    return LotRow(
        view.lot_id,
        base_of(view.lot_id),
        view.material_description or view.material_id,
        view.material_id,
        view.life.exposure.storage.value,
        view.quantity,
        view.unit,
        view.disposition is Disposition.Restricted,
        tuple(life_view(clock, now) for clock in sorted(view.clocks, key=lambda clock: clock.left_us)),
    )


def lot_view(
    view: LotLifeView,
    changes: Sequence[StorageChangeView],
    zone: ZoneInfo,
    now: datetime,
    hold: LotHoldView | None = None,
) -> LotView:
    refusal = view.refusal
    here = view.life.exposure.storage
    return LotView(
        view.lot_id,
        base_of(view.lot_id),
        view.material_description or view.material_id,
        view.material_id,
        view.quantity,
        view.unit,
        "" if refusal is None else refusal.code,
        view.msl,
        here.value,
        changes[0].at.astimezone(zone) if changes else None,
        _local(view.opened_at, zone),
        _last_day(view.expires_at, zone),
        tuple(life_view(clock, now) for clock in view.clocks),
        tuple(Place(s.value, icon, s is here) for s, icon in STORAGE_ICONS.items()),
        tuple(_moved(change, zone) for change in changes),
        view.version,
        view.disposition is Disposition.Closed,
        replace(hold, at=hold.at.astimezone(zone)) if hold else None,
        view.disposition not in (Disposition.Closed, Disposition.Restricted),
    )


def _moved(change: StorageChangeView, zone: ZoneInfo) -> Moved:
    icon, exposed_s = STORAGE_ICONS[change.storage], change.exposed_us // 1_000_000
    return Moved(change.storage.value, icon, change.at.astimezone(zone), change.who, exposed_s)


def came_view(receipt: ReceiptView, zone: ZoneInfo) -> Came:
    part = " ".join(text for text in (receipt.manufacturer, receipt.part) if text)
    return Came(
        receipt.supplier,
        receipt.supplier_lot,
        part,
        receipt.date_code,
        receipt.received_at.astimezone(zone),
        receipt.received_by,
        receipt.override_reason,
        f"/receive/{quote(receipt.lot_id, safe='')}/label",
    )


def _local(at: datetime | None, zone: ZoneInfo) -> datetime | None:
    return None if at is None else at.astimezone(zone)


def _last_day(expires_at: datetime | None, zone: ZoneInfo) -> datetime | None:
    """A lot that expires at midnight may be used on the day before."""
    return None if expires_at is None else (expires_at - timedelta(seconds=1)).astimezone(zone)
