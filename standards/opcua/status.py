"""OPC UA StatusCode -> quality (OPC 10000-4 clause 7.39: the two top bits are the severity)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

BAD_NO_COMMUNICATION: Final = 0x80310000
BAD_WAITING_FOR_INITIAL_DATA: Final = 0x80320000
OVERFLOW_BITS: Final = 0x480
"""InfoType DataValue (bit 10) with Overflow (bit 7): the server dropped values before this one."""


class Quality(StrEnum):
    good = "good"
    uncertain = "uncertain"
    bad = "bad"


def quality_of(status: int) -> Quality:
    """Quality of a 32-bit StatusCode."""
    severity = status >> 30
    if severity == 0:
        return Quality.good
    return Quality.uncertain if severity == 1 else Quality.bad


def overflowed(status: int) -> bool:
    """Whether values were lost before this one in the server's queue."""
    return status & OVERFLOW_BITS == OVERFLOW_BITS
