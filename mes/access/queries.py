"""Reads of access. The two `find_` queries run for every request that is not remembered: one indexed query each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, exists, func, null, or_, select
from sqlmodel import Session

from mes.access.permissions import ROLE_PERMISSIONS, Permission, placed_of
from mes.access.tables import (
    AccessPolicyRow,
    ApiToken,
    Badge,
    DeviceLock,
    KnownDevice,
    PinCredential,
    Principal,
    RecoveryCode,
    SecondFactor,
    SignInSession,
)
from mes.access.types import (
    AccessPolicy,
    BadgeUse,
    BadgeView,
    Device,
    FactorRecord,
    Identity,
    Locks,
    LockState,
    PinRecord,
    PrincipalKind,
    PrincipalView,
    Role,
    SessionView,
    SignedAct,
    StoredCredential,
    TokenView,
    Voucher,
)
from mes.kernel.paging import LIMIT_DEFAULT, Page, decode_cursor, page_of
from mes.kernel.sqltypes import from_us, from_us_or_none

_PRINCIPAL: Final = Principal.__table__  # type: ignore[attr-defined]
_TOKEN: Final = ApiToken.__table__  # type: ignore[attr-defined]
_SESSION: Final = SignInSession.__table__  # type: ignore[attr-defined]
_PIN: Final = PinCredential.__table__  # type: ignore[attr-defined]
_BADGE: Final = Badge.__table__  # type: ignore[attr-defined]
_POLICY: Final = AccessPolicyRow.__table__  # type: ignore[attr-defined]
_FACTOR: Final = SecondFactor.__table__  # type: ignore[attr-defined]
_RECOVERY: Final = RecoveryCode.__table__  # type: ignore[attr-defined]
_DEVICE: Final = DeviceLock.__table__  # type: ignore[attr-defined]
_KNOWN: Final = KnownDevice.__table__  # type: ignore[attr-defined]

_WHO: Final = (
    _PRINCIPAL.c.pk.label("principal_pk"),
    _PRINCIPAL.c.id.label("principal_id"),
    _PRINCIPAL.c.role,
    _PRINCIPAL.c.display_name,
    _PRINCIPAL.c.language,
    _PRINCIPAL.c.disabled_at,
    _PRINCIPAL.c.placed_roles,
)
_NOTHING: Final = null()
POLICY_ID: Final = "plant"


def _by_token() -> Select[Any]:
    return select(
        *_WHO,
        _TOKEN.c.revoked_at_us.label("ended_at_us"),
        _TOKEN.c.expires_at_us,
        _TOKEN.c.last_used_at_us,
        _TOKEN.c.scope,
        _NOTHING.label("idle_us"),
        _NOTHING.label("work_unit_id"),
        _TOKEN.c.pk.label("credential_pk"),
    ).join_from(_TOKEN, _PRINCIPAL)


def _by_session() -> Select[Any]:
    return select(
        *_WHO,
        _SESSION.c.ended_at_us,
        _SESSION.c.expires_at_us,
        _SESSION.c.last_seen_at_us.label("last_used_at_us"),
        _SESSION.c.idle_us,
        _SESSION.c.scope,
        _SESSION.c.work_unit_id,
        _SESSION.c.pk.label("credential_pk"),
    ).join_from(_SESSION, _PRINCIPAL)


def find_token(session: Session, *, token_sha256: bytes) -> StoredCredential | None:
    """The token of a digest with its principal, whatever its standing."""
    row = session.execute(_by_token().where(_TOKEN.c.token_sha256 == token_sha256)).mappings().first()
    return None if row is None else _credential(row)


def find_session(session: Session, *, token_sha256: bytes) -> StoredCredential | None:
    """The session of a digest with its principal, whatever its standing."""
    row = session.execute(_by_session().where(_SESSION.c.token_sha256 == token_sha256)).mappings().first()
    return None if row is None else _credential(row)


def find_sessions(session: Session, *, token_sha256s: Collection[bytes]) -> dict[bytes, StoredCredential]:
    """The sessions of some digests, as far as they are there, whatever their standing."""
    if not token_sha256s:
        return {}
    statement = _by_session().add_columns(_SESSION.c.token_sha256).where(_SESSION.c.token_sha256.in_(token_sha256s))
    return {bytes(row["token_sha256"]): _credential(row) for row in session.execute(statement).mappings()}


def _credential(row: Mapping[Any, Any]) -> StoredCredential:
    return StoredCredential(
        principal_pk=row["principal_pk"],
        principal_id=row["principal_id"],
        role=Role(row["role"]),
        display_name=row["display_name"],
        language=row["language"],
        disabled=row["disabled_at"] is not None,
        ended_at_us=row["ended_at_us"],
        expires_at_us=row["expires_at_us"],
        last_used_at_us=row["last_used_at_us"],
        idle_us=row["idle_us"],
        work_unit_id=row["work_unit_id"],
        scope=row["scope"],
        placed=placed_of(row["placed_roles"]),
        credential_pk=row["credential_pk"],
    )


def find_pin(session: Session, *, principal_id: str, device: Device) -> tuple[PinRecord | None, Locks]:
    """Whom a PIN is to be checked for (None: nobody who could sign in), and the locks on that person and the device."""
    row = session.execute(
        select(*_WHO, _PIN)
        .join_from(_PRINCIPAL, _PIN)
        .where(_PRINCIPAL.c.id == principal_id, _PRINCIPAL.c.disabled_at.is_(None))
    ).first()
    if row is None:
        return None, find_locks(session, principal_pk=None, person=LockState(), device=device)
    record = PinRecord(
        principal_pk=row.principal_pk,
        principal_id=row.principal_id,
        role=Role(row.role),
        display_name=row.display_name,
        language=row.language,
        pin_hash=row.pin_hash,
        changed_at_us=row.changed_at_us,
        placed=placed_of(row.placed_roles),
    )
    return record, find_locks(session, principal_pk=record.principal_pk, person=_lock(row), device=device)


def find_locks(session: Session, *, principal_pk: int | None, person: LockState, device: Device) -> Locks:
    """What an attempt in the name of a principal counts against; `person`: their failures at unknown devices."""
    known = None if principal_pk is None else find_known_device(session, principal_pk=principal_pk, device=device)
    if known is None:
        return Locks(person, get_device_lock(session, device_key=device.address_key), device.address_key)
    key = device.cookie_key
    return Locks(known, get_device_lock(session, device_key=key), key, known=True)


def find_known_device(session: Session, *, principal_pk: int, device: Device) -> LockState | None:
    """A person's failures at a device where they have proven who they are before; None: they have not."""
    if not device.cookie:
        return None
    its_row = (_KNOWN.c.principal_pk == principal_pk, _KNOWN.c.device_key == device.cookie_key)
    row = session.execute(select(_KNOWN).where(*its_row)).first()
    return None if row is None else _lock(row)


