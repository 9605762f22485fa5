"""What a connector of any ERP gives. docs/api/erp-connectors.md is its guide."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from mes.exchange.erp.types import Books, Checked, Confirmation, ErpOrder, Masters, Told


class ErpAway(Exception):
    """The ERP cannot be reached, or lets nobody in; the text says why. It is tried again."""


class Connector(Protocol):
    """One ERP, signed in to. Everything is read and told as it is now: each call may be made again after a crash.

    All of it raises ErpAway.
    """

    async def check(self) -> Checked:
        """Sign in, look around, change nothing."""
        ...

    async def read_masters(self) -> Masters:
        """Materials with their units, and bills, all of them."""
        ...

    async def read_orders(self, keys: Collection[str]) -> Sequence[ErpOrder]:
        """Orders that are firm and not over, and those of `keys` in whatever state; one that is gone is cancelled."""
        ...

    async def tell(self, confirmation: Confirmation, *, reopening: bool) -> Told:
        """Bring the ERP to where it says what the confirmation says, from wherever it is, also half-way.

        What is booked already is left as it is where it is right, and taken back (`reopening`) where it is not: without
        it the answer is `reopen`, so that a crash in between is not mistaken for somebody's cancelling.
        """
        ...

    async def read_books(self, orders: Collection[str], materials: Collection[str]) -> Books | None:
        """What is booked of these orders, and every lot in stock of these materials; None: the user may not see it.

        Reconciliation compares it with what is here. Left out are orders that are gone and lots of which none is left.
        """
        ...

    async def close(self) -> None:
        """Let go of its connections."""
        ...
