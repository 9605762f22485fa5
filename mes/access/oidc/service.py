"""Verbs of single sign-on."""

from __future__ import annotations

import secrets
from dataclasses import asdict, replace
from typing import Any, Final

import orjson
from sqlalchemy import delete, insert, select
from sqlmodel import col

from mes.access.errors import IdentityProviderInvalid, PrincipalNotFound, SingleSignOnOff, SingleSignOnRefused
from mes.access.oidc import rules
from mes.access.oidc.queries import find_identity_provider, find_linked, has_link
from mes.access.oidc.types import IdentityProvider, Told
from mes.access.permissions import Permission, session_limits
from mes.access.queries import POLICY_ID, find_second_factor, get_access_policy
from mes.access.rules import folded_login_name, is_valid_id
from mes.access.service import (
    come_as,
    create_principal,
    end_sessions_of,
    open_session,
    set_login_name,
    set_role,
)
from mes.access.tables import IdentityLink, IdentityProviderRow, Principal
from mes.access.types import SESSION_POLICY, Identity, PrincipalKind, Role, SessionPolicy, SignInWay
from mes.kernel.errors import VersionConflict
from mes.kernel.uow import UnitOfWork

_PROVIDER: Final = IdentityProviderRow.__table__  # type: ignore[attr-defined]
_LINK: Final = IdentityLink.__table__  # type: ignore[attr-defined]
_SUBJECT: Final = "identity-provider"


def put_identity_provider(
    uow: UnitOfWork, *, provider: IdentityProvider, sealed_secret: bytes | None, version: int
) -> None:
    """Name the plant's identity provider, or change it. `sealed_secret` None: as before.

    `version`: the one the caller saw (0: none yet). `version-conflict`, `identity-provider-invalid`.
    """
    kept = find_identity_provider(uow.session)
    present = 0 if kept is None else kept.provider.version
    if version != present:
        raise VersionConflict(f"It is at version {present}, not {version}.")
    if fault := rules.fault_of(provider):
        raise IdentityProviderInvalid(fault)
    sealed = sealed_secret or (kept.sealed_secret if kept is not None else None)
    if sealed is None:
        raise IdentityProviderInvalid("The secret of our client there is missing.")
    if kept is not None and sealed_secret is None and replace(provider, version=version) == kept.provider:
        return
    _store(uow, provider, sealed)
    payload = {"issuer": provider.issuer, "client_id": provider.client_id, "secret_changed": sealed_secret is not None}
    rights = {"administrators": provider.administrators, "makes_people": provider.makes_people}
    uow.emit(
        "access.identity-provider-put.v1",
        topics=(),
        subject=_SUBJECT,
        payload=payload | rights | {"roles": dict(provider.roles), "person_claim": provider.person_claim},
    )


def _store(uow: UnitOfWork, provider: IdentityProvider, sealed: bytes) -> None:
    values: dict[str, Any] = asdict(provider)
    values |= {"roles": orjson.dumps(values["roles"], option=orjson.OPT_SORT_KEYS).decode(), "sealed_secret": sealed}
    del values["version"]
    its = select(IdentityProviderRow).where(col(IdentityProviderRow.id) == POLICY_ID)
    row = uow.session.execute(its).scalar_one_or_none()
    if row is None:
        uow.session.add(IdentityProviderRow(id=POLICY_ID, **values))
    else:
        for name, value in values.items():
            setattr(row, name, value)
    uow.flush()


def remove_identity_provider(uow: UnitOfWork) -> None:
    """People sign in here again; who they are there is kept. None there: nothing changes."""
    kept = find_identity_provider(uow.session)
    if kept is None:
        return
    uow.execute(delete(_PROVIDER).where(_PROVIDER.c.id == POLICY_ID))
    uow.emit(
        "access.identity-provider-removed.v1", topics=(), subject=_SUBJECT, payload={"issuer": kept.provider.issuer}
    )


def record_sign_on(
    uow: UnitOfWork, *, told: Told, session_sha256: bytes, policy: SessionPolicy = SESSION_POLICY
) -> Identity:
    """Open a session at a desk for whom the provider told of; the caller has checked that it was the provider.

    Whose subject is known is who they were; else the one principal of their login name, or of their id, that nobody of
    the provider is yet, or, where the plant says so, a new one. `single-sign-on-off`, `single-sign-on-refused`.
    """
    kept = find_identity_provider(uow.session)
    if kept is None or kept.provider.issuer != told.issuer:
        raise SingleSignOnOff()
    principal = _known(uow, told) or _met(uow, told) or _made(uow, kept.provider, told)
    come_as(uow, _identity(principal).principal_pk)
    _give_role(uow, principal, kept.provider, told)
    who = _identity(principal)
    open_session(
        uow,
        principal_id=principal.id,
        session_sha256=session_sha256,
        policy=policy,
        by=SignInWay.single_sign_on,
        permissions=_limits_of(uow, who, told),
    )
    return who


def record_refused_sign_on(uow: UnitOfWork, *, told: Told, why: str) -> None:
    """Somebody of the provider was not let in."""
    found = _known(uow, told) or _called(uow, told.person_id)
    if found is not None and found.pk is not None:
        come_as(uow, found.pk)
    _emit(uow, "sign-on-refused", _spoken(told) if found is None else found.id, issuer=told.issuer, why=why)


