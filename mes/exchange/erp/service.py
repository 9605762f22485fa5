"""Verbs of ERP connections: kept by administrators, taken in turns by the loop that works them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import delete, insert, select, update

from mes.exchange.erp.errors import (
    ErpConnectionExists,
    ErpConnectionInvalid,
    ErpConnectionNotFound,
    ErpMaterialNotFound,
    ErpOrderNotFound,
)
from mes.exchange.erp.queries import spec_of
from mes.exchange.erp.rules import SECOND_US, next_try_us, refuse_invalid
from mes.exchange.erp.tables import ErpConnection, ErpLink, ErpOrderRow
from mes.exchange.erp.types import (
    CONNECTIONS_MAX,
    REMARKS_MAX,
    SAID_MAX,
    ConnectionSpec,
    Consumption,
    LinkKind,
    Turn,
)
from mes.exchange.reconciliation.service import forget_views
from mes.kernel.errors import VersionConflict
from mes.kernel.outbox import head_seq
from mes.kernel.uow import UnitOfWork

TURN_US: Final = 60 * SECOND_US
"""How long a turn may take before another process may begin one; it is prolonged with everything that is told."""
MASTERS_EVERY_US: Final = 300 * SECOND_US
_TOPIC: Final = "erp"
_C: Final = ErpConnection.__table__  # type: ignore[attr-defined]
_LINK: Final = ErpLink.__table__  # type: ignore[attr-defined]
_O: Final = ErpOrderRow.__table__  # type: ignore[attr-defined]


def create_connection(uow: UnitOfWork, *, spec: ConnectionSpec, sealed_password: bytes, kinds: Collection[str]) -> None:
    """An ERP to work with from now on. `erp-connection-invalid`, `erp-connection-exists`."""
    refuse_invalid(spec, kinds)
    present = uow.execute(select(_C.c.id)).scalars().all()
    if spec.connection_id in present:
        raise ErpConnectionExists(f"There already is an ERP connection {spec.connection_id!r}.")
    if len(present) >= CONNECTIONS_MAX:
        raise ErpConnectionInvalid(f"A plant has at most {CONNECTIONS_MAX} ERP connections; remove one first.")
    begun = {"seq": head_seq(uow.session), "remarks": [], "said": "", "failures": 0, "busy_until_us": 0, "version": 1}
    values = {**_described(uow, spec), **begun, "id": spec.connection_id, "sealed_password": sealed_password}
    uow.execute(insert(_C).values(**values))
    _emit(uow, "erp-connection-created", spec.connection_id, kind=spec.kind, url=spec.url)


def change_connection(
    uow: UnitOfWork,
    *,
    spec: ConnectionSpec,
    version: int,
    kinds: Collection[str],
    sealed_password: bytes | None = None,
) -> None:
    """Make it what `spec` says; its ERP is looked at again at once. What it linked and took stays.

    `erp-connection-not-found`, `version-conflict`, `erp-connection-invalid`: also where the password that is kept would
    go to another address, or for the first time without TLS.
    """
    refuse_invalid(spec, kinds)
    row = _load(uow, spec.connection_id)
    if row.version != version:
        raise VersionConflict(f"It is at version {row.version}, not {version}.")
    if row.kind != spec.kind:
        raise ErpConnectionInvalid("A connection keeps its kind of ERP; make another one.")
    changes = {**_described(uow, spec), "version": row.version + 1}
    if sealed_password is None and (changes["url"] != row.url or (spec.plain_http and not row.plain_http)):
        raise ErpConnectionInvalid("Its password was given for another address, or for TLS only: give it again.")
    if sealed_password is not None:
        changes["sealed_password"] = sealed_password
    uow.execute(update(_C).where(_C.c.pk == row.pk).values(**changes))
    _emit(uow, "erp-connection-changed", spec.connection_id, url=spec.url, active=spec.active)


def remove_connection(uow: UnitOfWork, *, connection_id: str) -> None:
    """It is gone with all it knew of the ERP and its view; materials, routings and orders stay.

    `erp-connection-not-found`.
    """
    row = _load(uow, connection_id)
    for table in (_O, _LINK):
        uow.execute(delete(table).where(table.c.connection_pk == row.pk))
    uow.execute(delete(_C).where(_C.c.pk == row.pk))
    forget_views(uow, source=connection_id)
    _emit(uow, "erp-connection-removed", connection_id, url=row.url)


def choose_consumption(
    uow: UnitOfWork, *, connection_id: str, material_id: str, consumption: Consumption | None
) -> None:
    """Say how the use of a material is found; None: as the ERP books it. It counts for everything told from now on.

    `erp-connection-not-found`, `erp-material-not-found`.
    """
    row = _load(uow, connection_id)
    wanted = (_LINK.c.connection_pk == row.pk, _LINK.c.kind == LinkKind.material, _LINK.c.local_id == material_id)
    if uow.execute(select(_LINK.c.pk).where(*wanted)).first() is None:
        raise ErpMaterialNotFound(f"{material_id!r} did not come from {connection_id!r}.")
    uow.execute(update(_LINK).where(*wanted).values(consumption="" if consumption is None else consumption.value))
    chosen = "" if consumption is None else consumption.value
    _emit(uow, "erp-consumption-chosen", connection_id, material_id=material_id, consumption=chosen)


def tell_again(uow: UnitOfWork, *, connection_id: str, order_id: str) -> None:
    """Tell the outcome of an order now, whatever was said to it before. `erp-order-not-found`."""
    row = _load(uow, connection_id)
    again = {"due_at_us": uow.now_us, "tries": 0, "told_sha256": ""}
    wanted = (_O.c.connection_pk == row.pk, _O.c.order_id == order_id, _O.c.order_id != "")
    if not uow.execute(update(_O).where(*wanted).values(**again)).rowcount:  # type: ignore[attr-defined]
        raise ErpOrderNotFound(f"{order_id!r} did not come from {connection_id!r}.")
    uow.execute(update(_C).where(_C.c.pk == row.pk).values(next_at_us=uow.now_us))
    _emit(uow, "erp-order-told-again", connection_id, order_id=order_id)


# -- turns


def take_turns(uow: UnitOfWork) -> tuple[Turn, ...]:
    """Connections whose turn it is, for the caller alone until `TURN_US` have passed or it ends them."""
    due = (_C.c.active, _C.c.next_at_us <= uow.now_us, _C.c.busy_until_us <= uow.now_us)
    rows = uow.execute(select(_C).where(*due).order_by(_C.c.pk)).all()
    if rows:
        taken = update(_C).where(_C.c.pk.in_([row.pk for row in rows]))
        uow.execute(taken.values(busy_until_us=uow.now_us + TURN_US))
    return tuple(Turn(row.pk, spec_of(row), row.sealed_password, row.masters_at_us <= uow.now_us) for row in rows)


def prolong_turn(uow: UnitOfWork, *, connection_pk: int) -> None:
    uow.execute(update(_C).where(_C.c.pk == connection_pk).values(busy_until_us=uow.now_us + TURN_US))


def note_masters(uow: UnitOfWork, *, connection_pk: int, remarks: Sequence[str]) -> None:
    """Master data was read; `remarks` is what of it could not be taken."""
    kept = [remark[:SAID_MAX] for remark in dict.fromkeys(remarks)][:REMARKS_MAX]
    values = {"remarks": kept, "masters_at_us": uow.now_us + MASTERS_EVERY_US}
    uow.execute(update(_C).where(_C.c.pk == connection_pk).values(**values))


def end_turn(uow: UnitOfWork, *, connection_pk: int, fault: str = "") -> None:
    """The turn is over; with a `fault` the next one comes later and later."""
    row = uow.execute(select(_C).where(_C.c.pk == connection_pk)).first()
    if row is None:
        return
    values: dict[str, Any] = {"busy_until_us": 0, "said": fault[:SAID_MAX]}
    if fault:
        failures = row.failures + 1
        since = row.failing_since_us if row.failing_since_us is not None else uow.now_us
        values |= {"failures": failures, "failing_since_us": since, "next_at_us": next_try_us(uow.now_us, failures)}
    else:
        values |= {"failures": 0, "failing_since_us": None, "last_ok_at_us": uow.now_us}
        values["next_at_us"] = uow.now_us + row.poll_s * SECOND_US
    uow.execute(update(_C).where(_C.c.pk == connection_pk).values(**values))
    if fault and not row.failures:
        _emit(uow, "erp-connection-failing", row.id, reason=fault[:SAID_MAX])
    elif row.failures and not fault:
        _emit(uow, "erp-connection-recovered", row.id)


def _described(uow: UnitOfWork, spec: ConnectionSpec) -> dict[str, Any]:
    return {
        "kind": spec.kind,
        "url": spec.url.rstrip("/"),
        "database_name": spec.database,
        "user_name": spec.user,
        "active": spec.active,
        "plain_http": spec.plain_http,
        "private_addresses": spec.private_addresses,
        "place": spec.place,
        "places": dict(spec.places),
        "order_prefix": spec.order_prefix,
        "poll_s": spec.poll_s,
        "next_at_us": uow.now_us,
        "masters_at_us": uow.now_us,
    }


def _load(uow: UnitOfWork, connection_id: str) -> Any:
    row = uow.execute(select(_C).where(_C.c.id == connection_id)).first()
    if row is None:
        raise ErpConnectionNotFound(f"There is no ERP connection {connection_id!r}.")
    return row


def _emit(uow: UnitOfWork, what: str, connection_id: str, **payload: Any) -> None:
    uow.emit(
        f"exchange.{what}.v1",
        topics=[_TOPIC],
        subject=f"erp/{connection_id}",
        payload={"connection_id": connection_id, **payload},
    )
