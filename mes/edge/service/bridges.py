"""Bridges and bindings, the command mailbox, silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import orjson
from sqlalchemy import insert, select, update
from uuid_utils import uuid7

from mes.edge.errors import BindingInvalid, BridgeNotFound, CommandFinished, CommandNotFound
from mes.edge.rules import SILENT_AFTER_US, binding_faults
from mes.edge.tables import Bridge, CommandRow, TagBindingRow
from mes.edge.types import BridgeView, CommandState, TagBindingSpec
from mes.equipment.queries import get_equipment_pks
from mes.equipment.service import record_unknown
from mes.kernel.errors import FieldError
from mes.kernel.uow import UnitOfWork
from standards.lineside.commands_v1 import CommandKind, CommandResult
from standards.lineside.health_v1 import BridgeHealth, encode, signature

_BRIDGE = Bridge.__table__  # type: ignore[attr-defined]
_BINDING = TagBindingRow.__table__  # type: ignore[attr-defined]
_COMMAND = CommandRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Changes:
    """What a load of master data did."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0


def put_bridge(uow: UnitOfWork, *, bridge_id: str, description: str = "") -> Changes:
    """Create a bridge or change its description."""
    row = uow.execute(select(_BRIDGE).where(_BRIDGE.c.id == bridge_id)).first()
    if row is None:
        uow.execute(insert(_BRIDGE).values(id=bridge_id, description=description))
        return Changes(created=1)
    if row.description == description:
        return Changes(unchanged=1)
    uow.execute(update(_BRIDGE).where(_BRIDGE.c.pk == row.pk).values(description=description))
    return Changes(updated=1)


def put_tag_bindings(uow: UnitOfWork, *, bridge_id: str, bindings: Sequence[TagBindingSpec]) -> Changes:
    """Create or change what tags mean; tags not named are left alone. `binding-invalid` with every fault."""
    bridge_pk = _bridge_pk(uow, bridge_id)
    wanted = _checked_rows(uow, bridge_pk, bindings)
    found = {row.tag: row for row in uow.execute(select(_BINDING).where(_BINDING.c.bridge_pk == bridge_pk))}
    new = [row for tag, row in wanted.items() if tag not in found]
    changed = [row for tag, row in wanted.items() if tag in found and _differs(found[tag], row)]
    if new:
        uow.execute(insert(_BINDING), new)
    for row in changed:
        uow.execute(update(_BINDING).where(_BINDING.c.pk == found[row["tag"]].pk).values(**row))
    if new or changed:
        uow.execute(update(_BRIDGE).where(_BRIDGE.c.pk == bridge_pk).values(bindings_mark=str(uuid7())))
    return Changes(len(new), len(changed), len(wanted) - len(new) - len(changed))


def _checked_rows(uow: UnitOfWork, bridge_pk: int, bindings: Sequence[TagBindingSpec]) -> dict[str, dict[str, Any]]:
    ids = {spec.equipment_id for spec in bindings} | {s.counting_point_of for s in bindings if s.counting_point_of}
    pks = get_equipment_pks(uow.session, ids=tuple(ids))
    faults = [FieldError(spec.tag, fault, "binding-invalid") for spec in bindings for fault in binding_faults(spec)]
    faults += [FieldError("equipment", f"no equipment {id!r}", "equipment-not-found") for id in sorted(ids - set(pks))]
    if faults:
        raise BindingInvalid(f"{len(faults)} faults in the bindings", errors=faults)
    return {spec.tag: _row(spec, bridge_pk, pks) for spec in bindings}


def _row(spec: TagBindingSpec, bridge_pk: int, pks: Mapping[str, int]) -> dict[str, Any]:
    return {
        "bridge_pk": bridge_pk,
        "tag": spec.tag,
        "signal": str(spec.signal),
        "equipment_pk": pks[spec.equipment_id],
        "counts": spec.counts,
        "reason_id": spec.reason_id,
        "units_per_count_e6": spec.units_per_count_e6,
        "modulus": spec.modulus,
        "counting_point_of_pk": pks.get(spec.counting_point_of),
        "max_per_s": spec.max_per_s,
        "retentive": spec.retentive,
        "state_map": spec.state_map,
        "what": spec.what,
        "unit": spec.unit,
        "slot_id": spec.slot_id,
    }


def _differs(found: Any, wanted: Mapping[str, Any]) -> bool:
    return any(getattr(found, column) != value for column, value in wanted.items())


def _bridge_pk(uow: UnitOfWork, bridge_id: str) -> int:
    pk = uow.execute(select(_BRIDGE.c.pk).where(_BRIDGE.c.id == bridge_id)).scalar()
    if pk is None:
        raise BridgeNotFound(f"There is no bridge {bridge_id!r} in this plant.")
    return int(pk)


def put_command(
    uow: UnitOfWork, *, bridge_pk: int, kind: CommandKind, payload: Mapping[str, Any], expires_at_us: int
) -> str:
    """Put a command in a bridge's mailbox; answers its id. It is never executed after it expired."""
    command_id = str(uuid7())
    uow.execute(
        insert(_COMMAND).values(
            id=command_id,
            bridge_pk=bridge_pk,
            kind=str(kind),
            payload=orjson.dumps(payload).decode(),
            state=CommandState.waiting,
            asked_by_pk=uow.actor,
            created_at_us=uow.now_us,
            expires_at_us=expires_at_us,
            code="",
            message="",
            result="",
        )
    )
    bridge_id = uow.execute(select(_BRIDGE.c.id).where(_BRIDGE.c.pk == bridge_pk)).scalar_one()
    uow.emit(
        "edge.command-put.v1",
        topics=[f"bridge/{bridge_id}"],
        subject=f"command/{command_id}",
        payload={"kind": kind, "payload": dict(payload), "expires_at_us": expires_at_us},
    )
    return command_id


