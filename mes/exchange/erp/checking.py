"""A try of a connection: sign in, look around, change nothing."""

from __future__ import annotations

from collections.abc import Mapping

from mes.exchange.erp.agreement import ErpAway
from mes.exchange.erp.errors import ErpUnreachable
from mes.exchange.erp.queries import get_connection, get_sealed_password
from mes.exchange.erp.rounds import Maker, address_of
from mes.exchange.erp.types import Checked
from mes.kernel.db import Database
from mes.kernel.vault import SealedElsewhere, Vault


async def check_connection(
    database: Database, vault: Vault, makers: Mapping[str, Maker], connection_id: str
) -> Checked:
    """What the ERP says of itself, and what is missing. `erp-connection-not-found`, `erp-unreachable`."""
    view = await database.read(get_connection, connection_id=connection_id)
    sealed = await database.read(get_sealed_password, connection_id=connection_id)
    try:
        password = vault.open(sealed)
    except SealedElsewhere:
        raise ErpUnreachable("The password was sealed with a key this server does not have; set it again.") from None
    connector = makers[view.spec.kind](address_of(view.spec, password))
    try:
        return await connector.check()
    except ErpAway as away:
        raise ErpUnreachable(str(away)) from away
    finally:
        await connector.close()
