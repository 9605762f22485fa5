"""View models of sign-ins and tokens. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from mes.access.oidc.types import IdentityProvider
from mes.access.permissions import PLACEABLE, ROLE_PERMISSIONS
from mes.access.privacy.types import KEEP_DAYS_MAX, PerformanceByPerson, PrivacyPolicy
from mes.access.types import (
    ROLE_KIND,
    AccessPolicy,
    BadgeUse,
    BadgeView,
    FactorRecord,
    PrincipalKind,
    PrincipalView,
    Role,
    SessionView,
    SignedAct,
    TokenView,
)
from web.components.elapsed import Elapsed, elapsed

DAYS: Final = (30, 90, 365)
"""For how long a new token may be good; 0 is until it is revoked."""
TONES: Final = {"good": ("run", "check"), "expired": ("off", "clock"), "revoked": ("off", "ban")}
"""How a token stands → tone and icon."""


PEOPLE: Final = tuple(role for role in Role if ROLE_KIND[role] is PrincipalKind.person)


@dataclass(frozen=True, slots=True)
class SignInLine:
    """One open session. `place` is its work unit, "" at a desk."""

    session_id: int
    who: str
    role: str
    place: str
    since: datetime
    seen: Elapsed | None
    is_this: bool


@dataclass(frozen=True, slots=True)
class AccountPage:
    """`factor` is "none", "begun" or "set-up"; `codes_left` are recovery codes. `wanted`: the plant wants one here.

    `qr` is a picture as a data address, `secret` what it says, and `codes` the recovery codes: each shown once.
    """

    sessions: tuple[SignInLine, ...]
    others: int
    factor: str = "none"
    codes_left: int = 0
    wanted: bool = False
    problem: str = ""
    qr: str = ""
    secret: str = ""
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignInsPage:
    """`following` is the cursor of what comes after, or ""."""

    sessions: tuple[SignInLine, ...]
    following: str


@dataclass(frozen=True, slots=True)
class TokenLine:
    """`permissions` empty: not limited; `expires` None: good until it is revoked."""

    token_id: int
    owner: str
    label: str
    state: str
    tone: str
    icon: str
    created: datetime
    expires: datetime | None
    used: Elapsed | None
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Owner:
    principal_id: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class TokensPage:
    """`shown` is the text of the token just made, which nobody sees again."""

    tokens: tuple[TokenLine, ...]
    owners: tuple[Owner, ...]
    following: str
    shown: str = ""
    shown_for: str = ""


@dataclass(frozen=True, slots=True)
class NewTokenPage:
    owner: Owner
    permissions: tuple[str, ...]
    days: tuple[int, ...] = DAYS


@dataclass(frozen=True, slots=True)
class BadgeLine:
    badge_id: int
    name: str
    principal_id: str
    since: datetime


@dataclass(frozen=True, slots=True)
class BadgesPage:
    """`use` is what a badge is at a station."""

    use: str
    badges: tuple[BadgeLine, ...]
    people: tuple[Owner, ...]
    following: str


@dataclass(frozen=True, slots=True)
class PlacedLine:
    principal_id: str
    name: str
    role: str
    equipment_id: str


@dataclass(frozen=True, slots=True)
class PlacesPage:
    """Who has which role where; `places` are ids of equipment and how it is called."""

    placed: tuple[PlacedLine, ...]
    people: tuple[Owner, ...]
    places: tuple[tuple[str, str], ...]
    roles: tuple[str, ...] = tuple(role for role in Role if role in PLACEABLE)


def places_page(people: Iterable[PrincipalView], equipment: Iterable[tuple[str, str]]) -> PlacesPage:
    """The people of a plant, and their roles at places."""
    present = [one for one in people if one.disabled_at is None]
    placed = tuple(
        PlacedLine(one.id, one.display_name, its.role.value, its.equipment_id) for one in present for its in one.placed
    )
    return PlacesPage(placed, tuple(owner_of(one) for one in present), tuple(equipment))


@dataclass(frozen=True, slots=True)
class PolicyPage:
    """`use` is one of `uses`, `wanted` some of `roles`: what is in force, as of `version`."""

    use: str
    wanted: frozenset[str]
    version: int
    by_person: str
    keep_days: int | None
    privacy_version: int
    signed: frozenset[str]
    uses: tuple[str, ...] = tuple(BadgeUse)
    roles: tuple[str, ...] = tuple(role for role in Role if ROLE_KIND[role] is PrincipalKind.person)
    ways: tuple[str, ...] = tuple(PerformanceByPerson)
    days_max: int = KEEP_DAYS_MAX
    acts: tuple[str, ...] = tuple(SignedAct)


@dataclass(frozen=True, slots=True)
class ElsewherePage:
    """The identity provider as it is named now, `version` 0: none is. `groups` by role, with commas between."""

    back: str
    """What the provider has to know as our redirect address."""
    version: int
    label: str
    issuer: str
    client_id: str
    person_claim: str
    groups_claim: str
    groups: tuple[tuple[str, str], ...]
    makes_people: bool
    administrators: bool
    private_addresses: bool
    people: tuple[Owner, ...]
    login_names: tuple[tuple[Owner, str], ...]
    """Who is called otherwise there than here."""


def elsewhere_page(found: IdentityProvider, back: str, people: Iterable[PrincipalView] = ()) -> ElsewherePage:
    """The form of an identity provider, and what people are called there."""
    present = [one for one in people if one.disabled_at is None]
    groups = tuple(
        (role.value, ", ".join(sorted(group for group, its in found.roles.items() if its is role))) for role in PEOPLE
    )
    return ElsewherePage(
        back,
        found.version,
        found.label,
        found.issuer,
        found.client_id,
        found.person_claim,
        found.groups_claim,
        groups,
        found.makes_people,
        found.administrators,
        found.private_addresses,
        tuple(owner_of(one) for one in present),
        tuple((owner_of(one), one.login_name) for one in present if one.login_name),
    )


def roles_of(groups: Mapping[Role, str]) -> dict[str, Role]:
    """Group → role out of the fields of the form, the weightier role where a group stands in two."""
    return {
        group: role for role in PEOPLE for group in (part.strip() for part in groups.get(role, "").split(",")) if group
    }


def policy_page(found: AccessPolicy, privacy: PrivacyPolicy) -> PolicyPage:
    return PolicyPage(
        use=found.badge.value,
        wanted=frozenset(found.second_factor_roles),
        version=found.version,
        by_person=privacy.performance_by_person.value,
        keep_days=privacy.keep_days,
        privacy_version=privacy.version,
        signed=frozenset(found.signed_acts),
    )


def badge_lines(found: Iterable[BadgeView], zone: tzinfo) -> tuple[BadgeLine, ...]:
    return tuple(
        BadgeLine(one.badge_id, one.display_name, one.principal_id, one.given_at.astimezone(zone)) for one in found
    )


def sign_in_lines(found: Iterable[SessionView], zone: tzinfo, now: datetime) -> tuple[SignInLine, ...]:
    """Sessions as a page lists them, in the order they come."""
    return tuple(
        SignInLine(
            one.session_id,
            one.display_name,
            one.role.value,
            one.work_unit_id,
            one.created_at.astimezone(zone),
            elapsed(one.last_seen_at, now),
            one.is_this,
        )
        for one in found
    )


def account_page(
    found: Iterable[SessionView], factor: FactorRecord | None, codes_left: int, zone: tzinfo, now: datetime
) -> AccountPage:
    """One's own sessions, the one that asks first, and how one's second factor stands."""
    lines = sorted(sign_in_lines(found, zone, now), key=lambda line: not line.is_this)
    others = sum(not line.is_this for line in lines)
    stands = "none" if factor is None else "set-up" if factor.confirmed else "begun"
    return AccountPage(tuple(lines), others, stands, codes_left)


def token_line(found: TokenView, zone: tzinfo, now: datetime) -> TokenLine:
    state = standing_of(found, now)
    tone, icon = TONES[state]
    return TokenLine(
        found.token_id,
        found.principal_id,
        found.label,
        state,
        tone,
        icon,
        found.created_at.astimezone(zone),
        None if found.expires_at is None else found.expires_at.astimezone(zone),
        elapsed(found.last_used_at, now),
        () if found.scope is None else tuple(found.scope.split()),
    )


def standing_of(found: TokenView, now: datetime) -> str:
    """How a token stands: `good`, `expired` or `revoked`."""
    if found.revoked_at is not None:
        return "revoked"
    return "expired" if found.expires_at is not None and found.expires_at <= now else "good"


def owner_of(found: PrincipalView) -> Owner:
    return Owner(found.id, found.display_name, found.role.value)


def new_token_page(found: PrincipalView) -> NewTokenPage:
    """What a token of this principal may be limited to."""
    return NewTokenPage(owner_of(found), tuple(sorted(ROLE_PERMISSIONS[found.role])))
