"""View models of reconciliation. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from mes.exchange.reconciliation.types import HANDED_IN, Difference, Reason, Reconciliation, Subject

SHOWN: Final = 200
TONES: Final[Mapping[Reason, tuple[str, str]]] = {
    Reason.not_yet_told: ("idle", "hourglass"),
    Reason.corrected_since: ("idle", "refresh-cw"),
    Reason.changed_since: ("idle", "clock"),
    Reason.ordered_differs: ("warn", "triangle-alert"),
    Reason.acknowledged: ("down", "octagon-alert"),
    Reason.booked_elsewhere: ("down", "octagon-alert"),
    Reason.unexplained: ("down", "octagon-alert"),
    Reason.unknown_here: ("warn", "circle-help"),
    Reason.unknown_there: ("warn", "circle-help"),
}
"""Tone and icon of a reason: what settles itself, what somebody has to look at, what is wrong on one side."""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many differences have a reason."""

    reason: str
    href: str
    tone: str
    icon: str
    count: int


@dataclass(frozen=True, slots=True)
class Row:
    """One difference. `href`: its order or lot, "" where nobody knows it here."""

    id: str
    href: str
    what: str
    erp: str
    plant: str
    unit: str
    reason: str
    tone: str
    icon: str
    version: int


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose view it is: a `connection` or a `program` by its id, or a `person`'s or a file's, whose id is ""."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Said:
    """Whose view can be looked at."""

    whose: Whose
    href: str


@dataclass(frozen=True, slots=True)
class Compared:
    """`others`: further sources of this subject. `all_href`, `file_href`: this source's."""

    whose: Whose
    others: tuple[Said, ...]
    all_href: str
    file_href: str
    taken_at: datetime
    by: str
    complete: bool
    equal: int
    counts: tuple[Counted, ...]
    rows: tuple[Row, ...]
    hidden: int
    truncated: bool


@dataclass(frozen=True, slots=True)
class Tab:
    subject: str
    href: str


@dataclass(frozen=True, slots=True)
class ReconciliationPage:
    """`compared` None: the ERP has said nothing yet. `only`: the reason that is looked at, "" all."""

    subject: str
    subjects: tuple[Tab, ...]
    only: str
    compared: Compared | None


def reconciliation_page(
    subject: Subject, found: Reconciliation | None, zone: ZoneInfo, only: Reason | None, source: str | None = None
) -> ReconciliationPage:
    """`source`: the one that was asked for, None: whichever is newest."""
    compared = None if found is None else _compared(subject, found, zone, only)
    return ReconciliationPage(
        subject, tuple(Tab(one, address_of(one, source)) for one in Subject), only or "", compared
    )


def address_of(subject: Subject, source: str | None, **wanted: str) -> str:
    """Of the page; `source` None: of the newest view."""
    query = urlencode({**({} if source is None else {"source": source}), **wanted})
    return f"/reconciliation/{subject}{'?' if query else ''}{query}"


def _whose(source: str) -> Whose:
    if not source.startswith(HANDED_IN):
        return Whose("connection", source)
    sender = source.removeprefix(HANDED_IN)
    return Whose("program" if sender else "person", sender)


def _compared(subject: Subject, found: Reconciliation, zone: ZoneInfo, only: Reason | None) -> Compared:
    counts = Counter(one.reason for one in found.differences)
    wanted = [one for one in found.differences if only in (None, one.reason)]
    view = found.stored.view
    source = view.source
    return Compared(
        _whose(source),
        tuple(Said(_whose(one), address_of(subject, one)) for one in found.sources if one != source),
        address_of(subject, source),
        f"/reconciliation/{subject}/differences.csv?{urlencode({'source': source})}",
        view.taken_at.astimezone(zone),
        found.stored.by,
        view.complete,
        found.equal,
        tuple(
            Counted(reason, address_of(subject, source, reason=reason), *tone, counts[reason])
            for reason, tone in TONES.items()
            if counts[reason]
        ),
        tuple(_row(subject, one) for one in wanted[:SHOWN]),
        max(len(wanted) - SHOWN, 0),
        found.truncated,
    )


def _row(subject: Subject, one: Difference) -> Row:
    place = "orders" if subject is Subject.orders else "lots"
    href = "" if one.reason is Reason.unknown_here else f"/{place}/{quote(one.id, safe='')}"
    tone, icon = TONES[one.reason]
    return Row(one.id, href, one.what, one.erp, one.plant, one.unit, one.reason, tone, icon, one.version)
