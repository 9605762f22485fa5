"""The documents between server and bridge as JSON Schema, made from the types that encode and decode them."""

from __future__ import annotations

import inspect
from typing import Any, Final

import msgspec

from standards.lineside import commands_v1, health_v1, ingest_v1

_DOCUMENTS: Final = (
    *(ingest_v1.Batch, ingest_v1.BatchAnswer, health_v1.BridgeHealth, health_v1.HealthAnswer),
    *(commands_v1.CommandList, commands_v1.CommandResult),
    *(commands_v1.JobCommand, commands_v1.TrustCommand, commands_v1.LookCommand, commands_v1.WatchCommand),
    *(commands_v1.ApplyEndpointCommand, commands_v1.NodeList, commands_v1.Proposals, commands_v1.SeenList),
)
_OPEN: Final = {
    ("Command", "payload"): "By `kind`; of `job` a JobCommand, of `trust` a TrustCommand, of `apply-map` an "
    "ApplyEndpointCommand; with a `url`, of `browse` a LookCommand and of `watch` a WatchCommand.",
    ("CommandResult", "document"): "What a look came to: NodeList, Proposals or SeenList. Else empty.",
}
_BITS_64: Final = {"minimum": -(2**63), "maximum": 2**63 - 1}


def wire_schemas() -> dict[str, Any]:
    """Components by name; whole numbers have 64 bits."""
    _, found = msgspec.json.schema_components(_DOCUMENTS, ref_template="#/components/schemas/{name}")
    _tidy(found)
    for (schema, member), text in _OPEN.items():
        found[schema]["properties"][member] |= {"additionalProperties": True, "description": text}
    found["Batch"]["properties"]["items"]["maxItems"] = ingest_v1.MAX_BATCH_ITEMS
    return found


def _tidy(node: Any) -> None:
    for child in node if isinstance(node, list) else node.values() if isinstance(node, dict) else ():
        _tidy(child)
    if not isinstance(node, dict):
        return
    if isinstance(node.get("title"), str):
        del node["title"]
    if isinstance(node.get("description"), str):
        node["description"] = inspect.cleandoc(node["description"])
    if node.get("type") == "integer":
        node |= {bound: value for bound, value in _BITS_64.items() if bound not in node}
    if "enum" in node:
        node.setdefault("type", "string")
