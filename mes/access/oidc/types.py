"""An identity provider as the plant describes it, and what one tells of a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mes.access.types import Role

SUBJECT_MAX: Final = 255
"""Characters of a subject (OpenID Connect Core 1.0, section 2)."""
CLAIM_MAX: Final = 100
GROUP_MAX: Final = 200
GROUPS_MAX: Final = 1_000
"""Groups of a person that are looked at."""
SECRET_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """Where people of this plant may sign in instead of here. `version` 0: nobody has said anything."""

    issuer: str
    client_id: str
    label: str
    """How the sign-in page calls it."""
    person_claim: str = "preferred_username"
    """The claim that is compared with login names and ids of principals, once: from then on the provider's own subject
    counts."""
    groups_claim: str = "groups"
    roles: Mapping[str, Role] = field(default_factory=dict)
    """Group → role, at each sign-in; empty: roles are given here and nowhere else."""
    makes_people: bool = False
    """Whoever has a role by their groups and is not known yet becomes a principal."""
    administrators: bool = False
    """It may say who administers access, and administrators may sign in by it."""
    private_addresses: bool = False
    """It may be inside, or without TLS."""
    version: int = 0


@dataclass(frozen=True, slots=True)
class KeptProvider:
    """An identity provider with its client's secret, sealed."""

    provider: IdentityProvider
    sealed_secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Discovered:
    """What an identity provider publishes of itself (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    posts_secret: bool = False
    """It takes the client's secret in the body alone."""
    names_issuer: bool = False
    """Its answers name it (RFC 9207)."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a browser that was sent to the provider has to come back with; it carries this, sealed."""

    plant_id: str
    issuer: str
    state: str
    nonce: str
    verifier: str
    following: str
    begun_at_us: int


@dataclass(frozen=True, slots=True)
class Told:
    """Who it is, as the provider told and as it was checked."""

    issuer: str
    subject: str
    person_id: str
    """"" where the claim is not there, or an address that nobody verified."""
    display_name: str
    groups: frozenset[str]
    showed_factor: bool
    """The provider asked for more than a password."""
