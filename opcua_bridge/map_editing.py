"""One machine put into a tag map; every other line stays as somebody wrote it. Pure.

What is put in stands between two comments, so that it can be found and replaced; a machine that was written by hand is
never touched.
"""

from __future__ import annotations

import json
from typing import Any, Final

from opcua_bridge.tag_map import MapError, TagMapRefused, parse_tag_map
from standards.lineside.commands_v1 import MapEndpoint

BEGIN: Final = "# --- set up on screen, and changed there: "
END: Final = "# --- end of "


def with_endpoint(text: str, endpoint: MapEndpoint) -> str:
    """The tag map with this machine in it. Raises TagMapRefused: `endpoint-exists` where one of this name was written
    by hand, or whatever is wrong with the map that would come of it."""
    lines = _without(text.split("\n"), endpoint.name)
    before = parse_tag_map("\n".join(lines) + "\n")
    if any(e.name == endpoint.name for e in before.endpoints):
        raise _refused("endpoint-exists", f"the tag map has an endpoint {endpoint.name!r} that was written by hand")
    made = "\n".join([*_trimmed(lines), *_block(endpoint)]) + "\n"
    after = parse_tag_map(made)
    if after.endpoints[:-1] != before.endpoints:
        raise _refused("not-mergeable", "the tag map is written in a way that nothing can be added to")
    return made


def _without(lines: list[str], name: str) -> list[str]:
    begin, end = BEGIN + _quoted(name), END + _quoted(name)
    if begin not in lines or end not in lines[lines.index(begin) :]:
        return lines
    first = lines.index(begin)
    return lines[:first] + lines[lines.index(end, first) + 1 :]


def _trimmed(lines: list[str]) -> list[str]:
    kept = "\n".join(lines).rstrip()
    return [kept, ""] if kept else []


def _block(endpoint: MapEndpoint) -> list[str]:
    body = ["[[endpoint]]", f"name = {_quoted(endpoint.name)}", f"url = {_quoted(endpoint.url)}"]
    for tag in endpoint.tags:
        body += ["", "  [[endpoint.tag]]", f"  tag = {_quoted(tag.tag)}", f"  node = {_quoted(tag.node)}"]
        body += [f"  path = {_quoted(tag.path)}"] if tag.path else []
        body += [f"  class = {_quoted(tag.tag_class)}"]
    return [BEGIN + _quoted(endpoint.name), *body, END + _quoted(endpoint.name)]


def _quoted(value: Any) -> str:
    """What JSON writes of texts and lists of them is TOML but for the character 127."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _refused(code: str, message: str) -> TagMapRefused:
    return TagMapRefused([MapError(code, "endpoint", message)])
