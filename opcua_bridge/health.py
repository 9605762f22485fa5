"""How the bridge is: a small JSON document, written beside the journal every two seconds, read by `healthcheck`."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

EVERY_S: Final = 2.0
STALE_AFTER_S: Final = 15.0


async def write_status_forever(path: Path, status: Callable[[], dict[str, Any]]) -> None:
    """Never returns; cancel it. A disk that is full does not end the bridge."""
    while True:
        await asyncio.to_thread(_write, path, status())
        await asyncio.sleep(EVERY_S)


def _write(path: Path, status: dict[str, Any]) -> None:
    scratch = path.with_name(path.name + ".new")
    try:
        scratch.write_text(json.dumps({**status, "pid": os.getpid(), "written_at": time.time()}, indent=1))
        scratch.replace(path)
    except OSError:
        return


def read_status(path: Path, *, now: float) -> tuple[bool, str]:
    """Whether the bridge is alive and has all its endpoints, and a sentence."""
    try:
        status = json.loads(path.read_text())
        age_s = now - float(status["written_at"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        return False, f"no status in {path}: {error}"
    if age_s > STALE_AFTER_S:
        return False, f"the bridge has not reported for {age_s:.0f} s"
    away = [name for name, source in status["sources"].items() if not source["connected"]]
    depth = status["journal"]["depth"]
    if away:
        return False, f"not connected: {', '.join(away)}; {depth} items waiting"
    if status["uplink"]["error"]:
        return False, f"uplink: {status['uplink']['error']}; {depth} items waiting"
    return True, f"well; {depth} items waiting, acknowledged up to {status['uplink']['acknowledged_seq']}"