def finish_command(uow: UnitOfWork, *, bridge_pk: int, command_id: str, result: CommandResult) -> bool:
    """Keep a command's result. True the first time, False for the same again; another result is `command-finished`."""
    row = uow.execute(
        select(_COMMAND.c.pk, _COMMAND.c.state, _BRIDGE.c.id.label("bridge_id"))
        .join(_BRIDGE, _BRIDGE.c.pk == _COMMAND.c.bridge_pk)
        .where(_COMMAND.c.id == command_id, _COMMAND.c.bridge_pk == bridge_pk)
    ).first()
    if row is None:
        raise CommandNotFound(f"No command {command_id!r} for this bridge.")
    document = orjson.dumps(result.document).decode()
    if row.state != CommandState.waiting:
        if row.state == result.outcome:
            return False
        raise CommandFinished(f"The command is {row.state}; {result.outcome} came too late.")
    uow.execute(
        update(_COMMAND)
        .where(_COMMAND.c.pk == row.pk)
        .values(
            state=str(result.outcome),
            finished_at_us=uow.now_us,
            code=result.code[:100],
            message=result.message[:2_000],
            result=document,
        )
    )
    uow.emit(
        "edge.command-finished.v1",
        topics=[f"bridge/{row.bridge_id}"],
        subject=f"command/{command_id}",
        payload={"outcome": result.outcome, "code": result.code, "message": result.message},
    )
    return True


def mark_seen(uow: UnitOfWork, *, bridge: BridgeView, caught_up: bool) -> bool:
    """The bridge has spoken. Silence ends only when it has told everything (`caught_up`): True if it ends now."""
    if bridge.silent_since_us is None or not caught_up:
        uow.driver_write("UPDATE bridge SET last_seen_at_us = ? WHERE pk = ?", (uow.now_us, bridge.pk))
        return False
    uow.driver_write(
        "UPDATE bridge SET last_seen_at_us = ?, silent_since_us = NULL WHERE pk = ?", (uow.now_us, bridge.pk)
    )
    uow.emit(
        "edge.bridge-heard.v1", topics=[f"bridge/{bridge.id}", "bridges"], subject=f"bridge/{bridge.id}", payload={}
    )
    return True


_SAY: Final = (
    "INSERT INTO bridge_health (bridge_pk, document, signature, received_at_us) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (bridge_pk) DO UPDATE SET document = excluded.document, signature = excluded.signature, "
    "received_at_us = excluded.received_at_us"
)


def record_bridge_health(uow: UnitOfWork, *, bridge_id: str, health: BridgeHealth) -> int:
    """Keep what a bridge says of itself in place of what it said before. Answers our clock, microseconds.

    It does not count as having heard of the bridge: one that reports but hands in nothing leaves its machines unknown.
    There is an event only where somebody must be told at once, not for every report.
    """
    bridge_pk = _bridge_pk(uow, bridge_id)
    mark = sha256(orjson.dumps(signature(health))).hexdigest()
    known = uow.driver_query("SELECT signature FROM bridge_health WHERE bridge_pk = ?", (bridge_pk,))
    uow.driver_execute(_SAY, (bridge_pk, encode(health).decode(), mark, uow.now_us))
    if not known or known[0][0] != mark:
        uow.emit(
            "edge.bridge-health-changed.v1",
            topics=[f"bridge/{bridge_id}", "bridges"],
            subject=f"bridge/{bridge_id}",
            payload={"endpoints": {e.name: e.state for e in health.endpoints}},
        )
    return uow.now_us


FALLS_SILENT: Final = f"SELECT 1 FROM bridge WHERE silent_since_us IS NULL AND last_seen_at_us < ? - {SILENT_AFTER_US}"  # noqa: S608
"""Whether `note_silent_bridges` has something to do now."""


def note_silent_bridges(uow: UnitOfWork) -> None:
    """Bridges nobody heard of: their equipment is unknown from the last word on (called by the ticker)."""
    due = uow.execute(
        select(_BRIDGE.c.pk, _BRIDGE.c.id, _BRIDGE.c.last_seen_at_us).where(
            _BRIDGE.c.silent_since_us.is_(None), _BRIDGE.c.last_seen_at_us < uow.now_us - SILENT_AFTER_US
        )
    ).all()
    for bridge in due:
        since = bridge.last_seen_at_us
        uow.execute(update(_BRIDGE).where(_BRIDGE.c.pk == bridge.pk).values(silent_since_us=since))
        pks = uow.execute(select(_BINDING.c.equipment_pk).where(_BINDING.c.bridge_pk == bridge.pk).distinct())
        record_unknown(uow, equipment_pks=tuple(pks.scalars()), at_us=since, reason="bridge-silent")
        uow.emit(
            "edge.bridge-silent.v1",
            topics=[f"bridge/{bridge.id}", "bridges", "board"],
            subject=f"bridge/{bridge.id}",
            payload={"since_us": since},
        )
