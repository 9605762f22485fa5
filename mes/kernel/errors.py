"""The error tree: a Refusal (the business says no), Weather (will pass), and everything else is a bug."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault in an input: where it is (field path or line), what is wrong, a stable code."""

    where: str
    message: str
    code: str = ""


class Refusal(Exception):
    """The business says no. Leaves in a feature's `errors.py` carry the stable code; nothing was written."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "refused"
    title: ClassVar[str] = "Refused"
    next_step: ClassVar[str] = ""

    def __init__(self, detail: str = "", *, errors: Sequence[FieldError] = (), **extra: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.errors = tuple(errors)
        self.extra = extra


class BadRequest(Refusal):
    status = 400
    code = "bad-request"
    title = "The request cannot be read"


class Unauthenticated(Refusal):
    status = 401
    code = "unauthenticated"
    title = "Sign in first"


class Forbidden(Refusal):
    status = 403
    code = "forbidden"
    title = "Not allowed"


class NotFound(Refusal):
    status = 404
    code = "not-found"
    title = "Not found"


class Conflict(Refusal):
    status = 409
    code = "conflict"
    title = "Conflicts with what is recorded"


class PreconditionFailed(Refusal):
    status = 412
    code = "precondition-failed"
    title = "Changed in the meantime"


class TooLarge(Refusal):
    status = 413
    code = "too-large"
    title = "Too large"


class Unprocessable(Refusal):
    status = 422
    code = "unprocessable"
    title = "Not valid"


class TooMany(Refusal):
    status = 429
    code = "too-many"
    title = "Too many"


class VersionConflict(Conflict):
    """Somebody else changed it after the caller looked (optimistic version column)."""

    code = "version-conflict"
    title = "Somebody else was faster"
    next_step = "Read it again, then repeat what you wanted if it still makes sense."


class ConstraintConflict(Conflict):
    """A constraint of the database refused the write; features refuse earlier and better where they can."""

    code = "constraint-conflict"
    title = "Conflicts with another record"
    next_step = "Check that the id is not taken and that everything it refers to exists."


class ValueNotKept(Unprocessable):
    """No database can keep a value as it was given; features refuse earlier and better where they can."""

    code = "value-not-kept"
    title = "A value cannot be kept"
    next_step = "Leave out NUL characters, numbers beyond 64 bits, and texts longer than their field."


class BadCursor(BadRequest):
    code = "bad-cursor"
    title = "The cursor is not one of ours"
    next_step = "Start again without a cursor."


class IdempotencyKeyReused(Conflict):
    code = "idempotency-key-reused"
    title = "This Idempotency-Key was used for another request"
    next_step = "Use a new key for a new request; repeat a request with exactly the same body."


class EventsArchived(Refusal):
    """`archived_to`: the last event that is not there any more; what comes after it is whole."""

    status = 410
    code = "events-archived"
    title = "These events were archived"
    next_step = "Read what there is anew by its own listings, then go on after `archived_to`; the archive has the rest."


class NoSuchPlant(NotFound):
    code = "no-such-plant"
    title = "No such plant"
    next_step = "Look at `lineside plant list`."


class PlantExists(Conflict):
    code = "plant-exists"
    title = "There is a plant of this name"
    next_step = "Take another name, or delete the plant that has it."


class Unavailable(Exception):
    """Weather: it will pass. 503 with Retry-After. `code` is stable, `detail` is for a person."""

    status: ClassVar[int] = 503

    def __init__(self, detail: str, *, code: str = "unavailable", retry_after_s: int = 2) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.retry_after_s = retry_after_s


class PlantSuspended(Unavailable):
    """The plant is not served: its administrator has suspended it, or it is being moved, imported or deleted."""

    def __init__(self) -> None:
        super().__init__("This plant is out of service for now.", code="plant-suspended", retry_after_s=10)
