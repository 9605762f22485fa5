"""Verbs: how materials are kept, where a lot goes, and word of lots that run out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import delete
from sqlmodel import col, select

from mes.equipment.queries import get_calendar
from mes.equipment.types import PutOutcome
from mes.kernel.errors import FieldError, Refusal, VersionConflict
from mes.kernel.uow import UnitOfWork, marks
from mes.materials import life_rules
from mes.materials.errors import MaterialLotClosed, MaterialNotFound
from mes.materials.life import queries
from mes.materials.life.queries import LotLifeView
from mes.materials.queries import get_materials
from mes.materials.tables import (
    ApprovedPartRow,
    LotStorageChange,
    MaterialHandling,
    MaterialLotLife,
    MoistureLevelRow,
)
from mes.materials.types import Exposure, HandlingSpec, LifeKind, MoistureLevelSpec, Storage
from standards.isa95.material import Disposition

ALARMS_A_TICK: Final = 500
RUNNING_OUT_TOPIC: Final = "lots-running-out"


def update_handling(uow: UnitOfWork, *, spec: HandlingSpec, version: int) -> None:
    """Say how a material is kept; `version` 0 where nobody had.

    `material-not-found`, `version-conflict`, `handling-invalid`.
    """
    view = queries.get_handling(uow.session, material_id=spec.material_id)
    _check_version(view.version, version)
    put_handlings(uow, specs=[spec])


def put_handlings(uow: UnitOfWork, *, specs: Sequence[HandlingSpec]) -> dict[str, PutOutcome]:
    """Make materials be kept as `specs` say; others stay. Repeating it changes nothing.

    `material-not-found`, `handling-invalid`; `errors` has every one refused.
    """
    ids = [spec.material_id for spec in specs]
    pks = {name: view.pk for name, view in get_materials(uow.session, ids).items()}
    views = queries.get_handlings(uow.session, ids)
    found = uow.session.exec(select(MaterialHandling).where(col(MaterialHandling.material_pk).in_(pks.values())))
    rows = {row.material_pk: row for row in found}
    _check_all(specs, pks)
    outcomes = {spec.material_id: _put_handling(uow, rows, views, pks[spec.material_id], spec) for spec in specs}
    changed = [name for name, outcome in outcomes.items() if outcome is not PutOutcome.Unchanged]
    for name in changed:
        _emit(uow, "materials.handling-put.v1", [f"material/{name}"], {"material_id": name})
    _look_again(uow, [pks[name] for name in changed])
    return outcomes


def _check_all(specs: Sequence[HandlingSpec], pks: Mapping[str, int]) -> None:
    refusals: list[tuple[str, Refusal]] = []
    for spec in specs:
        try:
            if spec.material_id not in pks:
                raise MaterialNotFound(f"There is no material {spec.material_id!r}.")
            life_rules.check_handling(spec)
        except Refusal as refusal:
            refusals.append((spec.material_id, refusal))
    if refusals:
        errors = [FieldError(name, refusal.detail, refusal.code) for name, refusal in refusals]
        raise type(refusals[0][1])(refusals[0][1].detail, errors=errors)


def _put_handling(
    uow: UnitOfWork,
    rows: Mapping[int, MaterialHandling],
    views: Mapping[str, queries.HandlingView],
    material_pk: int,
    spec: HandlingSpec,
) -> PutOutcome:
    view, row = views.get(spec.material_id), rows.get(material_pk)
    values = {
        name: getattr(spec, name)
        for name in ("shelf_life_days", "open_life_h", "warm_up_h", "msl", "floor_life_h", "bake_h")
    }
    if view is None or row is None:
        uow.session.add(MaterialHandling(material_pk=material_pk, **values))
        uow.flush()
        _store_parts(uow, material_pk, spec)
        return PutOutcome.Created
    same_parts = set(view.spec.approved_parts) == set(spec.approved_parts)
    if same_parts and all(getattr(row, name) == value for name, value in values.items()):
        return PutOutcome.Unchanged
    row.sqlmodel_update(values)
    row.version = view.version + 1
    uow.flush()
    if not same_parts:
        _store_parts(uow, material_pk, spec)
    return PutOutcome.Updated


def _store_parts(uow: UnitOfWork, material_pk: int, spec: HandlingSpec) -> None:
    uow.execute(delete(ApprovedPartRow).where(col(ApprovedPartRow.material_pk) == material_pk))
    for part in spec.approved_parts:
        manufacturer_key, part_key = life_rules.part_key(part)
        uow.session.add(
            ApprovedPartRow(
                material_pk=material_pk,
                manufacturer=part.manufacturer,
                manufacturer_key=manufacturer_key,
                part=part.part,
                part_key=part_key,
                gtin=part.gtin,
            )
        )
    uow.flush()


def _look_again(uow: UnitOfWork, material_pks: Sequence[int]) -> None:
    """Lots of materials whose rules have changed are looked at by the next tick."""
    if material_pks:
        uow.driver_execute(
            "UPDATE material_lot_life SET next_alarm_at_us = ? WHERE lot_pk IN "  # noqa: S608 (marks only)
            f"(SELECT pk FROM material_lot WHERE material_pk IN ({marks(material_pks)}))",
            [uow.now_us, *material_pks],
        )


def put_moisture_levels(uow: UnitOfWork, *, specs: Sequence[MoistureLevelSpec]) -> dict[str, PutOutcome]:
    """Make levels be handled as `specs` say; others stay as they are. `handling-invalid`."""
    for spec in specs:
        life_rules.check_level(spec)
    rows = {row.level: row for row in uow.session.exec(select(MoistureLevelRow))}
    outcomes = {spec.level: _put_level(uow, rows.get(spec.level), spec) for spec in specs}
    uow.flush()
    changed = [level for level, outcome in outcomes.items() if outcome is not PutOutcome.Unchanged]
    for level in changed:
        _emit(uow, "materials.moisture-level-put.v1", [f"moisture-level/{level}"], {"level": level})
    if changed:
        uow.driver_execute("UPDATE material_lot_life SET next_alarm_at_us = ?", [uow.now_us])
    return outcomes


def update_moisture_level(uow: UnitOfWork, *, spec: MoistureLevelSpec, version: int) -> None:
    """Change the rule of a level; `version` 0 where it was the standard's. `version-conflict`, `handling-invalid`."""
    life_rules.check_level(spec)
    known = {view.spec.level: view.version for view in queries.list_moisture_levels(uow.session)}
    _check_version(known[spec.level], version)
    put_moisture_levels(uow, specs=[spec])


