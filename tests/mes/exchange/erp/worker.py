"""A process that works the ERP connections of one database until it is ended: `python -m … URL KEY_FILE`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from mes.exchange.erp.kinds import MAKERS
from mes.exchange.erp.rounds import Rounds
from mes.kernel.db import Database
from mes.kernel.vault import open_vault


async def main() -> None:
    await Rounds(Database(sys.argv[1]), open_vault(Path(sys.argv[2])), MAKERS).run()


if __name__ == "__main__":
    asyncio.run(main())
