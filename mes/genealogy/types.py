"""Values of genealogy: what is recorded, what is asked, what is answered. Quantities are × 10^6, times int64 µs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, NamedTuple

from mes.materials.types import LotKind

OPEN_SEQ: Final = 2**62
"""The last sequence of a mount that is still there."""
SEQ_MAX: Final = 2**53
"""Sequence numbers of a station stay below."""
NODES_MAX: Final = 200_000
"""Lots in one answer, unless less is asked for."""
LINKS_MAX: Final = 500_000
"""Links in one answer."""
DEPTH_MAX: Final = 100
"""Levels in one answer."""
MEASURED_MAX: Final = 20_000
"""Measured values in one answer."""
BATCH_MAX: Final = 100_000
"""Rows of one recording."""
MADE_OF_MAX: Final = 50
"""Lots that a mounted lot is made of, for its mount to tell them."""
SHARED_UNITS_MAX: Final = 2_000
"""Failed and good units of one comparison."""


class ActKind(IntEnum):
    passed = 1
    consumed = 2
    produced = 3
    split = 4
    merged = 5
    packed = 6
    unpacked = 7
    installed = 8
    removed = 9
    replaced = 10
    reworked = 11
    mounted = 12
    unmounted = 13
    shipped = 14
    moved = 15
    reversed = 16
    adjusted = 17


class LinkKind(IntEnum):
    """How the parent went into the child."""

    consumed = 1
    by_product = 2
    split = 3
    merged = 4
    packed = 5
    installed = 6
    reworked = 7


class NewLot(NamedTuple):
    lot_id: str
    material_id: str
    quantity_e6: int = 1_000_000
    kind: LotKind = LotKind.unit
    job_id: str = ""


class Context(NamedTuple):
    """With what something was done; `parameters` is a JSON object."""

    program: str = ""
    tool: str = ""
    parameters: str = "{}"


HELD: Final = "unit-held"
"""The flag of an act on a lot that was on hold when it was recorded."""
WORKED: Final = frozenset(
    {
        ActKind.passed,
        ActKind.consumed,
        ActKind.merged,
        ActKind.packed,
        ActKind.installed,
        ActKind.replaced,
        ActKind.reworked,
    }
)
"""Acts that change a lot, so that a hold on it should have stopped them."""
ACT_OF: Final[Mapping[LinkKind, ActKind]] = {
    LinkKind.consumed: ActKind.consumed,
    LinkKind.by_product: ActKind.produced,
    LinkKind.split: ActKind.split,
    LinkKind.merged: ActKind.merged,
    LinkKind.packed: ActKind.packed,
    LinkKind.installed: ActKind.installed,
    LinkKind.reworked: ActKind.reworked,
}
"""What was done where one thing went into another."""


class Act(NamedTuple):
    """`seq`: it passed the station as the so-many-th."""

    kind: ActKind
    lot_id: str
    at_us: int
    equipment_id: str = ""
    seq: int | None = None
    job_id: str = ""
    context: Context | None = None
    request_id: str | None = None
    note: str | None = None


class Link(NamedTuple):
    """`act` is its place among the acts of the recording."""

    act: int
    parent_id: str
    child_id: str
    quantity_e6: int = 1_000_000
    kind: LinkKind = LinkKind.consumed


class Mount(NamedTuple):
    """A lot that was in a slot for the pieces `from_seq` to `to_seq`, both included (`OPEN_SEQ`: it still is).

    `act` is its place among the acts of the recording, which says when and where it was mounted.
    """

    act: int
    slot_id: str
    lot_id: str
    from_seq: int
    to_seq: int
    until_us: int | None = None
    quantity_per_e6: int = 0


@dataclass(frozen=True, slots=True)
class Recording:
    """What is written together, in this order: new lots, acts, their links, mounts of the past."""

    lots: Sequence[NewLot] = ()
    acts: Sequence[Act] = ()
    links: Sequence[Link] = ()
    mounts: Sequence[Mount] = ()

    def __len__(self) -> int:
        return len(self.lots) + len(self.acts) + len(self.links) + len(self.mounts)


class Sent(NamedTuple):
    """A lot, with what is packed in it, left with a shipment."""

    shipment_id: str
    lot_id: str
    customer_id: str
    delivery_note: str
    at_us: int


class Fact(NamedTuple):
    """One row of history, which names what it needs itself: a new lot; or an act, with a link or a mount it made; or
    what was sent."""

    lot: NewLot | None = None
    act: Act | None = None
    link: Link | None = None
    mount: Mount | None = None
    sent: Sent | None = None


class Fault(NamedTuple):
    """Why a row of history is refused."""

    code: str
    reason: str


class Imported(NamedTuple):
    """How far a file of history is recorded. `line`: of the last of its `rows_done`, refused ones among them."""

    pk: int
    rows_done: int
    line: int
    refused: int
    is_over: bool


@dataclass(frozen=True, slots=True)
class Override:
    """A supervisor says that it shall be done all the same, and why."""

    reason: str


class Interval(NamedTuple):
    """Sequences from `first` to `last`, both included; empty where `last` is below `first`."""

    first: int
    last: int


class LotFacts(NamedTuple):
    """A lot as verbs load it. `used_e6`: what was taken of it; `is_used`: it is in something, or was ever in a slot:
    what mounts tell of their lots hangs on that (`forget_made_of`)."""

    pk: int
    lot_id: str
    kind: int
    material_pk: int
    quantity_e6: int
    unit: str
    disposition: str
    shipment_pk: int | None
    used_e6: int
    is_used: bool


class LinkRow(NamedTuple):
    """A link as read: recorded, or by a mount (`mount_pk`), then perhaps only possible."""

    parent_pk: int
    child_pk: int
    act_pk: int
    quantity_e6: int
    kind: int
    mount_pk: int | None = None
    possible: bool = False


@dataclass(slots=True)
class Reach:
    """What a walk found. `certain` and `possible` are keys of lots, roots included; `truncated` says which limit ended
    it ("" none)."""

    certain: set[int] = field(default_factory=set)
    possible: set[int] = field(default_factory=set)
    links: list[LinkRow] = field(default_factory=list)
    truncated: str = ""

    @property
    def pks(self) -> list[int]:
        return sorted(self.certain | self.possible)


@dataclass(frozen=True, slots=True)
class Suspects:
    """What a recall starts from: any of these; those about acts (equipment … until) narrow one another.

    `from_lot_id` to `to_lot_id` is a range of serials of one length, both included.
    """

    lot_ids: tuple[str, ...] = ()
    from_lot_id: str = ""
    to_lot_id: str = ""
    equipment_id: str = ""
    program: str = ""
    tool: str = ""
    operator_id: str = ""
    job_id: str = ""
    from_at_us: int | None = None
    until_us: int | None = None

    @property
    def by_acts(self) -> bool:
        named = (self.equipment_id, self.program, self.tool, self.operator_id, self.job_id)
        return any(named) or self.from_at_us is not None or self.until_us is not None


class HeldBecause(NamedTuple):
    """Affected lots that are on hold for one reason; `kinds` and `orders` count them, by kind and production order."""

    reason: str
    lot_ids: tuple[str, ...]
    kinds: Mapping[str, int]
    orders: int


class Standings(NamedTuple):
    """How the lots of a recall stand: on hold, by reason (the one with most lots first), and how many are what else."""

    held: tuple[HeldBecause, ...]
    others: Mapping[str, int]

    def held_because(self, reason: str) -> tuple[str, ...]:
        return next((group.lot_ids for group in self.held if group.reason == reason), ())


class Released(NamedTuple):
    """What came of the release of a recall: `held_otherwise` by reason, `not_held` (released already, or never held),
    `closed`."""

    released: int
    held_otherwise: Mapping[str, int]
    not_held: int
    closed: int


Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns, ready for JSON and CSV."""

    columns: tuple[str, ...]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Answer:
    """`facts` are single values, `tables` by name, the first the one that CSV shows."""

    facts: Mapping[str, Any]
    tables: Mapping[str, Table]
