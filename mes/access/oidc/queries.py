"""Reads of single sign-on."""

from __future__ import annotations

from typing import Any, Final

import orjson
from sqlalchemy import select
from sqlmodel import Session

from mes.access.oidc.types import IdentityProvider, KeptProvider
from mes.access.queries import POLICY_ID
from mes.access.tables import IdentityLink, IdentityProviderRow
from mes.access.types import Role

_PROVIDER: Final = IdentityProviderRow.__table__  # type: ignore[attr-defined]
_LINK: Final = IdentityLink.__table__  # type: ignore[attr-defined]


def find_identity_provider(session: Session) -> KeptProvider | None:
    """The plant's identity provider; None: people sign in here."""
    row = session.execute(select(_PROVIDER).where(_PROVIDER.c.id == POLICY_ID)).first()
    return None if row is None else KeptProvider(_provider(row), bytes(row.sealed_secret))


def _provider(row: Any) -> IdentityProvider:
    return IdentityProvider(
        issuer=row.issuer,
        client_id=row.client_id,
        label=row.label,
        person_claim=row.person_claim,
        groups_claim=row.groups_claim,
        roles={group: Role(role) for group, role in orjson.loads(row.roles).items()},
        makes_people=bool(row.makes_people),
        administrators=bool(row.administrators),
        private_addresses=bool(row.private_addresses),
        version=row.version,
    )


def find_linked(session: Session, *, issuer: str, subject: str) -> int | None:
    """Which principal somebody of a provider is; None: nobody yet."""
    its = (_LINK.c.issuer == issuer) & (_LINK.c.subject == subject)
    found: int | None = session.execute(select(_LINK.c.principal_pk).where(its)).scalar()
    return found


def has_link(session: Session, *, principal_pk: int, issuer: str) -> bool:
    """Whether a principal is somebody of a provider already."""
    its = (_LINK.c.principal_pk == principal_pk) & (_LINK.c.issuer == issuer)
    return session.execute(select(_LINK.c.pk).where(its)).first() is not None
