"""Talking to an identity provider: what it publishes, a code for an ID token, the token checked.

Discovery and keys are read at each sign-in: people sign in at desks rarely, and a key that was changed there needs
nothing here. A request goes to the very address that was looked at, as webhooks' do; redirects are not followed.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import quote_plus, urlsplit

import httpx
import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from mes.access.errors import SingleSignOnFailed
from mes.access.oidc import rules
from mes.access.oidc.types import Attempt, Discovered, IdentityProvider
from mes.kernel.addresses import Resolve, fault_of_url, is_public, resolve
from mes.kernel.errors import Unavailable
from mes.kernel.plants import serving_plant

ANSWER_MAX: Final = 256 * 1024
"""Bytes of an answer."""
ALTOGETHER_S: Final = 10.0
"""For all that is asked during one request of a browser."""
AT_A_TIME: Final = 16
"""Sign-ins of the whole process that wait for a provider; more are answered 503 `sign-in-busy`."""
OF_PLANT_AT_A_TIME: Final = 4
"""Of one plant: where its provider does not answer, there is room for the others'."""
_WAITING: Final = threading.BoundedSemaphore(AT_A_TIME)
_of_plant: Final[Counter[str]] = Counter()


@dataclass(slots=True)
class Asking:
    """Asks one provider, as long as its block lasts. Make one with `asking`."""

    provider: IdentityProvider
    http: httpx.AsyncClient
    resolve: Resolve

    async def discover(self) -> Discovered:
        """What it publishes of itself; it has to be the issuer that was asked for (Discovery 1.0, section 4.3)."""
        document = await self._json("GET", f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration")
        if document.get("issuer") != self.provider.issuer:
            raise _away("It says that it is another issuer.")
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return Discovered(
            issuer=self.provider.issuer,
            authorization_endpoint=self._endpoint(document, "authorization_endpoint"),
            token_endpoint=self._endpoint(document, "token_endpoint"),
            jwks_uri=self._endpoint(document, "jwks_uri"),
            userinfo_endpoint=self._endpoint(document, "userinfo_endpoint", needed=False),
            end_session_endpoint=self._endpoint(document, "end_session_endpoint", needed=False),
            posts_secret=isinstance(methods, list) and "client_secret_basic" not in methods,
            names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        )

    def _endpoint(self, document: Mapping[str, Any], name: str, *, needed: bool = True) -> str:
        url = document.get(name)
        if url is None and not needed:
            return ""
        if not isinstance(url, str) or fault_of_url(url, private=self.provider.private_addresses):
            raise _away(f"Its {name} is no address we may use.")
        return url

    async def claims(
        self, found: Discovered, attempt: Attempt, *, code: str, secret: str, redirect_uri: str, now_s: int
    ) -> Mapping[str, Any]:
        """The claims of the person a code stands for, checked; `single-sign-on-failed` where anything is not right."""
        answer = await self._redeem(found, attempt, code, secret, redirect_uri)
        id_token, access_token = answer.get("id_token"), answer.get("access_token")
        if not isinstance(id_token, str):
            raise SingleSignOnFailed("The provider sent no ID token.")
        claims = _verified(id_token, await self._json("GET", found.jwks_uri))
        fault = rules.fault_of_claims(
            claims, issuer=found.issuer, client_id=self.provider.client_id, nonce=attempt.nonce, now_s=now_s
        )
        if fault:
            raise SingleSignOnFailed(f"The ID token is not good: {fault}.")
        if not found.userinfo_endpoint or not isinstance(access_token, str):
            return claims
        return {**await self._more(found.userinfo_endpoint, access_token, str(claims["sub"])), **claims}

    async def _redeem(
        self, found: Discovered, attempt: Attempt, code: str, secret: str, redirect_uri: str
    ) -> Mapping[str, Any]:
        """The token endpoint's answer (RFC 6749, section 4.1.3, with the verifier of RFC 7636)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": attempt.verifier,
        }
        if found.posts_secret:
            form |= {"client_id": self.provider.client_id, "client_secret": secret}
            return await self._json("POST", found.token_endpoint, data=form)
        basic = httpx.BasicAuth(quote_plus(self.provider.client_id), quote_plus(secret))
        return await self._json("POST", found.token_endpoint, data=form, auth=basic)

    async def _more(self, url: str, access_token: str, subject: str) -> Mapping[str, Any]:
        """Claims that are not in the token; of the same person, or none (Core 1.0, section 5.3.2)."""
        more = await self._json("GET", url, headers={"authorization": f"Bearer {access_token}"})
        if more.get("sub") != subject:
            raise SingleSignOnFailed("The provider told of somebody else.")
        return {
            name: more[name]
            for name in (self.provider.person_claim, self.provider.groups_claim, *_MORE)
            if name in more
        }

    async def _json(
        self,
        method: str,
        url: str,
        *,
        auth: httpx.Auth | None = None,
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> Mapping[str, Any]:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        try:
            addresses = await self.resolve(host, port)
        except OSError:
            raise _away(f"The name {host} cannot be resolved.") from None
        if not addresses or (not self.provider.private_addresses and not all(map(is_public, addresses))):
            raise _away(f"{host} leads to a private address, which is not allowed.")
        target = httpx.URL(url).copy_with(host=addresses[0], port=port)
        try:
            async with self.http.stream(
                method,
                target,
                headers={"accept": "application/json", **(headers or {}), "host": parts.netloc},
                extensions={"sni_hostname": host},
                auth=auth,
                **body,
            ) as response:
                return _document(response.status_code, await _bounded(response))
        except httpx.HTTPError as error:
            raise _away(f"{host}: {str(error) or type(error).__name__}") from error


_MORE: Final = ("name", "email", "email_verified")


@asynccontextmanager
async def asking(provider: IdentityProvider, *, resolve: Resolve = resolve) -> AsyncIterator[Asking]:
    """Ask a provider within `ALTOGETHER_S`; Unavailable `identity-provider-unreachable` where that fails."""
    plant_id = serving_plant.get()
    if _of_plant[plant_id] >= OF_PLANT_AT_A_TIME or not _WAITING.acquire(blocking=False):
        raise Unavailable("Too many people are signing in at this moment.", code="sign-in-busy")
    _of_plant[plant_id] += 1
    try:
        http = httpx.AsyncClient(
            verify=await asyncio.to_thread(_trusted), trust_env=False, follow_redirects=False, timeout=ALTOGETHER_S
        )
        async with asyncio.timeout(ALTOGETHER_S), http:
            yield Asking(provider, http, resolve)
    except TimeoutError:
        raise _away(f"No answer within {ALTOGETHER_S:g} s.") from None
    finally:
        _of_plant[plant_id] -= 1
        _WAITING.release()


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates this machine trusts, read once."""
    return ssl.create_default_context()


async def _bounded(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > ANSWER_MAX:
            raise _away("Its answer is too long.")
    return body


def _document(status: int, body: bytes) -> Mapping[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise _away(f"Its answer ({status}) is no JSON object.")
    if 400 <= status < 500:
        said = "".join(c for c in str(document.get("error", ""))[:100] if c.isprintable())
        raise SingleSignOnFailed(f"The provider refused: {said or status}.")
    if status != 200:
        raise _away(f"It answered {status}.")
    return document


def _verified(id_token: str, keys: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return jwt.decode(id_token, _usable(keys), algorithms=list(rules.ALGORITHMS)).claims
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise SingleSignOnFailed("The signature of the ID token is not good.") from error


def _usable(published: Mapping[str, Any]) -> KeySet:
    """Those of the published keys that can be read; the others are ignored (RFC 7517, section 5)."""
    keys, given = [], published.get("keys")
    for one in given if isinstance(given, list) else []:
        with suppress(JoseError, ValueError, TypeError, KeyError, UnsupportedAlgorithm):
            keys.append(KeySet.registry_cls.import_key(one))
    return KeySet(keys)


def _away(why: str) -> Unavailable:
    return Unavailable(f"The identity provider cannot be used now. {why}", code="identity-provider-unreachable")
