"""Tokens and session values: 256 random bits behind a prefix that names the plant. Stored as SHA-256, never as text."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

TOKEN_PREFIX: Final = "lst"
"""Of bearer tokens: `lst_<plant>_<43 characters>`. A fixed prefix lets secret scanners find one that leaked."""
SESSION_PREFIX: Final = "ls"
_SECRET_BYTES: Final = 32
_DEVICE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_TEXT: Final = re.compile(r"(lst|ls)_([a-z][a-z0-9-]{0,39})_([A-Za-z0-9_-]{43})")


def new_token(plant_id: str) -> str:
    """A fresh bearer token of a plant."""
    return _new(TOKEN_PREFIX, plant_id)


def new_session_value(plant_id: str) -> str:
    """A fresh value of the session cookie of a plant."""
    return _new(SESSION_PREFIX, plant_id)


def new_device_value() -> str:
    """A fresh value of the device's cookie."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def is_device_value(text: str) -> bool:
    """Whether a cookie may have come from `new_device_value`."""
    return _DEVICE.fullmatch(text) is not None


def plant_of(text: str, prefix: str) -> str | None:
    """The plant a token or session value names; None if the text is not of this shape and prefix."""
    found = _TEXT.fullmatch(text)
    return found.group(2) if found is not None and found.group(1) == prefix else None


def digest(text: str) -> bytes:
    """What is stored and looked up: SHA-256 over the whole text, so the plant is part of it.

    A plain hash is enough for 256 random bits; the slow one is for PINs.
    """
    return hashlib.sha256(text.encode()).digest()


def _new(prefix: str, plant_id: str) -> str:
    return f"{prefix}_{plant_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
