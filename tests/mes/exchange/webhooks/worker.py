"""A process that delivers the webhooks of one database until it is ended: `python -m … URL KEY_FILE`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from mes.exchange.webhooks.deliveries import Deliveries
from mes.exchange.webhooks.sending import Sender
from mes.kernel.db import Database
from mes.kernel.vault import open_vault


async def main() -> None:
    database = Database(sys.argv[1])
    async with Sender(open_vault(Path(sys.argv[2]))) as sender:
        await Deliveries(database, sender).run()


if __name__ == "__main__":
    asyncio.run(main())
