"""The loop that works all ERP connections of a plant: a bug met at one of them is its own fault, and is seen."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from mes.exchange.erp import queries, service
from mes.exchange.erp.agreement import Connector
from mes.exchange.erp.rounds import Rounds
from mes.exchange.erp.types import Address, Books, ErpOrder, Masters
from mes.kernel.db import Database
from mes.kernel.vault import KEY_FILE, open_vault
from tests.mes.exchange.erp.floor import connection


@dataclass
class FakeErp:
    """An ERP without orders; the one whose database is `odd` says what cannot be read."""

    address: Address

    async def read_masters(self) -> Masters:
        return Masters()

    async def read_orders(self, keys: Collection[str]) -> tuple[ErpOrder, ...]:
        await asyncio.sleep(0.05 if self.address.database == "sound" else 0)
        return ()

    async def read_books(self, orders: Collection[str], materials: Collection[str]) -> Books:
        if self.address.database == "odd":
            raise KeyError("a unit nobody has")
        return Books()

    async def close(self) -> None:
        pass


async def test_what_breaks_at_one_erp_ends_its_own_turn_alone(plant: Database, tmp_path: Path) -> None:
    vault = open_vault(tmp_path / KEY_FILE)
    for name in ("odd", "sound"):
        spec = replace(connection(), connection_id=name, database=name)
        sealed = vault.seal("secret")
        plant.write_now(service.create_connection, actor=None, spec=spec, sealed_password=sealed, kinds=("tryton",))
    await Rounds(plant, vault, {"tryton": lambda address: cast(Connector, FakeErp(address))}).look()
    odd, sound = plant.read_now(queries.list_connections)
    assert (sound.last_ok_at, sound.failing_since) == (plant.clock(), None)
    assert (odd.last_ok_at, odd.failing_since) == (None, plant.clock())
    assert odd.said.startswith("Something broke here")
    assert not plant.read_now(queries.has_turn, now_us=0)
