"""Reads of the edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Select, select
from sqlmodel import Session

from mes.edge.errors import BridgeNotFound
from mes.edge.tables import Bridge, BridgeHealthRow, CommandRow, TagBindingRow
from mes.edge.types import BridgeReport, BridgeView, CommandState, CommandView, Signal, TagBinding
from standards.lineside.health_v1 import decode_health

_BRIDGE = Bridge.__table__  # type: ignore[attr-defined]
_BINDING = TagBindingRow.__table__  # type: ignore[attr-defined]
_HEALTH = BridgeHealthRow.__table__  # type: ignore[attr-defined]
_COMMAND = CommandRow.__table__  # type: ignore[attr-defined]


def get_bridge(session: Session, *, bridge_id: str) -> BridgeView:
    """One bridge; `bridge-not-found`."""
    row = session.execute(select(_BRIDGE).where(_BRIDGE.c.id == bridge_id)).first()
    if row is None:
        raise BridgeNotFound(f"There is no bridge {bridge_id!r} in this plant.")
    return BridgeView(row.pk, row.id, row.description, row.last_seen_at_us, row.silent_since_us, row.bindings_mark)


def list_bridges(session: Session) -> tuple[BridgeView, ...]:
    """All bridges, by id."""
    rows = session.execute(select(_BRIDGE).order_by(_BRIDGE.c.id))
    return tuple(
        BridgeView(r.pk, r.id, r.description, r.last_seen_at_us, r.silent_since_us, r.bindings_mark) for r in rows
    )


def list_bridge_reports(session: Session) -> tuple[BridgeReport, ...]:
    """All bridges with what each last said of itself, by id."""
    return tuple(_report(row) for row in session.execute(_reports().order_by(_BRIDGE.c.id)))


def get_bridge_report(session: Session, *, bridge_id: str) -> BridgeReport:
    """One bridge with what it last said of itself; `bridge-not-found`."""
    row = session.execute(_reports().where(_BRIDGE.c.id == bridge_id)).first()
    if row is None:
        raise BridgeNotFound(f"There is no bridge {bridge_id!r} in this plant.")
    return _report(row)


def _reports() -> Select[Any]:
    join = _BRIDGE.outerjoin(_HEALTH, _HEALTH.c.bridge_pk == _BRIDGE.c.pk)
    return select(_BRIDGE, _HEALTH.c.document, _HEALTH.c.received_at_us).select_from(join)


def _report(row: Any) -> BridgeReport:
    bridge = BridgeView(row.pk, row.id, row.description, row.last_seen_at_us, row.silent_since_us, row.bindings_mark)
    health = None if row.document is None else decode_health(row.document)
    return BridgeReport(bridge, health, row.received_at_us or 0)


def bindings_statement(bridge_pk: int) -> Select[tuple[object, ...]]:
    """All bindings of one bridge."""
    return select(_BINDING).where(_BINDING.c.bridge_pk == bridge_pk)


def binding_of(row: object) -> TagBinding:
    """A row of `bindings_statement` as a value."""
    values = dict(row._mapping)  # type: ignore[attr-defined]
    values.pop("bridge_pk")
    values["signal"] = Signal(values["signal"])
    return TagBinding(**values)


def list_bindings(session: Session, *, bridge_pk: int) -> tuple[TagBinding, ...]:
    """What the tags of a bridge mean."""
    return tuple(binding_of(row) for row in session.execute(bindings_statement(bridge_pk)))


def list_waiting_commands(session: Session, *, bridge_pk: int, now_us: int, limit: int = 50) -> tuple[CommandView, ...]:
    """Commands without a result that have not expired, oldest first."""
    statement = (
        select(_COMMAND)
        .where(
            _COMMAND.c.bridge_pk == bridge_pk,
            _COMMAND.c.state == CommandState.waiting,
            _COMMAND.c.expires_at_us > now_us,
        )
        .order_by(_COMMAND.c.pk)
        .limit(limit)
    )
    return tuple(_command(row) for row in session.execute(statement))


def get_commands(session: Session, *, command_ids: Sequence[str]) -> dict[str, CommandView]:
    """Some commands by id."""
    rows = session.execute(select(_COMMAND).where(_COMMAND.c.id.in_(command_ids)))
    return {row.id: _command(row) for row in rows}


def _command(row: object) -> CommandView:
    return CommandView(
        row.pk,  # type: ignore[attr-defined]
        row.id,  # type: ignore[attr-defined]
        row.kind,  # type: ignore[attr-defined]
        orjson.loads(row.payload),  # type: ignore[attr-defined]
        CommandState(row.state),  # type: ignore[attr-defined]
        row.created_at_us,  # type: ignore[attr-defined]
        row.expires_at_us,  # type: ignore[attr-defined]
        row.message,  # type: ignore[attr-defined]
    )
