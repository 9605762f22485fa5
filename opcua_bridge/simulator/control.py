"""A door for tests and the demo: JSON lines on a loopback port.

`{"op": "status"}`, `{"op": "restart-machine", "equipment": E}`, `{"op": "set-remote", "target": T, "remote": bool}`,
`{"op": "breakdown", "equipment": E, "seconds": n}`, `{"op": "scan", "serial": S}`; each is answered by one line
`{"ok": true, …}` or `{"ok": false, "error": …}`.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from .factory import Factory

MAX_LINE = 4096


async def answer(factory: Factory, line: bytes) -> dict[str, Any]:
    """Do one line's bidding."""
    try:
        request = json.loads(line)
        return {"ok": True, **(await _do(factory, request) or {})}
    except KeyError as error:
        return {"ok": False, "error": f"unknown or missing: {error.args[0]}"}
    except (ValueError, TypeError, AttributeError) as error:
        return {"ok": False, "error": f"not understood: {error}"}


async def _do(factory: Factory, request: dict[str, Any]) -> dict[str, Any] | None:
    match request["op"]:
        case "status":
            return factory.status()
        case "restart-machine":
            await factory.restart_machine(request["equipment"])
        case "set-remote":
            await factory.set_remote(request["target"], bool(request["remote"]))
        case "breakdown":
            await factory.break_down(request["equipment"], float(request.get("seconds", 120)))
        case "scan":
            await factory.scan(str(request["serial"]))
        case other:
            raise KeyError(other)
    return None


async def open_control(factory: Factory, port: int) -> asyncio.Server:
    """Listen on 127.0.0.1:port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await answer(factory, line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            return
        finally:
            writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", port, limit=MAX_LINE)
