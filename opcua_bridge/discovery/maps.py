"""Proposals written as a tag map, or as a template for like machines; a template filled in. Pure.

A template is a tag map without endpoints: what all machines of a kind have in common. `{machine}` stands for the name
of the machine, in tags and, where a machine's server has its name in the ids of its nodes, in those.

```toml
[namespaces]
press = "urn:vendor:press"

[[tag]]
tag = "{machine}.GoodCount"
node = "press;s=Counter.Good"
class = "counter"

[[job_target]]
equipment = "{machine}"
driver = "plain-tags"
prefix = "press;s={machine}"
```
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec.structs import replace

from opcua_bridge.browse_path import OWN, split_step
from opcua_bridge.discovery.proposal import Proposal, TargetProposal
from opcua_bridge.discovery.proposals import Proposals, names
from opcua_bridge.discovery.tree import Found, Tree, printable
from opcua_bridge.tag_map import DRIVERS, NODE, Endpoint, MapError, TagMapRefused, parse_tag_map
from standards.opcua.node_names import general, named

NOTHING: Final = 1.01
"""No proposal is so sure: all of them are written as comments."""
EVENTS: Final = 0.5
"""Nearly every server says that it tells of events; few do."""
_KNOWN_ALIASES: Final = {
    "http://opcfoundation.org/UA/": "ua",
    "http://opcfoundation.org/UA/DI/": "di",
    "http://opcfoundation.org/UA/Machinery/": "machinery",
    OWN: "own",
}


@dataclass(frozen=True)
class _Entry:
    """A table of the map: what it is, its keys, and whether it is in use."""

    table: str
    keys: tuple[tuple[str, Any], ...]
    remarks: tuple[str, ...] = ()
    taken: bool = True


def tag_map_text(endpoint: Endpoint, tree: Tree, proposals: Proposals, *, prefix: str, accept: float = NOTHING) -> str:
    """A tag map of this endpoint. Proposals from the confidence `accept` on are in use, the others are comments."""
    entries = list(_entries(tree, proposals, prefix, accept))
    spaces = _namespaces(entries)
    lines = [*_head(endpoint, proposals, entries, accept), "", *_space_lines(spaces), "", *_endpoint_lines(endpoint)]
    for entry in entries:
        lines += ["", *_entry_lines(entry, spaces, "endpoint.")]
    lines += _silent_lines(proposals)
    return "\n".join(lines) + "\n"


def template_text(endpoint: Endpoint, tree: Tree, proposals: Proposals, *, prefix: str, accept: float) -> str:
    """What was taken, for machines like this one: `{machine}` instead of its name, and no endpoint."""
    entries = [_like(e, prefix, tree.own) for e in _entries(tree, proposals, prefix, accept) if e.taken]
    spaces = _namespaces(entries)
    lines = [
        f"# Template of machines like {printable(prefix)} ({printable(endpoint.url)}), for",
        "# lineside-bridge bind --template.",
        *(f"# {printable(m.what)} {printable(m.words)}" for m in proposals.machines),
        "",
        *_space_lines(spaces),
    ]
    for entry in entries:
        lines += ["", *_entry_lines(entry, spaces, "")]
    return "\n".join(lines) + "\n"


def filled_in(template: str, machines: Mapping[str, str], *, like: Endpoint) -> str:
    """The tag map of these machines (name -> address), all alike, also in what `like` has. Raises TagMapRefused."""
    document = _template(template)
    lines = [f"# {len(machines)} machines from one template.", "", "[namespaces]"]
    lines += [f"{_toml(alias)} = {_toml(uri)}" for alias, uri in document.get("namespaces", {}).items()]
    for name, url in machines.items():
        lines += ["", *_endpoint_lines(replace(like, name=name, url=url))]
        for table in ("tag", "events", "job_target"):
            for raw in document.get(table, []):
                entry = _Entry(table, tuple((k, _named(v, name)) for k, v in raw.items()))
                lines += ["", *_entry_lines(entry, {}, "endpoint.")]
    text = "\n".join(lines) + "\n"
    parse_tag_map(text)
    return text


def _template(text: str) -> dict[str, Any]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TagMapRefused([MapError("not-toml", "template", str(error))]) from error
    unknown = sorted(set(document) - {"namespaces", "tag", "events", "job_target"})
    errors = [MapError("bad-entry", "template", f"a template has no {key!r}") for key in unknown]
    lists = [k for k in ("tag", "events", "job_target") if not _is_tables(document.get(k, []))]
    errors += [MapError("bad-entry", "template", f"{key!r} is written [[{key}]]") for key in lists]
    if not isinstance(document.get("namespaces", {}), dict):
        errors.append(MapError("bad-entry", "template", "'namespaces' is written [namespaces]"))
    if not document.get("tag"):
        errors.append(MapError("no-tag", "template", "there is no [[tag]]"))
    if errors:
        raise TagMapRefused(errors)
    return document


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _named(value: Any, machine: str) -> Any:
    if isinstance(value, str):
        return named(value, machine=machine)
    return [_named(v, machine) for v in value] if isinstance(value, list) else value


# -------------------------------------------------------------------- entries


def _entries(tree: Tree, proposals: Proposals, prefix: str, accept: float) -> Iterator[_Entry]:
    for name, proposal in proposals.tags:
        keys = (
            ("tag", _joined(prefix, name)),
            *address_keys(tree, proposal.found),
            ("class", proposal.tag_class.value),
        )
        yield _Entry("tag", keys, _why(proposal), proposal.confidence >= accept)
    one = len(proposals.targets) == 1 and bool(prefix)
    for target, name in zip(proposals.targets, target_names(proposals.targets), strict=True):
        keys = (
            ("equipment", prefix if one else _joined(prefix, name)),
            ("driver", target.driver),
            (target.key, target.found.node),
            *((("responses", target.responses),) if target.responses else ()),
        )
        yield _Entry("job_target", keys, _why_target(target), _is_usable(target) and target.confidence >= accept)
    if tree.notifies:
        why = f"{EVENTS:.2f} alarm: the server tells of events; those with a source and a state are alarms"
        yield _Entry("events", (("tag", "{source}.Alarm"), ("node", "i=2253")), (why,), accept <= EVENTS)


def target_names(targets: Sequence[TargetProposal]) -> list[str]:
    """What tells the objects that take jobs apart; a receiver by what it is part of."""
    places = [t.found.path[:-1] or t.found.path if t.key == "receiver" else t.found.path for t in targets]
    return names([tuple(split_step(step)[1] for step in place) for place in places])


def _joined(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _is_usable(target: TargetProposal) -> bool:
    return target.driver in DRIVERS


def _why(proposal: Proposal) -> tuple[str, ...]:
    doubts = tuple(f"but: {d}" for d in proposal.doubts)
    return (f"{proposal.confidence:.2f} {proposal.slot}: {'; '.join((*proposal.evidence, *doubts))}",)


def _why_target(target: TargetProposal) -> tuple[str, ...]:
    more = () if _is_usable(target) else (f"this bridge has no driver {target.driver!r} yet",)
    return (f"{target.confidence:.2f} job target: {'; '.join((*target.evidence, *more))}",)


def address_keys(tree: Tree, found: Found) -> tuple[tuple[str, Any], ...]:
    """Its node id where that is a name; where it is a number or opaque, which may be another one tomorrow, the browse
    path, unless that leads to several nodes."""
    parts = NODE.match(found.node)
    if parts is None or parts["kind"] == "s" or not parts["space"] or not _leads_there(tree, found):
        return (("node", found.node),)
    return (("node", tree.root), ("path", list(found.path)))


def _leads_there(tree: Tree, found: Found) -> bool:
    there = tree.below(tree.root, found.path)
    return there is not None and there.node == found.node and not tree.ambiguous & set(_ways(found.path))


def _ways(path: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [path[: n + 1] for n in range(len(path))]


def _like(entry: _Entry, prefix: str, own: str) -> _Entry:
    """The entry with `{machine}` where the machine's name stands by itself, and no namespace that has its name."""

    def like(value: Any) -> Any:
        if isinstance(value, list):
            return [like(v) for v in value]
        return general(value, machine=prefix, own=own)

    return _Entry(entry.table, tuple((k, like(v)) for k, v in entry.keys), entry.remarks, entry.taken)


