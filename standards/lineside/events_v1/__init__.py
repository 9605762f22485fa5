"""Every type of event with its payload: what the change feed and webhooks carry, version 1 of each type.

The module says the feature and the class what happened: `orders.JobEnded` is the payload of `orders.job-ended.v1`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, Final

import msgspec

from standards.lineside.events_v1 import (
    access,
    definitions,
    edge,
    equipment,
    exchange,
    genealogy,
    history,
    ingest,
    materials,
    orders,
    personnel,
    quality,
    reporting,
)
from standards.lineside.events_v1.base import Event

_FEATURES: Final = (
    *(access, personnel, equipment, edge, materials, history, definitions, orders, quality, genealogy),
    *(ingest, reporting, exchange),
)
_WORD: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def _types(module: ModuleType) -> Iterator[tuple[str, type[Event]]]:
    feature = module.__name__.rpartition(".")[2]
    for name, kind in vars(module).items():
        if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event and not name.startswith("_"):
            yield f"{feature}.{_WORD.sub('-', name).lower()}.v1", kind


EVENTS: Final[Mapping[str, type[Event]]] = MappingProxyType(
    {name: kind for module in _FEATURES for name, kind in sorted(_types(module))}
)
"""The payload of each type, feature by feature."""


def component_of(event_type: str) -> str:
    """What the payload of a type is called where names are words: `orders.job-ended.v1` is OrdersJobEndedV1."""
    return "".join(word.capitalize() for word in re.split(r"[.-]", event_type))


def fault_of(event_type: str, payload: bytes) -> str:
    """What is wrong with the payload of an event, as JSON, in words; empty: it is as its type says, and no more."""
    kind = EVENTS.get(event_type)
    if kind is None:
        return f"{event_type} is no type of event"
    try:
        read = msgspec.json.decode(payload, type=kind)
    except msgspec.ValidationError as error:
        return f"{event_type}: {error}"
    untold = _untold(msgspec.json.decode(payload), msgspec.to_builtins(read))
    return f"{event_type}: nobody knows of {untold}" if untold else ""


def _untold(said: Any, known: Any) -> str:
    """The first member that was said and is not known."""
    if isinstance(said, dict) and isinstance(known, dict):
        for name, value in said.items():
            if name not in known:
                return str(name)
            if inner := _untold(value, known[name]):
                return f"{name}.{inner}"
    return ""
