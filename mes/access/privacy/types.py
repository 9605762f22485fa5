"""What the plant keeps and tells of people."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

KEEP_DAYS_MIN: Final = 1
KEEP_DAYS_MAX: Final = 36_500


class PerformanceByPerson(StrEnum):
    """Whether operations performance says who worked on a job."""

    off = "off"
    """It names nobody."""
    pseudonyms = "pseudonyms"
    """One and the same made-up name for a person, which only the plant can trace back."""
    ids = "ids"


@dataclass(frozen=True, slots=True)
class PrivacyPolicy:
    """`version` 0: nobody has said anything. `keep_days`: sign-ins and addresses are forgotten then; None: kept.

    `pseudonym_key`: what pseudonyms are made with; "" before anything was said.
    """

    performance_by_person: PerformanceByPerson = PerformanceByPerson.off
    keep_days: int | None = None
    version: int = 0
    pseudonym_key: str = field(default="", repr=False)