# ----------------------------------------------------------------------- text


def _head(endpoint: Endpoint, proposals: Proposals, entries: Iterable[_Entry], accept: float) -> list[str]:
    taken = [e.taken for e in entries]
    rule = f"from {accept:.2f} on" if accept <= 1 else "none (--accept takes them from a confidence on)"
    return [
        f"# Proposed by lineside-bridge bind for {printable(endpoint.url)}.",
        f"# {len(taken)} proposals, {sum(taken)} taken: {rule}.",
        "# Another is taken by removing the '#' in front of its lines.",
        *(f"# {printable(_machine_words(m.words, m.what, m.nameplate))}" for m in proposals.machines),
        *(f"# Note: {printable(remark)}" for remark in proposals.remarks),
    ]


def _machine_words(words: str, what: str, nameplate: Mapping[str, str]) -> str:
    plate = ", ".join(f"{key} {value}" for key, value in nameplate.items())
    return f"There is a {what}: {words}" + (f" ({plate})" if plate else "")


def _space_lines(spaces: Mapping[str, str]) -> list[str]:
    return ["[namespaces]", *(f"{alias} = {_toml(uri)}" for uri, alias in spaces.items())]


def _endpoint_lines(endpoint: Endpoint) -> list[str]:
    lines = ["[[endpoint]]", f"name = {_toml(endpoint.name)}", f"url = {_toml(endpoint.url)}"]
    lines.append(f"security = {_toml(endpoint.security)}")
    optional = (("username", endpoint.username), ("password_file", endpoint.password_file))
    return lines + [f"{key} = {_toml(value)}" for key, value in optional if value]


