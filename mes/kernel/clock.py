"""The one place of the server that looks at a clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Answers the present instant, aware, in UTC."""


def system_clock() -> datetime:
    """The computer's clock."""
    return datetime.now(UTC)
