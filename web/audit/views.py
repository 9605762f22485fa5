"""View models of who did what. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final
from urllib.parse import urlencode

from mes.access.audit.types import LOOK_MAX, Act
from mes.access.types import PrincipalView
from mes.kernel.paging import Page

FEATURES: Final = (
    *("access", "definitions", "edge", "equipment", "exchange", "genealogy", "history", "ingest", "materials"),
    *("orders", "personnel", "quality", "reporting"),
)
"""Whose events there are: the kinds one can look for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters as they were typed; "" for any. Days are of the plant, both included."""

    person: str = ""
    subject: str = ""
    kind: str = ""
    since: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Changed:
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ActLine:
    """`by`: "person", "prompt" or "itself". `credential`: "session", "token" or "", with its `number`."""

    seq: int
    type: str
    subject: str
    at: datetime
    by: str
    who: str
    credential: str
    number: str
    place: str
    address: str
    facts: tuple[Fact, ...]
    changes: tuple[Changed, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    name: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """`is_unknown`: nobody has the id asked for. `looked`: events one page looks at."""

    asked: Asked
    people: tuple[Choice, ...]
    features: tuple[str, ...]
    acts: tuple[ActLine, ...]
    older: str
    is_unknown: bool
    looked: int


def audit_page(
    asked: Asked, page: Page[Act] | None, people: Iterable[PrincipalView], zone: tzinfo | None = None
) -> AuditPage:
    """What was found, and the filters to look for something else. `page` None: nobody has that id."""
    cursor = None if page is None else page.next_cursor
    return AuditPage(
        asked=asked,
        people=tuple(Choice(one.id, f"{one.display_name} – {one.id}") for one in people),
        features=FEATURES,
        acts=() if page is None else tuple(_line(act, zone) for act in page.items),
        older="" if cursor is None else "?" + urlencode({**_query(asked), "cursor": cursor}),
        is_unknown=page is None,
        looked=LOOK_MAX,
    )


def _query(asked: Asked) -> dict[str, str]:
    filters = {name: getattr(asked, name) for name in ("person", "subject", "kind", "since", "until")}
    return {name: value for name, value in filters.items() if value}


def _line(act: Act, zone: tzinfo | None) -> ActLine:
    kind, _, number = act.credential.partition("/")
    at_prompt = act.credential == "command-line"
    return ActLine(
        seq=act.seq,
        type=act.type,
        subject=act.subject,
        at=act.recorded_at.astimezone(zone),
        by="person" if act.principal_id else "prompt" if at_prompt else "itself",
        who=act.display_name or act.principal_id or "",
        credential=kind if kind in ("session", "token") else "",
        number=number,
        place=act.place,
        address=act.address or "",
        facts=tuple(Fact(name, _told(value)) for name, value in act.data.items()),
        changes=tuple(_changes(act.changes)),
    )


def _changes(changes: Mapping[str, Any]) -> Iterable[Changed]:
    for document, columns in changes.items():
        if isinstance(columns, dict):
            for name, (before, after) in columns.items():
                yield Changed(f"{document} {name}", _told(before), _told(after))


def _told(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_told, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_told(one)}" for name, one in value.items())
    return "–" if value is None or value == "" else str(value)