def _entry_lines(entry: _Entry, spaces: Mapping[str, str], above: str) -> list[str]:
    body = [f"[[{above}{entry.table}]]", *(f"{key} = {_toml(_short(value, spaces))}" for key, value in entry.keys)]
    remarks = [f"  # {printable(remark)}" for remark in entry.remarks]
    return remarks + [f"  {line}" if entry.taken else f"  #{line}" for line in body]


def _silent_lines(proposals: Proposals) -> list[str]:
    if not proposals.silent:
        return []
    return ["", "# Seen, and nothing proposed:"] + [
        f"#   {printable(f.words)}: {printable(w)}" for f, w in proposals.silent
    ]


def _toml(value: Any) -> str:
    """A TOML value; what JSON writes of texts, numbers, truth values and lists is TOML but for the character 127."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _short(value: Any, spaces: Mapping[str, str]) -> Any:
    """With aliases for namespaces."""
    if isinstance(value, list):
        return [_short(v, spaces) for v in value]
    if not isinstance(value, str) or not value.startswith("nsu="):
        return value
    uri, rest = split_step(value)
    alias = spaces.get(uri.removeprefix("nsu="))
    return f"{alias};{rest}" if alias else value


def _namespaces(entries: Iterable[_Entry]) -> dict[str, str]:
    """URI -> alias, for every namespace these entries name."""
    uris: dict[str, None] = {}
    for entry in entries:
        for _, value in entry.keys:
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str) and text.startswith("nsu="):
                    uris.setdefault(split_step(text)[0].removeprefix("nsu="))
    spaces: dict[str, str] = {}
    for uri in uris:
        spaces[uri] = _alias(uri, set(spaces.values()))
    return spaces


def _alias(uri: str, taken: set[str]) -> str:
    words = [w for w in re.split(r"[^A-Za-z0-9]+", uri) if w]
    alias = first = _KNOWN_ALIASES.get(uri) or (words[-1].lower() if words else "ns")
    number = 1
    while alias in taken:
        number += 1
        alias = f"{first}{number}"
    return alias
