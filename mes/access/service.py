"""Verbs of access. Every one but the coarse `touch_` leaves an event: who may do what is part of the audit trail."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import CursorResult, Update, delete, insert, select, update
from sqlmodel import col

from mes.access import rules
from mes.access.errors import (
    BadgeNotFound,
    BadgeTaken,
    IdInvalid,
    LastAdministrator,
    PinNotForMachines,
    PlacedRolesInvalid,
    PrincipalDisabled,
    PrincipalExists,
    PrincipalNotFound,
    RoleKindMismatch,
    SessionNotFound,
    TokenExpiryInvalid,
    TokenNotFound,
    TokenScopeInvalid,
)
from mes.access.permissions import (
    AT_STATIONS,
    PLACEABLE,
    PLACED_MAX,
    ROLE_PERMISSIONS,
    Permission,
    placed_text,
    scope_of,
    session_limits,
)
from mes.access.queries import (
    POLICY_ID,
    count_administrators,
    find_badge,
    find_pin,
    find_second_factor,
    find_session,
    get_access_policy,
    needs_badge,
)
from mes.access.recent import RECENT
from mes.access.second_factor import use_code
from mes.access.tables import (
    AccessPolicyRow,
    ApiToken,
    Badge,
    DeviceLock,
    KnownDevice,
    PinCredential,
    Principal,
    SignInSession,
)
from mes.access.tokens import digest, new_token
from mes.access.types import (
    DEVICE_LOCK,
    KNOWN_DEVICES_MAX,
    NO_CODE,
    PERSON_LOCK,
    ROLE_KIND,
    SESSION_POLICY,
    AccessPolicy,
    AttemptOutcome,
    BadgeUse,
    CodeShown,
    Device,
    Locks,
    LockState,
    NewToken,
    PinRecord,
    PlacedRole,
    PrincipalKind,
    Role,
    SessionPolicy,
    SignInWay,
)
from mes.kernel.errors import VersionConflict
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import UnitOfWork

_TOKEN: Final = ApiToken.__table__  # type: ignore[attr-defined]
_SESSION: Final = SignInSession.__table__  # type: ignore[attr-defined]
_PIN: Final = PinCredential.__table__  # type: ignore[attr-defined]
_BADGE: Final = Badge.__table__  # type: ignore[attr-defined]
_DEVICE: Final = DeviceLock.__table__  # type: ignore[attr-defined]
_KNOWN: Final = KnownDevice.__table__  # type: ignore[attr-defined]
_NO_FAILURES: Final = {"failed_count": 0, "failed_at_us": 0, "locked_until_us": 0}
_DEVICE_LOCK_KEEP_US: Final = 24 * 3_600 * rules.SECOND_US


def create_principal(uow: UnitOfWork, *, principal_id: str, role: Role, display_name: str, language: str = "en") -> int:
    """A new principal; its kind follows from its role. Answers its `pk`. `id-invalid`, `principal-exists`."""
    if not rules.is_valid_id(principal_id):
        raise IdInvalid(f"{principal_id!r} cannot be used as an id.")
    if _find(uow, principal_id) is not None:
        raise PrincipalExists(f"There is already a principal {principal_id}.")
    principal = Principal(
        id=principal_id,
        kind=ROLE_KIND[role].value,
        role=role.value,
        display_name=display_name,
        language=language,
    )
    uow.session.add(principal)
    uow.flush()
    _emit(uow, "principal-created", principal_id, role=role.value)
    return _pk(principal)


def rename_principal(uow: UnitOfWork, *, principal_id: str, display_name: str, language: str) -> None:
    """Change how a principal is called and in which language it is spoken to. Permissions stay as they are."""
    principal = _load(uow, principal_id)
    if (principal.display_name, principal.language) == (display_name, language):
        return
    principal.display_name, principal.language = display_name, language
    RECENT.distrust()
    _emit(uow, "principal-renamed", principal_id)


def set_role(uow: UnitOfWork, *, principal_id: str, role: Role, version: int | None = None) -> None:
    """Give a principal another role of its kind and sign it out everywhere.

    `version-conflict`, `role-kind-mismatch`, `last-administrator`.
    """
    principal = _load(uow, principal_id, version)
    if principal.kind != ROLE_KIND[role].value:
        raise RoleKindMismatch(f"{principal_id} is a {principal.kind}; {role} is not a role for it.")
    if principal.role == role.value:
        return
    _keep_an_administrator(uow, principal)
    before, principal.role = principal.role, role.value
    _end_sessions(uow, _pk(principal))
    _emit(uow, "role-set", principal_id, role=role.value, before=before)


def set_placed_roles(
    uow: UnitOfWork, *, principal_id: str, placed: Collection[PlacedRole], version: int | None = None
) -> None:
    """Give a person roles at places, in place of those given before, and sign them out everywhere; none: no such role.

    `version-conflict`, `placed-roles-invalid`. Whether the places are there is not looked at: nothing is done where
    nothing is.
    """
    principal = _load(uow, principal_id, version)
    before, after = principal.placed_roles, placed_text(set(placed))
    if before == after:
        return
    wrong = sorted(one.role for one in placed if one.role not in PLACEABLE)
    if wrong or (placed and principal.kind != PrincipalKind.person.value):
        raise PlacedRolesInvalid(f"{wrong[0] if wrong else principal.kind} counts in the whole plant or not at all.")
    if len(set(placed)) > PLACED_MAX:
        raise PlacedRolesInvalid(f"At most {PLACED_MAX} are taken.")
    if not all(rules.is_valid_id(one.equipment_id) for one in placed):
        raise PlacedRolesInvalid("A place is the id of an equipment.")
    principal.placed_roles = after
    _end_sessions(uow, _pk(principal))
    _emit(uow, "placed-roles-set", principal_id, placed_roles=after, before=before)


def disable_principal(uow: UnitOfWork, *, principal_id: str, version: int | None = None) -> None:
    """From now on none of its tokens and sessions is good. Repeating it changes nothing. `last-administrator`."""
    principal = _load(uow, principal_id, version)
    if principal.disabled_at is not None:
        return
    _keep_an_administrator(uow, principal)
    principal.disabled_at = uow.now
    _end_sessions(uow, _pk(principal))
    _emit(uow, "principal-disabled", principal_id)


def enable_principal(uow: UnitOfWork, *, principal_id: str, version: int | None = None) -> None:
    """Undo `disable_principal`: tokens are good again, sessions are not."""
    principal = _load(uow, principal_id, version)
    if principal.disabled_at is None:
        return
    principal.disabled_at = None
    RECENT.distrust()
    _emit(uow, "principal-enabled", principal_id)


def change_principal(
    uow: UnitOfWork,
    *,
    principal_id: str,
    version: int,
    role: Role | None = None,
    disabled: bool | None = None,
    placed: Collection[PlacedRole] | None = None,
) -> None:
    """Set the role, roles at places, disable or enable, in one step; None leaves it alone. Errors as of those verbs."""
    _load(uow, principal_id, version)
    if role is not None:
        set_role(uow, principal_id=principal_id, role=role)
    if placed is not None:
        set_placed_roles(uow, principal_id=principal_id, placed=placed)
    if disabled is not None:
        (disable_principal if disabled else enable_principal)(uow, principal_id=principal_id)


def create_token(
    uow: UnitOfWork,
    *,
    plant_id: str,
    principal_id: str,
    label: str,
    expires_at: datetime | None = None,
    permissions: Collection[Permission] | None = None,
) -> NewToken:
    """A token for a principal of this plant. The answer is the only place its text ever appears.

    `permissions` limits it to a part of what the role may do. `token-scope-invalid`, `token-expiry-invalid`.
    """
    principal = _load(uow, principal_id)
    if principal.disabled_at is not None:
        raise PrincipalDisabled(f"{principal_id} is disabled.")
    if expires_at is not None and expires_at <= uow.now:
        raise TokenExpiryInvalid(f"{expires_at.isoformat()} is over.")
    _refuse_beyond_role(Role(principal.role), permissions)
    text = new_token(plant_id)
    token = ApiToken(
        principal_pk=_pk(principal),
        token_sha256=digest(text),
        label=label,
        created_at_us=uow.now_us,
        expires_at_us=None if expires_at is None else to_us(expires_at),
        scope=scope_of(permissions),
    )
    uow.session.add(token)
    uow.flush()
    token_id = _pk(token)
    _emit(uow, "token-created", principal_id, token_id=token_id, label=label, scope=token.scope)
    return NewToken(token_id=token_id, token=text, principal_id=principal_id)


def _refuse_beyond_role(role: Role, permissions: Collection[Permission] | None) -> None:
    if permissions is None:
        return
    beyond = set(permissions) - ROLE_PERMISSIONS[role]
    if beyond or not permissions:
        raise TokenScopeInvalid(f"{role} has not: {', '.join(sorted(beyond)) or 'nothing'}.")


def revoke_token(uow: UnitOfWork, *, token_id: int) -> None:
    """The token is refused from the moment this is committed. Repeating it changes nothing. `token-not-found`."""
    row = uow.execute(
        select(_TOKEN.c.token_sha256, _TOKEN.c.revoked_at_us, col(Principal.id))
        .join(Principal, col(Principal.pk) == _TOKEN.c.principal_pk)
        .where(_TOKEN.c.pk == token_id)
    ).first()
    if row is None:
        raise TokenNotFound(f"There is no token {token_id}.")
    if row.revoked_at_us is not None:
        return
    uow.execute(update(_TOKEN).where(_TOKEN.c.pk == token_id).values(revoked_at_us=uow.now_us))
    RECENT.distrust(bytes(row.token_sha256))
    _emit(uow, "token-revoked", row.id, token_id=token_id)


def store_pin(uow: UnitOfWork, *, principal_id: str, pin_hash: str) -> None:
    """Give a person the PIN or password of this hash (`pins`) in place of the old one; lift the lock, end sessions."""
    principal = _load(uow, principal_id)
    if principal.kind != PrincipalKind.person.value:
        raise PinNotForMachines(f"{principal_id} is a {principal.kind}.")
    fresh = {"pin_hash": pin_hash, "changed_at_us": uow.now_us, **_NO_FAILURES}
    changed = _count_changed(uow, update(_PIN).where(_PIN.c.principal_pk == principal.pk).values(fresh))
    if changed == 0:
        uow.execute(insert(_PIN).values(principal_pk=principal.pk, **fresh))
    uow.execute(update(_KNOWN).where(_KNOWN.c.principal_pk == principal.pk).values(_NO_FAILURES))
    _end_sessions(uow, _pk(principal))
    _emit(uow, "pin-set", principal_id)


def record_pin_attempt(
    uow: UnitOfWork,
    *,
    principal_id: str,
    checked_hash: str | None,
    matches: bool,
    session_sha256: bytes | None,
    device: Device,
    work_unit_id: str | None = None,
    policy: SessionPolicy = SESSION_POLICY,
    by: SignInWay = SignInWay.pin,
    shown: CodeShown = NO_CODE,
) -> AttemptOutcome:
    """Count one checked PIN and, if all is well, open the session (`session_sha256` None: none, it was a word only).

    The check ran before, elsewhere, perhaps many at once; the attempts are counted here, one after another. Whatever
    the check said, an attempt that arrives while person or device is locked is refused, so guessing in parallel gains
    nothing. Refusals are answers, not errors: the count must be committed. Whoever succeeds at a device with a cookie
    has a budget of their own there from then on.
    """
    record, locks = find_pin(uow.session, principal_id=principal_id, device=device)
    if uow.now_us < locks.until_us:
        return AttemptOutcome(signed_in=False, locked_until_us=locks.until_us)
    proven = record is not None and matches and checked_hash == record.pin_hash
    if record is None or not proven or not _suffices(uow, record, by, shown, at_desk=work_unit_id is None):
        principal_pk = None if record is None else record.principal_pk
        return _count_failure(uow, principal_id, principal_pk, locks)
    _write_lock(uow, record.principal_pk, locks, LockState())
    if device.cookie:
        _know_device(uow, record, device)
    if session_sha256 is None:
        _emit(uow, "vouched", principal_id, work_unit_id=work_unit_id)
        return AttemptOutcome(signed_in=True)
    limits = _limits_of(uow, record, at_desk=work_unit_id is None)
    open_session(
        uow,
        principal_id=principal_id,
        session_sha256=session_sha256,
        work_unit_id=work_unit_id,
        policy=policy,
        by=by,
        permissions=limits,
    )
    return AttemptOutcome(signed_in=True, must_set_up=limits == frozenset())


def _suffices(uow: UnitOfWork, record: PinRecord, by: SignInWay, shown: CodeShown, *, at_desk: bool) -> bool:
    """Whether a right secret is enough: a PIN may want the badge, too, and a desk the code of an authenticator app."""
    if by is SignInWay.vouching:
        return True
    if by is SignInWay.pin and needs_badge(uow.session, principal_pk=record.principal_pk):
        return False
    factor = find_second_factor(uow.session, principal_pk=record.principal_pk)
    if factor is None or not factor.confirmed or not (at_desk or by is SignInWay.again):
        return True
    return use_code(uow, principal_pk=record.principal_pk, factor=factor, shown=shown)


def _limits_of(uow: UnitOfWork, who: PinRecord, *, at_desk: bool) -> frozenset[Permission] | None:
    factor = find_second_factor(uow.session, principal_pk=who.principal_pk)
    wanted = who.role in get_access_policy(uow.session).second_factor_roles
    return session_limits(has_factor=factor is not None and factor.confirmed, wanted=wanted, at_desk=at_desk)


def record_badge_attempt(
    uow: UnitOfWork,
    *,
    badge_hmacs: Sequence[bytes],
    session_sha256: bytes,
    device: Device,
    work_unit_id: str,
    policy: SessionPolicy = SESSION_POLICY,
) -> AttemptOutcome:
    """Count a badge that was scanned to sign in by it alone and, if it is somebody's, open their session.

    Only the device may be locked out: whoever has a badge is not kept away by another's wrong PINs. Nor does a badge
    make a device known: whoever has its number could make any number of them, each with guesses of its own.
    """
    who, locks, allowed = find_badge(uow.session, badge_hmacs=badge_hmacs, device=device)
    if uow.now_us < locks.until_us:
        return AttemptOutcome(signed_in=False, locked_until_us=locks.until_us)
    if who is None or allowed.badge is not BadgeUse.alone:
        return _count_failure(uow, "", None, locks)
    open_session(
        uow,
        principal_id=who.principal_id,
        session_sha256=session_sha256,
        work_unit_id=work_unit_id,
        policy=policy,
        by=SignInWay.badge,
        permissions=AT_STATIONS,
    )
    return AttemptOutcome(signed_in=True)


def give_badge(uow: UnitOfWork, *, principal_id: str, badge_hmacs: Sequence[bytes]) -> int:
    """Give a person a badge, beside those they have. Answers its number; theirs already: that one. `badge-taken`."""
    principal = _load(uow, principal_id)
    if principal.kind != PrincipalKind.person.value:
        raise PinNotForMachines(f"{principal_id} is a {principal.kind}.")
    taken = uow.execute(select(_BADGE.c.pk, _BADGE.c.principal_pk).where(_BADGE.c.badge_hmac.in_(badge_hmacs))).first()
    if taken is not None and taken.principal_pk == principal.pk:
        return int(taken.pk)
    if taken is not None:
        raise BadgeTaken(f"It is badge {taken.pk}.")
    badge = Badge(principal_pk=_pk(principal), badge_hmac=badge_hmacs[0], given_at_us=uow.now_us)
    uow.session.add(badge)
    uow.flush()
    _emit(uow, "badge-given", principal_id, badge_id=_pk(badge))
    return _pk(badge)


def take_badge(uow: UnitOfWork, *, badge_id: int) -> None:
    """Nobody gets in by this badge any more; whoever had it is signed out everywhere. `badge-not-found`."""
    row = uow.execute(
        select(_BADGE.c.principal_pk, col(Principal.id).label("principal_id"))
        .join(Principal, col(Principal.pk) == _BADGE.c.principal_pk)
        .where(_BADGE.c.pk == badge_id)
    ).first()
    if row is None:
        raise BadgeNotFound(f"There is no badge {badge_id}.")
    uow.execute(delete(_BADGE).where(_BADGE.c.pk == badge_id))
    _end_sessions(uow, row.principal_pk)
    _emit(uow, "badge-taken", row.principal_id, badge_id=badge_id)


def put_access_policy(uow: UnitOfWork, *, policy: AccessPolicy, version: int) -> None:
    """Put a policy in force. `version`: the one the caller saw (0: none yet). `version-conflict`."""
    present = get_access_policy(uow.session)
    if version != present.version:
        raise VersionConflict(f"It is at version {present.version}, not {version}.")
    if present.version and replace(policy, version=version) == present:
        return
    row = uow.session.execute(select(AccessPolicyRow).where(col(AccessPolicyRow.id) == POLICY_ID)).scalar_one_or_none()
    if row is None:
        row = AccessPolicyRow(id=POLICY_ID, badge="")
        uow.session.add(row)
    row.badge, row.second_factor_roles = policy.badge.value, " ".join(sorted(policy.second_factor_roles))
    row.signed_acts = " ".join(sorted(policy.signed_acts))
    uow.flush()
    said = {"second_factor_roles": row.second_factor_roles, "signed_acts": row.signed_acts}
    payload = {"badge": row.badge, **said}
    uow.emit("access.access-policy-put.v1", topics=(), subject="access-policy", payload=payload)


def open_session(
    uow: UnitOfWork,
    *,
    principal_id: str,
    session_sha256: bytes,
    work_unit_id: str | None = None,
    policy: SessionPolicy = SESSION_POLICY,
    by: SignInWay = SignInWay.pin,
    permissions: Collection[Permission] | None = None,
) -> None:
    """Sign a person in, at a work unit or at a desk, limited to `permissions`. The caller has made sure who it is."""
    principal = _load(uow, principal_id)
    if principal.kind != PrincipalKind.person.value:
        raise PinNotForMachines(f"{principal_id} is a {principal.kind}.")
    uow.execute(
        insert(_SESSION).values(
            token_sha256=session_sha256,
            principal_pk=principal.pk,
            work_unit_id=work_unit_id,
            created_at_us=uow.now_us,
            last_seen_at_us=uow.now_us,
            idle_us=rules.idle_us(policy, at_work_unit=work_unit_id is not None),
            expires_at_us=uow.now_us + policy.lifetime_s * rules.SECOND_US,
            scope=scope_of(permissions),
        )
    )
    _emit(uow, "signed-in", principal_id, work_unit_id=work_unit_id, by=by.value)


def sign_out(uow: UnitOfWork, *, session_sha256: bytes) -> None:
    """End a session. One that is over, or never was, changes nothing."""
    found = find_session(uow.session, token_sha256=session_sha256)
    if found is None or found.ended_at_us is not None:
        return
    uow.execute(update(_SESSION).where(_SESSION.c.token_sha256 == session_sha256).values(ended_at_us=uow.now_us))
    RECENT.distrust(session_sha256)
    _emit(uow, "signed-out", found.principal_id, work_unit_id=found.work_unit_id)


def end_session(uow: UnitOfWork, *, session_id: int) -> None:
    """End a session by its number; one that is over is left as it is. `session-not-found`."""
    found = _session_of(uow, session_id)
    if found is None:
        raise SessionNotFound(f"There is no session {session_id}.")
    _end_session(uow, found)


def end_own_session(uow: UnitOfWork, *, session_id: int, principal_id: str) -> None:
    """End a session of this principal; one that is not theirs, or is not at all, is left as it is."""
    found = _session_of(uow, session_id)
    if found is not None and found.principal_id == principal_id:
        _end_session(uow, found)


def _session_of(uow: UnitOfWork, session_id: int) -> Any:
    statement = select(_SESSION, col(Principal.id).label("principal_id")).join_from(_SESSION, Principal)
    return uow.execute(statement.where(_SESSION.c.pk == session_id)).first()


def _end_session(uow: UnitOfWork, found: Any) -> None:
    if found.ended_at_us is not None:
        return
    uow.execute(update(_SESSION).where(_SESSION.c.pk == found.pk).values(ended_at_us=uow.now_us))
    RECENT.distrust(bytes(found.token_sha256))
    _emit(uow, "session-ended", found.principal_id, session_id=found.pk, work_unit_id=found.work_unit_id)


def end_sessions_of(uow: UnitOfWork, *, principal_id: str, but_sha256: bytes = b"") -> None:
    """Sign a principal out everywhere, or everywhere else: `but_sha256` is the session that stays."""
    ended = _end_sessions(uow, _pk(_load(uow, principal_id)), but_sha256)
    if ended:
        _emit(uow, "sessions-ended", principal_id, count=ended)


def touch_session(uow: UnitOfWork, *, session_sha256: bytes) -> None:
    """Record that a session was used. The door calls this at most once a minute; it leaves no event."""
    uow.execute(
        update(_SESSION)
        .where(_SESSION.c.token_sha256 == session_sha256, _SESSION.c.ended_at_us.is_(None))
        .values(last_seen_at_us=uow.now_us)
    )


def touch_token(uow: UnitOfWork, *, token_sha256: bytes) -> None:
    """Record that a token was used. The door calls this at most every ten minutes; it leaves no event."""
    uow.execute(update(_TOKEN).where(_TOKEN.c.token_sha256 == token_sha256).values(last_used_at_us=uow.now_us))


def _count_failure(uow: UnitOfWork, principal_id: str, principal_pk: int | None, locks: Locks) -> AttemptOutcome:
    locks = replace(locks, device=rules.after_failure(locks.device, DEVICE_LOCK, uow.now_us))
    _write_device_lock(uow, locks.device_key, locks.device)
    if principal_pk is not None:
        locks = replace(locks, person=rules.after_failure(locks.person, PERSON_LOCK, uow.now_us))
        _write_lock(uow, principal_pk, locks, locks.person)
    subject = principal_id if principal_pk is not None else ""
    where = {"device": locks.device_key[:16], "known_device": locks.known}
    _emit(uow, "sign-in-failed", subject, failed_count=locks.person.failed_count, **where)
    if locks.until_us > uow.now_us:
        _emit(uow, "sign-in-locked", subject, locked_until_us=locks.until_us, **where)
    return AttemptOutcome(signed_in=False, locked_until_us=locks.until_us)


def _write_lock(uow: UnitOfWork, principal_pk: int, locks: Locks, lock: LockState) -> None:
    """A person's failures, where these locks have them: at one device, or at all that do not know them."""
    table = _KNOWN if locks.known else _PIN
    its_row = [table.c.principal_pk == principal_pk]
    if locks.known:
        its_row.append(_KNOWN.c.device_key == locks.device_key)
    uow.execute(update(table).where(*its_row).values(_lock_values(lock)))


