"""The events that webhooks and the change feed carry, in the description of the API: a payload for each type."""

from __future__ import annotations

import inspect
from typing import Any, Final

import msgspec

from standards.lineside.events_v1 import EVENTS, component_of

_REF: Final = "#/components/schemas/"
MESSAGE: Final = "EventMessage"
_ENVELOPE: Final[dict[str, Any]] = {
    "type": "object",
    "description": "What a webhook is sent, signed as Standard Webhooks 1.0 says; `webhook-id` is the `event_id`.",
    "required": ["type", "timestamp", "seq", "subject", "data"],
    "properties": {
        "type": {"type": "string"},
        "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
        "seq": {"type": "integer", "description": "Its place in the commit order of the plant."},
        "subject": {"type": "string", "description": "What it is about."},
        "data": {"type": "object", "additionalProperties": True, "description": "By `type`."},
    },
}


def event_schemas() -> dict[str, Any]:
    """Components by name: the payload of each type as `component_of` calls it, and the words they share."""
    found: dict[str, Any] = {MESSAGE: _ENVELOPE}
    for event_type, kind in EVENTS.items():
        _, schemas = msgspec.json.schema_components([kind], ref_template=_REF + "{name}")
        found[component_of(event_type)] = _tidy(schemas.pop(kind.__name__))
        found |= {name: _tidy(schema) for name, schema in schemas.items()}
    return found


def event_webhooks() -> dict[str, Any]:
    """The section `webhooks`: an entry for each type of event, which is its name."""
    return {event_type: {"post": _message(event_type)} for event_type in EVENTS}


def _message(event_type: str) -> dict[str, Any]:
    said = {"type": {"const": event_type}, "data": {"$ref": _REF + component_of(event_type)}}
    schema = {"allOf": [{"$ref": _REF + MESSAGE}, {"type": "object", "properties": said}]}
    kind = EVENTS[event_type]
    return {
        "description": f"{inspect.cleandoc(kind.__doc__ or '')}\n\nSubject: {kind.its_subject}",
        "tags": ["webhooks"],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"204": {"description": "Taken; any 2xx says so."}},
    }


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    del schema["title"]
    if "enum" in schema:
        schema["type"] = "string"
    schema["description"] = inspect.cleandoc(schema["description"])
    return schema
