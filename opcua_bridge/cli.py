"""`lineside-bridge run | check | browse | bind | trust | simulate | health | healthcheck`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import Final

from opcua_bridge.discovery.cli import add_commands, complain
from opcua_bridge.settings import BridgeSettings, SettingsRefused, load_settings
from opcua_bridge.tag_map import TagMapRefused, load_tag_map
from opcua_bridge.trust_cli import add_trust_parser

STOP_WITHIN_S: Final = 5.0
"""A stop that hangs is ended by force: whatever is needed is on disk."""


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["simulate"]:
        return _simulate(given[1:])
    options = _parser().parse_args(given)
    try:
        return int(options.command(options))
    except (SettingsRefused, TagMapRefused) as refused:
        complain(refused)
        return 2
    except KeyboardInterrupt:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lineside-bridge", description="Edge agent of Lineside.")
    commands = parser.add_subparsers(required=True, metavar="command")
    run = commands.add_parser("run", help="connect machines and server; settings from LINESIDE_BRIDGE_*")
    run.set_defaults(command=_run)
    add_commands(commands)
    add_trust_parser(commands)
    commands.add_parser("simulate", help="run the simulated factory; `simulate --help` shows its options")
    show = commands.add_parser("health", help="show how the bridge on this computer is; exit 0 if it is well")
    form = show.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the status file as it is")
    form.add_argument("--all", action="store_true", help="also every tag's queue, sampling and ride-through")
    show.set_defaults(command=_health)
    health = commands.add_parser("healthcheck", help="exit 0 if the bridge on this computer is well")
    health.set_defaults(command=_healthcheck)
    return parser


def _run(_options: argparse.Namespace) -> int:
    _log_to_stderr()
    settings = load_settings()
    load_tag_map(settings.tag_map, urls=settings.endpoint_urls)
    settings.read_token()
    asyncio.run(_run_until_stopped(settings))
    return 0


async def _run_until_stopped(settings: BridgeSettings) -> None:
    from opcua_bridge.agent import Agent, make_client

    stop = asyncio.Event()
    _on_stop(stop)
    async with make_client(settings) as client, asyncio.TaskGroup() as tasks:
        agent = tasks.create_task(Agent(settings, client).run())
        gc.freeze()  # what is loaded by now stays: no collection needs to look at it again
        await stop.wait()
        agent.cancel()


def _on_stop(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def end() -> None:
        guard = threading.Timer(STOP_WITHIN_S, os._exit, [0])
        guard.daemon = True
        guard.start()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, end)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(end))


def _simulate(arguments: list[str]) -> int:
    try:
        from opcua_bridge.simulator.__main__ import settings_from
        from opcua_bridge.simulator.server import run
    except ImportError as error:
        complain(f"the simulator is not installed: {error}")
        return 1
    _log_to_stderr()
    try:
        run(settings_from(arguments))
    except OSError as error:
        complain(f"simulate: {error}")
        return 1
    return 0


def _health(options: argparse.Namespace) -> int:
    from opcua_bridge.health import NoStatus, ask_for_every_tag, load_status, verdict
    from opcua_bridge.health_text import health_lines, tag_lines

    path = load_settings().status_path
    try:
        status, age_s = load_status(path, now=time.time())
        well, _words = verdict(status.health, age_s)
        if options.json:
            print(path.read_text(encoding="utf-8"))
            return 0 if well else 1
        print("\n".join(health_lines(status.health, age_s)))
        for endpoint, tags in ask_for_every_tag(path).items() if options.all else ():
            print(f"\n{endpoint}: {len(tags)} tags")
            print("\n".join(tag_lines(tags)))
    except (NoStatus, OSError) as error:
        complain(error)
        return 1
    return 0 if well else 1


def _healthcheck(_options: argparse.Namespace) -> int:
    from opcua_bridge.health import read_status

    well, words = read_status(load_settings().status_path, now=time.time())
    print(words)
    return 0 if well else 1


def _log_to_stderr(level: int = logging.INFO) -> None:
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in ("asyncua", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