def _know_device(uow: UnitOfWork, who: PinRecord, device: Device) -> None:
    key, proven = device.cookie_key, {"proven_at_us": uow.now_us}
    its_row = (_KNOWN.c.principal_pk == who.principal_pk, _KNOWN.c.device_key == key)
    if _count_changed(uow, update(_KNOWN).where(*its_row).values(proven)):
        return
    theirs = select(_KNOWN.c.device_key).where(_KNOWN.c.principal_pk == who.principal_pk)
    too_many = theirs.order_by(_KNOWN.c.proven_at_us.desc(), _KNOWN.c.device_key).offset(KNOWN_DEVICES_MAX - 1)
    uow.execute(delete(_KNOWN).where(_KNOWN.c.principal_pk == who.principal_pk, _KNOWN.c.device_key.in_(too_many)))
    uow.execute(insert(_KNOWN).values(principal_pk=who.principal_pk, device_key=key, **proven, **_NO_FAILURES))
    _emit(uow, "device-known", who.principal_id, device=key[:16])


def _write_device_lock(uow: UnitOfWork, device_key: str, lock: LockState) -> None:
    its_row = _DEVICE.c.device_key == device_key
    if _count_changed(uow, update(_DEVICE).where(its_row).values(_lock_values(lock))) == 0:
        uow.execute(delete(_DEVICE).where(_DEVICE.c.failed_at_us < uow.now_us - _DEVICE_LOCK_KEEP_US))
        uow.execute(insert(_DEVICE).values(device_key=device_key, **_lock_values(lock)))


