"""The script in the documentation is a bridge: it keeps the contract."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.opcua_bridge.support import TOKEN, Mes


async def _run(mes: Mes, folder: Path, lines: int) -> None:
    environment = os.environ | {
        "LINESIDE_URL": mes.url, "LINESIDE_TOKEN": TOKEN, "SCRIPT_JOURNAL": str(folder / "journal.json")
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "docs/api/script_as_bridge.py", "PRESS-1.GoodCount",
        stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    try:
        async with asyncio.timeout(60):
            await process.communicate(b"piece\n" * lines)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0


async def test_every_piece_once_through_lost_answers_trouble_and_a_restart(tmp_path: Path, mes: Mes) -> None:
    mes.lose_answers = 1
    mes.failing = [500]
    await _run(mes, tmp_path, 3)
    await _run(mes, tmp_path, 2)
    assert mes.good("PRESS-1.GoodCount") == [1, 2, 3, 4, 5]
