"""Verbs of privacy: what is kept of people, forgetting in time, and erasing what identifies one of them.

The record of production stays: it names principals by number. What identifies a person stands in the principal, the
person, credentials, and the addresses of `act_origin`; none of them is part of the chain of hashes.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import delete, or_, select, update
from sqlmodel import col

from mes.access.errors import LastAdministrator, PrincipalNotFound, RoleKindMismatch
from mes.access.privacy.queries import POLICY_ID, get_privacy_policy
from mes.access.privacy.rules import erased_id
from mes.access.privacy.types import PrivacyPolicy
from mes.access.queries import count_administrators, get_principal
from mes.access.recent import RECENT
from mes.access.tables import (
    ApiToken,
    Badge,
    IdentityLink,
    KnownDevice,
    PinCredential,
    Principal,
    PrivacyPolicyRow,
    RecoveryCode,
    SecondFactor,
    SignInSession,
)
from mes.access.types import PrincipalKind, PrincipalView, Role
from mes.kernel.errors import VersionConflict
from mes.kernel.tables import ActOrigin
from mes.kernel.uow import UnitOfWork

_DAY_US: Final = 86_400_000_000
_ORIGIN: Final = ActOrigin.__table__  # type: ignore[attr-defined]
_PRINCIPAL: Final = Principal.__table__  # type: ignore[attr-defined]
_KNOWN: Final = KnownDevice.__table__  # type: ignore[attr-defined]
_SESSION: Final = SignInSession.__table__  # type: ignore[attr-defined]
_TOKEN: Final = ApiToken.__table__  # type: ignore[attr-defined]
_PROOFS: Final[tuple[Any, ...]] = (PinCredential, KnownDevice, Badge, SecondFactor, RecoveryCode, IdentityLink)
_FORGOTTEN_AT_ONCE: Final = 1_000


def put_privacy_policy(uow: UnitOfWork, *, policy: PrivacyPolicy, version: int) -> None:
    """Put a policy in force; what has left the plant by then stays told. `version-conflict`."""
    present = get_privacy_policy(uow.session)
    if version != present.version:
        raise VersionConflict(f"It is at version {present.version}, not {version}.")
    if present.version and replace(policy, version=version, pseudonym_key=present.pseudonym_key) == present:
        return
    row = uow.session.execute(
        select(PrivacyPolicyRow).where(col(PrivacyPolicyRow.id) == POLICY_ID)
    ).scalar_one_or_none()
    if row is None:
        row = PrivacyPolicyRow(id=POLICY_ID, performance_by_person="", pseudonym_key=secrets.token_hex(32))
        uow.session.add(row)
    row.performance_by_person, row.keep_days = policy.performance_by_person.value, policy.keep_days
    uow.flush()
    payload = {"performance_by_person": row.performance_by_person, "keep_days": row.keep_days}
    uow.emit("access.privacy-policy-put.v1", topics=(), subject="privacy-policy", payload=payload)


def forget_old_personal_data(uow: UnitOfWork) -> None:
    """Sessions that ended, known devices and addresses that are older than the plant keeps them; some at a time."""
    days = get_privacy_policy(uow.session).keep_days
    if days is None:
        return
    before_us = uow.now_us - days * _DAY_US
    over = or_(_SESSION.c.ended_at_us < before_us, _SESSION.c.expires_at_us < before_us)
    old = select(_SESSION.c.pk).where(over).order_by(_SESSION.c.pk).limit(_FORGOTTEN_AT_ONCE)
    uow.execute(delete(_SESSION).where(_SESSION.c.pk.in_(old)))
    uow.execute(delete(_KNOWN).where(_KNOWN.c.proven_at_us < before_us))
    known = (_ORIGIN.c.first_at_us < before_us, _ORIGIN.c.salt.is_not(None))
    ids = select(_ORIGIN.c.id).where(*known).limit(_FORGOTTEN_AT_ONCE)
    uow.execute(update(_ORIGIN).where(_ORIGIN.c.id.in_(ids)).values(address=None, salt=None))


def erase_principal(uow: UnitOfWork, *, principal_id: str, reason: str) -> str:
    """Take from a person's principal what identifies them, for good; answers what they are called from now on.

    Credentials go, tokens are revoked, addresses of their acts are forgotten; what they did stays, by that name.
    `principal-not-found`, `role-kind-mismatch` (no person), `last-administrator`.
    """
    view = get_principal(uow.session, principal_id=principal_id)
    if view is None:
        raise PrincipalNotFound(f"There is no principal {principal_id}.")
    if view.kind is not PrincipalKind.person:
        raise RoleKindMismatch(f"{principal_id} is a {view.kind}; only people are erased.")
    _refuse_the_last_administrator(uow, view)
    _forget_addresses(uow, view.pk)
    for proof in _PROOFS:
        uow.execute(delete(proof).where(proof.principal_pk == view.pk))
    uow.execute(delete(_SESSION).where(_SESSION.c.principal_pk == view.pk))
    revoked = {"label": "", "revoked_at_us": uow.now_us}
    uow.execute(update(_TOKEN).where(_TOKEN.c.principal_pk == view.pk).values(**revoked))
    name = erased_id(view.pk)
    # not through the session: its changes would keep the name that goes
    values = {"id": name, "display_name": name, "disabled_at": uow.now, "version": _PRINCIPAL.c.version + 1}
    uow.execute(update(_PRINCIPAL).where(_PRINCIPAL.c.pk == view.pk).values(**values))
    RECENT.distrust()
    uow.emit("access.principal-erased.v1", topics=(), subject=name, payload={"principal_id": name, "reason": reason})
    return name


def _refuse_the_last_administrator(uow: UnitOfWork, view: PrincipalView) -> None:
    if view.role is Role.administrator and view.disabled_at is None and count_administrators(uow.session) == 1:
        raise LastAdministrator(f"{view.id} is the only one who can manage access.")


def _forget_addresses(uow: UnitOfWork, principal_pk: int) -> None:
    for kind, table in (("session", _SESSION), ("token", _TOKEN)):
        pks = uow.execute(select(table.c.pk).where(table.c.principal_pk == principal_pk)).scalars()
        credentials = [f"{kind}/{pk}" for pk in pks]
        for start in range(0, len(credentials), _FORGOTTEN_AT_ONCE):
            some = credentials[start : start + _FORGOTTEN_AT_ONCE]
            uow.execute(update(_ORIGIN).where(_ORIGIN.c.credential.in_(some)).values(address=None, salt=None))
