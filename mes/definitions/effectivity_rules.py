"""Pure: which version a new order takes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from mes.definitions.types import Effectivity
from mes.kernel.errors import FieldError

V = TypeVar("V")


def is_effective(effectivity: Effectivity, at: datetime) -> bool:
    """Whether a new order may take it: from its beginning, up to and not including its end."""
    begun = effectivity.from_at is None or effectivity.from_at <= at
    return begun and (effectivity.until_at is None or at < effectivity.until_at)


def newest_effective(versions: Iterable[tuple[V, Effectivity]], at: datetime) -> V | None:
    """The last of some versions, oldest first, that is effective."""
    return next((v for v, effectivity in reversed(list(versions)) if is_effective(effectivity, at)), None)


def supersedes(effectivity: Effectivity, at: datetime) -> bool:
    """Whether a version that is released now makes older ones obsolete: it holds from now on, for good.

    One that begins later, or ends, leaves the others in force for the time it does not cover.
    """
    return is_effective(effectivity, at) and effectivity.until_at is None


def effectivity_faults(effectivity: Effectivity) -> tuple[FieldError, ...]:
    """An effectivity that ends before it begins."""
    begin, end = effectivity.from_at, effectivity.until_at
    if begin is not None and end is not None and end <= begin:
        return (FieldError("", "it would end before it begins", "effectivity-invalid"),)
    return ()
