"""Decisions about qualifications: pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby, pairwise
from typing import Final

from mes.kernel.errors import FieldError
from mes.personnel.types import Qualification

_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_LATEST: Final = datetime.max.replace(tzinfo=UTC)


def is_valid_at(qualification: Qualification, at: datetime) -> bool:
    """Whether it holds at an instant: from its beginning, up to and not including its end."""
    return _begin(qualification) <= at < _end(qualification)


def is_qualified(qualifications: Iterable[Qualification], personnel_class_id: str, at: datetime) -> bool:
    """Whether any of them makes its holder a member of a class at an instant."""
    return any(q.personnel_class_id == personnel_class_id and is_valid_at(q, at) for q in qualifications)


def qualification_faults(qualifications: Sequence[Qualification]) -> tuple[FieldError, ...]:
    """What is wrong with a person's qualifications: periods that end before they begin, or overlap within a class."""
    backwards = [
        FieldError(f"qualifications.{index}", "ends before it begins", "backwards")
        for index, q in enumerate(qualifications)
        if _end(q) <= _begin(q)
    ]
    return tuple(backwards) or _overlaps(qualifications)


def named_qualifications(
    held: Sequence[Qualification], personnel_class_ids: Sequence[str]
) -> tuple[Qualification, ...]:
    """Of somebody of whom only the classes are told: one that is held already keeps its dates."""
    kept = tuple(q for q in held if q.personnel_class_id in personnel_class_ids)
    have = {q.personnel_class_id for q in kept}
    return (*kept, *(Qualification(name) for name in personnel_class_ids if name not in have))


def _overlaps(qualifications: Sequence[Qualification]) -> tuple[FieldError, ...]:
    ordered = sorted(enumerate(qualifications), key=lambda item: (item[1].personnel_class_id, _begin(item[1])))
    by_class = groupby(ordered, key=lambda item: item[1].personnel_class_id)
    return tuple(
        FieldError(f"qualifications.{second[0]}", f"overlaps another of {class_id}", "overlap")
        for class_id, group in by_class
        for first, second in pairwise(group)
        if _begin(second[1]) < _end(first[1])
    )


def _begin(qualification: Qualification) -> datetime:
    return qualification.valid_from or _EARLIEST


def _end(qualification: Qualification) -> datetime:
    return qualification.valid_until or _LATEST
