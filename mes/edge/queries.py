"""Reads of the edge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

import msgspec
import orjson
from sqlalchemy import Select, select
from sqlmodel import Session

from mes.access.tables import Principal
from mes.edge.errors import BridgeNotFound, CertificateUnknown, SetupNotFound
from mes.edge.rules import open_decisions
from mes.edge.setup_rules import is_doubtful, suggestions
from mes.edge.tables import (
    Bridge,
    BridgeHealthRow,
    CommandRow,
    MachineSetupRow,
    MachineSetupStepRow,
    MachineTemplateRow,
    TagBindingRow,
)
from mes.edge.types import (
    BridgeReport,
    BridgeView,
    CertificateView,
    CommandState,
    CommandView,
    SetupContent,
    SetupState,
    SetupStep,
    SetupView,
    Signal,
    StepView,
    TagBinding,
    TemplateView,
    TreeLevel,
)
from mes.equipment.tables import Equipment
from standards.lineside.commands_v1 import CommandKind, NodeList, Proposals, SeenList, read_document
from standards.lineside.health_v1 import decode_health

_BRIDGE = Bridge.__table__  # type: ignore[attr-defined]
_BINDING = TagBindingRow.__table__  # type: ignore[attr-defined]
_HEALTH = BridgeHealthRow.__table__  # type: ignore[attr-defined]
_COMMAND = CommandRow.__table__  # type: ignore[attr-defined]
_PRINCIPAL = Principal.__table__  # type: ignore[attr-defined]
_SETUP = MachineSetupRow.__table__  # type: ignore[attr-defined]
_STEP = MachineSetupStepRow.__table__  # type: ignore[attr-defined]
_TEMPLATE = MachineTemplateRow.__table__  # type: ignore[attr-defined]
_EQUIPMENT = Equipment.__table__  # type: ignore[attr-defined]
_Document = TypeVar("_Document")
TEMPLATES_MAX: Final = 200
TRUST_COMMANDS_MAX: Final = 200
"""Decisions looked at; older ones are in the outbox."""


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
    """Commands without a result that have not expired, those of jobs first, then by age: looks never hold up a job."""
    statement = (
        select(_COMMAND)
        .where(
            _COMMAND.c.bridge_pk == bridge_pk,
            _COMMAND.c.state == CommandState.waiting,
            _COMMAND.c.expires_at_us > now_us,
        )
        .order_by(_COMMAND.c.kind != CommandKind.job, _COMMAND.c.pk)
        .limit(limit)
    )
    return tuple(_command(row) for row in session.execute(statement))


def get_commands(session: Session, *, command_ids: Sequence[str]) -> dict[str, CommandView]:
    """Some commands by id."""
    rows = session.execute(select(_COMMAND).where(_COMMAND.c.id.in_(command_ids)))
    return {row.id: _command(row) for row in rows}


def list_certificates(session: Session, *, bridge_id: str, now_us: int) -> tuple[CertificateView, ...]:
    """What a bridge told of machines' certificates, those that wait for a decision first, with what was decided about
    each; `bridge-not-found`."""
    report = get_bridge_report(session, bridge_id=bridge_id)
    decided: defaultdict[str, list[CommandView]] = defaultdict(list)
    for command in list_trust_commands(session, bridge_pk=report.bridge.pk):
        decided[str(command.payload.get("thumbprint", ""))].append(command)
    return tuple(
        CertificateView(
            note, open_decisions(note.state, decided[note.thumbprint], now_us), tuple(decided[note.thumbprint])
        )
        for note in report.certificates
    )


def get_certificate(session: Session, *, bridge_id: str, thumbprint: str, now_us: int) -> CertificateView:
    """One of them; `certificate-unknown`, `bridge-not-found`."""
    for found in list_certificates(session, bridge_id=bridge_id, now_us=now_us):
        if found.note.thumbprint == thumbprint:
            return found
    raise CertificateUnknown(f"{bridge_id} has told of no certificate {thumbprint[:80]!r}.")


def list_trust_commands(session: Session, *, bridge_pk: int) -> tuple[CommandView, ...]:
    """What was last decided about certificates of machines, the newest first, with who decided."""
    statement = (
        select(_COMMAND, _PRINCIPAL.c.display_name.label("asked_by"))
        .outerjoin(_PRINCIPAL, _PRINCIPAL.c.pk == _COMMAND.c.asked_by_pk)
        .where(_COMMAND.c.bridge_pk == bridge_pk, _COMMAND.c.kind == CommandKind.trust)
        .order_by(_COMMAND.c.pk.desc())
        .limit(TRUST_COMMANDS_MAX)
    )
    return tuple(_command(row, row.asked_by or "") for row in session.execute(statement))


def _command(row: Any, asked_by: str = "") -> CommandView:
    return CommandView(
        row.pk,
        row.id,
        row.kind,
        orjson.loads(row.payload),
        CommandState(row.state),
        row.created_at_us,
        row.expires_at_us,
        row.message,
        row.code,
        row.finished_at_us,
        asked_by,
    )


# ------------------------------------------------------------- machines being set up


def get_setup(session: Session, *, setup_id: str, now_us: int) -> SetupView:
    """A machine that is set up, with the last of each step; `machine-setup-not-found`."""
    row = session.execute(_setups().where(_SETUP.c.id == setup_id)).first()
    if row is None:
        raise SetupNotFound(f"No machine is being set up as {setup_id[:80]!r}.")
    rows = session.execute(_steps(row.pk).where(_STEP.c.what != SetupStep.browse))
    steps = {SetupStep(step.what): _step(step, now_us) for step in rows}
    proposals = _document(steps.get(SetupStep.propose), Proposals)
    watched = _document(steps.get(SetupStep.watch), SeenList)
    first = {} if proposals is None else {tag.at.key: tag.seen for tag in proposals.tags if tag.seen is not None}
    seen = first if watched is None else first | {one.key: one for one in watched.seen}
    found = replace(_setup(row), steps=steps, proposals=proposals, seen=seen)
    doubtful = frozenset(c.key for c in found.choices if is_doubtful(c.slot, seen.get(c.key)))
    return replace(found, doubtful=doubtful, suggested=suggestions(proposals))


def list_setups(session: Session, *, limit: int = 20) -> tuple[SetupView, ...]:
    """Machines set up last, the newest first, without their steps."""
    return tuple(_setup(row) for row in session.execute(_setups().order_by(_SETUP.c.pk.desc()).limit(limit)))


def get_tree_level(session: Session, *, setup_id: str, root: str, now_us: int) -> TreeLevel:
    """What is right below a node, as the bridge told it last; `machine-setup-not-found`."""
    pk = session.execute(select(_SETUP.c.pk).where(_SETUP.c.id == setup_id)).scalar()
    if pk is None:
        raise SetupNotFound(f"No machine is being set up as {setup_id[:80]!r}.")
    if "\x00" in root:
        return TreeLevel(root, None, None)
    found = session.execute(_steps(pk).where(_STEP.c.what == SetupStep.browse, _STEP.c.node == root)).first()
    step = None if found is None else _step(found, now_us)
    return TreeLevel(root, step, _document(step, NodeList))


def list_templates(session: Session) -> tuple[TemplateView, ...]:
    """Templates of like machines, by id."""
    rows = session.execute(select(_TEMPLATE).order_by(_TEMPLATE.c.id).limit(TEMPLATES_MAX))
    return tuple(TemplateView(row.id, len(orjson.loads(row.choices)), row.saved_at_us) for row in rows)


def _setups() -> Select[Any]:
    join = (
        _SETUP.join(_BRIDGE, _BRIDGE.c.pk == _SETUP.c.bridge_pk)
        .join(_EQUIPMENT, _EQUIPMENT.c.pk == _SETUP.c.equipment_pk)
        .outerjoin(_PRINCIPAL, _PRINCIPAL.c.pk == _SETUP.c.begun_by_pk)
    )
    bridge = (_BRIDGE.c[name].label(f"of_bridge_{name}") for name in _BRIDGE.c.keys())  # noqa: SIM118 (a collection)
    names = (_EQUIPMENT.c.id.label("equipment_id"), _PRINCIPAL.c.display_name.label("begun_by"))
    return select(_SETUP, *bridge, *names).select_from(join)


def _setup(row: Any) -> SetupView:
    bridge = BridgeView(
        row.of_bridge_pk,
        row.of_bridge_id,
        row.of_bridge_description,
        row.of_bridge_last_seen_at_us,
        row.of_bridge_silent_since_us,
        row.of_bridge_bindings_mark,
    )
    content = msgspec.json.decode(row.content, type=SetupContent)
    return SetupView(
        row.id,
        bridge,
        row.equipment_id,
        row.name,
        row.url,
        SetupState(row.state),
        tuple(content.choices),
        row.version,
        row.begun_by or "",
        row.begun_at_us,
        row.changed_at_us,
        {},
    )


def _steps(setup_pk: int) -> Select[Any]:
    join = _STEP.join(_COMMAND, _COMMAND.c.pk == _STEP.c.command_pk)
    return select(_COMMAND, _STEP.c.what, _STEP.c.node).select_from(join).where(_STEP.c.setup_pk == setup_pk)


def _step(row: Any, now_us: int) -> StepView:
    command = _command(row)
    return StepView(
        SetupStep(row.what),
        row.node,
        command.standing(now_us),
        command.code,
        command.message,
        command.created_at_us,
        command.expires_at_us,
        command.finished_at_us,
        orjson.loads(row.result) if row.result else None,
    )


def _document(step: StepView | None, kind: type[_Document]) -> _Document | None:
    """What the bridge answered; None where it did not, or in words of another version."""
    if step is None or step.standing is not CommandState.done or not step.document:
        return None
    try:
        return read_document(step.document, kind)
    except msgspec.ValidationError:
        return None
