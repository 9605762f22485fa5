"""docs/api/event-types.md: every type of event with its payload, made out of `standards.lineside.events_v1`. `make api`
writes it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from standards.lineside.events_v1 import EVENTS, component_of
from web.event_schemas import event_schemas

EVENT_INDEX: Final = Path(__file__).resolve().parents[2] / "docs" / "api" / "event-types.md"
HEAD: Final = """# Every type of event

What `data` of an event holds, by its type; [events](events.md) says how events come. In [openapi.json](openapi.json)
each is an entry of `webhooks`, and its payload a schema: of `orders.job-ended.v1` it is OrdersJobEndedV1, so that a
generated client has a class for it. `make api` writes this list; the tests compare everything that is told with it.

Types and members are added, never taken away: ignore what you do not know. An event that is older than a member does
not have it. Names in `_e6` are millionths, in `_us` microseconds since 1970 (UTC). (…) may be missing.
"""
_NAMES: Final = {"string": "text", "integer": "whole number", "boolean": "yes or no", "null": "null"}
Schema = Mapping[str, Any]


def event_index() -> str:
    """The text of docs/api/event-types.md."""
    return "\n".join([HEAD, *_lines()]) + "\n"


def _lines() -> Iterator[str]:
    schemas = event_schemas()
    for feature, types in groupby(EVENTS, key=lambda name: name.partition(".")[0]):
        yield f"## {feature}\n"
        yield inspect.cleandoc(sys.modules[f"standards.lineside.events_v1.{feature}"].__doc__ or "") + "\n"
        for event_type in types:
            yield from _told(event_type, schemas)


def _told(event_type: str, schemas: Mapping[str, Schema]) -> Iterator[str]:
    schema = schemas[component_of(event_type)]
    yield f"### `{event_type}`\n"
    yield f"{schema['description']} Subject: {EVENTS[event_type].its_subject}\n"
    if members := schema["properties"]:
        yield "| Member | | |\n|---|---|---|"
        for name, member in members.items():
            shown = f"`{name}`" if name in schema["required"] else f"(`{name}`)"
            yield f"| {shown} | {_kind(member, schemas)} | {member.get('description', '')} |"
        yield ""


def _kind(schema: Schema, schemas: Mapping[str, Schema]) -> str:
    if "$ref" in schema:
        return _kind(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_kind(option, schemas) for option in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'], schemas)}"
    if schema.get("type") == "object":
        return ", ".join(schema["properties"]) if "properties" in schema else "object"
    return _NAMES[schema["type"]]


def write_event_index() -> None:
    EVENT_INDEX.write_text(event_index(), "utf-8")
