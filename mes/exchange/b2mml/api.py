"""The door for B2MML: one address, the transaction says what is meant."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Response

from mes.access.door import B2MML_PATH, Caller, caller
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.exchange.b2mml.errors import B2mmlInvalid, B2mmlRefused, B2mmlTooLarge, B2mmlUnreadable, XmlExpected
from mes.exchange.b2mml.incoming import passed_over
from mes.exchange.b2mml.outgoing import answer_of, show_of
from mes.exchange.b2mml.queries import show_document
from mes.exchange.b2mml.service import take_document
from mes.exchange.b2mml.types import Outcome
from mes.kernel.errors import FieldError, Refusal
from standards.isa95.b2mml import (
    Document,
    DocumentTooLarge,
    DocumentUnreadable,
    DocumentUnshaped,
    read_document,
    write_document,
)
from standards.isa95.b2mml.faults import DocumentFault

router = api_router("B2MML", prefix="")
Erp = Annotated[Caller, Depends(caller(Permission.exchange_documents))]
MEDIA_TYPES: Final = frozenset({"application/xml", "text/xml"})
_MEDIA_TYPE: Final = "application/xml"
_BYTES: Final = {"type": "string", "format": "binary"}
_XML: Final[dict[str, Any]] = {
    _MEDIA_TYPE: {"schema": _BYTES, "example": '<ConfirmBOD releaseID="7.01">…</ConfirmBOD>'}
}
_GET: Final[dict[str, Any]] = {
    _MEDIA_TYPE: {"schema": _BYTES, "example": '<GetEquipment releaseID="7.01">…</GetEquipment>'}
}
_REFUSALS: Final[dict[type[DocumentFault], type[Refusal]]] = {
    DocumentUnreadable: B2mmlUnreadable,
    DocumentTooLarge: B2mmlTooLarge,
    DocumentUnshaped: B2mmlInvalid,
}


@router.post(
    B2MML_PATH,
    response_class=Response,
    responses={
        200: {"content": _XML, "description": "Acknowledge, Respond, ConfirmBOD or Show."},
        404: {"content": _XML, "description": "A ConfirmBOD: nothing a Get names is known."},
        409: {"content": _XML, "description": "An answer whose criteria say why; nothing was written."},
        422: {"content": _XML, "description": "As 409, where an object itself is not valid."},
    },
    openapi_extra={
        **refuses(
            "lot-hold-stands",
            "b2mml-invalid b2mml-not-supported b2mml-refused b2mml-too-large b2mml-unreadable "
            "b2mml-value-unusable confirmation-not-here conversion-invalid equipment-class-not-found "
            "equipment-not-found equipment-place-invalid id-invalid job-with-machine last-administrator "
            "lot-hold-stands lot-on-hold machine-unreachable material-class-not-found material-lot-closed "
            "material-lot-fixed material-lot-in-use material-lot-not-found "
            "material-not-found material-unit-fixed not-found operations-definition-ambiguous "
            "operations-definition-invalid operations-definition-not-effective "
            "operations-definition-not-found operations-definition-version-fixed operations-request-differs "
            "operations-request-not-found operations-request-outdated operations-request-started order-over "
            "order-version-conflict person-exists person-not-found personnel-class-exists "
            "personnel-class-not-found personnel-class-unknown principal-exists principal-not-found "
            "qualification-invalid quantity-invalid quantity-out-of-range reason-missing role-kind-mismatch "
            "unit-not-convertible work-master-not-effective work-schedule-differs xml-expected",
        ),
        "requestBody": {"required": True, "content": _GET},
    },
)
async def exchange_b2mml_document(caller: Erp, request: Request) -> Response:
    """Take a document of B2MML 7.01 (or V0401) over, or answer what it asks.

    Process, Sync, Change and Cancel are taken whole or not at all; the same again changes nothing. Bytes that are no
    document are answered with a problem, a document with a document.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in MEDIA_TYPES:
        raise XmlExpected()
    document = await asyncio.to_thread(_read, await request.body())
    if document.verb.name == "Get":
        return await _show(caller, document)
    try:
        outcomes, status = await caller.write(take_document, document=document), 200
    except B2mmlRefused as refused:
        outcomes, status = refused.outcomes, _status_of(refused.outcomes)
    now, bod_id = caller.database.clock(), caller.correlation_id
    return Response(await asyncio.to_thread(_answer, document, outcomes, now, bod_id), status, media_type=_MEDIA_TYPE)


async def _show(caller: Caller, document: Document) -> Response:
    shown = await caller.read(show_document, document=document)
    status = 404 if shown.missing and not shown.objects else 200
    answer = show_of(document, shown, now=caller.database.clock(), bod_id=caller.correlation_id)
    return Response(write_document(answer), status, media_type=_MEDIA_TYPE)


def _answer(document: Document, outcomes: tuple[Outcome, ...], now: datetime, bod_id: str) -> bytes:
    remarks = (*document.remarks, *passed_over(document))
    return write_document(answer_of(document, outcomes, remarks, now=now, bod_id=bod_id))


def _read(body: bytes) -> Document:
    try:
        return read_document(body)
    except DocumentFault as fault:
        errors = [FieldError(f"line {found.line}", found.message, found.code) for found in fault.faults]
        raise _REFUSALS[type(fault)](errors[0].message, errors=errors) from fault


def _status_of(outcomes: tuple[Outcome, ...]) -> int:
    """409 where only what is recorded stands against it, else 422."""
    return 409 if all(outcome.status == 409 for outcome in outcomes if not outcome.accepted) else 422
