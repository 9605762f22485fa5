"""Pictures and drawings of work instructions, kept by their content."""

from __future__ import annotations

import hashlib

from mes.definitions import queries
from mes.definitions.document_rules import media_type_of
from mes.definitions.errors import InstructionDocumentInvalid, InstructionDocumentTooLarge
from mes.definitions.queries import DocumentView
from mes.definitions.tables import InstructionDocument
from mes.definitions.types import DOCUMENT_MAX_BYTES
from mes.kernel.uow import UnitOfWork


def put_document(uow: UnitOfWork, *, content: bytes) -> DocumentView:
    """Keep a document; the same content again is the same document.

    `instruction-document-too-large` beyond DOCUMENT_MAX_BYTES, `instruction-document-invalid` where the content is
    neither PNG, JPEG, WebP nor PDF, whatever it is called.
    """
    if len(content) > DOCUMENT_MAX_BYTES:
        raise InstructionDocumentTooLarge(f"It has {len(content)} bytes, {DOCUMENT_MAX_BYTES} are the most.")
    media_type = media_type_of(content)
    if media_type is None:
        raise InstructionDocumentInvalid("The content is neither PNG, JPEG, WebP nor PDF.")
    sha256 = hashlib.sha256(content).hexdigest()
    view = DocumentView(sha256, media_type, len(content))
    if not queries.get_documents(uow.session, [sha256]):
        _store(uow, view, content)
    return view


def _store(uow: UnitOfWork, view: DocumentView, content: bytes) -> None:
    uow.session.add(
        InstructionDocument(
            sha256=view.sha256,
            media_type=view.media_type.value,
            size=view.size,
            content=content,
            added_at_us=uow.now_us,
        )
    )
    uow.flush()
    uow.emit(
        "definitions.instruction-document-added.v1",
        topics=(),
        subject=f"instruction-document/{view.sha256}",
        payload={"sha256": view.sha256, "media_type": view.media_type.value, "size": view.size},
    )
