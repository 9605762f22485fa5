"""View models of the recall wizard and of what failed units share. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

import orjson

from mes.genealogy.types import Answer, Released, Standings
from standards.isa95.material import Disposition
from web.trace.forms import Compared, Typed
from web.trace.views import ICONS, address, local, unit_of

KINDS: Final = ("unit", "lot", "container", "shipment")
STEPS: Final = ("ask", "review", "done", "released")
GROUPS_SHOWN: Final = 50
NAMES_SHOWN: Final = 300
HELD_SHOWN: Final = 50
REASONS_SHOWN: Final = 20
SHARED_SHOWN: Final = 25
FEATURES_SHOWN: Final = 12
HELD, CLOSED = Disposition.Restricted.value, Disposition.Closed.value


@dataclass(frozen=True, slots=True)
class Counted:
    """Affected lots of one kind."""

    kind: str
    icon: str
    certain: int
    possible: int
    held: int
    closed: int

    @property
    def total(self) -> int:
        return self.certain + self.possible


@dataclass(frozen=True, slots=True)
class Grouped:
    """Places, orders, or jobs, with how many affected lots each has; "" none recorded. `hidden` more groups."""

    key: str
    rows: tuple[tuple[str, int], ...]
    hidden: int


@dataclass(frozen=True, slots=True)
class Shipped:
    shipment: str
    customer: str
    note: str
    at: datetime | None
    lots: int
    href: str


@dataclass(frozen=True, slots=True)
class Mounted:
    """What is suspected and in a slot right now: stop there first."""

    place: str
    slot: str
    lot: str
    station: str


@dataclass(frozen=True, slots=True)
class HeldAct:
    """Something that was done to an affected lot although it was on hold."""

    lot: str
    href: str
    kind: str
    at: datetime | None
    place: str
    who: str


@dataclass(frozen=True, slots=True)
class Affected:
    total: int
    to_hold: int
    counts: tuple[Counted, ...]
    groups: tuple[Grouped, ...]
    shipped: tuple[Shipped, ...]
    mounted: tuple[Mounted, ...]
    names: tuple[tuple[str, str, bool], ...]
    """Lot, its address, whether only possible."""
    names_hidden: int
    truncated: str
    while_held: tuple[HeldAct, ...]
    while_held_hidden: int


@dataclass(frozen=True, slots=True)
class HoldRow:
    """Affected lots on hold for one reason ("" nobody gave one: such are released on their own pages)."""

    reason: str
    counts: tuple[int, ...]
    """By kind, as `Holds.kinds`."""
    orders: int
    total: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Holds:
    """What of a recall is on hold. `releasable`: rows with a reason; `hidden` more reasons."""

    kinds: tuple[str, ...]
    rows: tuple[HoldRow, ...]
    total: int
    releasable: int
    hidden: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a release: how many, and of the others `(why, how many)`, `otherwise` | `not-held` | `closed`."""

    released: int
    kept: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class RecallPage:
    """`step` is one of STEPS. `kept` are the filled fields, to travel on; `held` how many were put on hold."""

    step: str
    typed: Typed
    kept: tuple[tuple[str, str], ...]
    told: tuple[tuple[str, str], ...]
    affected: Affected | None = None
    reason: str = ""
    held: int = 0
    refused: str = ""
    refused_next: str = ""
    holds: Holds | None = None
    outcome: Outcome | None = None

    @property
    def steps(self) -> tuple[str, ...]:
        """Most recalls are not taken back: that step is told where it was taken."""
        return STEPS if self.step == "released" else STEPS[:-1]


@dataclass(frozen=True, slots=True)
class Cause:
    """Things that exactly the same units have: the record cannot tell them apart."""

    rank: int
    failed_with: int
    good_with: int
    chance: str
    features: tuple[tuple[str, str, str], ...]
    """Kind, name, and the lot's address ("" if it is none)."""
    hidden: int
    lots: str
    """Lots of the group, for a recall: one a line."""


@dataclass(frozen=True, slots=True)
class SharedPage:
    typed: Compared
    asked: bool = False
    failed: int = 0
    good: int = 0
    chosen: bool = False
    """Whether the good ones were looked for, as nobody named any."""
    causes: tuple[Cause, ...] = ()
    refused: str = ""
    refused_next: str = ""


def first_step(typed: Typed) -> RecallPage:
    """To be filled in."""
    return RecallPage("ask", typed, _kept(typed), ())


def recall_page(
    typed: Typed, answer: Answer, zone: ZoneInfo, *, reason: str = "", held: int | None = None
) -> RecallPage:
    """What is affected; once `held` is a number, after the holds."""
    kept = _kept(typed)
    told = tuple((name, _told(name, value, typed)) for name, value in kept)
    step = "review" if held is None else "done"
    return RecallPage(step, typed, kept, told, affected(answer, zone), reason, held or 0)