def _put_level(uow: UnitOfWork, row: MoistureLevelRow | None, spec: MoistureLevelSpec) -> PutOutcome:
    values = {
        name: getattr(spec, name) for name in ("floor_life_h", "dry_reset_factor", "dry_reset_within_h", "bake_h")
    }
    if row is None:
        uow.session.add(MoistureLevelRow(level=spec.level, **values))
        return PutOutcome.Created
    if all(getattr(row, name) == value for name, value in values.items()):
        return PutOutcome.Unchanged
    row.sqlmodel_update(values)
    return PutOutcome.Updated


def set_lot_storage(
    uow: UnitOfWork, *, lot_id: str, storage: Storage, version: int | None = None, is_so: bool = False
) -> None:
    """A lot was opened or mounted, sealed, put into the cold, the dry cabinet or the oven. Twice is once.

    `is_so`: nobody asks any more whether it may be. `material-lot-not-found`, `version-conflict`,
    `material-lot-closed`, `lot-not-warm` (opened too soon).
    """
    view = queries.exposure_of(uow.session, lot_id=lot_id, now=uow.now)
    if version is not None:
        _check_version(view.version, version)
    if view.disposition is Disposition.Closed:
        raise MaterialLotClosed(f"The lot {lot_id!r} is closed.")
    if view.version and view.life.exposure.storage is storage:
        return
    if storage is Storage.open and not is_so:
        life_rules.check_warm(lot_id, view.life.exposure, view.left_cold_at_us, view.warm_up_h, uow.now_us)
    _move(uow, view, storage)
    payload = {"lot_id": lot_id, "from": view.life.exposure.storage.value, "to": storage.value}
    _emit(uow, "materials.lot-storage-changed.v1", [f"material-lot/{lot_id}", RUNNING_OUT_TOPIC], payload)


