"""A tag map against the machine: is every node there, of a type its class can have, and does it do what that does?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asyncua import ua

from opcua_bridge.browse_path import has_path
from opcua_bridge.channel import Channel
from opcua_bridge.discovery.behaviour import Observed, behaviour_of
from opcua_bridge.discovery.plain import misfit
from opcua_bridge.discovery.watching import watch
from opcua_bridge.tag_map import Tag
from opcua_bridge.values import sample_of


@dataclass(frozen=True)
class Finding:
    """What is wrong with a tag."""

    tag: str
    words: str
    is_missing: bool
    """There is no value at all; otherwise there is one, but not such a one."""


async def check(channel: Channel, tags: Sequence[Tag], *, seconds: float) -> list[Finding]:
    """What does not fit, in the order of the tags."""
    nodes = [t.node for t in tags]
    values = await channel.read(nodes)
    types = {n: sample_of(n, v, observed_at_us=0) for n, v in zip(nodes, values, strict=True)}
    seen = await watch(channel, nodes, seconds=seconds)
    findings = []
    for tag in tags:
        sample = types[tag.node]
        if sample.status >> 31:
            findings.append(Finding(tag.tag, f"{ua.StatusCode(sample.status).name} ({_where(tag.node)})", True))
        elif words := _misfit(tag, sample.data_type, seen[tag.node]):
            findings.append(Finding(tag.tag, f"{words} ({tag.node})", False))
    return findings


def _where(node: str) -> str:
    return f"the path leads to no node, or to several: {node}" if has_path(node) else node


def _misfit(tag: Tag, data_type: str, observed: Observed) -> str:
    return misfit(tag.tag_class, data_type.removesuffix("[]"), behaviour_of(observed))
