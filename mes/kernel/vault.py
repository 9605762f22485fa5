"""Secrets that have to be read again are encrypted at rest, with a key that is never in the database or its backup.

Fernet (AES-128-CBC with HMAC-SHA256). The key file has a key a line: the first seals, all open, so a key is replaced by
putting a new one on top.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

KEY_FILE: Final = "secret.key"


class SealedElsewhere(Exception):
    """The secret was sealed with a key this server does not have."""


class Vault:
    """Seals and opens short texts. Make one with `open_vault`."""

    def __init__(self, keys: list[bytes]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._keys = tuple(keys)

    def seal(self, text: str) -> bytes:
        """The text, encrypted."""
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """The text back. SealedElsewhere: with these keys nobody can."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken as error:
            raise SealedElsewhere() from error

    def digests(self, purpose: str, text: str) -> tuple[bytes, ...]:
        """HMAC-SHA256 of a text that has to be found again but not read, by each key: the first is to be stored.

        Without the key file a list of them cannot be searched through, however few such texts there may be.
        """
        return tuple(_digest(_digest(key, purpose.encode()), text.encode()) for key in self._keys)


def _digest(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()


def open_vault(path: Path) -> Vault:
    """The vault of a key file; one that is not there is made, readable by its owner alone. ValueError: no key in it."""
    if not path.exists():
        _write_new(path)
    keys = [line for line in path.read_bytes().split() if line]
    if not keys:
        raise ValueError(f"{path} holds no key")
    return Vault(keys)


def _write_new(path: Path) -> None:
    """Two processes that start together agree on one key: whoever links its file first wins."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(Fernet.generate_key() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(half, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(half)
