"""Idempotency-Key: the first answer is stored with the work itself; a repeated request gets that answer again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import delete, insert, select

from mes.kernel.errors import IdempotencyKeyReused
from mes.kernel.tables import IdempotencyKey
from mes.kernel.uow import UnitOfWork, loaded_together

KEEP_US: Final = 30 * 24 * 3600 * 1_000_000
"""How long an answer is kept: 30 days."""

_TABLE: Final = IdempotencyKey.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    status: int
    body: bytes
    replayed: bool


def fingerprint(*parts: str | bytes) -> str:
    """What makes two requests the same: method, path and body, as SHA-256 hex."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def run_once(
    uow: UnitOfWork,
    /,
    *,
    key: str,
    request_fingerprint: str,
    verb: Callable[..., tuple[int, bytes]],
    **kwargs: Any,
) -> StoredAnswer:
    """Run `verb` unless this principal's key was answered before; the answer commits with the work.

    `idempotency-key-reused` if the key belongs to another request. A refused request stores nothing: it may be
    repeated under the same key.
    """
    principal = uow.actor or 0
    found = uow.execute(
        select(_TABLE.c.fingerprint, _TABLE.c.status, _TABLE.c.body).where(
            _TABLE.c.principal_pk == principal, _TABLE.c.key == key
        )
    ).first()
    if found is not None:
        if found.fingerprint != request_fingerprint:
            raise IdempotencyKeyReused(f"The key {key!r} was used for another request.")
        return StoredAnswer(found.status, bytes(found.body), replayed=True)
    status, body = verb(uow, **kwargs)
    uow.execute(
        insert(_TABLE).values(
            principal_pk=principal,
            key=key,
            fingerprint=request_fingerprint,
            status=status,
            body=body,
            created_at_us=uow.now_us,
        )
    )
    return StoredAnswer(status, body, replayed=False)


@cache
def once(verb: Callable[..., tuple[int, bytes]]) -> Callable[..., StoredAnswer]:
    """`run_once` of a verb, as a verb that is loaded together with its like as that one is."""

    def run(uow: UnitOfWork, /, **kwargs: Any) -> StoredAnswer:
        return run_once(uow, verb=verb, **kwargs)

    prefetch = getattr(verb, "prefetch", None)
    return run if prefetch is None else loaded_together(prefetch)(run)


def forget_old_answers(uow: UnitOfWork) -> None:
    """Drop answers older than `KEEP_US`."""
    uow.execute(delete(_TABLE).where(_TABLE.c.created_at_us < uow.now_us - KEEP_US))
