"""REST documents of access."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from mes.access.oidc.types import CLAIM_MAX, GROUP_MAX, SECRET_MAX, IdentityProvider
from mes.access.permissions import PLACED_MAX, Permission
from mes.access.signatures.types import Meaning, SignatureView
from mes.access.types import (
    LOGIN_NAME_MAX,
    PASSWORD_MAX,
    AccessPolicy,
    BadgeUse,
    BadgeView,
    NewToken,
    PrincipalKind,
    PrincipalView,
    Role,
    SessionView,
    SignedAct,
    TokenView,
)
from mes.kernel.addresses import URL_MAX
from mes.kernel.limits import Version
from mes.kernel.paging import Page

LANGUAGE = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PrincipalIn(_Document):
    id: str = Field(max_length=100)
    role: Role
    display_name: str = Field(min_length=1, max_length=200)
    language: str = Field(default="en", max_length=20, pattern=LANGUAGE)


class PlacedRoleOf(_Document):
    """A role at one place of the equipment hierarchy, and below it."""

    equipment_id: str = Field(max_length=100)
    role: Role


class PrincipalOut(_Document):
    id: str
    kind: PrincipalKind
    role: Role
    display_name: str
    language: str
    disabled_at: AwareDatetime | None
    has_pin: bool
    version: int
    placed_roles: list[PlacedRoleOf]
    login_name: str
    """What the identity provider calls them; empty: as their id."""

    @classmethod
    def of(cls, view: PrincipalView) -> PrincipalOut:
        return cls(
            id=view.id,
            kind=view.kind,
            role=view.role,
            display_name=view.display_name,
            language=view.language,
            disabled_at=view.disabled_at,
            has_pin=view.has_pin,
            version=view.version,
            placed_roles=[PlacedRoleOf(equipment_id=one.equipment_id, role=one.role) for one in view.placed],
            login_name=view.login_name,
        )


class PrincipalPage(_Document):
    items: list[PrincipalOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[PrincipalView]) -> PrincipalPage:
        return cls(items=[PrincipalOut.of(view) for view in page.items], next_cursor=page.next_cursor)


class PrincipalChange(_Document):
    """What is left out stays as it is."""

    role: Role | None = None
    disabled: bool | None = None
    placed_roles: list[PlacedRoleOf] | None = Field(default=None, max_length=PLACED_MAX)
    """In place of those before. The role given here counts at its places only, others add to it there."""
    login_name: str | None = Field(default=None, max_length=LOGIN_NAME_MAX)
    """What the identity provider calls them; empty: as their id."""
    version: Version | None = None
    """The version that was read; or send If-Match."""


class PinIn(_Document):
    pin: str


class PasswordIn(_Document):
    password: str


class TokenIn(_Document):
    principal_id: str = Field(max_length=100)
    label: str = Field(min_length=1, max_length=200)
    """Where it is used, so that somebody dares to revoke it."""
    expires_at: AwareDatetime | None = None
    permissions: list[Permission] | None = Field(default=None, max_length=len(Permission))
    """What it is limited to, of what the principal's role may do; left out: all of that."""


class NewTokenOut(_Document):
    id: int
    principal_id: str
    token: str
    """Shown here once and never again."""

    @classmethod
    def of(cls, new: NewToken) -> NewTokenOut:
        return cls(id=new.token_id, principal_id=new.principal_id, token=new.token)


class TokenOut(_Document):
    id: int
    principal_id: str
    label: str
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    last_used_at: AwareDatetime | None
    """To about ten minutes."""
    revoked_at: AwareDatetime | None
    permissions: list[str] | None
    """What it is limited to; null: all the principal's role may do."""

    @classmethod
    def of(cls, view: TokenView) -> TokenOut:
        return cls(
            id=view.token_id,
            principal_id=view.principal_id,
            label=view.label,
            created_at=view.created_at,
            expires_at=view.expires_at,
            last_used_at=view.last_used_at,
            revoked_at=view.revoked_at,
            permissions=None if view.scope is None else view.scope.split(),
        )


class TokenPage(_Document):
    items: list[TokenOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[TokenView]) -> TokenPage:
        return cls(items=[TokenOut.of(view) for view in page.items], next_cursor=page.next_cursor)


class SessionOut(_Document):
    id: int
    principal_id: str
    display_name: str
    role: Role
    work_unit_id: str
    """Empty at a desk."""
    created_at: AwareDatetime
    last_seen_at: AwareDatetime
    """To about a minute."""
    expires_at: AwareDatetime

    @classmethod
    def of(cls, view: SessionView) -> SessionOut:
        return cls(
            id=view.session_id,
            principal_id=view.principal_id,
            display_name=view.display_name,
            role=view.role,
            work_unit_id=view.work_unit_id,
            created_at=view.created_at,
            last_seen_at=view.last_seen_at,
            expires_at=view.expires_at,
        )


