"""A person's second factor: set up with a first code, used at desks, removed. Secrets come sealed, codes as digests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from sqlalchemy import CursorResult, delete, insert, update

from mes.access.codes import (
    enrolment_uri,
    matching_step,
    new_recovery_codes,
    new_secret,
    recovery_digest,
)
from mes.access.errors import CodeWrong, SecondFactorExists, SecondFactorNotFound
from mes.access.queries import find_second_factor
from mes.access.recent import RECENT
from mes.access.tables import RecoveryCode, SecondFactor, SignInSession
from mes.access.types import NO_CODE, CodeShown, FactorRecord
from mes.kernel.db import Database
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import UnitOfWork
from mes.kernel.vault import SealedElsewhere, Vault

_FACTOR: Final = SecondFactor.__table__  # type: ignore[attr-defined]
_RECOVERY: Final = RecoveryCode.__table__  # type: ignore[attr-defined]
_SESSION: Final = SignInSession.__table__  # type: ignore[attr-defined]
SECOND_US: Final = 1_000_000


def begin_second_factor(uow: UnitOfWork, *, principal_pk: int, sealed_secret: bytes) -> None:
    """Keep a secret until its first code comes; one that was begun before is replaced. `second-factor-exists`."""
    present = find_second_factor(uow.session, principal_pk=principal_pk)
    if present is not None and present.confirmed:
        raise SecondFactorExists()
    uow.execute(delete(_FACTOR).where(_FACTOR.c.principal_pk == principal_pk))
    uow.execute(insert(_FACTOR).values(principal_pk=principal_pk, sealed_secret=sealed_secret, last_step=0))


def confirm_second_factor(
    uow: UnitOfWork,
    *,
    principal_pk: int,
    principal_id: str,
    shown: CodeShown,
    recovery_sha256s: Sequence[bytes],
    session_sha256: bytes,
) -> None:
    """The first code came: from now on desks ask for one. This session gets what it lacked for want of it.

    `second-factor-not-found`, `second-factor-exists`, `code-wrong`.
    """
    present = _loaded(uow, principal_pk)
    if present.confirmed:
        raise SecondFactorExists()
    if shown.step is None or not use_code(uow, principal_pk=principal_pk, factor=present, shown=shown):
        raise CodeWrong()
    uow.execute(update(_FACTOR).where(_FACTOR.c.principal_pk == principal_pk).values(confirmed_at_us=uow.now_us))
    rows = [{"code_sha256": one, "principal_pk": principal_pk} for one in recovery_sha256s]
    uow.execute(insert(_RECOVERY), rows)
    lifted = (_SESSION.c.token_sha256 == session_sha256) & (_SESSION.c.scope == "")
    uow.execute(update(_SESSION).where(lifted).values(scope=None))
    RECENT.distrust(session_sha256)
    _emit(uow, "second-factor-set-up", principal_id)


def remove_second_factor(uow: UnitOfWork, *, principal_pk: int, principal_id: str) -> None:
    """Desks ask for no code of this person any more. `second-factor-not-found`."""
    _loaded(uow, principal_pk)
    uow.execute(delete(_FACTOR).where(_FACTOR.c.principal_pk == principal_pk))
    uow.execute(delete(_RECOVERY).where(_RECOVERY.c.principal_pk == principal_pk))
    _emit(uow, "second-factor-removed", principal_id)


def use_code(uow: UnitOfWork, *, principal_pk: int, factor: FactorRecord, shown: CodeShown) -> bool:
    """Whether what was typed counts, now that it is this one's turn; it counts once."""
    if shown.step is not None:
        if shown.step <= factor.last_step:
            return False
        uow.execute(update(_FACTOR).where(_FACTOR.c.principal_pk == principal_pk).values(last_step=shown.step))
        return True
    if shown.recovery_sha256 is None:
        return False
    mine = (_RECOVERY.c.code_sha256 == shown.recovery_sha256) & (_RECOVERY.c.principal_pk == principal_pk)
    return cast("CursorResult[Any]", uow.execute(delete(_RECOVERY).where(mine))).rowcount == 1


def _loaded(uow: UnitOfWork, principal_pk: int) -> FactorRecord:
    found = find_second_factor(uow.session, principal_pk=principal_pk)
    if found is None:
        raise SecondFactorNotFound()
    return found


def _emit(uow: UnitOfWork, what: str, principal_id: str) -> None:
    uow.emit(f"access.{what}.v1", topics=(), subject=principal_id, payload={"principal_id": principal_id})


# -- before the verb: secrets are opened and codes compared where nobody waits for it


async def shown_code(database: Database, vault: Vault, *, principal_pk: int, code: str) -> CodeShown:
    """What a typed code is, as far as it can be told outside the verb; nothing where it was sealed elsewhere."""
    factor = await database.read(find_second_factor, principal_pk=principal_pk)
    if factor is None:
        return NO_CODE
    try:
        secret = vault.open(factor.sealed_secret)
    except SealedElsewhere:
        return CodeShown(recovery_sha256=recovery_digest(code))
    now_s = to_us(database.clock()) // SECOND_US
    step = matching_step(secret, code, now_s=now_s, last_step=factor.last_step)
    return CodeShown(step, None if step is not None else recovery_digest(code))


async def begin_setting_up(database: Database, vault: Vault, *, principal_pk: int, principal_id: str) -> str:
    """A fresh secret, as the address an authenticator app reads."""
    secret = new_secret()
    await database.write(
        begin_second_factor, actor=principal_pk, principal_pk=principal_pk, sealed_secret=vault.seal(secret)
    )
    return enrolment_uri(secret, principal_id=principal_id, plant_id=database.plant_id)


async def finish_setting_up(
    database: Database, vault: Vault, *, principal_pk: int, principal_id: str, code: str, session_sha256: bytes
) -> tuple[str, ...]:
    """Confirm it with its first code. Answers the recovery codes, at the only moment they exist as text."""
    codes = new_recovery_codes()
    digests = [digest for one in codes if (digest := recovery_digest(one)) is not None]
    await database.write(
        confirm_second_factor,
        actor=principal_pk,
        principal_pk=principal_pk,
        principal_id=principal_id,
        shown=await shown_code(database, vault, principal_pk=principal_pk, code=code),
        recovery_sha256s=digests,
        session_sha256=session_sha256,
    )
    return codes
