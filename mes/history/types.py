"""Columns of measurements, and what is worked out of them. Times are int64 microseconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Qualities = npt.NDArray[np.uint8]
Tags = npt.NDArray[np.uint32]

GOOD: Final = 0
UNCERTAIN: Final = 1
NOT_KNOWN: Final = 2
"""What stands in a quality column; NOT_KNOWN: from this instant on the value is not known, and it is NaN."""

MINUTE_US: Final = 60_000_000
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US
TIME_MAX_US: Final = 4_102_444_800_000_000
"""1970 to 2100: outside it nothing is kept."""


@dataclass(frozen=True, slots=True)
class Measurements:
    """Samples of any tags in the order they came in: four columns of one length.

    `value` NaN and `quality` NOT_KNOWN mean the same. Whole numbers are exact up to 2^53.
    """

    tag_pk: Tags
    at_us: Times
    value: Values
    quality: Qualities


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of one tag, each instant once, oldest first."""

    at_us: Times
    value: Values
    quality: Qualities

    def __len__(self) -> int:
        return len(self.at_us)

    def between(self, from_us: int, to_us: int) -> Samples:
        """Those in the half-open window."""
        here = slice(*np.searchsorted(self.at_us, (from_us, to_us)))
        return Samples(self.at_us[here], self.value[here], self.quality[here])


@dataclass(frozen=True, slots=True)
class Rollups:
    """One tag by spans of equal length (a minute, an hour), oldest first; spans without a sample are absent.

    `n`, `minimum`, `maximum` and `total` are of the known values (NaN, total 0, where `n` is 0). `first` and `last` are
    the first and last sample (NaN: not known). `held_us` is for how long, from `first_at_us` to `last_at_us`, a value
    was known, each one holding until the next sample, and `held_mean` the mean over that time.
    """

    start_us: Times
    n: Times
    minimum: Values
    maximum: Values
    total: Values
    first: Values
    last: Values
    first_at_us: Times
    last_at_us: Times
    held_us: Times
    held_mean: Values

    def __len__(self) -> int:
        return len(self.start_us)


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open window of one tag."""

    tag_pk: int
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What a tag did in some windows. `mean` is of the samples, `held_mean` weighted by how long each value held.

    Values are None where none was known. `whole_minutes`: the samples are gone by age, so that the windows were widened
    to whole minutes.
    """

    n: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    held_mean: float | None
    known_us: int
    whole_minutes: bool


@dataclass(frozen=True, slots=True)
class Held:
    """What a tag did in one window, each value holding until the next sample, the one before the window included.

    `n` samples lie in the window. Values are None where none was known; `last` is what held at its end, None: it was
    not known then. `whole_minutes`: as in `Summary`.
    """

    n: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    last: float | None
    known_us: int
    whole_minutes: bool


@dataclass(frozen=True, slots=True)
class LastValue:
    """The newest sample of a tag; `value` None: not known since `at_us`."""

    tag_pk: int
    at_us: int
    value: float | None
    quality: int


@dataclass(frozen=True, slots=True)
class TextView:
    """An identity (a serial, a lot) as the machine gave it."""

    at_us: int
    text: str


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many days samples (and texts), and for how many days roll-ups by the minute are kept."""

    samples_days: int = 90
    rollups_days: int = 1_095
