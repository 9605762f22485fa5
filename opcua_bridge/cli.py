"""`lineside-bridge run | check | browse | trust | simulate | health | healthcheck`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from opcua_bridge.settings import BridgeSettings, SettingsRefused, load_settings
from opcua_bridge.tag_map import Endpoint, JobDriver, Security, TagMapRefused, load_tag_map
from opcua_bridge.trust_cli import add_trust_parser
from standards.isa95.job_control import JobMethod

if TYPE_CHECKING:
    from opcua_bridge.channel import Channel

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
        _complain(refused)
        return 2
    except KeyboardInterrupt:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lineside-bridge", description="Edge agent of Lineside.")
    commands = parser.add_subparsers(required=True, metavar="command")
    run = commands.add_parser("run", help="connect machines and server; settings from LINESIDE_BRIDGE_*")
    run.set_defaults(command=_run)
    check = commands.add_parser("check", help="check settings and tag map; with --online, the machines as well")
    check.add_argument("tag_map", nargs="?", type=Path)
    check.add_argument("--online", action="store_true")
    check.set_defaults(command=_check)
    browse = commands.add_parser("browse", help="show what a machine offers")
    browse.add_argument("url")
    browse.add_argument("--root", default="i=85", help="where to begin (default: Objects)")
    browse.add_argument("--max-nodes", type=int, default=500)
    browse.add_argument("--security", default="auto", choices=[s.value for s in Security])
    browse.set_defaults(command=_browse)
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


def _check(options: argparse.Namespace) -> int:
    settings = load_settings()
    path = options.tag_map or settings.tag_map
    try:
        tag_map = load_tag_map(path, urls=settings.endpoint_urls)
    except TagMapRefused as refused:
        _complain(refused)
        return 1
    tags = sum(len(e.tag) for e in tag_map.endpoints)
    print(f"{path}: {len(tag_map.endpoints)} endpoints, {tags} tags, no errors")
    if not options.online:
        return 0
    return max(asyncio.run(_check_endpoint(e, settings)) for e in tag_map.endpoints)


async def _check_endpoint(endpoint: Endpoint, settings: BridgeSettings) -> int:
    """Whether every node of the map is there."""
    from opcua_bridge.channel import Channel
    from opcua_bridge.refusal_words import words_of
    from opcua_bridge.trust import Trust

    channel = Channel(endpoint, Trust(settings.trust_path, strict=settings.strict_certificates))
    try:
        await channel.open()
        await channel.create_session()
        await channel.read_status()
        values = await channel.read([t.node for t in endpoint.tag])
        mute = await _mute_receivers(endpoint, channel)
        await channel.leave()
    except Exception as error:  # noqa: BLE001  (top level: whatever it is, say it)
        print(f"{endpoint.name}: {endpoint.url} not reachable: {type(error).__name__}: {words_of(error)}")
        return 1
    print(f"{endpoint.name}: security {channel.security}")
    for warning in channel.warnings:
        print(f"{endpoint.name}: {warning}")
    bad = [(t, v) for t, v in zip(endpoint.tag, values, strict=True) if v.StatusCode and not v.StatusCode.is_good()]
    for tag, value in bad:
        print(f"{endpoint.name}: {tag.tag}: {value.StatusCode.name} ({tag.node})")
    print(f"{endpoint.name}: {len(endpoint.tag) - len(bad)} of {len(endpoint.tag)} tags are readable")
    return 1 if bad or mute else 0


async def _mute_receivers(endpoint: Endpoint, channel: Channel) -> int:
    """Say what each job order receiver offers; how many cannot be spoken to."""
    from opcua_bridge.job_receiver import NoReceiver, find_receiver

    mute = 0
    for target in [t for t in endpoint.job_target if t.driver == JobDriver.isa95_job_control]:
        try:
            found = await find_receiver(channel, target.receiver)
            offered = ", ".join(method for method in JobMethod if found.offers(method))
            print(f"{endpoint.name}: {target.equipment}: a job order receiver that offers {offered or 'no method'}")
        except NoReceiver as error:
            print(f"{endpoint.name}: {target.equipment}: {error} [{error.code}]")
            mute += 1
    return mute


def _browse(options: argparse.Namespace) -> int:
    from opcua_bridge.discovery import browse_endpoint
    from opcua_bridge.refusal_words import words_of
    from opcua_bridge.trust import Trust

    _log_to_stderr(logging.CRITICAL)
    endpoint = Endpoint(name="browse", url=options.url, security=Security(options.security))
    trust = Trust(load_settings().trust_path)
    try:
        found = asyncio.run(browse_endpoint(endpoint, trust, root=options.root, max_nodes=options.max_nodes))
    except Exception as error:  # noqa: BLE001  (top level)
        _complain(f"{options.url}: {type(error).__name__}: {words_of(error)}")
        return 1
    for node in found:
        what = f"{node.data_type} = {node.value}" if node.is_variable else "object"
        print(f"{node.node}\t{node.path}\t{what}")
    return 0


def _simulate(arguments: list[str]) -> int:
    try:
        from opcua_bridge.simulator.__main__ import settings_from
        from opcua_bridge.simulator.server import run
    except ImportError as error:
        _complain(f"the simulator is not installed: {error}")
        return 1
    _log_to_stderr()
    try:
        run(settings_from(arguments))
    except OSError as error:
        _complain(f"simulate: {error}")
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
        _complain(error)
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


def _complain(what: object) -> None:
    errors = getattr(what, "errors", None)
    for line in errors if isinstance(errors, list) else [what]:
        print(f"lineside-bridge: {line}", file=sys.stderr)
