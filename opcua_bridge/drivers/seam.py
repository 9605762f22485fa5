"""What the commander asks of a driver, and what every driver needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from asyncua import ua

from standards.lineside.commands_v1 import CommandResult, JobCommand, Outcome

POLL_S: Final = 0.05
LOCAL_MODE: Final = "the machine is in local mode"


class Driver(Protocol):
    """One job target. Every method answers a result; none raises for what the machine or the network does."""

    async def execute(self, job: JobCommand, *, token: str, expired: Callable[[], bool]) -> CommandResult:
        """Put a command to the machine, once.

        Nothing has been done where the outcome is `refused` or `expired`; `failed` means that nobody knows.
        """

    async def recall(self, job: JobCommand, *, token: str) -> CommandResult:
        """What became of a command given earlier. Touches nothing; `failed`: the machine does not say."""


def value_of(value: ua.DataValue) -> Any:
    """The value, None unless it is good."""
    if value.StatusCode is not None and int(value.StatusCode.value) >> 30:
        return None
    return value.Value.Value if value.Value is not None else None


def result(outcome: Outcome, code: str = "", message: str = "") -> CommandResult:
    return CommandResult(outcome=outcome, code=code, message=message)


def in_words(error: BaseException) -> str:
    return str(error) or type(error).__name__
