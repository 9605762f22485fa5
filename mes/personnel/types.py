"""Persons, what they are qualified for, and who may sign in where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mes.kernel.properties import Property


@dataclass(frozen=True, slots=True)
class Qualification:
    """Membership of a personnel class, from one instant up to (not including) another; None: open on that side."""

    personnel_class_id: str
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class PersonView:
    id: str
    name: str
    language: str
    principal_id: str | None
    """None: known by name only; cannot sign in."""
    qualifications: tuple[Qualification, ...]
    version: int
    properties: tuple[Property, ...] = ()
    """In order of id."""


@dataclass(frozen=True, slots=True)
class PersonnelClassView:
    id: str
    description: str
    version: int


@dataclass(frozen=True, slots=True)
class SignInName:
    """One name on the sign-in screen."""

    principal_id: str
    display_name: str
    language: str
    last_signed_in_at: datetime | None
    """At this work unit; None: never."""