def holds_of(standings: Standings, chosen: str = "") -> Holds:
    """`chosen`: the reason whose lots are meant first; without it the reason with most lots."""
    groups = sorted(standings.held, key=lambda group: group.reason != chosen)[:REASONS_SHOWN]
    kinds = tuple(kind for kind in KINDS if any(group.kinds.get(kind) for group in groups))
    named = [group.reason for group in groups if group.reason]
    first = next(iter(named), None)
    rows = tuple(
        HoldRow(
            group.reason,
            tuple(group.kinds.get(kind, 0) for kind in kinds),
            group.orders,
            len(group.lot_ids),
            group.reason == first,
        )
        for group in groups
    )
    total = sum(len(group.lot_ids) for group in standings.held)
    return Holds(kinds, rows, total, len(named), len(standings.held) - len(rows))


def released_page(page: RecallPage, released: Released) -> RecallPage:
    """After a release: what was, and what was not and why."""
    others = {
        "otherwise": sum(released.held_otherwise.values()),
        "not-held": released.not_held,
        "closed": released.closed,
    }
    outcome = Outcome(released.released, tuple((why, n) for why, n in others.items() if n))
    return replace(page, step="released", outcome=outcome)


def _kept(typed: Typed) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name in Typed.model_fields if (value := str(getattr(typed, name))))


def _told(name: str, value: str, typed: Typed) -> str:
    if name != "lots":
        return value.replace("T", " ") if name in ("since", "until") else value
    names = typed.names
    return ", ".join(names[:20]) + (f" … ({len(names)})" if len(names) > 20 else "")


def affected(answer: Answer, zone: ZoneInfo) -> Affected:
    rows = answer.tables["affected"].rows
    names = [(name, row[7] == "possible") for row in rows for name in _names(row, NAMES_SHOWN)][:NAMES_SHOWN]
    total = sum(row[8] for row in rows)
    held = answer.tables["while_held"].rows
    return Affected(
        total,
        sum(row[8] for row in rows if row[2] not in (HELD, CLOSED)),
        tuple(count for kind in KINDS if (count := _counted(rows, kind)).total),
        tuple(_grouped(key, rows, column) for key, column in (("places", 5), ("orders", 3), ("jobs", 4))),
        tuple(
            Shipped(row[0], row[1], row[2], local(row[3], zone), row[4], address(row[0], "made-of"))
            for row in answer.tables["shipments"].rows
        ),
        tuple(Mounted(row[0], row[1], row[2], f"/s/{quote(row[0], safe='')}") for row in answer.tables["mounted"].rows),
        tuple((name, address(name, "used-in"), possible) for name, possible in names),
        total - len(names),
        str(answer.facts["truncated"]),
        tuple(_held_act(row, zone) for row in held[:HELD_SHOWN]),
        max(len(held) - HELD_SHOWN, 0),
    )


def _held_act(row: Sequence[Any], zone: ZoneInfo) -> HeldAct:
    return HeldAct(row[3], unit_of(row[3]), row[1], local(row[2], zone), row[4], row[7])


def _names(row: Sequence[Any], limit: int) -> list[str]:
    """The ids of a group; they come as finished JSON."""
    found: list[str] = orjson.loads(orjson.dumps(row[9]))
    return found[:limit]


def _counted(rows: Iterable[Sequence[Any]], kind: str) -> Counted:
    mine = [row for row in rows if row[0] == kind]

    def count(column: int, value: str) -> int:
        return sum(row[8] for row in mine if row[column] == value)

    return Counted(kind, ICONS[kind], count(7, "certain"), count(7, "possible"), count(2, HELD), count(2, CLOSED))


def _grouped(key: str, rows: Iterable[Sequence[Any]], column: int) -> Grouped:
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row[column]] += row[8]
    ranked = counts.most_common()
    return Grouped(key, tuple(ranked[:GROUPS_SHOWN]), max(len(ranked) - GROUPS_SHOWN, 0))


def shared_page(typed: Compared, answer: Answer, *, chosen: bool) -> SharedPage:
    causes = tuple(_cause(row) for row in answer.tables["shared"].rows[:SHARED_SHOWN])
    return SharedPage(typed, True, int(answer.facts["failed"]), int(answer.facts["good"]), chosen, causes)


def _cause(row: Sequence[Any]) -> Cause:
    rank, chance, failed_with, _, good_with, _, shared = row
    told = [text.split(" ", 1) for text in shared]
    lots = [name for kind, name in told if kind == "lot"]
    features = tuple((kind, name, address(name, "used-in") if kind == "lot" else "") for kind, name in told)
    shown = tuple(sorted(features, key=lambda one: one[0] != "lot"))[:FEATURES_SHOWN]
    return Cause(rank, failed_with, good_with, f"{chance:.2g}", shown, len(features) - len(shown), "\n".join(lots))
