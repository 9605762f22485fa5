"""Additive acts carry a request id: told again an act is not done again, and another act under a used id is refused."""

from __future__ import annotations

import hashlib

import orjson

from mes.kernel.errors import IdempotencyKeyReused


def content_hash(*told: object) -> int:
    """64 bits of everything that was told with an act; the same for the same."""
    text = orjson.dumps(told, default=str, option=orjson.OPT_SORT_KEYS)
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big", signed=True)


def refuse_other_content(request_id: str, *, known: int | None, told: int) -> None:
    """`idempotency-key-reused` unless what is told now is what was told first; None: kept before contents were."""
    if known is not None and known != told:
        raise IdempotencyKeyReused(f"{request_id!r} was used for something else.")
