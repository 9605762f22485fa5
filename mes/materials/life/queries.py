"""Reads of how materials are kept and how long lots may be used."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, or_, select, type_coerce
from sqlmodel import Session

from mes.access.tables import Principal
from mes.kernel.errors import Refusal
from mes.kernel.sqltypes import from_us, from_us_or_none, to_us
from mes.materials.errors import MaterialLotNotFound
from mes.materials.life_rules import DEFAULT_LEVELS, clocks_of, first_exposure, level_of, passed_percent
from mes.materials.queries import get_material, get_material_lot
from mes.materials.rules import usable_lot
from mes.materials.tables import (
    ApprovedPartRow,
    LotStorageChange,
    MaterialDefinition,
    MaterialHandling,
    MaterialLot,
    MaterialLotLife,
    MoistureLevelRow,
)
from mes.materials.types import (
    HOUR_US,
    ApprovedPart,
    Exposure,
    HandlingSpec,
    LifeClock,
    LifeKind,
    LotFacts,
    LotLife,
    MoistureLevelSpec,
    Storage,
)
from standards.isa95.material import Disposition
from standards.isa95.quantity import to_e6

_M: Final = MaterialDefinition.__table__  # type: ignore[attr-defined]
_L: Final = MaterialLot.__table__  # type: ignore[attr-defined]
_H: Final = MaterialHandling.__table__  # type: ignore[attr-defined]
_P: Final = ApprovedPartRow.__table__  # type: ignore[attr-defined]
_F: Final = MaterialLotLife.__table__  # type: ignore[attr-defined]
_V: Final = MoistureLevelRow.__table__  # type: ignore[attr-defined]
_C: Final = LotStorageChange.__table__  # type: ignore[attr-defined]
_A: Final = Principal.__table__  # type: ignore[attr-defined]
EXPIRY_NOTICE: Final = timedelta(days=7)
"""So long before its shelf life ends a lot is among those that run out."""
RUNNING_OUT_MAX: Final = 200
CHANGES_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class HandlingView:
    """How a material is kept; `version` 0 where nobody has said."""

    spec: HandlingSpec
    version: int


@dataclass(frozen=True, slots=True)
class MoistureLevelView:
    """The rule of a level; `version` 0: the standard's."""

    spec: MoistureLevelSpec
    version: int


@dataclass(frozen=True, slots=True)
class LotLifeView:
    """A lot and what is left of its lives at the instant of asking. `version` 0: nobody has said anything yet."""

    lot_pk: int
    lot_id: str
    material_id: str
    material_description: str
    quantity: Decimal
    unit: str
    disposition: Disposition
    msl: str
    life: LotLife
    clocks: tuple[LifeClock, ...]
    told: Mapping[LifeKind, int]
    left_cold_at_us: int | None
    warm_up_h: int | None
    version: int
    none_left: bool = False

    @property
    def facts(self) -> LotFacts:
        """What `rules.usable_lot` asks for."""
        return LotFacts(self.lot_id, self.material_id, self.disposition, self.clocks)

    @property
    def is_gone(self) -> bool:
        """Closed, used up or shipped: nothing is said of it any more."""
        return self.disposition is Disposition.Closed or not self.quantity or self.none_left

    @property
    def refusal(self) -> Refusal | None:
        """Why the lot may not be used now, whatever it is wanted for."""
        return usable_lot(self.facts)

    @property
    def opened_at(self) -> datetime | None:
        return from_us_or_none(self.life.opened_at_us)

    @property
    def expires_at(self) -> datetime | None:
        return from_us_or_none(self.life.expires_at_us)


@dataclass(frozen=True, slots=True)
class StorageChangeView:
    """A lot came to another place; `exposed_us` is what it had been exposed for by then."""

    at: datetime
    storage: Storage
    exposed_us: int
    who: str


@dataclass(frozen=True, slots=True)
class RunningOut:
    """Lots that run out or have run out, the most urgent first; `more`: there are others."""

    lots: tuple[LotLifeView, ...]
    more: bool


