"""Signing on: out to the provider, and back with a code. What has to match travels with the browser, sealed."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import Final
from urllib.parse import urlencode

import msgspec

from mes.access.errors import SingleSignOnFailed, SingleSignOnOff, SingleSignOnRefused
from mes.access.oidc import rules
from mes.access.oidc.provider import asking, discovered
from mes.access.oidc.queries import find_identity_provider
from mes.access.oidc.service import record_refused_sign_on, record_sign_on
from mes.access.oidc.types import Attempt, KeptProvider
from mes.access.sign_in import session_of
from mes.access.tokens import digest, new_session_value
from mes.access.types import SESSION_POLICY, SignedIn
from mes.kernel.addresses import Resolve, resolve
from mes.kernel.db import Database
from mes.kernel.errors import Unavailable
from mes.kernel.sqltypes import to_us
from mes.kernel.vault import SealedElsewhere, Vault

SCOPE: Final = "openid profile email"
SEALED_MAX: Final = 4_000
"""Characters of a cookie with an attempt in it."""


async def begin_sign_on(
    database: Database, vault: Vault, *, redirect_uri: str, following: str, resolve: Resolve = resolve
) -> tuple[str, str]:
    """Where the browser is to go, and what it has to keep until it comes back (`finish_sign_on`).

    `single-sign-on-off`; Unavailable `identity-provider-unreachable`, `sign-in-busy`.
    """
    provider = (await _provider_of(database)).provider
    attempt = Attempt(
        plant_id=database.plant_id,
        issuer=provider.issuer,
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
        following=following,
        begun_at_us=to_us(database.clock()),
    )
    found = await discovered(database, provider, resolve=resolve)
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": redirect_uri,
        "scope": SCOPE,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": rules.challenge_of(attempt.verifier),
        "code_challenge_method": "S256",
    }
    sealed = vault.seal(msgspec.json.encode(asdict(attempt)).decode())
    return _with_query(found.authorization_endpoint, asked), sealed.decode()


async def finish_sign_on(
    database: Database,
    vault: Vault,
    *,
    sealed: str,
    state: str,
    code: str,
    said_issuer: str = "",
    error: str = "",
    redirect_uri: str,
    resolve: Resolve = resolve,
) -> tuple[SignedIn, str]:
    """Open a session for whoever came back with a code, and tell where they wanted to go.

    `single-sign-on-off`, `single-sign-on-failed`, `single-sign-on-refused`; Unavailable as `begin_sign_on`.
    """
    kept = await _provider_of(database)
    attempt = _opened(vault, sealed)
    now_us = to_us(database.clock())
    its = rules.is_current(attempt, plant_id=database.plant_id, issuer=kept.provider.issuer, now_us=now_us)
    if not its or not secrets.compare_digest(attempt.state.encode(), state.encode()):
        raise SingleSignOnFailed("It took too long, or was begun elsewhere.")
    if error or not code:
        said = "".join(c for c in error[:100] if c.isprintable())
        raise SingleSignOnFailed(f"The provider refused: {said or 'no code came'}.")
    found = await discovered(database, kept.provider, resolve=resolve)
    if said_issuer != found.issuer and (found.names_issuer or said_issuer):
        raise SingleSignOnFailed("The answer is of another issuer.")
    async with asking(kept.provider, resolve=resolve) as ask:
        claims = await ask.claims(
            found,
            attempt,
            code=code,
            secret=_secret_of(vault, kept),
            redirect_uri=redirect_uri,
            now_s=now_us // 1_000_000,
        )
    told = rules.told_by(claims, kept.provider)
    token = new_session_value(database.plant_id)
    try:
        who = await database.write(record_sign_on, actor=None, told=told, session_sha256=digest(token))
    except SingleSignOnRefused as refusal:
        await database.write(record_refused_sign_on, actor=None, told=told, why=refusal.detail)
        raise
    return session_of(database, who, token, None, SESSION_POLICY), attempt.following


async def sign_off_address(database: Database, *, back_to: str, resolve: Resolve = resolve) -> str:
    """Where the browser signs out at the provider, too (RP-Initiated Logout 1.0); "" where that is not to be had."""
    provider = (await _provider_of(database)).provider
    found = await discovered(database, provider, resolve=resolve)
    if not found.end_session_endpoint:
        return ""
    asked = {"client_id": provider.client_id, "post_logout_redirect_uri": back_to}
    return _with_query(found.end_session_endpoint, asked)


async def _provider_of(database: Database) -> KeptProvider:
    kept = await database.read(find_identity_provider)
    if kept is None:
        raise SingleSignOnOff()
    return kept


def _opened(vault: Vault, sealed: str) -> Attempt:
    try:
        return msgspec.json.decode(vault.open(sealed.encode()[:SEALED_MAX]), type=Attempt)
    except (SealedElsewhere, ValueError):
        raise SingleSignOnFailed("This browser did not begin it.") from None


def _secret_of(vault: Vault, kept: KeptProvider) -> str:
    try:
        return vault.open(kept.sealed_secret)
    except SealedElsewhere:
        why = "The secret of our client was sealed with a key this server does not have; set it again."
        raise Unavailable(why, code="identity-provider-unreachable") from None


def _with_query(url: str, asked: dict[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(asked)}"
