"""Values: scans of lots, the windows between them, what was measured there. Times int64 µs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from mes.history.types import Held

SIDE_US: Final = 3_600_000_000
"""How far a window reaches to a side where nothing bounds it."""
VALUES_MAX: Final = 1_000
"""Values of one answer."""
HOURS_MAX: Final = 20_000
"""Hours of tags that one answer reads."""


class Known(StrEnum):
    """How much of a window history knows."""

    all = "all"
    part = "part"
    none = "none"
    not_kept = "not-kept"
    """None of it, and the window is older than history is kept."""


class Judged(StrEnum):
    """Whether a value kept the limits of the recipe."""

    within = "within"
    outside = "outside"
    not_known = "not-known"
    """What is known is within, but not all is known."""


class Scan(NamedTuple):
    """A lot was seen at an equipment. `piece_before_us`, `piece_after_us`: when the pieces before and after it were."""

    lot_pk: int
    equipment_pk: int
    at_us: int
    job_pk: int | None = None
    piece_before_us: int | None = None
    piece_after_us: int | None = None


class Place(NamedTuple):
    """An equipment with what it stands in."""

    pk: int
    parent_pk: int | None
    work_center_pk: int | None


class Stay(NamedTuple):
    """A lot was at an equipment some time in this half-open window. `scanned`: it was read there, else only around it:
    somewhere in the work centre."""

    lot_pk: int
    equipment_pk: int
    from_us: int
    to_us: int
    job_pk: int | None
    scanned: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """A tag that is bound as a measurement. `told_us`: until when its bridge has told anything; `in_words`: it told
    texts."""

    pk: int
    tag: str
    what: str
    unit: str
    place: Place
    told_us: int
    in_words: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """What a recipe says of a value; None: open on that side."""

    parameter: str
    unit: str
    low: Decimal | None
    high: Decimal | None


Limits = Mapping[int | None, tuple[Limit, ...]]
"""By job."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a tag did while a lot was there. `held` None: nothing is known."""

    stay: Stay
    tag: Measured
    held: Held | None
    known: Known
    limit: Limit | None
    judged: Judged | None
