"""The loop that works the ERP connections of one plant: each takes its turn, reads, follows, tells.

Every step of a turn may be made again: reading changes nothing, what is taken is compared with what was seen, and what
is told brings the ERP to a state instead of adding to it. So either side may be killed anywhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from mes.exchange.erp import comparing, queries, service, taking, telling
from mes.exchange.erp.agreement import Connector, ErpAway
from mes.exchange.erp.rules import digest, sentence_of
from mes.exchange.erp.types import Address, ConnectionSpec, DueOrder, ErpOrder, TellOutcome, Turn
from mes.kernel.crash import crash_point
from mes.kernel.db import Database
from mes.kernel.errors import Refusal, Unavailable
from mes.kernel.sqltypes import to_us
from mes.kernel.vault import SealedElsewhere, Vault

_LOG = logging.getLogger(__name__)
LOOK_S: Final = 0.5
MATERIALS_AT_ONCE: Final = 200
LOOKS_MAX: Final = 20
"""Looks at the outbox in one turn."""
TELL_MAX: Final = 50
"""Orders told in one turn."""

Maker = Callable[[Address], Connector]


def address_of(spec: ConnectionSpec, password: str) -> Address:
    return Address(spec.url.rstrip("/"), spec.database, spec.user, password, spec.private_addresses)


class Rounds:
    """Made by the composition root, one a plant; `run` until cancelled. `makers`: a connector for each kind of ERP."""

    def __init__(self, database: Database, vault: Vault, makers: Mapping[str, Maker]) -> None:
        self._database = database
        self._vault = vault
        self._makers = makers
        self._open: dict[int, tuple[Address, Connector]] = {}

    async def run(self) -> None:
        try:
            while True:
                await self.look()
                await asyncio.sleep(LOOK_S)
        finally:
            await self.close()

    async def close(self) -> None:
        """Let go of every ERP."""
        for pk in tuple(self._open):
            await self._let_go(pk)

    async def look(self) -> None:
        """The turns that are due now, side by side."""
        try:
            if not await self._database.glance(queries.has_turn, now_us=to_us(self._database.clock())):
                return
            turns = await self._write(service.take_turns)
            async with asyncio.TaskGroup() as group:
                for turn in turns:
                    group.create_task(self._turn(turn))
        except Unavailable as weather:
            _LOG.warning("ERP connections of %s wait: %s", self._database.plant_id, weather.detail)

    async def _turn(self, turn: Turn) -> None:
        """Never raises: what goes wrong with one ERP is no matter of the others."""
        try:
            fault = await self._fault_of(turn)
            await self._write(service.end_turn, connection_pk=turn.pk, fault=fault)
        except Unavailable as weather:
            _LOG.warning("the ERP connection %s waits: %s", turn.spec.connection_id, weather.detail)

    async def _fault_of(self, turn: Turn) -> str:
        """Work it; what was in the way, in a sentence, "" for nothing."""
        try:
            await self._work(turn)
        except Unavailable:
            raise
        except ErpAway as away:
            await self._let_go(turn.pk)
            return str(away)
        except SealedElsewhere:
            return "The password was sealed with a key this server does not have; set it again."
        except Exception:  # noqa: BLE001 (a loop of deliveries goes on: the log keeps what it was)
            _LOG.exception("the turn of the ERP connection %s broke off", turn.spec.connection_id)
            await self._let_go(turn.pk)
            return "Something broke here while it was worked; the server's log says what. It is tried again."
        return ""

    async def _work(self, turn: Turn) -> None:
        connector = await self._connector(turn)
        if turn.with_masters:
            await self._take_masters(turn, connector)
        await self._take_orders(turn, connector)
        for _ in range(LOOKS_MAX):
            if not await self._write(telling.note_news, connection_pk=turn.pk):
                break
        await self._tell(turn, connector)
        if turn.with_masters:
            await self._compare(turn, connector)

    async def _connector(self, turn: Turn) -> Connector:
        """The one of the last turn, as long as it leads where it should."""
        address = address_of(turn.spec, self._vault.open(turn.sealed_password))
        if (kept := self._open.get(turn.pk)) and kept[0] == address:
            return kept[1]
        await self._let_go(turn.pk)
        connector = self._makers[turn.spec.kind](address)
        self._open[turn.pk] = (address, connector)
        return connector

    async def _let_go(self, connection_pk: int) -> None:
        if kept := self._open.pop(connection_pk, None):
            await kept[1].close()

    # -- down

    async def _take_masters(self, turn: Turn, connector: Connector) -> None:
        masters = await connector.read_masters()
        remarks = list(masters.remarks)
        for start in range(0, len(masters.materials), MATERIALS_AT_ONCE):
            some = masters.materials[start : start + MATERIALS_AT_ONCE]
            if await self._refused(taking.take_materials, connection_pk=turn.pk, materials=some):
                for one in some:  # once more each, so that only what is wrong is left out
                    said = await self._refused(taking.take_materials, connection_pk=turn.pk, materials=[one])
                    remarks += [f"{one.material_id}: {said}"] if said else []
            await self._write(service.prolong_turn, connection_pk=turn.pk)
        for bill in masters.bills:
            said = await self._refused(taking.take_bill, connection_pk=turn.pk, spec=turn.spec, bill=bill)
            remarks += [f"{bill.definition_id}: {said}"] if said else []
        await self._write(service.note_masters, connection_pk=turn.pk, remarks=remarks)

    async def _take_orders(self, turn: Turn, connector: Connector) -> None:
        keys = await self._database.read(queries.list_open_keys, connection_pk=turn.pk)
        orders = await connector.read_orders(keys)
        known = await self._database.read(queries.get_seen, connection_pk=turn.pk, keys=[order.key for order in orders])
        for order in orders:
            if known.get(order.key, {}).get("asked") != taking.seen_of(order)["asked"]:
                await self._take_order(turn, order)

    async def _take_order(self, turn: Turn, order: ErpOrder) -> None:
        said = await self._refused(taking.take_order, connection_pk=turn.pk, spec=turn.spec, order=order)
        crash_point("erp-order-taken")
        if said:
            await self._write(taking.note_unfollowed, connection_pk=turn.pk, order=order, said=said)

    # -- up

    async def _tell(self, turn: Turn, connector: Connector) -> None:
        now_us = to_us(self._database.clock())
        for due in await self._database.read(queries.list_due, connection_pk=turn.pk, now_us=now_us, limit=TELL_MAX):
            await self._tell_one(due, connector)
            await self._write(service.prolong_turn, connection_pk=turn.pk)

    async def _tell_one(self, due: DueOrder, connector: Connector) -> None:
        result = await self._database.read(telling.get_result, erp_order_pk=due.pk)
        confirmation = result.confirmation
        if confirmation is None or (sha256 := digest(confirmation)) == due.told_sha256:
            await self._write(telling.note_nothing_to_tell, erp_order_pk=due.pk)
            return
        told = await connector.tell(confirmation, reopening=due.reopening)
        if told.outcome is TellOutcome.reopen:
            await self._write(telling.note_reopening, erp_order_pk=due.pk)
            crash_point("erp-reopening-noted")
            told = await connector.tell(confirmation, reopening=True)
        crash_point("erp-told")
        await self._write(telling.record_told, erp_order_pk=due.pk, sha256=sha256, told=told, remarks=result.remarks)

    async def _compare(self, turn: Turn, connector: Connector) -> None:
        """What the ERP has, for reconciliation: after telling, so that what it was told just now is in it."""
        taken_at = self._database.clock()
        known = await self._database.read(comparing.get_known, connection_pk=turn.pk)
        books = await connector.read_books(tuple(known.orders), known.materials)
        if books is not None:
            await self._write(comparing.take_books, connection_pk=turn.pk, known=known, books=books, taken_at=taken_at)

    async def _refused(self, verb: Callable[..., Any], **what: Any) -> str:
        """Do it; why not, in a sentence, where it is refused."""
        try:
            await self._write(verb, **what)
        except Refusal as refusal:
            return sentence_of(refusal)
        return ""

    async def _write(self, verb: Callable[..., Any], **what: Any) -> Any:
        return await self._database.write(verb, actor=None, **what)
