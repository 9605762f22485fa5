"""`lineside-bridge browse | bind | check`: set up a machine without typing node ids."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from opcua_bridge.lasting import lasting
from opcua_bridge.settings import load_settings
from opcua_bridge.tag_map import Endpoint, JobDriver, Security, TagMapRefused, load_tag_map, parse_tag_map
from standards.isa95.job_control import JobMethod

if TYPE_CHECKING:
    from opcua_bridge.channel import Channel
    from opcua_bridge.discovery.browsing import Bounds
    from opcua_bridge.discovery.checking import Finding

WATCH_S: Final = 10.0
MOST_WATCH_S: Final = 3_600.0
CHECK_S: Final = 3.0


def add_commands(commands: Any) -> None:
    """Add them to the parser of `lineside-bridge`."""
    browse = commands.add_parser("browse", help="show what a machine offers")
    _add_place(browse)
    browse.set_defaults(command=_browse, max_nodes=500)
    bind = commands.add_parser(
        "bind",
        help="propose a tag map for a machine, with reasons",
        description="Browse a machine, recognise what it is, watch it, and write a tag map of proposals, each with its "
        "confidence and its reasons. Nothing is bound that you do not take: --accept, or the '#' in the map.",
    )
    _add_place(bind, optional=True)
    bind.add_argument("--name", help="name of the endpoint, and of the machine in its tags (default: machine-1)")
    bind.add_argument("--prefix", help="what its tags begin with (default: its name)")
    bind.add_argument("--watch", type=float, default=WATCH_S, metavar="S", help="watch so many seconds (default: 10)")
    bind.add_argument("--accept", type=float, metavar="C", help="take proposals from this confidence on, 0 to 1")
    bind.add_argument("--output", type=Path, metavar="FILE", help="write the tag map there instead of showing it")
    bind.add_argument("--save-template", type=Path, metavar="FILE", help="write what was taken, for like machines")
    bind.add_argument("--template", type=Path, metavar="FILE", help="no proposals: bind like machines by this template")
    bind.add_argument("--endpoint", action="append", default=[], metavar="NAME=URL", help="a like machine; repeatable")
    bind.set_defaults(command=_bind, max_nodes=2_000)
    check = commands.add_parser("check", help="check settings and tag map; with --online, the machines as well")
    check.add_argument("tag_map", nargs="?", type=Path)
    check.add_argument("--online", action="store_true", help="look at every node: its type, and what it does")
    check.add_argument("--watch", type=float, default=CHECK_S, metavar="S", help="watch so many seconds (default: 3)")
    check.set_defaults(command=_check)


def _add_place(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    parser.add_argument("where", nargs="?" if optional else None, metavar="url", help="or an endpoint of the tag map")
    parser.add_argument("--root", default="i=85", help="where to begin (default: Objects)")
    parser.add_argument("--max-nodes", type=int)
    parser.add_argument("--max-depth", type=int, default=12)
    parser.add_argument("--security", default="auto", choices=[s.value for s in Security])
    parser.add_argument("--username", default="")
    parser.add_argument("--password-file", default="")


# --------------------------------------------------------------------- browse


def _browse(options: argparse.Namespace) -> int:
    endpoint = _place(options, "browse")
    return _online(endpoint.url, partial(_show_tree, endpoint, options))


async def _show_tree(endpoint: Endpoint, options: argparse.Namespace) -> int:
    from opcua_bridge.discovery.browsing import browse_endpoint
    from opcua_bridge.discovery.tree import printable
    from opcua_bridge.trust import Trust

    trust = Trust(load_settings().trust_path)
    tree = await browse_endpoint(endpoint, trust, root=options.root, bounds=_bounds(options))
    for node in tree:
        unit = f" {node.unit}" if node.unit else ""
        what = f"{node.data_type} = {str(node.value)[:80]}{unit}" if node.is_variable else node.kind
        print("\t".join(printable(text) for text in (node.node, node.words, what)))
    _say_more(tree.remarks)
    return 0


def _say_more(remarks: Sequence[str]) -> None:
    for remark in remarks:
        complain(f"there is more: {remark}")


def _bounds(options: argparse.Namespace) -> Bounds:
    from opcua_bridge.discovery.browsing import Bounds

    return Bounds(max_nodes=max(1, options.max_nodes), max_depth=max(1, options.max_depth))


def _place(options: argparse.Namespace, name: str) -> Endpoint:
    """The endpoint at an address, or the one of this name in the tag map. Raises TagMapRefused."""
    if "://" in options.where:
        return _given(options, name, _checked_url(options.where))
    settings = load_settings()
    tag_map = load_tag_map(settings.tag_map, urls=settings.endpoint_urls)
    for endpoint in tag_map.endpoints:
        if endpoint.name == options.where:
            return endpoint
    raise _refused("no-endpoint", f"{settings.tag_map} has no endpoint {options.where!r}, and it is no address")


def _given(options: argparse.Namespace, name: str, url: str) -> Endpoint:
    return Endpoint(
        name=name,
        url=url,
        security=Security(options.security),
        username=options.username,
        password_file=options.password_file,
    )


def _checked_url(url: str) -> str:
    if not url.startswith("opc.tcp://"):
        raise _refused("bad-url", f"not an opc.tcp address: {url!r}")
    return url


def _refused(code: str, message: str) -> TagMapRefused:
    from opcua_bridge.tag_map import MapError

    return TagMapRefused([MapError(code, "command line", message)])


# ----------------------------------------------------------------------- bind


def _bind(options: argparse.Namespace) -> int:
    if options.template is not None:
        return _bind_template(options)
    _check_bind(options)
    endpoint = _place(options, options.name or "machine-1")
    return _online(endpoint.url, partial(_propose, endpoint, options))


def _check_bind(options: argparse.Namespace) -> None:
    if options.where is None:
        raise _refused("no-endpoint", "bind needs an address or an endpoint of the tag map, or --template")
    if options.accept is not None and not 0 <= options.accept <= 1:
        raise _refused("bad-confidence", f"--accept is 0 to 1, not {options.accept:g}")
    if options.save_template is not None and options.accept is None:
        raise _refused("bad-confidence", "--save-template writes what was taken: say what to take with --accept")
    if not 0 <= options.watch <= MOST_WATCH_S:
        raise _refused("bad-watch", f"--watch is 0 to {MOST_WATCH_S:g} s, not {options.watch:g}")
    _may_write(options.output, options.save_template)


def _may_write(*files: Path | None) -> None:
    """A file that is there is never written over: somebody may have corrected it."""
    for file in files:
        if file is not None and file.exists():
            raise _refused("file-exists", f"{file} is there already")


async def _propose(endpoint: Endpoint, options: argparse.Namespace) -> int:
    from opcua_bridge.discovery.browsing import Connection, browse
    from opcua_bridge.discovery.maps import NOTHING, tag_map_text, template_text
    from opcua_bridge.discovery.proposals import propose
    from opcua_bridge.discovery.watching import watch
    from opcua_bridge.trust import Trust

    async with Connection(endpoint, Trust(load_settings().trust_path)) as channel:
        tree = await browse(channel, root=options.root, bounds=_bounds(options))
        _say_more(tree.remarks)
        nodes = [v.node for v in tree.variables if v.is_readable and not v.is_property]
        complain(f"watching {len(nodes)} variables for {options.watch:g} s")
        seen = await watch(channel, nodes, seconds=options.watch)
    proposals = propose(tree, seen)
    prefix = endpoint.name if options.prefix is None else options.prefix
    accept = NOTHING if options.accept is None else options.accept
    text = tag_map_text(endpoint, tree, proposals, prefix=prefix, accept=accept)
    parse_tag_map(text)
    _write(options.output, text)
    if options.save_template is not None:
        _write(options.save_template, template_text(endpoint, tree, proposals, prefix=prefix, accept=accept))
    return 0


def _write(file: Path | None, text: str) -> None:
    if file is None:
        print(text, end="")
        return
    with file.open("x", encoding="utf-8") as out:
        out.write(text)
    complain(f"written: {file}")


def _bind_template(options: argparse.Namespace) -> int:
    from opcua_bridge.discovery.maps import filled_in

    machines = _like_machines(options.endpoint)
    _may_write(options.output)
    try:
        template = options.template.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _refused("template-unreadable", f"{options.template}: {error}") from error
    _write(options.output, filled_in(template, machines, like=_given(options, "", "")))
    return 0


def _like_machines(given: Sequence[str]) -> dict[str, str]:
    machines: dict[str, str] = {}
    for one in given:
        name, found, url = one.partition("=")
        if not found or not name or name in machines:
            raise _refused("bad-endpoint", f"--endpoint is NAME=URL, each name once: {one!r}")
        machines[name] = _checked_url(url)
    if not machines:
        raise _refused("no-endpoint", "--template needs at least one --endpoint NAME=URL")
    return machines


# ---------------------------------------------------------------------- check


def _check(options: argparse.Namespace) -> int:
    settings = load_settings()
    path = options.tag_map or settings.tag_map
    try:
        tag_map = load_tag_map(path, urls=settings.endpoint_urls)
    except TagMapRefused as refused:
        complain(refused)
        return 1
    tags = sum(len(e.tag) for e in tag_map.endpoints)
    print(f"{path}: {len(tag_map.endpoints)} endpoints, {tags} tags, no errors")
    if not options.online:
        return 0
    _quiet()
    return asyncio.run(_check_all(tag_map.endpoints, settings.trust_path, options.watch))


async def _check_all(endpoints: Sequence[Endpoint], trust_path: Path, seconds: float) -> int:
    """All at once: they are watched for as long as one."""
    answers = await asyncio.gather(*(_check_endpoint(e, trust_path, seconds) for e in endpoints))
    for lines, _ in answers:
        print("\n".join(lines))
    return max(code for _, code in answers)


async def _check_endpoint(endpoint: Endpoint, trust_path: Path, seconds: float) -> tuple[list[str], int]:
    """Whether every node of the map is there and does what its class says."""
    from opcua_bridge.refusal_words import words_of

    try:
        seen = await lasting(partial(_look, endpoint, trust_path, seconds))
    except Exception as error:  # noqa: BLE001  (top level: whatever it is, say it)
        return [f"{endpoint.name}: {endpoint.url} not reachable: {type(error).__name__}: {words_of(error)}"], 1
    missing = sum(f.is_missing for f in seen.findings)
    lines = [
        f"security {seen.security}",
        *seen.warnings,
        *(f"{f.tag}: {f.words}" for f in seen.findings),
        *seen.receivers,
        f"{len(endpoint.tag) - missing} of {len(endpoint.tag)} tags are readable",
    ]
    return [f"{endpoint.name}: {line}" for line in lines], 1 if seen.findings or seen.mute else 0


@dataclass
class _Seen:
    """What a look at one endpoint has shown."""

    security: str
    warnings: Sequence[str]
    findings: list[Finding]
    receivers: list[str] = field(default_factory=list)
    mute: int = 0
    """Job order receivers that cannot be spoken to."""


async def _look(endpoint: Endpoint, trust_path: Path, seconds: float) -> _Seen:
    from opcua_bridge.discovery.browsing import Connection
    from opcua_bridge.discovery.checking import check
    from opcua_bridge.trust import Trust

    async with Connection(endpoint, Trust(trust_path)) as channel:
        seen = _Seen(channel.security, channel.warnings, await check(channel, endpoint.tag, seconds=seconds))
        await _ask_receivers(endpoint, channel, seen)
    return seen


async def _ask_receivers(endpoint: Endpoint, channel: Channel, seen: _Seen) -> None:
    """What each job order receiver offers."""
    from opcua_bridge.job_receiver import NoReceiver, find_receiver

    for target in [t for t in endpoint.job_target if t.driver == JobDriver.isa95_job_control]:
        try:
            found = await find_receiver(channel, target.receiver)
        except NoReceiver as error:
            seen.receivers.append(f"{target.equipment}: {error} [{error.code}]")
            seen.mute += 1
            continue
        offered = ", ".join(method for method in JobMethod if found.offers(method))
        seen.receivers.append(f"{target.equipment}: a job order receiver that offers {offered or 'no method'}")


# -------------------------------------------------------------------- running


def _online(url: str, work: Callable[[], Awaitable[int]]) -> int:
    _quiet()
    try:
        return asyncio.run(lasting(work))
    except TagMapRefused:
        raise
    except Exception as error:  # noqa: BLE001  (top level)
        from opcua_bridge.refusal_words import words_of

        complain(f"{url}: {type(error).__name__}: {words_of(error)}")
        return 1


def _quiet() -> None:
    logging.basicConfig(level=logging.CRITICAL)
    for name in ("asyncua", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def complain(what: object) -> None:
    """On the error output; each of several errors on a line of its own."""
    errors = getattr(what, "errors", None)
    for line in errors if isinstance(errors, list) else [what]:
        print(f"lineside-bridge: {line}", file=sys.stderr)
