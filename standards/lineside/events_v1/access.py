"""Who may call, who came, and what was signed. Told only to who asks for `access.*` or for a type by name."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from msgspec import UNSET, Meta, UnsetType

from standards.lineside.events_v1.base import Event, Microseconds, Reason

Device = Annotated[str, Meta(description="The beginning of the hash by which a device is known.")]
Spaced = Annotated[str, Meta(description="Separated by spaces.")]
Words = Annotated[dict[str, Any], Meta(description="The act in words; with the first of its subjects.")]
Place = Annotated[str | None, Meta(description="The station; null: at a desk.")]


class _OfPrincipal(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "the principal's id"
    principal_id: str


class AccessPolicyPut(Event, frozen=True, kw_only=True):
    """The plant's rules of signing in and signing were set."""

    its_subject: ClassVar[str] = "access-policy"
    badge: Annotated[str, Meta(description="What a badge is good for.")]
    second_factor_roles: Spaced
    signed_acts: Spaced


class ActSigned(Event, frozen=True, kw_only=True):
    """Somebody signed an act electronically."""

    its_subject: ClassVar[str] = "what was signed for: material-lot/…, job/…"
    act: str
    act_sha256: Annotated[str, Meta(description="Of the act's words; what is signed together has the same.")]
    signature_id: int
    principal_id: str
    meaning: str
    signed_at_us: Microseconds
    what: (
        Annotated[dict[str, Any], Meta(description="The act in words; with the first of its subjects.")] | UnsetType
    ) = UNSET


class AuditChainBegun(Event, frozen=True, kw_only=True):
    """From here on every event has the hash of the one before."""

    its_subject: ClassVar[str] = "audit-chain"


class BadgeGiven(_OfPrincipal, frozen=True, kw_only=True):
    """Somebody got a badge."""

    badge_id: int


class BadgeTaken(_OfPrincipal, frozen=True, kw_only=True):
    """A badge is good for nothing any more."""

    badge_id: int


class DeviceKnown(_OfPrincipal, frozen=True, kw_only=True):
    """Somebody proved who they are at a device for the first time."""

    device: Device


class IdentityLinked(_OfPrincipal, frozen=True, kw_only=True):
    """A principal is somebody at the identity provider from now on."""

    issuer: str


class IdentityProviderPut(Event, frozen=True, kw_only=True):
    """The plant's identity provider was named or changed."""

    its_subject: ClassVar[str] = "identity-provider"
    issuer: str
    client_id: str
    secret_changed: bool
    administrators: Annotated[bool, Meta(description="Whether it may make administrators.")]
    makes_people: Annotated[bool, Meta(description="Whether who is new there is made a person here.")]
    roles: Annotated[dict[str, str], Meta(description="The role of each group.")]
    person_claim: str


class IdentityProviderRemoved(Event, frozen=True, kw_only=True):
    """People sign in here again."""

    its_subject: ClassVar[str] = "identity-provider"
    issuer: str


class IdentityUnlinked(_OfPrincipal, frozen=True, kw_only=True):
    """Whom a principal is at providers was forgotten."""


class LoginNameSet(_OfPrincipal, frozen=True, kw_only=True):
    """A principal got another name to sign in with."""


class PinSet(_OfPrincipal, frozen=True, kw_only=True):
    """A person got a PIN."""


class PlacedRolesSet(_OfPrincipal, frozen=True, kw_only=True):
    """A person got roles at places."""

    placed_roles: Annotated[str, Meta(description="role@equipment, separated by spaces.")]
    before: str


class PrincipalCreated(_OfPrincipal, frozen=True, kw_only=True):
    """There is a new principal."""

    role: str


class PrincipalDisabled(_OfPrincipal, frozen=True, kw_only=True):
    """A principal may not come in any more."""


class PrincipalEnabled(_OfPrincipal, frozen=True, kw_only=True):
    """A principal may come in again."""


class PrincipalErased(_OfPrincipal, frozen=True, kw_only=True):
    """What identifies a person was taken from their principal; `principal_id` is what it is called now."""

    reason: Reason


class PrincipalRenamed(_OfPrincipal, frozen=True, kw_only=True):
    """A principal has another display name or language."""


class PrivacyPolicyPut(Event, frozen=True, kw_only=True):
    """What is told of persons, and how long it is kept, was set."""

    its_subject: ClassVar[str] = "privacy-policy"
    performance_by_person: str
    keep_days: int | None


class RoleSet(_OfPrincipal, frozen=True, kw_only=True):
    """A principal got another role."""

    role: str
    before: str


class SecondFactorRemoved(_OfPrincipal, frozen=True, kw_only=True):
    """A person has no second factor any more."""


class SecondFactorSetUp(_OfPrincipal, frozen=True, kw_only=True):
    """A person has a second factor."""


class SessionEnded(_OfPrincipal, frozen=True, kw_only=True):
    """A session was ended by somebody."""

    session_id: int
    work_unit_id: Place


class SessionsEnded(_OfPrincipal, frozen=True, kw_only=True):
    """A person was signed out everywhere."""

    count: int


class SignInFailed(_OfPrincipal, frozen=True, kw_only=True):
    """Somebody did not get in; `principal_id` is empty where nobody has that name."""

    failed_count: int
    device: Device
    known_device: bool


class SignInLocked(_OfPrincipal, frozen=True, kw_only=True):
    """So many failed that nobody is let in for a while."""

    locked_until_us: Microseconds
    device: Device
    known_device: bool


class SignOnRefused(_OfPrincipal, frozen=True, kw_only=True):
    """Somebody of the identity provider was not let in."""

    issuer: str
    why: str


class SignedIn(_OfPrincipal, frozen=True, kw_only=True):
    """Somebody came."""

    work_unit_id: Place
    by: Annotated[str, Meta(description="With what: badge, pin, password …")]


class SignedOut(_OfPrincipal, frozen=True, kw_only=True):
    """Somebody left."""

    work_unit_id: Place


class TokenCreated(_OfPrincipal, frozen=True, kw_only=True):
    """A principal got a token."""

    token_id: int
    label: str
    scope: Annotated[str | None, Meta(description="Permissions, separated by spaces; null: all of the role.")]


class TokenRevoked(_OfPrincipal, frozen=True, kw_only=True):
    """A token is good for nothing any more."""

    token_id: int


class Vouched(_OfPrincipal, frozen=True, kw_only=True):
    """Somebody proved who they are for one act, without signing in."""

    work_unit_id: Place
