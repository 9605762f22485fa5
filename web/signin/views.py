"""View model of the sign-in page. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PersonTile:
    person_id: str
    name: str
    here: bool = False
    """Signed in at this station now."""


@dataclass(frozen=True, slots=True)
class SigninPage:
    """`recent` first, then `others`; `problem` is the key of the words for a refused attempt, or ""."""

    station: str
    station_name: str
    following: str
    recent: tuple[PersonTile, ...]
    others: tuple[PersonTile, ...]
    selected: str
    problem: str
    wait_s: int
    languages: tuple[str, ...]
    with_password: bool = False
    badge: str = ""
    """What a badge is here: "alone", "with-pin", or "" where it is nothing."""
    elsewhere: str = ""
    """What the identity provider is called; "" where people sign in here alone."""
    left: bool = False
    """Somebody who had signed in there has just signed out here."""
