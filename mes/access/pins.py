"""Hashing of PINs and passwords: argon2id, in threads of its own, so neither the event loop nor the writer waits.

A PIN of four digits is protected by the lock-out, not by the hash; the hash keeps a stolen backup from being read like
a list. Its cost (19 MiB, two passes: the floor of the OWASP password storage cheat sheet) suits a small industrial PC.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from mes.access.errors import PasswordUnacceptable, PinUnacceptable
from mes.access.rules import is_acceptable_password, is_acceptable_pin
from mes.kernel.errors import Unavailable
from mes.kernel.plants import serving_plant

T = TypeVar("T")
RANDOM_DIGITS: Final = 6
HASHING_THREADS: Final = 2
HASHING_WAITING_MAX: Final = 64
"""PINs and passwords being checked or waiting for it, in the whole process; more are answered 503 `sign-in-busy`."""
HASHING_WAITING_OF_PLANT_MAX: Final = 16
"""Of one plant: a storm of sign-ins there leaves room for the others'."""

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, hash_len=32, type=Type.ID)
NOBODYS_HASH: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$KWX9dQJ2QfVV1dvnmlm2mw$t5saCvzX97NMdatwMzWMyS6MRYKjidm6WjfwTuSrqng"
)
"""Checked when there is nobody to check, so that both take the same time. No PIN matches it."""

_POOL: Final = ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="argon2")
_WAITING: Final = threading.BoundedSemaphore(HASHING_WAITING_MAX)
_of_plant: Final[Counter[str]] = Counter()


def random_pin() -> str:
    """Six random digits that make an acceptable PIN."""
    while True:
        pin = f"{secrets.randbelow(10**RANDOM_DIGITS):0{RANDOM_DIGITS}d}"
        if is_acceptable_pin(pin):
            return pin


def hash_pin(pin: str) -> str:
    """Hash of an acceptable PIN; `pin-unacceptable` otherwise. About 20 ms of processor."""
    if not is_acceptable_pin(pin):
        raise PinUnacceptable()
    return _HASHER.hash(pin)


def hash_password(password: str) -> str:
    """Hash of an acceptable password, in whatever way its letters were typed; `password-unacceptable` otherwise."""
    password = _as_typed_anywhere(password)
    if not is_acceptable_password(password):
        raise PasswordUnacceptable()
    return _HASHER.hash(password)


def _as_typed_anywhere(text: str) -> str:
    """Keyboards differ in how they write an é (Unicode normalisation form KC, as NIST SP 800-63B-4 asks)."""
    return unicodedata.normalize("NFKC", text)


def verify_pin(pin_hash: str, pin: str) -> bool:
    """Whether a PIN or password is the one that was hashed. About 20 ms of processor."""
    try:
        return _HASHER.verify(pin_hash, _as_typed_anywhere(pin))
    except (VerificationError, InvalidHashError):
        return False


async def hash_pin_aside(pin: str) -> str:
    """`hash_pin` in a hashing thread."""
    return await _aside(lambda: hash_pin(pin))


async def hash_password_aside(password: str) -> str:
    """`hash_password` in a hashing thread."""
    return await _aside(lambda: hash_password(password))


async def verify_pin_aside(pin_hash: str, pin: str) -> bool:
    """`verify_pin` in a hashing thread."""
    return await _aside(lambda: verify_pin(pin_hash, pin))


async def _aside(work: Callable[[], T]) -> T:
    plant_id = serving_plant.get()
    if _of_plant[plant_id] >= HASHING_WAITING_OF_PLANT_MAX or not _WAITING.acquire(blocking=False):
        raise Unavailable("Too many people are signing in at this moment.", code="sign-in-busy")
    _of_plant[plant_id] += 1
    future = _POOL.submit(work)
    future.add_done_callback(lambda _: _WAITING.release())
    try:
        return await asyncio.wrap_future(future)
    finally:
        _of_plant[plant_id] -= 1
