"""What every payload has in common, and the words they share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from msgspec import Meta, Struct


class Event(Struct, frozen=True, kw_only=True):
    """The payload of a type of event; the class says the type, and its first words what happened.

    Members are only ever added, as optional ones: events are kept for years, and readers are written once.
    """

    its_subject: ClassVar[str]
    """What `subject` of the event looks like."""


class Written(StrEnum):
    """What a write did: nothing is told of one that changed nothing."""

    Created = "created"
    Updated = "updated"


class JobStateName(StrEnum):
    """The state of a job order, OPC 10031-4."""

    NotAllowedToStart = "NotAllowedToStart"
    AllowedToStart = "AllowedToStart"
    Running = "Running"
    Interrupted = "Interrupted"
    Ended = "Ended"
    Aborted = "Aborted"


Millionths = Annotated[int, Meta(description="In millionths of the unit.")]
Microseconds = Annotated[int, Meta(description="Microseconds since 1970, UTC.")]
Reason = Annotated[str, Meta(description="As somebody gave it.")]
Bounds = Annotated[
    list[int | None],
    Meta(min_length=2, max_length=2, description="At least and at most, in millionths; at most null: nobody knows."),
]
Change = Annotated[list[int], Meta(min_length=2, max_length=2, description="Before and after, in millionths.")]
Named = Annotated[list[str], Meta(description="The first 20 of them.")]
Row = list[str | int | None]
