"""Signing in with a PIN or a password, and setting one: read, hash aside, write.

Neither the event loop nor the writer waits for argon2. The check may race with others; `record_pin_attempt` counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from mes.access import rules
from mes.access.errors import BadgesNotUsed, BadgeUnacceptable, PermissionMissing, SignInFailed, SignInLocked
from mes.access.permissions import Permission, permissions_at
from mes.access.pins import NOBODYS_HASH, hash_password, hash_password_aside, hash_pin, hash_pin_aside, verify_pin_aside
from mes.access.queries import find_badge, find_pin
from mes.access.rules import is_badge, is_pin
from mes.access.second_factor import shown_code
from mes.access.service import record_badge_attempt, record_pin_attempt, sign_out, store_pin
from mes.access.tokens import SESSION_PREFIX, digest, is_device_value, new_device_value, new_session_value, plant_of
from mes.access.types import (
    NO_CODE,
    SESSION_POLICY,
    AttemptOutcome,
    BadgeUse,
    Device,
    Identity,
    PinRecord,
    SessionPolicy,
    SignedIn,
    SignInWay,
    Voucher,
)
from mes.kernel.db import Database
from mes.kernel.sqltypes import to_us
from mes.kernel.vault import Vault


def device_at(address: str, cookie: str = "") -> Device:
    """The device at a network address, with the value of its cookie if that may be one of ours."""
    return Device(hashlib.sha256(address.encode()).hexdigest(), cookie if is_device_value(cookie) else "")


async def sign_in_with_pin(
    database: Database,
    *,
    principal_id: str,
    pin: str,
    device: Device,
    work_unit_id: str | None = None,
    policy: SessionPolicy = SESSION_POLICY,
    by_badge: bool = False,
    code: str = "",
    vault: Vault | None = None,
) -> SignedIn:
    """Open a session for a person. `pin` may be the person's password; `device` is a `device_at`.

    `code` is of the person's authenticator app, or a recovery code; `vault` opens its secret.
    `by_badge`: their badge was scanned, too. A PIN without it is wrong where the plant wants both.
    The device is known from then on (`SignedIn.device`): others' wrong guesses elsewhere do not lock them out of it.

    `sign-in-failed` (401) for a wrong PIN, for nobody of that id and for somebody without a PIN alike: same
    answer, same work. `sign-in-locked` (429, `retry_after_s`) while the person or the device is locked out;
    `sign-in-busy` (503) when too many PINs are being checked.
    """
    token = new_session_value(database.plant_id)
    by = SignInWay.password
    if is_pin(pin):
        by = SignInWay.badge_and_pin if by_badge else SignInWay.pin
    device = replace(device, cookie=device.cookie or new_device_value())
    record, outcome = await _checked(
        database, principal_id, pin, device, work_unit_id, policy, digest(token), by, code, vault
    )
    signed_in = session_of(database, record, token, work_unit_id, policy)
    return replace(signed_in, must_set_up=outcome.must_set_up, device=device.cookie)


async def sign_in_with_badge(
    database: Database,
    vault: Vault,
    *,
    badge: str,
    pin: str = "",
    device: Device,
    work_unit_id: str,
    policy: SessionPolicy = SESSION_POLICY,
) -> SignedIn:
    """Open a session at a station for whoever's badge was scanned, with or without PIN as the plant says.

    `badges-not-used` (409), else as signing in with a PIN. By the badge alone the session is limited to `AT_STATIONS`.
    """
    hmacs = badge_hmacs(vault, database.plant_id, badge)
    who, locks, allowed = await database.read(find_badge, badge_hmacs=hmacs, device=device)
    if allowed.badge is BadgeUse.off:
        raise BadgesNotUsed()
    if allowed.badge is BadgeUse.with_pin:
        person = "" if who is None else who.principal_id
        return await sign_in_with_pin(
            database,
            principal_id=person,
            pin=pin,
            device=device,
            work_unit_id=work_unit_id,
            policy=policy,
            by_badge=True,
        )
    now_us = to_us(database.clock())
    _refuse_locked(locks.until_us, now_us)
    token = new_session_value(database.plant_id)
    outcome = await database.write(
        record_badge_attempt,
        actor=None if who is None else who.principal_pk,
        badge_hmacs=hmacs,
        session_sha256=digest(token),
        device=device,
        work_unit_id=work_unit_id,
        policy=policy,
    )
    if not outcome.signed_in or who is None:
        _refuse_locked(outcome.locked_until_us, now_us)
        raise SignInFailed()
    return session_of(database, who, token, work_unit_id, policy)


async def owner_of_badge(database: Database, vault: Vault, *, scan: str) -> tuple[Identity, BadgeUse] | None:
    """Whose badge a scan is and what it is good for; None where it is no badge, or badges are not used."""
    if not is_badge(scan):
        return None
    hmacs = badge_hmacs(vault, database.plant_id, scan)
    who, _, allowed = await database.read(find_badge, badge_hmacs=hmacs, device=Device(""))
    return None if who is None or allowed.badge is BadgeUse.off else (who, allowed.badge)


def badge_hmacs(vault: Vault, plant_id: str, badge: str) -> tuple[bytes, ...]:
    """What a badge is stored and found as: another in each plant, and by each key of the vault."""
    return vault.digests("badge", f"{plant_id} {badge}")


def new_badge_hmacs(vault: Vault, plant_id: str, badge: str) -> tuple[bytes, ...]:
    """`badge_hmacs` of one that is to be given, as a scanner reads it. `badge-unacceptable`."""
    if not is_badge(badge):
        raise BadgeUnacceptable()
    return badge_hmacs(vault, plant_id, badge)


async def vouch_with_pin(
    database: Database,
    *,
    principal_id: str,
    pin: str,
    device: Device,
    permission: Permission,
    work_unit_id: str | None = None,
    path: Collection[str] = (),
) -> Voucher:
    """Somebody who may says so with their PIN at a tablet where another is signed in. Opens no session.

    `path`: the place and all above it, where roles are given at places.

    Counted and locked as signing in is, with its refusals; then `permission-missing`.
    """
    record, _ = await _checked(
        database, principal_id, pin, device, work_unit_id, SESSION_POLICY, None, SignInWay.vouching
    )
    if permission not in permissions_at(record.role, record.placed, path):
        raise PermissionMissing(f"{permission} is needed; {principal_id} is {record.role}.")
    return Voucher(record.principal_pk, record.principal_id, record.display_name)


async def prove_again(
    database: Database, vault: Vault, *, principal_id: str, pin: str, code: str = "", device: Device
) -> None:
    """Somebody who is signed in proves once more who they are, with a code where they have a second factor.

    Counted and locked as signing in is, with its refusals.
    """
    await _checked(database, principal_id, pin, device, None, SESSION_POLICY, None, SignInWay.again, code, vault)


async def _checked(
    database: Database,
    principal_id: str,
    pin: str,
    device: Device,
    work_unit_id: str | None,
    policy: SessionPolicy,
    session_sha256: bytes | None,
    by: SignInWay,
    code: str = "",
    vault: Vault | None = None,
) -> tuple[PinRecord, AttemptOutcome]:
    """Read, hash aside, count."""
    record, locks = await database.read(find_pin, principal_id=principal_id, device=device)
    now_us = to_us(database.clock())
    _refuse_locked(locks.until_us, now_us)
    checked_hash = NOBODYS_HASH if record is None else record.pin_hash
    matches = await verify_pin_aside(checked_hash, pin)
    shown = NO_CODE
    if record is not None and vault is not None and code:
        shown = await shown_code(database, vault, principal_pk=record.principal_pk, code=code)
    outcome = await database.write(
        record_pin_attempt,
        actor=record.principal_pk if record is not None and matches else None,
        principal_id=principal_id,
        checked_hash=checked_hash,
        matches=matches,
        session_sha256=session_sha256,
        device=device,
        work_unit_id=work_unit_id,
        policy=policy,
        by=by,
        shown=shown,
    )
    if not outcome.signed_in or record is None:
        _refuse_locked(outcome.locked_until_us, now_us)
        raise SignInFailed()
    return record, outcome


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


def session_of(
    database: Database, record: Identity, token: str, work_unit_id: str | None, policy: SessionPolicy
) -> SignedIn:
    """What a browser is told of the session that was just opened for somebody."""
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
