"""ERP connectors: what is agreed with every ERP, and how a connection stands.

Keys are the ERP's own (its record numbers as text); ids are Lineside's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Final

from mes.materials.types import UnitConversion

URL_MAX: Final = 2_000
KEY_MAX: Final = 64
SAID_MAX: Final = 500
CONNECTIONS_MAX: Final = 20
PLACES_MAX: Final = 200
REMARKS_MAX: Final = 50
"""Sentences kept of one reading of master data."""
POLL_S_MAX: Final = 3_600
MADE_LOTS_MAX: Final = 5_000
"""Lots, or serial numbers, in one confirmation."""


class Consumption(StrEnum):
    """How what an order used of a material is found. One way for each material, so that nothing is used twice."""

    by_bill = "by-bill"
    """Back-flush: the pieces made, good and scrap, times what the routing says one needs."""
    actual = "actual"
    """What was scanned or mounted, lot by lot."""


class OrderWord(StrEnum):
    """What the ERP says of a production order."""

    open = "open"
    changing = "changing"
    """Somebody works on it in the ERP; it is left alone until it is firm again."""
    cancelled = "cancelled"
    done = "done"


# -- down


@dataclass(frozen=True, slots=True)
class ErpMaterial:
    """`by_lot`: the ERP books it by lot only."""

    key: str
    material_id: str
    unit: str
    description: str = ""
    conversions: tuple[UnitConversion, ...] = ()
    by_lot: bool = False


@dataclass(frozen=True, slots=True)
class ErpLine:
    """`quantity`, in `unit`, goes into what the bill makes."""

    material_key: str
    quantity: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class ErpStep:
    """`place`: what the ERP calls where it is done."""

    key: str
    description: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class ErpBill:
    """How the ERP says that `quantity`, in `unit`, of a material is made. Without steps it is made in one."""

    key: str
    definition_id: str
    material_key: str
    quantity: Decimal
    unit: str
    lines: tuple[ErpLine, ...] = ()
    steps: tuple[ErpStep, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class Masters:
    """`remarks`: what of the ERP's master data cannot be taken, in sentences."""

    materials: tuple[ErpMaterial, ...] = ()
    bills: tuple[ErpBill, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ErpOrder:
    """`number` is what people call it; `remark`: why it cannot be taken at all."""

    key: str
    number: str
    word: OrderWord
    material_key: str = ""
    bill_key: str = ""
    quantity: Decimal = Decimal(0)
    unit: str = ""
    due_at: datetime | None = None
    description: str = ""
    remark: str = ""


# -- up


@dataclass(frozen=True, slots=True)
class LotMade:
    lot_id: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Used:
    """In the material's own unit; `lot_id` "": by the bill."""

    material_key: str
    quantity: Decimal
    lot_id: str = ""


@dataclass(frozen=True, slots=True)
class Worked:
    """Time that jobs of a step ran, without pauses: at machines, and at stations where a person runs them.

    `step_key` "": the step is none of the ERP's.
    """

    step_key: str
    machine_s: int = 0
    labour_s: int = 0


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Everything that came of an order, in the material's own unit. A later one stands in the place of an earlier.

    `cancelled`: it was given up before anything was made or used.
    """

    order_key: str
    order_id: str
    material_key: str
    good: Decimal
    scrap: Decimal
    cancelled: bool = False
    lots: tuple[LotMade, ...] = ()
    used: tuple[Used, ...] = ()
    worked: tuple[Worked, ...] = ()


class TellOutcome(StrEnum):
    booked = "booked"
    """The ERP has all of it, and has it once."""
    reopen = "reopen"
    """It is booked otherwise: say again that it may be taken back, once that is noted."""
    later = "later"
    """Not now: somebody works on it in the ERP."""
    refused = "refused"
    """A person has to see to it."""


@dataclass(frozen=True, slots=True)
class Told:
    outcome: TellOutcome
    said: str = ""


@dataclass(frozen=True, slots=True)
class BookedOrder:
    """What the ERP has of an order, in its material's own unit; `good` and `scrap` are what is booked for good."""

    key: str
    ordered: Decimal
    good: Decimal
    scrap: Decimal


@dataclass(frozen=True, slots=True)
class StockedLot:
    """In its material's own unit."""

    lot_id: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Books:
    """`lots` None: the ERP books by no lots, or has too many to be compared."""

    orders: tuple[BookedOrder, ...] = ()
    lots: tuple[StockedLot, ...] | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What a try of the connection found. `remarks`: what would not work as things are."""

    product: str
    company: str
    remarks: tuple[str, ...] = ()


# -- how it stands


class LinkKind(IntEnum):
    material = 1
    definition = 2


@dataclass(frozen=True, slots=True)
class ConnectionSpec:
    """What an administrator asks for.

    `place` is the equipment where bills are made whose steps say nothing else; `places`: the ERP's word → equipment.
    """

    connection_id: str
    kind: str
    url: str
    database: str
    user: str
    active: bool = True
    plain_http: bool = False
    """Whether the password may travel without TLS: in a network of the plant's own."""
    private_addresses: bool = False
    """Whether it may lead into the plant's own network: loopback, private and link-local addresses, and plain HTTP."""
    place: str = ""
    places: Mapping[str, str] = field(default_factory=dict)
    order_prefix: str = ""
    """Put before the ERP's order numbers."""
    poll_s: int = 5


@dataclass(frozen=True, slots=True)
class Address:
    """Where an ERP is, and as whom to sign in."""

    url: str
    database: str
    user: str
    password: str
    private_addresses: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """A connection as it may be shown: never its password."""

    spec: ConnectionSpec
    version: int
    last_ok_at: datetime | None
    failing_since: datetime | None
    said: str
    next_at: datetime
    remarks: tuple[str, ...]
    orders: int
    waiting: int
    troubled: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A connection whose turn it is, as the one who has it needs it."""

    pk: int
    spec: ConnectionSpec
    sealed_password: bytes
    with_masters: bool


@dataclass(frozen=True, slots=True)
class ErpOrderView:
    """How an order stands between the two. `said`: what either side has against it."""

    order_id: str
    key: str
    state: str
    told_at: datetime | None
    due: bool
    said: str


@dataclass(frozen=True, slots=True)
class ErpMaterialView:
    """`consumption` as it is used; `chosen`: by a person, not by default."""

    material_id: str
    key: str
    by_lot: bool
    consumption: Consumption
    chosen: bool


@dataclass(frozen=True, slots=True)
class DueOrder:
    """An order whose outcome may have to be told."""

    pk: int
    order_id: str
    told_sha256: str
    reopening: bool
