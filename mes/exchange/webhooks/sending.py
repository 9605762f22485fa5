"""One attempt: resolved, refused where it would lead inside, signed, posted, and what came of it in words.

The request goes to the very address that was looked at: a name that resolves differently a moment later leads nowhere
else. Redirects are not followed, proxies of the environment not used.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from secrets import token_bytes
from types import TracebackType
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx
import orjson

from mes.exchange.webhooks.rules import SECRET_BYTES, secret_text, signatures
from mes.exchange.webhooks.types import SAID_MAX, Message, Outcome, OutcomeKind
from mes.kernel.addresses import Resolve, is_public, resolve
from mes.kernel.clock import Clock, system_clock
from mes.kernel.sqltypes import from_us, to_us
from mes.kernel.vault import SealedElsewhere, Vault

ATTEMPT_S: Final = 15.0
"""For everything: name, connection, answer."""
ANSWER_MAX: Final = 4_096
"""Bytes of an answer that are read."""
RETRYABLE: Final = frozenset({408, 425, 429, 502, 503, 504})
"""The receiver, or what stands before it, is busy or away; it is not about this message."""


@dataclass(slots=True)
class Sender:
    """Posts messages. `resolve` and `tls` are what a plant with names and certificates of its own would replace."""

    vault: Vault
    clock: Clock = system_clock
    resolve: Resolve = resolve
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    attempt_s: float = ATTEMPT_S
    _client: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        # No connection is used twice: the pool knows it by its address, the certificate was checked for one name there.
        # How many there are is each plant's own bound: one whose receivers are slow must not use up another's.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._client = httpx.AsyncClient(
            verify=self.tls, trust_env=False, follow_redirects=False, timeout=self.attempt_s, limits=limits
        )

    async def __aenter__(self) -> Sender:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    def fresh_secret(self) -> tuple[str, bytes]:
        """A new signing secret: as its receiver is told it, once, and as it is kept."""
        text = secret_text(token_bytes(SECRET_BYTES))
        return text, self.vault.seal(text)

    async def send(self, message: Message) -> Outcome:
        """One attempt; whatever happens outside is an outcome, never an error."""
        try:
            secrets = [self.vault.open(sealed) for sealed in message.sealed_secrets]
        except SealedElsewhere:
            return _unreachable("The signing secret was sealed with a key this server does not have; replace it.")
        try:
            async with asyncio.timeout(self.attempt_s):
                return await self._attempt(message, secrets)
        except TimeoutError:
            return _unreachable(f"No answer within {self.attempt_s:g} s.")

    async def _attempt(self, message: Message, secrets: Sequence[str]) -> Outcome:
        parts = urlsplit(message.url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        try:
            addresses = await self.resolve(host, port)
        except OSError:
            return _unreachable(f"The name {host} cannot be resolved.")
        if not message.private_addresses and not all(is_public(address) for address in addresses):
            return _unreachable(f"{host} leads to a private address, which this webhook does not allow.")
        outcome = _unreachable(f"The name {host} has no address.")
        for address in addresses:
            outcome, connected = await self._post(message, secrets, parts, address, port)
            if connected:
                break
        return outcome

    async def _post(
        self, message: Message, secrets: Sequence[str], parts: SplitResult, address: str, port: int
    ) -> tuple[Outcome, bool]:
        body = document(message)
        request = self._client.build_request(
            "POST",
            httpx.URL(scheme=parts.scheme, host=address, port=port, raw_path=_target(parts)),
            content=body,
            headers={**self._headers(message, secrets, body), "host": parts.netloc},
            extensions={"sni_hostname": parts.hostname},
        )
        try:
            response = await self._client.send(request, stream=True)
        except httpx.ConnectError as error:
            return _unreachable(_words(error, "No connection")), False
        except httpx.HTTPError as error:
            return _unreachable(_words(error, "The connection broke")), True
        try:
            return await _outcome(response), True
        finally:
            await response.aclose()

    def _headers(self, message: Message, secrets: Sequence[str], body: bytes) -> dict[str, str]:
        now_s = to_us(self.clock()) // 1_000_000
        signed = signatures(secrets, message_id=message.event_id, timestamp_s=now_s, body=body)
        return {
            "content-type": "application/json",
            "user-agent": "Lineside-Webhooks/1",
            "webhook-id": message.event_id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": signed,
        }


def document(message: Message) -> bytes:
    """What is posted: type, time and data of the event, with its sequence and subject. The same at every attempt."""
    return orjson.dumps(
        {
            "type": message.event_type,
            "timestamp": from_us(message.occurred_at_us),
            "seq": message.seq,
            "subject": message.subject,
            "data": orjson.Fragment(message.payload),
        }
    )


def _target(parts: SplitResult) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return target.encode("ascii")


async def _outcome(response: httpx.Response) -> Outcome:
    status = response.status_code
    if 200 <= status < 300:
        return Outcome(OutcomeKind.delivered, status)
    said = await _said(response)
    if status == 410:
        return Outcome(OutcomeKind.gone, status, said)
    if status in RETRYABLE:
        return Outcome(OutcomeKind.unreachable, status, said, _retry_after(response))
    return Outcome(OutcomeKind.refused, status, said, _retry_after(response))


async def _said(response: httpx.Response) -> str:
    """The beginning of an answer, in printable characters."""
    text = b""
    with suppress(httpx.HTTPError):
        async for chunk in response.aiter_raw():
            text += chunk
            if len(text) >= ANSWER_MAX:
                break
    printable = "".join(c if c.isprintable() else " " for c in text[:ANSWER_MAX].decode("utf-8", "replace"))
    return " ".join(printable.split())[:SAID_MAX]


def _retry_after(response: httpx.Response) -> int | None:
    value = response.headers.get("retry-after", "")
    return int(value) if value.isdigit() and len(value) < 8 else None


def _unreachable(said: str) -> Outcome:
    return Outcome(OutcomeKind.unreachable, 0, said[:SAID_MAX])


def _words(error: Exception, what: str) -> str:
    return f"{what}: {str(error) or type(error).__name__}"
