"""Signing: PIN or password again, the code where there is a second factor, and what is meant by it (§11.200(a))."""

from __future__ import annotations

import secrets

from mes.access.sign_in import prove_again
from mes.access.signatures.service import record_signature
from mes.access.signatures.types import Meaning
from mes.access.tokens import digest
from mes.access.types import Device
from mes.kernel.db import Database
from mes.kernel.vault import Vault


async def sign_act(
    database: Database,
    vault: Vault,
    *,
    principal_pk: int,
    principal_id: str,
    pin: str,
    code: str,
    device: Device,
    act_sha256: str,
    meaning: Meaning,
) -> str:
    """A signature of one act by whoever proves who they are: presented with it within five minutes, it counts once.

    `sign-in-failed`, `sign-in-locked`: counted as signing in is.
    """
    await prove_again(database, vault, principal_id=principal_id, pin=pin, code=code, device=device)
    token = secrets.token_urlsafe(32)
    await database.write(
        record_signature, actor=principal_pk, token_sha256=digest(token), act_sha256=act_sha256, meaning=meaning
    )
    return token