def find_badge(
    session: Session, *, badge_hmacs: Sequence[bytes], device: Device
) -> tuple[Identity | None, Locks, AccessPolicy]:
    """Whose badge it is (None: nobody's who could sign in), the lock on the device alone, and what badges are for."""
    row = session.execute(
        select(*_WHO)
        .join_from(_BADGE, _PRINCIPAL)
        .where(_BADGE.c.badge_hmac.in_(badge_hmacs), _PRINCIPAL.c.disabled_at.is_(None))
    ).first()
    who = (
        None
        if row is None
        else Identity(row.principal_pk, row.principal_id, Role(row.role), row.display_name, row.language)
    )
    principal_pk = None if who is None else who.principal_pk
    locks = find_locks(session, principal_pk=principal_pk, person=LockState(), device=device)
    return who, replace(locks, person=LockState()), get_access_policy(session)


def needs_badge(session: Session, *, principal_pk: int) -> bool:
    """Whether a person's PIN counts only together with their badge."""
    if get_access_policy(session).badge is not BadgeUse.with_pin:
        return False
    return (
        session.execute(select(_BADGE.c.pk).where(_BADGE.c.principal_pk == principal_pk).limit(1)).first() is not None
    )


def list_badges(session: Session, *, cursor: str | None = None, limit: int = LIMIT_DEFAULT) -> Page[BadgeView]:
    """Who has a badge, newest first."""
    statement = (
        select(_BADGE.c.pk, _BADGE.c.given_at_us, _PRINCIPAL.c.id, _PRINCIPAL.c.display_name)
        .join_from(_BADGE, _PRINCIPAL)
        .order_by(_BADGE.c.pk.desc())
        .limit(limit + 1)
    )
    if cursor is not None:
        (before,) = decode_cursor(cursor, (int,))
        statement = statement.where(_BADGE.c.pk < before)
    rows = [BadgeView(r.pk, r.id, r.display_name, from_us(r.given_at_us)) for r in session.execute(statement)]
    return page_of(rows, limit, lambda found: (found.badge_id,))