def _move(uow: UnitOfWork, view: LotLifeView, storage: Storage) -> None:
    before = view.life.exposure
    after = life_rules.moved(before, view.life.level, storage, uow.now_us)
    row = _life_row(uow, view)
    row.storage, row.since_us, row.exposed_us = storage.value, uow.now_us, after.exposed_us
    if before.storage is Storage.cold:
        row.left_cold_at_us = uow.now_us
    if storage is Storage.open and row.opened_at_us is None:
        row.opened_at_us = uow.now_us
    row.next_alarm_at_us = uow.now_us
    _note_change(uow, view.lot_pk, after)


def set_lot_expiry(
    uow: UnitOfWork, *, lot_id: str, expires_on: date | None, reason: str, version: int | None = None
) -> None:
    """Give a lot another last day, or none: corrected, or prolonged after a test. Who and why are kept.

    `material-lot-not-found`, `version-conflict`, `material-lot-closed`.
    """
    view = queries.exposure_of(uow.session, lot_id=lot_id, now=uow.now)
    if version is not None:
        _check_version(view.version, version)
    if view.disposition is Disposition.Closed:
        raise MaterialLotClosed(f"The lot {lot_id!r} is closed.")
    zone = ZoneInfo(get_calendar(uow.session).calendar.time_zone)
    ends_us = None if expires_on is None else life_rules.end_of_day_us(expires_on, zone)
    row = _life_row(uow, view)
    row.expires_at_us, row.next_alarm_at_us = ends_us, uow.now_us
    uow.flush()
    payload = {"lot_id": lot_id, "from_us": view.life.expires_at_us, "to_us": ends_us, "reason": reason}
    _emit(uow, "materials.lot-expiry-changed.v1", [f"material-lot/{lot_id}", RUNNING_OUT_TOPIC], payload)


def _life_row(uow: UnitOfWork, view: LotLifeView) -> MaterialLotLife:
    """The record of a lot's lives; a lot that had none was sealed until now."""
    row = uow.session.get(MaterialLotLife, view.lot_pk)
    if row is None:
        exposure = view.life.exposure
        row = MaterialLotLife(
            lot_pk=view.lot_pk, storage=exposure.storage.value, since_us=uow.now_us, exposed_us=exposure.exposed_us
        )
        uow.session.add(row)
    return row


def begin_life(uow: UnitOfWork, *, lot_id: str, storage: Storage, expires_at_us: int | None, msl: str = "") -> None:
    """A lot has come into the plant. `msl` "": that of its material."""
    seen = queries.exposure_of(uow.session, lot_id=lot_id, now=uow.now)
    row = MaterialLotLife(
        lot_pk=seen.lot_pk,
        msl=msl,
        expires_at_us=expires_at_us,
        opened_at_us=uow.now_us if storage is Storage.open else None,
        storage=storage.value,
        since_us=uow.now_us,
        next_alarm_at_us=uow.now_us,
    )
    uow.session.add(row)
    uow.flush()
    level = queries.exposure_of(uow.session, lot_id=lot_id, now=uow.now).life.level
    first = life_rules.first_exposure(level, storage, uow.now_us)
    row.exposed_us = first.exposed_us
    _note_change(uow, seen.lot_pk, first)


def inherit_life(uow: UnitOfWork, *, from_lot_ids: Sequence[str], to_lot_ids: Sequence[str]) -> None:
    """New lots are as old as the oldest they were made of, clock by clock: what was one reel has one age."""
    by_id = dict(
        uow.driver_query(
            f"SELECT id, pk FROM material_lot WHERE id IN ({marks([*from_lot_ids, *to_lot_ids])})",  # noqa: S608
            (*from_lot_ids, *to_lot_ids),
        )
    )
    wanted = col(MaterialLotLife.lot_pk).in_([by_id[name] for name in from_lot_ids])
    lives = uow.session.exec(select(MaterialLotLife).where(wanted)).all()
    if not lives:
        return
    values = _oldest(lives)
    for name in to_lot_ids:
        uow.session.add(MaterialLotLife(lot_pk=by_id[name], next_alarm_at_us=uow.now_us, **values))
    uow.flush()
    exposure = Exposure(Storage(values["storage"]), values["since_us"], values["exposed_us"])
    for name in to_lot_ids:
        _note_change(uow, by_id[name], exposure)


