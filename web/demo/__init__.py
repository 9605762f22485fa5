"""The demo: simulated factory, bridge and server as three supervised processes, and a page to disturb them from.

The only door between the wings: it starts the bridge and the simulator as programs, and reads the factory's ledger.
"""

from __future__ import annotations

from web.demo.options import DemoOptions


async def run_demo(options: DemoOptions) -> int:
    """Until Ctrl-C. The exit status: 0, or 1 with a sentence."""
    from web.demo.supervisor import run

    return await run(options)


__all__ = ["DemoOptions", "run_demo"]