def get_access_policy(session: Session) -> AccessPolicy:
    """How people prove who they are; before anything was said, the defaults."""
    row = session.execute(select(_POLICY).where(_POLICY.c.id == POLICY_ID)).first()
    return AccessPolicy() if row is None else _policy(row)


def _policy(row: Any) -> AccessPolicy:
    roles, acts = row.second_factor_roles.split(), row.signed_acts.split()
    return AccessPolicy(BadgeUse(row.badge), frozenset(map(Role, roles)), row.version, frozenset(map(SignedAct, acts)))


def find_second_factor(session: Session, *, principal_pk: int) -> FactorRecord | None:
    """A person's second factor, whether or not it was confirmed."""
    row = session.execute(select(_FACTOR).where(_FACTOR.c.principal_pk == principal_pk)).first()
    if row is None:
        return None
    return FactorRecord(bytes(row.sealed_secret), row.confirmed_at_us is not None, row.last_step)


def count_recovery_codes(session: Session, *, principal_pk: int) -> int:
    """Recovery codes that are left."""
    statement = select(func.count()).select_from(_RECOVERY).where(_RECOVERY.c.principal_pk == principal_pk)
    return int(session.execute(statement).scalar_one())


def list_vouchers(session: Session, *, permission: Permission) -> tuple[Voucher, ...]:
    """Who may do something, somewhere at least, and can say so with a PIN, by name."""
    roles = [role.value for role, permissions in ROLE_PERMISSIONS.items() if permission in permissions]
    placed = [_PRINCIPAL.c.placed_roles.contains(f"{role}@", autoescape=True) for role in roles]
    statement = (
        select(_PRINCIPAL.c.pk, _PRINCIPAL.c.id, _PRINCIPAL.c.display_name)
        .join_from(_PRINCIPAL, _PIN)
        .where(or_(_PRINCIPAL.c.role.in_(roles), *placed), _PRINCIPAL.c.disabled_at.is_(None))
        .order_by(_PRINCIPAL.c.display_name, _PRINCIPAL.c.id)
    )
    return tuple(Voucher(row.pk, row.id, row.display_name) for row in session.execute(statement))


def get_device_lock(session: Session, *, device_key: str) -> LockState:
    """The lock on a device; unlocked where it never failed."""
    row = session.execute(select(_DEVICE).where(_DEVICE.c.device_key == device_key)).first()
    return LockState() if row is None else _lock(row)


def _lock(row: Any) -> LockState:
    return LockState(row.failed_count, row.locked_until_us, row.failed_at_us)


def get_principal(session: Session, *, principal_id: str) -> PrincipalView | None:
    """One principal by its id."""
    row = session.execute(_principals().where(_PRINCIPAL.c.id == principal_id)).first()
    return None if row is None else _principal(row)


def list_principals(
    session: Session,
    *,
    kind: PrincipalKind | None = None,
    role: Role | None = None,
    cursor: str | None = None,
    limit: int = LIMIT_DEFAULT,
) -> Page[PrincipalView]:
    """Principals by id."""
    statement = _principals().order_by(_PRINCIPAL.c.id).limit(limit + 1)
    if kind is not None:
        statement = statement.where(_PRINCIPAL.c.kind == kind.value)
    if role is not None:
        statement = statement.where(_PRINCIPAL.c.role == role.value)
    if cursor is not None:
        (after,) = decode_cursor(cursor, (str,))
        statement = statement.where(_PRINCIPAL.c.id > after)
    rows = [_principal(row) for row in session.execute(statement)]
    return page_of(rows, limit, lambda principal: (principal.id,))


def _principals() -> Select[Any]:
    has_pin = exists().where(_PIN.c.principal_pk == _PRINCIPAL.c.pk).label("has_pin")
    return select(_PRINCIPAL, has_pin)


