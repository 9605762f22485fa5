"""What may have to be signed, and what a signature says (21 CFR Part 11, §11.50)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

ACT_SIGNED: Final = "access.act-signed.v1"


class Meaning(StrEnum):
    """What the signer says by it (§11.50(a)(3))."""

    approved = "approved"
    reviewed = "reviewed"
    responsible = "responsible"
    authored = "authored"


@dataclass(frozen=True, slots=True)
class SignatureView:
    """A signature that was used: who, when, with which meaning, and of what."""

    signature_id: int
    principal_id: str
    display_name: str
    act: str
    act_sha256: str
    meaning: Meaning
    what: str
    """What was done, as JSON: its SHA-256 is `act_sha256`."""
    signed_at: datetime
    used_at: datetime
