"""Routings: every change of content is a new version; an order keeps the one it began with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlmodel import col, select

from mes.access.signatures.service import require_signature
from mes.access.types import SignedAct
from mes.definitions import queries, rules
from mes.definitions.effectivity_rules import effectivity_faults, supersedes
from mes.definitions.errors import (
    EffectivityInvalid,
    OperationsDefinitionExists,
    OperationsDefinitionInvalid,
    OperationsDefinitionNotFound,
    OperationsDefinitionVersionFixed,
)
from mes.definitions.queries import ResolvedDefinition
from mes.definitions.service.content import (
    References,
    content_faults,
    load_references,
    normalized,
    spec_of,
    store_content,
    tolerances_bp,
)
from mes.definitions.tables import OperationsDefinition
from mes.definitions.types import DefinitionSpec, DefinitionState, Effectivity
from mes.equipment.types import PutOutcome
from mes.kernel.errors import VersionConflict
from mes.kernel.sqltypes import from_us_or_none, to_us
from mes.kernel.uow import UnitOfWork


def create_definition(uow: UnitOfWork, *, spec: DefinitionSpec) -> None:
    """Add a definition with its first version. `operations-definition-exists`, `operations-definition-invalid`."""
    if queries.get_definition_versions(uow.session, [spec.definition_id]):
        raise OperationsDefinitionExists(f"There already is an operations definition {spec.definition_id!r}.")
    put_definitions(uow, specs=[spec])


def update_definition(uow: UnitOfWork, *, spec: DefinitionSpec, seen_label: str) -> None:
    """Make a new version after `seen_label`, the newest the caller saw.

    `operations-definition-not-found`, `version-conflict`, `operations-definition-version-fixed`,
    `operations-definition-invalid`.
    """
    newest = queries.get_definition(uow.session, definition_id=spec.definition_id)
    if newest.version_label != seen_label:
        raise VersionConflict(f"The newest version is {newest.version_label!r}, not {seen_label!r}.")
    put_definitions(uow, specs=[spec])


def set_definition_state(
    uow: UnitOfWork, *, definition_id: str, version_label: str, state: DefinitionState, version: int | None = None
) -> None:
    """Release a version or withdraw it. Orders under way go on.

    Released for good and from now on, it makes older versions Obsolete. `operations-definition-not-found`,
    `version-conflict`.
    """
    change_state(uow, load_row(uow, definition_id, version_label, version), state)


def set_definition_effectivity(
    uow: UnitOfWork, *, definition_id: str, version_label: str, effectivity: Effectivity, version: int
) -> None:
    """Say when new orders take a version, once it is released. Orders under way go on.

    `operations-definition-not-found`, `version-conflict`, `effectivity-invalid`.
    """
    if effectivity_faults(effectivity):
        raise EffectivityInvalid()
    change_effectivity(uow, load_row(uow, definition_id, version_label, version), effectivity)


def put_definitions(uow: UnitOfWork, *, specs: Sequence[DefinitionSpec]) -> dict[str, PutOutcome]:
    """Make sure there is a version that says what each spec says, in its state. Repeating it changes nothing.

    `operations-definition-invalid` with every fault; `operations-definition-version-fixed` where the version named
    says something else.
    """
    known = checked_references(uow, specs)
    versions = queries.get_definition_versions(uow.session, [s.definition_id for s in specs])
    return {s.definition_id: _put_one(uow, known, versions.get(s.definition_id, ()), s) for s in specs}


def checked_references(uow: UnitOfWork, specs: Sequence[DefinitionSpec]) -> References:
    """What the specs refer to. `operations-definition-invalid` with every fault of all of them."""
    known = load_references(uow, specs)
    faults = [fault for spec in specs for fault in content_faults(known, spec)]
    if faults:
        raise OperationsDefinitionInvalid(faults[0].message, errors=faults)
    return known


def _put_one(
    uow: UnitOfWork, known: References, versions: Sequence[ResolvedDefinition], spec: DefinitionSpec
) -> PutOutcome:
    wanted = normalized(known, spec)
    fitting = [v for v in versions if spec.version_label in (None, v.version_label)]
    if fitting and spec_of(fitting[-1]) == wanted:
        return _settle(uow, fitting[-1], spec)
    if fitting and spec.version_label is not None:
        raise OperationsDefinitionVersionFixed(f"{spec.definition_id!r} {spec.version_label!r} says something else.")
    label = spec.version_label or rules.next_label([v.version_label for v in versions])
    row = add_version(uow, known, replace(wanted, version_label=label))
    change_effectivity(uow, row, spec.effectivity)
    change_state(uow, row, spec.state)
    return PutOutcome.Updated if versions else PutOutcome.Created


def _settle(uow: UnitOfWork, stored: ResolvedDefinition, spec: DefinitionSpec) -> PutOutcome:
    """The content is as it should be: see to state and effectivity."""
    if (stored.state, stored.effectivity) == (spec.state, spec.effectivity):
        return PutOutcome.Unchanged
    row = load_row(uow, spec.definition_id, stored.version_label)
    change_effectivity(uow, row, spec.effectivity)
    change_state(uow, row, spec.state)
    return PutOutcome.Updated


def add_version(uow: UnitOfWork, known: References, spec: DefinitionSpec) -> OperationsDefinition:
    """Store a normalized spec as a draft of its own label."""
    under_bp, over_bp = tolerances_bp(spec)
    row = OperationsDefinition(
        id=spec.definition_id,
        version_label=spec.version_label or "",
        description=spec.description,
        material_pk=known.materials[spec.material_id].pk,
        state=DefinitionState.Draft.value,
        under_tolerance_bp=under_bp,
        over_tolerance_bp=over_bp,
    )
    uow.session.add(row)
    uow.flush()
    store_content(uow, known, row, spec)
    say_put(uow, row, spec.material_id)
    return row


def say_put(uow: UnitOfWork, row: OperationsDefinition, material_id: str) -> None:
    """The content of a version is new."""
    uow.emit(
        "definitions.operations-definition-put.v1",
        topics=[f"operations-definition/{row.id}"],
        subject=f"operations-definition/{row.id}",
        payload={"definition_id": row.id, "version_label": row.version_label, "material_id": material_id},
    )


def load_row(
    uow: UnitOfWork, definition_id: str, version_label: str, version: int | None = None
) -> OperationsDefinition:
    """One version, at `version` if one is given. `operations-definition-not-found`, `version-conflict`."""
    statement = select(OperationsDefinition).where(
        OperationsDefinition.id == definition_id, OperationsDefinition.version_label == version_label
    )
    row = uow.session.exec(statement).first()
    if row is None:
        raise OperationsDefinitionNotFound(f"There is no operations definition {definition_id!r} {version_label!r}.")
    if version is not None and row.version != version:
        raise VersionConflict(f"It is at version {row.version}, not {version}.")
    return row


def change_effectivity(uow: UnitOfWork, row: OperationsDefinition, effectivity: Effectivity) -> None:
    begin, end = (None if at is None else to_us(at) for at in (effectivity.from_at, effectivity.until_at))
    if (row.effective_from_us, row.effective_until_us) == (begin, end):
        return
    row.effective_from_us, row.effective_until_us = begin, end
    uow.flush()
    uow.emit(
        "definitions.operations-definition-effectivity-changed.v1",
        topics=[f"operations-definition/{row.id}"],
        subject=f"operations-definition/{row.id}",
        payload={
            "definition_id": row.id,
            "version_label": row.version_label,
            "effective_from_us": begin,
            "effective_until_us": end,
        },
    )


def change_state(uow: UnitOfWork, row: OperationsDefinition, state: DefinitionState) -> None:
    if row.state == state.value:
        return
    if state is DefinitionState.Released:
        what = {"definition_id": row.id, "version_label": row.version_label, "version": row.version}
        require_signature(uow, SignedAct.release_definition, subjects=[f"operations-definition/{row.id}"], what=what)
    row.state = state.value
    if state is DefinitionState.Released:
        row.released_at_us = uow.now_us if row.released_at_us is None else row.released_at_us
        _supersede_older(uow, row)
    uow.flush()
    uow.emit(
        "definitions.operations-definition-state-changed.v1",
        topics=[f"operations-definition/{row.id}"],
        subject=f"operations-definition/{row.id}",
        payload={"definition_id": row.id, "version_label": row.version_label, "state": state.value},
    )


def _supersede_older(uow: UnitOfWork, row: OperationsDefinition) -> None:
    effectivity = Effectivity(from_us_or_none(row.effective_from_us), from_us_or_none(row.effective_until_us))
    if not supersedes(effectivity, uow.now):
        return
    statement = select(OperationsDefinition).where(
        OperationsDefinition.id == row.id,
        OperationsDefinition.state == DefinitionState.Released.value,
        col(OperationsDefinition.pk) != row.pk,
    )
    for older in uow.session.exec(statement):
        older.state = DefinitionState.Obsolete.value
