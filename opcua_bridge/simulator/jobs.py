"""Jobs and commands as a machine sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .vocabulary import JobState, Result

ACTIVE: Final = frozenset({JobState.ALLOWED, JobState.RUNNING, JobState.INTERRUPTED})
FINAL: Final = frozenset({JobState.ENDED, JobState.ABORTED})


@dataclass
class Job:
    """A job a target has taken. `begun` and `done` are machine cycles."""

    id: str
    work_master: str
    material: str
    work_request: str
    cycles: int
    state: JobState = JobState.ALLOWED
    substate: int = 0
    begun: int = 0
    done: int = 0

    @property
    def active(self) -> bool:
        return self.state in ACTIVE


@dataclass(frozen=True)
class Command:
    """The contents of `<T>.Cmd.*` at the moment Trigger changed."""

    token: str
    order_id: str
    action: str
    work_master: str = ""
    material: str = ""
    work_request: str = ""
    cycles: int = 0


@dataclass(frozen=True)
class Answer:
    """What goes to AckResult and AckText."""

    result: Result
    text: str = ""


OK: Final = Answer(Result.OK)
