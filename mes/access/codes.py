"""The second factor: codes of an authenticator app (TOTP, RFC 6238: SHA-1, 6 digits, 30 s), and recovery codes.

A code is good for its own 30 seconds and those before and after it (section 5.2), and once.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from typing import Final

import pyotp

STEP_S: Final = 30
DRIFT_STEPS: Final = 1
"""Steps by which the clocks of server and telephone may differ."""
RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 10
"""80 random bits a recovery code: too many to try, so a plain hash keeps it."""
_CODE: Final = re.compile(r"[0-9]{6}")
_RECOVERY: Final = re.compile(r"[A-Z2-7]{16}")


def new_secret() -> str:
    """160 random bits in Base32, as RFC 4226 (requirement R6) recommends."""
    return pyotp.random_base32(32)


def enrolment_uri(secret: str, *, principal_id: str, plant_id: str) -> str:
    """What an authenticator app reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=principal_id, issuer_name=f"Lineside {plant_id}")


def matching_step(secret: str, code: str, *, now_s: int, last_step: int) -> int | None:
    """The time step a code is of, if it is near enough and later than the last one used; else None."""
    typed = code.replace(" ", "")
    if not _CODE.fullmatch(typed):
        return None
    totp = pyotp.TOTP(secret)
    here = now_s // STEP_S
    steps = range(max(here - DRIFT_STEPS, last_step + 1), here + DRIFT_STEPS + 1)
    return next((step for step in steps if secrets.compare_digest(totp.generate_otp(step), typed)), None)


def new_recovery_codes() -> tuple[str, ...]:
    """Codes for the day the telephone is gone, each good once: `ABCD-EFGH-IJKL-MNOP`."""
    made = (base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES))
    return tuple("-".join(text[n : n + 4] for n in range(0, len(text), 4)) for text in made)


def recovery_digest(code: str) -> bytes | None:
    """What a recovery code is stored as, however it was typed; None if it cannot be one."""
    typed = re.sub(r"[\s-]", "", code).upper()
    return hashlib.sha256(typed.encode()).digest() if _RECOVERY.fullmatch(typed) else None
