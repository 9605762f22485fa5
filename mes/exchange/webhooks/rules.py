"""Pure rules of webhooks: what is wanted, how it is signed, when it is tried again, where it may go."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from mes.exchange.feed.rules import fault_of_types
from mes.exchange.webhooks.types import WebhookSpec
from mes.kernel.addresses import fault_of_url

SECOND_US: Final = 1_000_000
DELAYS_S: Final = (5, 30, 120, 600, 1_800, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600, 24 * 3_600)
"""After the first failure, the second, and so on; the last one repeats."""
GIVE_UP_AFTER_US: Final = 5 * 24 * 3_600 * SECOND_US
"""A delivery is dead when its first failure is this long ago: a long weekend is survived."""
SECRET_PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32


def fault_of(spec: WebhookSpec) -> str:
    """What is wrong with a webhook, in words; empty: nothing."""
    return fault_of_types(spec.event_types) or fault_of_url(spec.url, private=spec.private_addresses)


def next_attempt_us(now_us: int, failures: int, retry_after_s: int | None = None) -> int:
    """When to try again after so many failures in a row (1: the first); never sooner than the receiver asked for."""
    delay_s = DELAYS_S[min(max(failures, 1), len(DELAYS_S)) - 1]
    return now_us + max(delay_s, min(retry_after_s or 0, DELAYS_S[-1])) * SECOND_US


def is_given_up(now_us: int, first_failed_at_us: int) -> bool:
    """Whether a delivery has failed for so long that it is dead."""
    return now_us - first_failed_at_us >= GIVE_UP_AFTER_US


def secret_text(key: bytes) -> str:
    """A signing key as Standard Webhooks writes it: `whsec_` and base64."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def signatures(secrets: Sequence[str], *, message_id: str, timestamp_s: int, body: bytes) -> str:
    """The header `webhook-signature`: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`, one per secret.

    Standard Webhooks 1.0, "Signature scheme" (symmetric). ValueError: a text is no secret.
    """
    content = f"{message_id}.{timestamp_s}.".encode() + body
    return " ".join(
        "v1," + base64.b64encode(hmac.new(_key(secret), content, hashlib.sha256).digest()).decode()
        for secret in secrets
    )


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("no signing secret") from error
