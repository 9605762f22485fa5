"""An ERP's view of orders or lots, what the plant knows of the same, and how the two differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from mes.kernel.limits import ID_MAX

ROWS_MAX: Final = 10_000
"""Orders or lots of one view."""
VIEWS_KEPT: Final = 10
"""Of one subject and source."""
UNKNOWN_MAX: Final = 1_000
"""What the ERP does not name is told up to here."""


HANDED_IN: Final = "@"
"""What the source of a view begins with that no connection has read; ids do not."""
SOURCE_MAX: Final = len(HANDED_IN) + ID_MAX


class Subject(StrEnum):
    orders = "orders"
    lots = "lots"


class Reason(StrEnum):
    """Why the two differ, as far as records tell."""

    not_yet_told = "not-yet-told"
    """It happened here, and the ERP has not been told, or has not taken it yet."""
    corrected_since = "corrected-since"
    """It was told, and corrected here since then."""
    acknowledged = "acknowledged"
    """It was told and taken, in this version; the ERP says something else now."""
    booked_elsewhere = "booked-elsewhere"
    """The ERP has it, and nobody here told it."""
    ordered_differs = "ordered-differs"
    """The order here is another than the ERP's."""
    changed_since = "changed-since"
    """The lot was used or changed here after the ERP's view was taken."""
    unexplained = "unexplained"
    """Nothing happened to the lot here since then."""
    unknown_here = "unknown-here"
    unknown_there = "unknown-there"


class What(StrEnum):
    """What of an order or lot differs; `itself`: only one side has it."""

    itself = "itself"
    ordered = "ordered"
    good = "good"
    scrap = "scrap"
    quantity = "quantity"
    unit = "unit"
    blocked = "blocked"


@dataclass(frozen=True, slots=True)
class ErpOrder:
    """Quantities scaled by 10^6; None: the ERP says nothing about it."""

    id: str
    good_e6: int
    scrap_e6: int | None = None
    ordered_e6: int | None = None
    taken_until_us: int | None = None
    """What was published until then the ERP has taken of this order; None: as its view says."""


@dataclass(frozen=True, slots=True)
class ErpLot:
    """What is left of a lot, × 10^6; `unit` "" and `blocked` None: the ERP says nothing about it."""

    id: str
    quantity_e6: int
    unit: str = ""
    blocked: bool | None = None
    untold: bool = False
    """It went into, or came out of, an order whose outcome the ERP has not been told."""


@dataclass(frozen=True, slots=True)
class ErpView:
    """`complete`: what it does not name the ERP does not know. `cursor`: of the operations performance it has taken;
    None: what was published before `taken_at` counts as taken. `source`: the ERP connection that read it; `@` and the
    program that handed it in, `@` alone where a person or a file did; "": whoever hands it in now."""

    subject: Subject
    taken_at: datetime
    orders: tuple[ErpOrder, ...] = ()
    lots: tuple[ErpLot, ...] = ()
    complete: bool = False
    cursor: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class StoredView:
    """A view as it was kept."""

    view: ErpView
    received_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the ERP has taken of an order: the newest reports up to its cursor. `version` 0: nothing."""

    good_e6: int = 0
    scrap_e6: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class PlantOrder:
    """An order as the plant knows it, the proven minimum of what was made; `news`: a job of which nothing was taken yet
    has something to tell; `corrected`: one of which something was taken has something else to tell."""

    id: str
    unit: str
    ordered_e6: int
    good_e6: int
    scrap_e6: int
    told: Told
    news: bool = False
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class PlantLot:
    """What is left of a lot; `changed`: after the ERP's view was taken."""

    id: str
    unit: str
    left_e6: int
    blocked: bool
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """Both sides as texts, "" where one has nothing; `version`: of the report that was taken."""

    id: str
    what: What
    erp: str
    plant: str
    unit: str
    reason: Reason
    version: int = 0


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """`equal`: rows of the view in which nothing differs; `truncated`: more is unknown there than is told; `sources`:
    of every view of its subject, this one's among them."""

    stored: StoredView
    differences: tuple[Difference, ...]
    equal: int
    truncated: bool
    sources: tuple[str, ...]
