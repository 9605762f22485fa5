"""What is read from a certificate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from asyncua.crypto import uacrypto

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=256)
def certificate_ends_us(certificate: bytes) -> int | None:
    """End of its validity, microseconds since 1970. None for what is no certificate (DER)."""
    if not certificate:
        return None
    try:
        ends = uacrypto.x509_from_der(certificate).not_valid_after_utc
    except ValueError:
        return None
    return int((ends - _EPOCH) / timedelta(microseconds=1))