def _lock_values(lock: LockState) -> dict[str, int]:
    return {
        "failed_count": lock.failed_count,
        "failed_at_us": lock.failed_at_us,
        "locked_until_us": lock.locked_until_us,
    }


def _end_sessions(uow: UnitOfWork, principal_pk: int, but_sha256: bytes = b"") -> int:
    open_ones = (_SESSION.c.principal_pk == principal_pk) & _SESSION.c.ended_at_us.is_(None)
    others = open_ones & (_SESSION.c.token_sha256 != but_sha256)
    ended = _count_changed(uow, update(_SESSION).where(others).values(ended_at_us=uow.now_us))
    RECENT.distrust()
    return ended


def _keep_an_administrator(uow: UnitOfWork, principal: Principal) -> None:
    is_one = principal.role == Role.administrator.value and principal.disabled_at is None
    if is_one and count_administrators(uow.session) == 1:
        raise LastAdministrator(f"{principal.id} is the only one who can manage access.")


def _find(uow: UnitOfWork, principal_id: str) -> Principal | None:
    return uow.session.execute(select(Principal).where(col(Principal.id) == principal_id)).scalar_one_or_none()


def _load(uow: UnitOfWork, principal_id: str, version: int | None = None) -> Principal:
    found = _find(uow, principal_id)
    if found is None:
        raise PrincipalNotFound(f"There is no principal {principal_id}.")
    if version is not None and found.version != version:
        raise VersionConflict(f"{principal_id} has version {found.version}, not {version}.")
    return found


def _pk(row: Principal | ApiToken | Badge) -> int:
    if row.pk is None:
        raise RuntimeError("a row without pk was not flushed")
    return row.pk


def _count_changed(uow: UnitOfWork, statement: Update) -> int:
    return cast("CursorResult[Any]", uow.execute(statement)).rowcount


def _emit(uow: UnitOfWork, what: str, principal_id: str, **payload: Any) -> None:
    uow.emit(
        f"access.{what}.v1",
        topics=(),
        subject=principal_id,
        payload={"principal_id": principal_id, **payload},
    )
