"""What the machine sent -> what the server is told. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from asyncua import ua

from opcua_bridge.structures import UnknownStructure, raw
from standards.lineside.ingest_v1 import MAX_STRING, Sample, Scalar, SourceEvent, Value
from standards.opcua.status import BAD_NO_COMMUNICATION, Quality, overflowed, quality_of

MAX_ARRAY: Final = 10_000
MAX_STRUCTURE: Final = 65_536
"""Characters of a structure in hex."""
BAD_DECODING_ERROR: Final = 0x80070000
BAD_TYPE_MISMATCH: Final = 0x80740000
BAD_OUT_OF_RANGE: Final = 0x803C0000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_US: Final = (datetime(1990, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
LAST_US: Final = (datetime(2200, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)

_SCALAR_NAMES: Final = {kind.value: kind.name for kind in ua.VariantType if kind.value}
_TYPE_NAMES: Final = _SCALAR_NAMES | {kind | 0x80: f"{name}[]" for kind, name in _SCALAR_NAMES.items()}

EVENT_FIELDS: Final = (
    ("EventId",), ("EventType",), ("SourceName",), ("Time",), ("Message",), ("Severity",),
    ("ActiveState", "Id"), ("AckedState", "Id"),
)  # fmt: skip


def to_us(when: datetime | None) -> int | None:
    """Microseconds since 1970. None for "no time" and for instants no machine means: asyncua 2.1.0 reads the
    picoseconds in the wrong order, which puts ServerTimestamp into the year 9999."""
    if when is None:
        return None
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return believable_us((aware - _EPOCH) // timedelta(microseconds=1))


def believable_us(at_us: int) -> int | None:
    """The instant, or None if no machine means it (before 1990, after 2199)."""
    return at_us if FIRST_US <= at_us <= LAST_US else None


def sample_of(tag: str, value: ua.DataValue, *, observed_at_us: int) -> Sample:
    """A sample of what the machine sent. A value that cannot be passed on becomes a bad sample, never nothing."""
    status = 0 if value.StatusCode is None else int(value.StatusCode.value)
    variant = value.Value
    quality = quality_of(status)
    content: Value = None
    data_type = ""
    if variant is not None and variant.VariantType is not ua.VariantType.Null:
        data_type = type_name(kind_of(variant))
        content, problem = content_of(variant)
        if problem and quality is not Quality.bad:
            quality, status = Quality.bad, problem
    return Sample(
        tag=tag,
        value=content,
        observed_at_us=observed_at_us,
        source_at_us=to_us(value.SourceTimestamp),
        server_at_us=to_us(value.ServerTimestamp),
        quality=quality,
        status=status,
        data_type=data_type,
        overflow=overflowed(status),
    )


def unknown_sample(tag: str, *, observed_at_us: int, status: int = BAD_NO_COMMUNICATION) -> Sample:
    """The value of this tag is not known from now on."""
    return Sample(tag=tag, value=None, observed_at_us=observed_at_us, quality=Quality.bad, status=status)


def kind_of(variant: ua.Variant) -> int:
    """Built-in type (OPC 10000-6 table 1), 0x80 added for arrays; 0 for Null."""
    number = int(getattr(variant.VariantType, "value", 0))
    return number | 0x80 if number and isinstance(variant.Value, list) else number


def content_of(variant: ua.Variant) -> tuple[Value, int]:
    """Value and, where it cannot be passed on, the status that says so."""
    if variant.VariantType is ua.VariantType.ExtensionObject:
        return _structures(variant.Value)
    if isinstance(variant.Value, list):
        return _array(variant.Value)
    return _scalar(variant.Value)


def _structures(value: Any) -> tuple[Value, int]:
    """A structure is passed on as its bytes in hex: whoever knows its type can read it."""
    entries = value if isinstance(value, list) else [value]
    try:
        texts: list[Scalar] = [raw(entry).hex() for entry in entries]
    except UnknownStructure:
        return None, BAD_DECODING_ERROR
    if len(texts) > MAX_ARRAY or any(len(str(text)) > MAX_STRUCTURE for text in texts):
        return None, BAD_OUT_OF_RANGE
    return (texts if isinstance(value, list) else texts[0]), 0


def _array(values: list[Any]) -> tuple[Value, int]:
    if len(values) > MAX_ARRAY:
        return None, BAD_OUT_OF_RANGE
    pairs = [_scalar(v) for v in values]
    problem = next((p for _, p in pairs if p), 0)
    return (None if problem else [v for v, _ in pairs]), problem


def _scalar(value: Any) -> tuple[Scalar, int]:
    match value:
        case None | bool():
            return value, 0
        case float():
            return (value, 0) if math.isfinite(value) else (None, BAD_OUT_OF_RANGE)
        case int():
            return int(value), 0
        case str():
            return (readable(value), 0) if len(value) <= MAX_STRING else (None, BAD_OUT_OF_RANGE)
        case datetime():
            return _iso(value), 0
        case bytes():
            return (value.hex(), 0) if len(value) * 2 <= MAX_STRING else (None, BAD_OUT_OF_RANGE)
        case ua.LocalizedText():
            return _scalar(value.Text or "")
        case ua.NodeId() | ua.QualifiedName():
            return value.to_string()[:MAX_STRING], 0
        case ua.StatusCode():
            return int(value.value), 0
    return (str(value), 0) if type(value).__name__ == "UUID" else (None, BAD_TYPE_MISMATCH)


def readable(text: str) -> str:
    """What is not UTF-8, which asyncua keeps as lone surrogates, gives way to U+FFFD."""
    return str(text) if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _iso(when: datetime) -> str:
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def event_of(tag: str, fields: list[ua.Variant], *, observed_at_us: int) -> SourceEvent:
    """An event, its fields in the order of EVENT_FIELDS. `{source}` in `tag` becomes the SourceName."""
    event_id, event_type, source, when, message, severity, active, acked = [f.Value for f in fields]
    return SourceEvent(
        tag=tag.replace("{source}", str(source or "")),
        event_id=event_id.hex() if isinstance(event_id, bytes) else str(event_id or ""),
        event_type=event_type.to_string() if isinstance(event_type, ua.NodeId) else "",
        message=str(getattr(message, "Text", message) or "")[:MAX_STRING],
        severity=int(severity) if isinstance(severity, int) else 1,
        observed_at_us=observed_at_us,
        source_at_us=to_us(when) if isinstance(when, datetime) else None,
        active=active if isinstance(active, bool) else None,
        acked=acked if isinstance(acked, bool) else None,
    )


@cache
def type_name(kind: int) -> str:
    """ "UInt16", "Double[]", …; empty for Null."""
    return _TYPE_NAMES.get(kind & 0x3F, "") + ("[]" if kind & 0x80 else "")


def within_deadband(before: Value, now: Value, deadband: float) -> bool:
    """Whether a change is too small to pass on."""
    if not deadband or isinstance(before, bool) or isinstance(now, bool):
        return False
    if not isinstance(before, int | float) or not isinstance(now, int | float):
        return False
    return abs(now - before) <= deadband