def unlink_identity(uow: UnitOfWork, *, principal_id: str) -> None:
    """Forget whom a principal is at providers: with the next sign-in there they are met anew. `principal-not-found`."""
    pk = uow.execute(select(col(Principal.pk)).where(col(Principal.id) == principal_id)).scalar()
    if pk is None:
        raise PrincipalNotFound(f"There is no principal {principal_id}.")
    if uow.execute(select(_LINK.c.pk).where(_LINK.c.principal_pk == pk)).first() is None:
        return
    uow.execute(delete(_LINK).where(_LINK.c.principal_pk == pk))
    end_sessions_of(uow, principal_id=principal_id)
    _emit(uow, "identity-unlinked", principal_id)


def _known(uow: UnitOfWork, told: Told) -> Principal | None:
    pk = find_linked(uow.session, issuer=told.issuer, subject=told.subject)
    return None if pk is None else uow.session.get_one(Principal, pk)


def _met(uow: UnitOfWork, told: Told) -> Principal | None:
    found = _called(uow, told.person_id)
    if found is None or found.pk is None:
        return None
    if has_link(uow.session, principal_pk=found.pk, issuer=told.issuer):
        raise SingleSignOnRefused(f"{found.id} is somebody else of this provider.")
    if found.kind == PrincipalKind.person.value and found.disabled_at is None:
        _link(uow, found, told)
    return found


def _made(uow: UnitOfWork, provider: IdentityProvider, told: Told) -> Principal:
    role = rules.role_by(told.groups, provider.roles)
    if not provider.makes_people or role is None or folded_login_name(told.person_id) is None:
        raise SingleSignOnRefused(f"There is no {_spoken(told) or 'such person'} here.")
    principal_id = _free_id(uow, told)
    pk = create_principal(uow, principal_id=principal_id, role=role, display_name=told.display_name)
    if principal_id != told.person_id:
        set_login_name(uow, principal_id=principal_id, login_name=told.person_id)
    made = uow.session.get_one(Principal, pk)
    _link(uow, made, told)
    return made


def _called(uow: UnitOfWork, name: str) -> Principal | None:
    """Whom the provider calls so: by login name, or by id where somebody has none."""
    folded = folded_login_name(name)
    if folded is None:
        return None
    by_id = (col(Principal.id) == name) & col(Principal.login_name).is_(None)
    its = select(Principal).where((col(Principal.login_name) == folded) | by_id)
    named_first = its.order_by(col(Principal.login_name).is_(None)).limit(1)
    found: Principal | None = uow.session.execute(named_first).scalar_one_or_none()
    return found


def _free_id(uow: UnitOfWork, told: Told) -> str:
    """Their name, where it can be an id; else one that tells nothing: ids stay in the record when people are erased."""
    taken = uow.execute(select(col(Principal.pk)).where(col(Principal.id) == told.person_id)).first()
    return _spoken(told) if _spoken(told) and taken is None else f"person-{secrets.token_hex(4)}"


def _spoken(told: Told) -> str:
    """What an event may say of their name: no address of theirs, which would stay."""
    return told.person_id if is_valid_id(told.person_id) else ""


def _link(uow: UnitOfWork, principal: Principal, told: Told) -> None:
    come_as(uow, _identity(principal).principal_pk)
    values = {"issuer": told.issuer, "subject": told.subject, "linked_at_us": uow.now_us}
    uow.execute(insert(_LINK).values(principal_pk=principal.pk, **values))
    _emit(uow, "identity-linked", principal.id, issuer=told.issuer)  # not the subject: it goes when they are erased


def _give_role(uow: UnitOfWork, principal: Principal, provider: IdentityProvider, told: Told) -> None:
    if principal.kind != PrincipalKind.person.value or principal.disabled_at is not None:
        raise SingleSignOnRefused(f"{principal.id} may not sign in here.")
    if principal.role == Role.administrator.value and not provider.administrators:
        raise SingleSignOnRefused("Administrators sign in here, not at the provider.")
    if not provider.roles:
        return
    role = rules.role_by(told.groups, provider.roles)
    if role is None:
        raise SingleSignOnRefused(f"No group of {principal.id} has a role here.")
    set_role(uow, principal_id=principal.id, role=role)


def _limits_of(uow: UnitOfWork, who: Identity, told: Told) -> frozenset[Permission] | None:
    """Who has, or should have, a second factor and showed none there gets what a station gives."""
    if told.showed_factor:
        return None
    factor = find_second_factor(uow.session, principal_pk=who.principal_pk)
    wanted = who.role in get_access_policy(uow.session).second_factor_roles
    return session_limits(has_factor=factor is not None and factor.confirmed, wanted=wanted, at_desk=False)


def _identity(principal: Principal) -> Identity:
    if principal.pk is None:
        raise RuntimeError("a row without pk was not flushed")
    return Identity(principal.pk, principal.id, Role(principal.role), principal.display_name, principal.language)


def _emit(uow: UnitOfWork, what: str, principal_id: str, **payload: Any) -> None:
    payload = {"principal_id": principal_id, **payload}
    uow.emit(f"access.{what}.v1", topics=(), subject=principal_id, payload=payload)
