"""Reads of signatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import select
from sqlmodel import Session

from mes.access.signatures.types import ACT_SIGNED, Meaning, SignatureView
from mes.access.tables import Principal, Signature
from mes.kernel.outbox import list_subject_events
from mes.kernel.paging import LIMIT_DEFAULT, Page, decode_cursor, page_of
from mes.kernel.sqltypes import from_us

_SIGNATURE: Final = Signature.__table__  # type: ignore[attr-defined]
_PRINCIPAL: Final = Principal.__table__  # type: ignore[attr-defined]


def list_signatures(
    session: Session,
    *,
    subject: str | None = None,
    subjects: Sequence[str] | None = None,
    cursor: str | None = None,
    limit: int = LIMIT_DEFAULT,
) -> Page[SignatureView]:
    """Signatures that acts have used, newest first: all, or of one or some subjects (`job/…`, `material-lot/…`)."""
    wanted = subjects if subject is None else [subject]
    statement = (
        select(_SIGNATURE, _PRINCIPAL.c.id.label("principal_id"), _PRINCIPAL.c.display_name)
        .join_from(_SIGNATURE, _PRINCIPAL)
        .where(_SIGNATURE.c.used_at_us.is_not(None))
        .order_by(_SIGNATURE.c.pk.desc())
        .limit(limit + 1)
    )
    if wanted is not None:
        signed = list_subject_events(session, subjects=wanted, of_type=ACT_SIGNED)
        statement = statement.where(_SIGNATURE.c.pk.in_([event.payload["signature_id"] for event in signed]))
    if cursor is not None:
        statement = statement.where(_SIGNATURE.c.pk < decode_cursor(cursor, (int,))[0])
    rows = [
        SignatureView(
            signature_id=row.pk,
            principal_id=row.principal_id,
            display_name=row.display_name,
            act=row.act,
            act_sha256=row.act_sha256,
            meaning=Meaning(row.meaning),
            what=row.what,
            signed_at=from_us(row.signed_at_us),
            used_at=from_us(row.used_at_us),
        )
        for row in session.execute(statement)
    ]
    return page_of(rows, limit, lambda found: (found.signature_id,))
