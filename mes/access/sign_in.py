"""Signing in with a PIN or a password, and setting one: read, hash aside, write.

Neither the event loop nor the writer waits for argon2. The check may race with others; `record_pin_attempt` counts.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from mes.access import rules
from mes.access.errors import PermissionMissing, SignInFailed, SignInLocked
from mes.access.permissions import Permission, may
from mes.access.pins import NOBODYS_HASH, hash_password, hash_password_aside, hash_pin, hash_pin_aside, verify_pin_aside
from mes.access.queries import find_pin
from mes.access.service import record_pin_attempt, sign_out, store_pin
from mes.access.tokens import SESSION_PREFIX, digest, new_session_value, plant_of
from mes.access.types import SESSION_POLICY, PinRecord, SessionPolicy, SignedIn, Voucher
from mes.kernel.db import Database
from mes.kernel.sqltypes import to_us


def device_key(address: str) -> str:
    """How a device is named in the lock: a digest of its network address."""
    return hashlib.sha256(address.encode()).hexdigest()


async def sign_in_with_pin(
    database: Database,
    *,
    principal_id: str,
    pin: str,
    device: str,
    work_unit_id: str | None = None,
    policy: SessionPolicy = SESSION_POLICY,
) -> SignedIn:
    """Open a session for a person. `pin` may be the person's password; `device` is a `device_key`.

    `sign-in-failed` (401) for a wrong PIN, for nobody of that id and for somebody without a PIN alike: same
    answer, same work. `sign-in-locked` (429, `retry_after_s`) while the person or the device is locked out;
    `sign-in-busy` (503) when too many PINs are being checked.
    """
    token = new_session_value(database.plant_id)
    record = await _checked(database, principal_id, pin, device, work_unit_id, policy, digest(token))
    return _signed_in(database, record, token, work_unit_id, policy)


async def vouch_with_pin(
    database: Database,
    *,
    principal_id: str,
    pin: str,
    device: str,
    permission: Permission,
    work_unit_id: str | None = None,
) -> Voucher:
    """Somebody who may says so with their PIN at a tablet where another is signed in. Opens no session.

    Counted and locked as signing in is, with its refusals; then `permission-missing`.
    """
    record = await _checked(database, principal_id, pin, device, work_unit_id, SESSION_POLICY, None)
    if not may(record.role, permission):
        raise PermissionMissing(f"{permission} is needed; {principal_id} is {record.role}.")
    return Voucher(record.principal_pk, record.principal_id, record.display_name)


async def _checked(
    database: Database,
    principal_id: str,
    pin: str,
    device: str,
    work_unit_id: str | None,
    policy: SessionPolicy,
    session_sha256: bytes | None,
) -> PinRecord:
    """Read, hash aside, count."""
    record, person, place = await database.read(find_pin, principal_id=principal_id, device_key=device)
    now_us = to_us(database.clock())
    _refuse_locked(max(person.locked_until_us, place.locked_until_us), now_us)
    checked_hash = NOBODYS_HASH if record is None else record.pin_hash
    matches = await verify_pin_aside(checked_hash, pin)
    outcome = await database.write(
        record_pin_attempt,
        actor=record.principal_pk if record is not None and matches else None,
        principal_id=principal_id,
        checked_hash=checked_hash,
        matches=matches,
        session_sha256=session_sha256,
        device_key=device,
        work_unit_id=work_unit_id,
        policy=policy,
    )
    if not outcome.signed_in or record is None:
        _refuse_locked(outcome.locked_until_us, now_us)
        raise SignInFailed()
    return record


async def sign_out_session(database: Database, *, session_value: str, actor: int | None = None) -> None:
    """End the session of a cookie's value; a value that is none changes nothing."""
    if plant_of(session_value, SESSION_PREFIX) == database.plant_id:
        await database.write(sign_out, actor=actor, session_sha256=digest(session_value))


async def set_pin(database: Database, *, actor: int | None, principal_id: str, pin: str) -> None:
    """Give a person a PIN. `pin-unacceptable`, `pin-not-for-machines`, `principal-not-found`."""
    pin_hash = await hash_pin_aside(pin)
    await database.write(store_pin, actor=actor, principal_id=principal_id, pin_hash=pin_hash)


def set_pin_now(database: Database, *, actor: int | None, principal_id: str, pin: str) -> None:
    """`set_pin` for threads without an event loop (command line, seeding)."""
    database.write_now(store_pin, actor=actor, principal_id=principal_id, pin_hash=hash_pin(pin))


async def set_password(database: Database, *, actor: int | None, principal_id: str, password: str) -> None:
    """Give a person a password in the place of the PIN. `password-unacceptable`, else as `set_pin`."""
    password_hash = await hash_password_aside(password)
    await database.write(store_pin, actor=actor, principal_id=principal_id, pin_hash=password_hash)


def set_password_now(database: Database, *, actor: int | None, principal_id: str, password: str) -> None:
    """`set_password` for threads without an event loop (command line)."""
    database.write_now(store_pin, actor=actor, principal_id=principal_id, pin_hash=hash_password(password))


def _refuse_locked(locked_until_us: int, now_us: int) -> None:
    if now_us < locked_until_us:
        wait_s = -((now_us - locked_until_us) // rules.SECOND_US)
        raise SignInLocked(f"Try again in {wait_s} seconds.", retry_after_s=wait_s)


def _signed_in(
    database: Database, record: PinRecord, token: str, work_unit_id: str | None, policy: SessionPolicy
) -> SignedIn:
    return SignedIn(
        token=token,
        principal_pk=record.principal_pk,
        principal_id=record.principal_id,
        role=record.role,
        display_name=record.display_name,
        language=record.language,
        work_unit_id=work_unit_id,
        expires_at=database.clock() + timedelta(seconds=policy.lifetime_s),
    )