class SessionPage(_Document):
    items: list[SessionOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[SessionView]) -> SessionPage:
        return cls(items=[SessionOut.of(view) for view in page.items], next_cursor=page.next_cursor)


class BadgeIn(_Document):
    principal_id: str = Field(max_length=100)
    badge: str = Field(max_length=200)
    """What a scanner reads from it."""


class BadgeOut(_Document):
    id: int
    principal_id: str
    display_name: str
    given_at: AwareDatetime

    @classmethod
    def of(cls, view: BadgeView) -> BadgeOut:
        return cls(
            id=view.badge_id,
            principal_id=view.principal_id,
            display_name=view.display_name,
            given_at=view.given_at,
        )


class BadgePage(_Document):
    items: list[BadgeOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[BadgeView]) -> BadgePage:
        return cls(items=[BadgeOut.of(view) for view in page.items], next_cursor=page.next_cursor)


class NewBadgeOut(_Document):
    id: int
    principal_id: str


class AccessPolicyIn(_Document):
    """How people of the plant prove who they are."""

    badge: BadgeUse
    second_factor_roles: list[Role] = Field(default=[], max_length=len(Role))
    """Who needs a second factor at a desk."""
    signed_acts: list[SignedAct] = Field(default=[], max_length=len(SignedAct))
    """What is done only with an electronic signature."""
    version: Version | None = None
    """The version that was read, 0 before the first; or send If-Match."""

    def policy(self) -> AccessPolicy:
        roles, acts = frozenset(self.second_factor_roles), frozenset(self.signed_acts)
        return AccessPolicy(self.badge, roles, signed_acts=acts)


class AccessPolicyOut(_Document):
    badge: BadgeUse
    second_factor_roles: list[Role]
    version: int
    signed_acts: list[SignedAct]

    @classmethod
    def of(cls, policy: AccessPolicy) -> AccessPolicyOut:
        roles = sorted(policy.second_factor_roles)
        acts = sorted(policy.signed_acts)
        return cls(badge=policy.badge, second_factor_roles=roles, version=policy.version, signed_acts=acts)


class IdentityProviderIn(_Document):
    """What is left out is as it is of a plant that has named none."""

    issuer: str = Field(max_length=URL_MAX, examples=["https://id.example/realms/plant"])
    client_id: str = Field(min_length=1, max_length=255)
    client_secret: str | None = Field(default=None, min_length=1, max_length=SECRET_MAX)
    """Kept sealed and never shown; null: as before."""
    label: str = Field(min_length=1, max_length=100)
    """How the sign-in page calls it."""
    person_claim: str = Field(default="preferred_username", min_length=1, max_length=CLAIM_MAX)
    """The claim that is an id of a principal; an `email` counts if it is verified."""
    groups_claim: str = Field(default="groups", min_length=1, max_length=CLAIM_MAX)
    roles: dict[Annotated[str, Field(max_length=GROUP_MAX)], Role] = Field(default_factory=dict, max_length=100)
    """Group → role, at each sign-in; empty: roles are given here alone."""
    makes_people: bool = False
    administrators: bool = False
    """It may make administrators, and administrators may sign in by it."""
    private_addresses: bool = False
    version: Version | None = None
    """The version that was read, 0 if there is none yet; or send If-Match."""

    def provider(self) -> IdentityProvider:
        return IdentityProvider(**self.model_dump(exclude={"client_secret", "version"}))


class IdentityProviderOut(_Document):
    issuer: str
    client_id: str
    label: str
    person_claim: str
    groups_claim: str
    roles: dict[str, Role]
    makes_people: bool
    administrators: bool
    private_addresses: bool
    version: int

    @classmethod
    def of(cls, provider: IdentityProvider) -> IdentityProviderOut:
        return cls(**asdict(provider))


class SignatureIn(_Document):
    """A signature of an act that was refused with `signature-needed`, which says its `act_sha256`."""

    act_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    meaning: Meaning
    pin: str = Field(min_length=1, max_length=PASSWORD_MAX)
    """PIN or password of the caller."""
    code: str = Field(default="", max_length=30)
    """Of the caller's authenticator app, where one is set up."""


class NewSignatureOut(_Document):
    signature: str
    """To be sent as `Lineside-Signature` with the act, once and within five minutes."""


class SignatureOut(_Document):
    id: int
    principal_id: str
    display_name: str
    act: SignedAct
    act_sha256: str
    meaning: Meaning
    what: str
    """What was done, as JSON; `act_sha256` is of these bytes."""
    signed_at: AwareDatetime
    used_at: AwareDatetime

    @classmethod
    def of(cls, view: SignatureView) -> SignatureOut:
        values = asdict(view)
        return cls(id=values.pop("signature_id"), **values)


class SignaturePage(_Document):
    items: list[SignatureOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[SignatureView]) -> SignaturePage:
        return cls(items=[SignatureOut.of(view) for view in page.items], next_cursor=page.next_cursor)