def list_moisture_levels(session: Session) -> tuple[MoistureLevelView, ...]:
    """All levels in order, each as the plant has it or else as the standard does."""
    own = {
        row.level: MoistureLevelView(
            MoistureLevelSpec(row.level, row.floor_life_h, row.dry_reset_factor, row.dry_reset_within_h, row.bake_h),
            row.version,
        )
        for row in session.execute(select(_V))
    }
    return tuple(own.get(level, MoistureLevelView(spec, 0)) for level, spec in DEFAULT_LEVELS.items())


def get_handling(session: Session, *, material_id: str) -> HandlingView:
    """How one material is kept. `material-not-found`."""
    get_material(session, material_id=material_id)
    return get_handlings(session, [material_id]).get(material_id, HandlingView(HandlingSpec(material_id), 0))


def get_handlings(session: Session, material_ids: Iterable[str]) -> dict[str, HandlingView]:
    """How some materials are kept, where somebody has said so."""
    found = select(_H, _M.c.id).join(_M, _M.c.pk == _H.c.material_pk).where(_M.c.id.in_(set(material_ids)))
    rows = session.execute(found).all()
    parts = _approved_parts(session, [row.material_pk for row in rows])
    return {r.id: HandlingView(_handling(r.id, parts.get(r.material_pk, ()), r), r.version) for r in rows}


def _approved_parts(session: Session, pks: Collection[int]) -> dict[int, tuple[ApprovedPart, ...]]:
    found: dict[int, tuple[ApprovedPart, ...]] = {}
    wanted = select(_P).where(_P.c.material_pk.in_(pks)).order_by(_P.c.manufacturer_key, _P.c.part_key)
    for row in session.execute(wanted):
        part = ApprovedPart(row.manufacturer, row.part, row.gtin)
        found[row.material_pk] = (*found.get(row.material_pk, ()), part)
    return found


def _handling(material_id: str, parts: tuple[ApprovedPart, ...], row: Any) -> HandlingSpec:
    return HandlingSpec(
        material_id, parts, row.shelf_life_days, row.open_life_h, row.warm_up_h, row.msl, row.floor_life_h, row.bake_h
    )


def exposure_of(session: Session, *, lot_id: str, now: datetime) -> LotLifeView:
    """What is left of a lot's lives. `material-lot-not-found`."""
    found = lots_with_lives(session, _L.c.id == lot_id, now=now)
    if not found:
        raise MaterialLotNotFound(f"There is no lot {lot_id!r}.")
    return found[0]


def list_storage_changes(session: Session, *, lot_id: str, limit: int = CHANGES_MAX) -> tuple[StorageChangeView, ...]:
    """Where a lot was, the latest first. `material-lot-not-found`."""
    lot_pk = get_material_lot(session, lot_id=lot_id).pk
    wanted = (
        select(_C.c.at_us, _C.c.storage, _C.c.exposed_us, _A.c.display_name)
        .outerjoin(_A, _A.c.pk == _C.c.by_pk)
        .where(_C.c.lot_pk == lot_pk)
        .order_by(_C.c.pk.desc())
        .limit(min(limit, CHANGES_MAX))
    )
    rows = session.execute(wanted)
    return tuple(StorageChangeView(from_us(at), Storage(place), used, who or "") for at, place, used, who in rows)


def get_lot_facts(session: Session, *, lot_ids: Collection[str], now: datetime) -> dict[str, LotFacts]:
    """What decides whether lots may be used (`rules.usable_lot`); others are absent from the answer."""
    views = lots_with_lives(session, _L.c.id.in_(lot_ids), now=now)
    return {view.lot_id: view.facts for view in views}