def _principal(row: Any) -> PrincipalView:
    return PrincipalView(
        pk=row.pk,
        id=row.id,
        kind=PrincipalKind(row.kind),
        role=Role(row.role),
        display_name=row.display_name,
        language=row.language,
        disabled_at=row.disabled_at,
        has_pin=bool(row.has_pin),
        version=row.version,
        placed=placed_of(row.placed_roles),
        login_name=row.login_name or "",
    )


def list_tokens(
    session: Session,
    *,
    principal_id: str | None = None,
    newest_first: bool = False,
    cursor: str | None = None,
    limit: int = LIMIT_DEFAULT,
) -> Page[TokenView]:
    """Tokens, oldest first unless asked otherwise, revoked and expired ones too; never their text."""
    pk = _TOKEN.c.pk
    statement = (
        select(_TOKEN, _PRINCIPAL.c.id.label("principal_id"))
        .join_from(_TOKEN, _PRINCIPAL)
        .order_by(pk.desc() if newest_first else pk)
        .limit(limit + 1)
    )
    if principal_id is not None:
        statement = statement.where(_PRINCIPAL.c.id == principal_id)
    if cursor is not None:
        (after,) = decode_cursor(cursor, (int,))
        statement = statement.where(pk < after if newest_first else pk > after)
    rows = [_token(row) for row in session.execute(statement)]
    return page_of(rows, limit, lambda token: (token.token_id,))


def _token(row: Any) -> TokenView:
    return TokenView(
        token_id=row.pk,
        principal_id=row.principal_id,
        label=row.label,
        created_at=from_us(row.created_at_us),
        expires_at=from_us_or_none(row.expires_at_us),
        last_used_at=from_us_or_none(row.last_used_at_us),
        revoked_at=from_us_or_none(row.revoked_at_us),
        scope=row.scope,
    )


def list_sessions(
    session: Session,
    *,
    now_us: int,
    principal_id: str | None = None,
    work_unit_id: str | None = None,
    this_sha256: bytes = b"",
    cursor: str | None = None,
    limit: int = LIMIT_DEFAULT,
) -> Page[SessionView]:
    """Sessions that are open now, newest first: of everybody, of one principal, at one work unit."""
    statement = (
        select(_SESSION, *_WHO)
        .join_from(_SESSION, _PRINCIPAL)
        .where(*_open_at(now_us))
        .order_by(_SESSION.c.pk.desc())
        .limit(limit + 1)
    )
    if principal_id is not None:
        statement = statement.where(_PRINCIPAL.c.id == principal_id)
    if work_unit_id is not None:
        statement = statement.where(_SESSION.c.work_unit_id == work_unit_id)
    if cursor is not None:
        (before,) = decode_cursor(cursor, (int,))
        statement = statement.where(_SESSION.c.pk < before)
    rows = [_session_view(row, this_sha256) for row in session.execute(statement)]
    return page_of(rows, limit, lambda found: (found.session_id,))


def _open_at(now_us: int) -> tuple[ColumnElement[bool], ...]:
    """As `rules.standing` decides it, for many."""
    return (
        _SESSION.c.ended_at_us.is_(None),
        _SESSION.c.expires_at_us > now_us,
        _SESSION.c.last_seen_at_us + _SESSION.c.idle_us > now_us,
        _PRINCIPAL.c.disabled_at.is_(None),
    )


def _session_view(row: Any, this_sha256: bytes) -> SessionView:
    return SessionView(
        session_id=row.pk,
        principal_id=row.principal_id,
        display_name=row.display_name,
        role=Role(row.role),
        work_unit_id=row.work_unit_id or "",
        created_at=from_us(row.created_at_us),
        last_seen_at=from_us(row.last_seen_at_us),
        expires_at=from_us(row.expires_at_us),
        is_this=bytes(row.token_sha256) == this_sha256,
    )


def count_administrators(session: Session) -> int:
    """Administrators who are not disabled."""
    statement = select(func.count()).where(
        _PRINCIPAL.c.role == Role.administrator.value, _PRINCIPAL.c.disabled_at.is_(None)
    )
    return int(session.execute(statement).scalar_one())
