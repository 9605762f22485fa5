"""A new version is drawn up as a draft, step by step. What was ever released is never rewritten."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from sqlalchemy.orm.attributes import flag_modified

from mes.definitions import queries, rules
from mes.definitions.errors import OperationsDefinitionVersionFixed, SegmentNotFound
from mes.definitions.service.content import clear_content, normalized, spec_of, store_content, tolerances_bp
from mes.definitions.service.documents import put_document
from mes.definitions.service.operations_definitions import add_version, checked_references, load_row, say_put
from mes.definitions.tables import OperationsDefinition
from mes.definitions.types import DefinitionSpec, InstructionSpec, SegmentSpec
from mes.kernel.uow import UnitOfWork


def begin_draft(uow: UnitOfWork, *, definition_id: str, from_label: str) -> str:
    """A new version that says what another one says, as a draft. Answers its label, the next number.

    `operations-definition-not-found`.
    """
    source = queries.get_definition(uow.session, definition_id=definition_id, version_label=from_label)
    versions = queries.get_definition_versions(uow.session, [definition_id])[definition_id]
    label = rules.next_label([v.version_label for v in versions])
    spec = replace(spec_of(source), version_label=label)
    add_version(uow, checked_references(uow, [spec]), spec)
    return label


def replace_draft(uow: UnitOfWork, *, spec: DefinitionSpec, version_label: str, version: int) -> None:
    """Let a draft say something else.

    `operations-definition-not-found`, `version-conflict`, `operations-definition-version-fixed` once it was released,
    `operations-definition-invalid`.
    """
    row = _load_draft(uow, spec.definition_id, version_label, version)
    known = checked_references(uow, [spec])
    wanted = normalized(known, spec)
    clear_content(uow, row)
    row.description, row.material_pk = spec.description, known.materials[spec.material_id].pk
    row.under_tolerance_bp, row.over_tolerance_bp = tolerances_bp(spec)
    flag_modified(row, "id")  # the version counts every change of the document, not only of its own row
    uow.flush()
    store_content(uow, known, row, wanted)
    say_put(uow, row, spec.material_id)


def set_draft_tolerances(
    uow: UnitOfWork,
    *,
    definition_id: str,
    version_label: str,
    version: int,
    under_percent: Decimal | None,
    over_percent: Decimal | None,
) -> None:
    """Say what orders may deliver less or more than asked where they say nothing themselves; None: nothing is said.
    As `replace_draft`."""
    spec = _draft_spec(uow, definition_id, version_label)
    wanted = replace(spec, under_percent=under_percent, over_percent=over_percent)
    replace_draft(uow, spec=wanted, version_label=version_label, version=version)


def put_draft_segment(
    uow: UnitOfWork, *, definition_id: str, version_label: str, version: int, segment: SegmentSpec
) -> None:
    """Add a step at the end of a draft, or change the one of this id. As `replace_draft`."""
    spec = _draft_spec(uow, definition_id, version_label)
    known = {s.segment_id for s in spec.segments}
    kept = tuple(segment if s.segment_id == segment.segment_id else s for s in spec.segments)
    segments = kept if segment.segment_id in known else (*kept, segment)
    replace_draft(uow, spec=replace(spec, segments=segments), version_label=version_label, version=version)


def drop_draft_segment(
    uow: UnitOfWork, *, definition_id: str, version_label: str, version: int, segment_id: str
) -> None:
    """Take a step out of a draft; what waited for it waits for what it waited for.

    `operations-segment-not-found`, and as `replace_draft` (the last step stays).
    """
    spec = _draft_spec(uow, definition_id, version_label)
    dropped = _draft_segment(uow, definition_id, version_label, segment_id)
    segments = rules.without_segment(spec.segments, dropped)
    replace_draft(uow, spec=replace(spec, segments=segments), version_label=version_label, version=version)


def add_draft_instruction(
    uow: UnitOfWork,
    *,
    definition_id: str,
    version_label: str,
    version: int,
    segment_id: str,
    title: str,
    text: str = "",
    content: bytes = b"",
) -> None:
    """Add a step to a work instruction, with a document where there is content. As `put_document`, `replace_draft`."""
    segment = _draft_segment(uow, definition_id, version_label, segment_id)
    step = InstructionSpec(title, text, put_document(uow, content=content).sha256 if content else "")
    changed = replace(segment, instructions=(*segment.instructions, step))
    asked = {"definition_id": definition_id, "version_label": version_label}
    put_draft_segment(uow, **asked, version=version, segment=changed)


def drop_draft_instruction(
    uow: UnitOfWork, *, definition_id: str, version_label: str, version: int, segment_id: str, sequence: int
) -> None:
    """Take a step out of a work instruction; one that is not there changes nothing of it. As `replace_draft`."""
    segment = _draft_segment(uow, definition_id, version_label, segment_id)
    kept = tuple(step for n, step in enumerate(segment.instructions, start=1) if n != sequence)
    asked = {"definition_id": definition_id, "version_label": version_label}
    put_draft_segment(uow, **asked, version=version, segment=replace(segment, instructions=kept))


def _draft_segment(uow: UnitOfWork, definition_id: str, version_label: str, segment_id: str) -> SegmentSpec:
    spec = _draft_spec(uow, definition_id, version_label)
    found = next((s for s in spec.segments if s.segment_id == segment_id), None)
    if found is None:
        raise SegmentNotFound(f"There is no step {segment_id!r}.")
    return found


def _draft_spec(uow: UnitOfWork, definition_id: str, version_label: str) -> DefinitionSpec:
    return spec_of(queries.get_definition(uow.session, definition_id=definition_id, version_label=version_label))


def _load_draft(uow: UnitOfWork, definition_id: str, version_label: str, version: int) -> OperationsDefinition:
    row = load_row(uow, definition_id, version_label, version)
    if row.released_at_us is not None:
        raise OperationsDefinitionVersionFixed(f"{definition_id!r} {version_label!r} was released; it stays as it is.")
    return row