def lots_running_out(session: Session, *, now: datetime, limit: int = RUNNING_OUT_MAX) -> RunningOut:
    """Lots of which 80 % of a life is used up, or whose shelf life ends within a week; none that is gone."""
    soon_us = to_us(now + EXPIRY_NOTICE)
    candidate = or_(_F.c.told_most > 0, _F.c.next_alarm_at_us <= soon_us)
    # As a difference, so that SQLite does not take the index of all lots of which something is left for the better way.
    left = type_coerce(_L.c.quantity, BigInteger) - _L.c.consumed_e6 > 0
    there_is = (_L.c.disposition != Disposition.Closed.value, _L.c.shipment_pk.is_(None), left)
    found = select(_F.c.lot_pk).join(_L, _L.c.pk == _F.c.lot_pk).where(candidate, *there_is)
    views = lots_with_lives(session, _L.c.pk.in_(found), now=now)
    urgent = sorted((view for view in views if runs_out(view)), key=lambda view: min(c.left_us for c in view.clocks))
    return RunningOut(tuple(urgent[:limit]), len(urgent) > limit)


def runs_out(view: LotLifeView) -> bool:
    """Whether a lot belongs among those that run out."""
    notice_us = EXPIRY_NOTICE // timedelta(microseconds=1)
    return any(
        passed_percent(clock) > 0 or (clock.kind is LifeKind.expiry and clock.left_us <= notice_us)
        for clock in view.clocks
    )


def lots_with_lives(session: Session, *conditions: ColumnElement[bool], now: datetime) -> list[LotLifeView]:
    """Lots in order of id."""
    levels = {view.spec.level: view.spec for view in list_moisture_levels(session)}
    rows = session.execute(_lots().where(*conditions).order_by(_L.c.id)).all()
    return [_view(row, levels, to_us(now)) for row in rows]


def _lots() -> Select[Any]:
    life = [_F.c[name].label(f"life_{name}") for name in ("version", "msl", "storage", "since_us", "exposed_us")]
    ends = [_F.c[name] for name in ("expires_at_us", "opened_at_us", "left_cold_at_us")]
    told = [_F.c[f"told_{kind.value.replace('-', '_')}"] for kind in LifeKind]
    kept = [_H.c[n] for n in ("shelf_life_days", "open_life_h", "warm_up_h", "msl", "floor_life_h", "bake_h")]
    lot = [_L.c[name] for name in ("pk", "id", "quantity", "unit", "disposition", "consumed_e6", "shipment_pk")]
    names = [_M.c.id.label("material_id"), _M.c.description]
    return (
        select(*lot, *names, *life, *ends, *told, *kept)
        .join(_M, _M.c.pk == _L.c.material_pk)
        .outerjoin(_F, _F.c.lot_pk == _L.c.pk)
        .outerjoin(_H, _H.c.material_pk == _L.c.material_pk)
    )


def _view(row: Any, levels: Mapping[str, MoistureLevelSpec], now_us: int) -> LotLifeView:
    msl = row.life_msl or row.msl or ""
    life = _life(row, msl, levels)
    return LotLifeView(
        row.pk,
        row.id,
        row.material_id,
        row.description,
        row.quantity,
        row.unit,
        Disposition(row.disposition),
        msl,
        life,
        clocks_of(life, now_us),
        {
            LifeKind.expiry: row.told_expiry or 0,
            LifeKind.open_life: row.told_open_life or 0,
            LifeKind.floor_life: row.told_floor_life or 0,
        },
        row.left_cold_at_us,
        row.warm_up_h,
        row.life_version or 0,
        row.shipment_pk is not None or row.consumed_e6 >= to_e6(row.quantity),
    )


def _life(row: Any, msl: str, levels: Mapping[str, MoistureLevelSpec]) -> LotLife:
    """The material's own floor life and bake time hold for its own level, not for another on the lot's label."""
    own = _handling(row.material_id, (), row) if msl == row.msl else HandlingSpec(row.material_id)
    level = level_of(levels[msl], own) if msl else None
    exposure = (
        first_exposure(level, Storage.sealed, 0)
        if row.life_storage is None
        else Exposure(Storage(row.life_storage), row.life_since_us, row.life_exposed_us)
    )
    open_life_us = None if row.open_life_h is None else row.open_life_h * HOUR_US
    return LotLife(exposure, level, row.expires_at_us, row.opened_at_us, open_life_us)
