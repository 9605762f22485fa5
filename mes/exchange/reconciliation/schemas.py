"""REST documents of reconciliation."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from mes.exchange.reconciliation.types import (
    ROWS_MAX,
    Difference,
    ErpLot,
    ErpOrder,
    ErpView,
    Reason,
    Reconciliation,
    Subject,
    What,
)
from mes.kernel.texts import NO_NUL
from mes.materials.rules import exact_number
from standards.isa95.quantity import to_e6

Id = Annotated[str, StringConstraints(min_length=1, max_length=100), NO_NUL]
Amount = Annotated[Decimal, BeforeValidator(exact_number), Field(ge=0, max_digits=15, decimal_places=6)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ErpOrderIn(_Document):
    """What the ERP has booked of an order; `quantity` is what it ordered."""

    id: Id
    good: Amount
    scrap: Amount | None = None
    quantity: Amount | None = None

    def value(self) -> ErpOrder:
        scrap = None if self.scrap is None else to_e6(self.scrap)
        ordered = None if self.quantity is None else to_e6(self.quantity)
        return ErpOrder(self.id, to_e6(self.good), scrap, ordered)


class ErpLotIn(_Document):
    """What the ERP has in stock of a lot."""

    id: Id
    quantity: Amount
    unit: Annotated[str, StringConstraints(max_length=20), NO_NUL] = ""
    blocked: bool | None = None

    def value(self) -> ErpLot:
        return ErpLot(self.id, to_e6(self.quantity), self.unit, self.blocked)


class _View(_Document):
    taken_at: AwareDatetime = Field(description="When the ERP looked; not later than now.")
    complete: bool = Field(default=False, description="What it does not name, the ERP does not know.")


class OrdersViewIn(_View):
    cursor: int | None = Field(
        default=None, ge=0, le=2**62, description="`next_after` of the operations performance the ERP took last."
    )
    orders: list[ErpOrderIn] = Field(max_length=ROWS_MAX)

    def value(self) -> ErpView:
        orders = tuple(order.value() for order in self.orders)
        return ErpView(Subject.orders, self.taken_at, orders, (), self.complete, self.cursor)


class LotsViewIn(_View):
    lots: list[ErpLotIn] = Field(max_length=ROWS_MAX)

    def value(self) -> ErpView:
        lots = tuple(lot.value() for lot in self.lots)
        return ErpView(Subject.lots, self.taken_at, (), lots, self.complete)


class DifferenceOut(BaseModel):
    """`erp` and `plant` are quantities, units or yes and no, empty where one side has nothing. `version` is that of the
    report the ERP has taken, 0: of none."""

    id: str
    what: What
    erp: str
    plant: str
    unit: str
    reason: Reason
    version: int

    @classmethod
    def of(cls, one: Difference) -> DifferenceOut:
        return cls(
            id=one.id,
            what=one.what,
            erp=one.erp,
            plant=one.plant,
            unit=one.unit,
            reason=one.reason,
            version=one.version,
        )


class ReconciliationOut(BaseModel):
    """A source's newest view against now. `source`: the ERP connection that read it, or `@` and the program that handed
    it in, `@` alone: a person or a file did; `sources`: all whose view of this subject can be asked for. `truncated`:
    more is unknown to the ERP than is listed."""

    subject: Subject
    source: str
    sources: list[str]
    taken_at: datetime
    received_at: datetime
    complete: bool
    equal: int
    truncated: bool
    differences: list[DifferenceOut]

    @classmethod
    def of(cls, found: Reconciliation) -> ReconciliationOut:
        view = found.stored.view
        return cls(
            subject=view.subject,
            source=view.source,
            sources=list(found.sources),
            taken_at=view.taken_at,
            received_at=found.stored.received_at,
            complete=view.complete,
            equal=found.equal,
            truncated=found.truncated,
            differences=[DifferenceOut.of(one) for one in found.differences],
        )
