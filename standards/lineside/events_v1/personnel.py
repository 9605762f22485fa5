"""People and what they are qualified for."""

from __future__ import annotations

from typing import ClassVar

from standards.lineside.events_v1.base import Event, Reason


class _OfPerson(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "the person's id"
    id: str


class _OfClass(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "the personnel class's id"
    id: str


class PersonCreated(_OfPerson, frozen=True, kw_only=True):
    """There is a new person."""


class PersonChanged(_OfPerson, frozen=True, kw_only=True):
    """A person, their classes, qualifications or properties were changed."""


class PersonErased(_OfPerson, frozen=True, kw_only=True):
    """What identifies a person was taken away; `id` is what they are called now."""

    reason: Reason


class PersonnelClassCreated(_OfClass, frozen=True, kw_only=True):
    """There is a new personnel class."""


class PersonnelClassChanged(_OfClass, frozen=True, kw_only=True):
    """A personnel class was described anew."""
