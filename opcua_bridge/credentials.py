"""Who the bridge is to a machine's server: nobody, a user name with password, or a user's certificate.

Secrets are not in the tag map: it says where they are, in the environment (`password_env`), in a file
(`password_file`) or in the keyring of the operating system (`password_keyring`, with the extra `lineside[keyring]`).
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from opcua_bridge.refusals import SecretMissing
from opcua_bridge.tag_map import Endpoint

NO_KEYRING: Final = "the system keyring needs the Python package keyring: install lineside[keyring]"


@dataclass(frozen=True)
class Credentials:
    username: str = ""
    password: str = ""
    certificate: bytes = b""
    """Of the user, PEM or DER as it is in the file."""
    key: bytes = b""
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Credentials({self.username!r})"


def credentials_of(endpoint: Endpoint) -> Credentials:
    """Read anew at every connect, so that a changed password is used. Raises SecretMissing."""
    if endpoint.user_certificate:
        return Credentials(
            certificate=_read(endpoint.user_certificate),
            key=_read(endpoint.user_key),
            warnings=readable_by_others(Path(endpoint.user_key)),
        )
    if not endpoint.username:
        return Credentials()
    warnings = readable_by_others(Path(endpoint.password_file)) if endpoint.password_file else ()
    return Credentials(username=endpoint.username, password=_password(endpoint), warnings=warnings)


def _password(endpoint: Endpoint) -> str:
    if endpoint.password_env:
        if endpoint.password_env not in os.environ:
            raise SecretMissing(f"the environment has no {endpoint.password_env} (password of {endpoint.name})")
        return os.environ[endpoint.password_env]
    if endpoint.password_file:
        return _read(endpoint.password_file).decode("utf-8").strip()
    if endpoint.password_keyring:
        return from_keyring(endpoint.password_keyring, endpoint.username)
    return ""


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SecretMissing(f"{path}: {error.strerror or error}") from error


def readable_by_others(file: Path) -> tuple[str, ...]:
    """A sentence if more than the owner (and the group, as systemd and containers mount secrets) can read it."""
    if os.name == "nt" or not file.exists() or not file.stat().st_mode & stat.S_IROTH:
        return ()
    return (f"{file} can be read by everybody on this computer: chmod o-r {file}",)


def from_keyring(service: str, name: str) -> str:
    """A secret of the system keyring. Raises SecretMissing in one clear sentence."""
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise SecretMissing(NO_KEYRING) from None
    try:
        secret = keyring.get_password(service, name)
    except keyring.errors.KeyringError as error:
        raise SecretMissing(f"the system keyring does not answer: {error}") from error
    if secret is None:
        raise SecretMissing(
            f"the system keyring has nothing for {name!r} under {service!r}: keyring set {service} {name}"
        )
    return str(secret)
