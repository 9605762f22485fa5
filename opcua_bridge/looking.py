"""A look at a machine that need not be in the tag map, for a person who sets it up on a screen.

It has a connection of its own, closed for good at the end; it keeps to the server's limits and to ours, and writes
nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from itertools import pairwise
from typing import Any, Final

import msgspec
from asyncua import ua

from opcua_bridge.browse_path import address, split_address
from opcua_bridge.channel import Channel
from opcua_bridge.discovery.behaviour import Observed, behaviour_of, shown
from opcua_bridge.discovery.browsing import Bounds, Connection, browse, not_deeper
from opcua_bridge.discovery.maps import address_keys
from opcua_bridge.discovery.proposal import Proposal
from opcua_bridge.discovery.proposals import propose
from opcua_bridge.discovery.tree import OBJECTS, Found, Tree, printable
from opcua_bridge.discovery.watching import watch
from opcua_bridge.refusal_words import is_refusal, words_of
from opcua_bridge.refusals import UntrustedServer
from opcua_bridge.tag_map import Endpoint
from opcua_bridge.trust import Trust
from standards.lineside.commands_v1 import (
    MAX_LOOK_NODES,
    MAX_LOOK_S,
    MAX_PROPOSALS,
    MAX_WATCHED,
    MAX_WORDS,
    CommandResult,
    LookCommand,
    Node,
    NodeList,
    Outcome,
    Proposals,
    ProposedTag,
    Seen,
    SeenList,
    WatchCommand,
    to_document,
)

ONE_LEVEL: Final = Bounds(max_nodes=MAX_LOOK_NODES, max_depth=1, within_s=20.0)
WHOLE: Final = Bounds(max_nodes=2_000, within_s=30.0)
MAX_REMARKS: Final = 20
MAX_REASONS: Final = 6
MAX_SHOWN: Final = 80


async def look(asked: LookCommand, trust: Trust) -> CommandResult:
    """What is right below a node, or, if `propose`, everything that may be worth a tag."""

    async def at(channel: Channel) -> msgspec.Struct:
        if asked.propose:
            return await _proposals(channel, min(asked.watch_s, MAX_LOOK_S))
        tree = await browse(channel, root=asked.root or OBJECTS, bounds=ONE_LEVEL)
        rows = [node_of(tree, found) for found in tree if found.kind != "method"]
        remarks = tuple(r for r in tree.remarks if r != not_deeper(1))  # that is what was asked for
        return NodeList(rows, not remarks, _cut_all(remarks))

    return await _connected(asked.url, asked.name, trust, at)


async def watch_at(asked: WatchCommand, trust: Trust) -> CommandResult:
    """What these variables do for so long."""

    async def at(channel: Channel) -> msgspec.Struct:
        keys = list(dict.fromkeys(asked.keys))[:MAX_WATCHED]
        observed = await watch(channel, keys, seconds=min(asked.seconds, MAX_LOOK_S))
        return SeenList([seen_of(key, observed[key]) for key in keys])

    return await _connected(asked.url, asked.name, trust, at)


async def _connected(
    url: str, name: str, trust: Trust, work: Callable[[Channel], Awaitable[msgspec.Struct]]
) -> CommandResult:
    if not url.startswith("opc.tcp://"):
        return CommandResult(Outcome.refused, "bad-url", f"not an opc.tcp address: {url[:MAX_WORDS]!r}")
    try:
        async with Connection(Endpoint(name=name or "look", url=url), trust) as channel:
            return CommandResult(Outcome.done, document=to_document(await work(channel)))
    except UntrustedServer as error:
        return CommandResult(Outcome.refused, "certificate-untrusted", str(error), {"thumbprint": error.thumbprint})
    except (ua.UaError, OSError, TimeoutError, ValueError, LookupError) as error:
        return _refusal(error)
    except Exception as error:
        if is_refusal(error):
            return _refusal(error)
        raise


def _refusal(error: Exception) -> CommandResult:
    words = _cut(words_of(error) or type(error).__name__)
    if is_refusal(error):
        return CommandResult(Outcome.refused, "security-refused", words)
    if isinstance(error, LookupError):
        return CommandResult(Outcome.refused, "no-such-node", words)
    return CommandResult(Outcome.refused, "machine-not-reachable", words)


async def _proposals(channel: Channel, seconds: float) -> Proposals:
    tree = await browse(channel, bounds=WHOLE)
    watched = [v.node for v in tree.variables if v.is_readable and not v.is_property]
    observed = await watch(channel, watched, seconds=seconds)
    found = propose(tree, observed)
    surest = sorted(found.tags, key=lambda one: -one[1].confidence)
    tags = [_proposed(tree, name, proposal, observed) for name, proposal in surest]
    silent = [_silent(tree, variable, observed) for variable, _ in found.silent]
    return Proposals(
        [*tags, *silent][:MAX_PROPOSALS],
        [_cut(f"{machine.what} {machine.words}") for machine in found.machines][:MAX_REMARKS],
        tree.own,
        max(0, len(tags) + len(silent) - MAX_PROPOSALS),
        channel.security,
        _cut_all(found.remarks),
    )


def _proposed(tree: Tree, name: str, proposal: Proposal, observed: Mapping[str, Observed]) -> ProposedTag:
    node = node_of(tree, proposal.found)
    seen = observed.get(proposal.found.node)
    return ProposedTag(
        node,
        _cut(name, 100),
        proposal.tag_class.value,
        proposal.slot.value,
        round(proposal.confidence, 2),
        _cut_all(proposal.evidence, MAX_REASONS),
        _cut_all(proposal.doubts, MAX_REASONS),
        None if seen is None else seen_of(node.key, seen),
    )


def _silent(tree: Tree, found: Found, observed: Mapping[str, Observed]) -> ProposedTag:
    node, seen = node_of(tree, found), observed.get(found.node)
    return ProposedTag(node, _cut(found.name, 100), seen=None if seen is None else seen_of(node.key, seen))


def node_of(tree: Tree, found: Found) -> Node:
    """A node by an address that is the same tomorrow, from Objects on wherever the look began."""
    keys: dict[str, Any] = dict(address_keys(tree, found))
    start, steps = split_address(keys["node"])
    path = [*steps, *keys.get("path", [])]
    return Node(
        address(start, path),
        start,
        path,
        _cut(found.words),
        _cut(found.name, 200),
        found.kind,
        found.data_type,
        _cut(shown(found.value), MAX_SHOWN) if found.is_variable and found.is_readable else "",
        _cut(found.unit, 30),
        ua.StatusCode(found.status).name if found.status >> 30 else "",
    )


def seen_of(key: str, observed: Observed) -> Seen:
    """What was seen of one variable."""
    behaviour, values = behaviour_of(observed), observed.values
    whole = [v for v in values if isinstance(v, int) and not isinstance(v, bool)]
    rises = [now - before for before, now in pairwise(whole) if now > before]
    return Seen(
        key,
        behaviour.pattern.value,
        round(observed.seconds, 1),
        behaviour.changes,
        _cut(shown(values[0]), MAX_SHOWN) if values else "",
        _cut(shown(values[-1]), MAX_SHOWN) if values else "",
        min(rises, default=0),
        max(rises, default=0),
        sum(now < before for before, now in pairwise(whole)),
        len({repr(value) for value in values}),
        ua.StatusCode(observed.status).name if observed.status else "",
    )


def _cut(text: str, limit: int = MAX_WORDS) -> str:
    text = printable(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _cut_all(texts: tuple[str, ...], most: int = MAX_REMARKS) -> list[str]:
    return [_cut(text) for text in texts[:most]]
