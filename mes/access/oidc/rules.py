"""Decisions of single sign-on: pure functions of what the provider told."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Mapping
from typing import Any, Final

from mes.access.oidc.types import CLAIM_MAX, GROUP_MAX, GROUPS_MAX, SUBJECT_MAX, Attempt, IdentityProvider, Told
from mes.access.types import ROLE_KIND, PrincipalKind, Role
from mes.kernel.addresses import fault_of_url

ATTEMPT_US: Final = 600 * 1_000_000
"""How long somebody may take at the provider."""
LEEWAY_S: Final = 60
"""By which the clocks of provider and server may differ."""
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512", "Ed25519")
"""Signatures by a key pair. Neither `none` nor HMAC, whose key is the client's secret."""
FACTORS: Final = frozenset({"mfa", "otp", "hwk", "swk", "sc", "fpt", "face", "iris"})
"""Methods of RFC 8176, section 2, that are more than something known."""
_BY_WEIGHT: Final = (Role.administrator, Role.engineer, Role.supervisor, Role.operator)


def fault_of(provider: IdentityProvider) -> str:
    """What is wrong with an identity provider, in words; empty: nothing."""
    if fault := fault_of_url(provider.issuer, private=provider.private_addresses):
        return fault
    if "?" in provider.issuer:
        return "An issuer has no query (OpenID Connect Discovery 1.0, section 2)."
    others = [role for role in provider.roles.values() if ROLE_KIND[role] is not PrincipalKind.person]
    if others:
        return f"{others[0]} is not a role of people."
    if Role.administrator in provider.roles.values() and not provider.administrators:
        return "A group makes administrators, but the provider may not."
    if provider.makes_people and not provider.roles:
        return "Whoever is made by signing in needs a role: say which group has which."
    return ""


def challenge_of(verifier: str) -> str:
    """What goes ahead of a verifier (RFC 7636, section 4.2, S256)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def is_current(attempt: Attempt, *, plant_id: str, issuer: str, now_us: int) -> bool:
    """Whether an attempt is of this plant and provider, and not too long ago."""
    age_us = now_us - attempt.begun_at_us
    return (attempt.plant_id, attempt.issuer) == (plant_id, issuer) and 0 <= age_us < ATTEMPT_US


def fault_of_claims(claims: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now_s: int) -> str:
    """Which check of OpenID Connect Core 1.0, section 3.1.3.7, a signed ID token fails; empty: none."""
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
    expires, issued = _number(claims.get("exp")), _number(claims.get("iat"))
    subject = claims.get("sub")
    checks = (
        ("iss", claims.get("iss") == issuer),
        ("aud", client_id in audiences),
        ("azp", claims.get("azp", client_id) == client_id and (len(audiences) == 1 or "azp" in claims)),
        ("exp", expires is not None and now_s < expires + LEEWAY_S),
        ("iat", issued is not None and issued <= now_s + LEEWAY_S and now_s - issued < ATTEMPT_US // 1_000_000),
        ("nbf", "nbf" not in claims or (_number(claims["nbf"]) or 0) <= now_s + LEEWAY_S),
        ("nonce", claims.get("nonce") == nonce),
        ("sub", isinstance(subject, str) and 0 < len(subject) <= SUBJECT_MAX),
    )
    return next((name for name, holds in checks if not holds), "")


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def told_by(claims: Mapping[str, Any], provider: IdentityProvider) -> Told:
    """What checked claims say; whatever is not as it should be is as if it were not there."""
    person_id = _text(claims.get(provider.person_claim), CLAIM_MAX)
    if provider.person_claim == "email" and claims.get("email_verified") is not True:
        person_id = ""
    methods = claims.get("amr")
    return Told(
        issuer=provider.issuer,
        subject=str(claims["sub"]),
        person_id=person_id,
        display_name=_text(claims.get("name"), 200) or person_id,
        groups=_groups(claims.get(provider.groups_claim)),
        showed_factor=isinstance(methods, list) and any(one in FACTORS for one in methods if isinstance(one, str)),
    )


def _groups(value: Any) -> frozenset[str]:
    several = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(one for one in several[:GROUPS_MAX] if isinstance(one, str) and len(one) <= GROUP_MAX)


def _text(value: Any, at_most: int) -> str:
    return value if isinstance(value, str) and len(value) <= at_most and value.isprintable() else ""


def role_by(groups: Collection[str], roles: Mapping[str, Role]) -> Role | None:
    """The weightiest role that somebody's groups give; None: none does."""
    given = {role for group, role in roles.items() if group in groups}
    return next((role for role in _BY_WEIGHT if role in given), None)