def _oldest(lives: Sequence[MaterialLotLife]) -> dict[str, Any]:
    """Of several: the first end, the longest exposure, on the floor since the first was."""
    worst = max(lives, key=lambda life: (life.storage == Storage.open, -life.since_us))
    return {
        "msl": max(life.msl for life in lives),
        "expires_at_us": min((life.expires_at_us for life in lives if life.expires_at_us is not None), default=None),
        "opened_at_us": min((life.opened_at_us for life in lives if life.opened_at_us is not None), default=None),
        "left_cold_at_us": max((t for life in lives if (t := life.left_cold_at_us) is not None), default=None),
        "storage": worst.storage,
        "since_us": worst.since_us,
        "exposed_us": max(life.exposed_us for life in lives),
    }


def _note_change(uow: UnitOfWork, lot_pk: int, exposure: Exposure) -> None:
    uow.session.add(
        LotStorageChange(
            lot_pk=lot_pk,
            at_us=exposure.since_us,
            storage=exposure.storage.value,
            exposed_us=exposure.exposed_us,
            by_pk=uow.actor,
        )
    )
    uow.flush()


RUNS_OUT: Final = "SELECT 1 FROM material_lot_life WHERE next_alarm_at_us <= ?"
"""Whether `note_lots_running_out` has something to do now."""


def note_lots_running_out(uow: UnitOfWork) -> None:
    """Periodic: say once when 80 % and 100 % of a life are used up, mounted or not."""
    due = uow.driver_query(
        "SELECT lot_pk FROM material_lot_life WHERE next_alarm_at_us <= ? ORDER BY next_alarm_at_us LIMIT ?",
        [uow.now_us, ALARMS_A_TICK],
    )
    if not due:
        return
    lots = col(MaterialLotLife.lot_pk).in_([pk for (pk,) in due])
    views = queries.lots_with_lives(uow.session, lots, now=uow.now)
    uow.driver_executemany(
        "UPDATE material_lot_life SET told_expiry = ?, told_open_life = ?, told_floor_life = ?, told_most = ?, "
        "next_alarm_at_us = ? WHERE lot_pk = ?",
        [_told(uow, view) for view in views],
    )


def _told(uow: UnitOfWork, view: LotLifeView) -> tuple[int | None, ...]:
    """Say what is new of a lot; the row it leaves."""
    clocks = () if view.is_gone else view.clocks
    passed = dict.fromkeys(LifeKind, 0) | {clock.kind: life_rules.passed_percent(clock) for clock in clocks}
    for clock in clocks:
        if passed[clock.kind] > view.told[clock.kind]:
            _say_running_out(uow, view, clock.kind, passed[clock.kind])
    told = [passed[kind] for kind in LifeKind]
    return (*told, max(told), life_rules.next_alarm_us(clocks, uow.now_us), view.lot_pk)


def _say_running_out(uow: UnitOfWork, view: LotLifeView, kind: LifeKind, percent: int) -> None:
    payload = {"lot_id": view.lot_id, "material_id": view.material_id, "life": kind.value, "percent": percent}
    _emit(uow, "materials.lot-running-out.v1", [f"material-lot/{view.lot_id}", RUNNING_OUT_TOPIC], payload)


def _check_version(current: int, seen: int) -> None:
    if current != seen:
        raise VersionConflict(f"It is at version {current}, not {seen}.")


def _emit(uow: UnitOfWork, kind: str, topics: Sequence[str], payload: Mapping[str, Any]) -> None:
    uow.emit(kind, topics=topics, subject=topics[0], payload=payload)
