"""What the machine sent -> what the server is told. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from asyncua import ua

from opcua_bridge.job_lists import is_list, structures_of
from standards.lineside.ingest_v1 import MAX_STRING, Sample, Scalar, SourceEvent, Value
from standards.opcua.status import BAD_NO_COMMUNICATION, Quality, overflowed, quality_of

MAX_ARRAY: Final = 10_000
BAD_TYPE_MISMATCH: Final = 0x80740000
BAD_OUT_OF_RANGE: Final = 0x803C0000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = datetime(1990, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)

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
    if not _FIRST <= aware <= _LAST:
        return None
    return (aware - _EPOCH) // timedelta(microseconds=1)


def sample_of(tag: str, value: ua.DataValue, *, observed_at_us: int) -> Sample:
    """A sample of what the machine sent. A value that cannot be passed on becomes a bad sample, never nothing."""
    status = 0 if value.StatusCode is None else int(value.StatusCode.value)
    variant = value.Value
    quality = quality_of(status)
    content: Value = None
    data_type = ""
    if variant is not None and variant.VariantType is not ua.VariantType.Null:
        data_type = _type_name(variant)
        content, problem = structures_of(variant.Value) if is_list(tag) else _content(variant)
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


def _type_name(variant: ua.Variant) -> str:
    name = getattr(variant.VariantType, "name", str(variant.VariantType))
    return f"{name}[]" if isinstance(variant.Value, list) else name


def _content(variant: ua.Variant) -> tuple[Value, int]:
    """Value and, where it cannot be passed on, the status that says so."""
    if isinstance(variant.Value, list):
        return _array(variant.Value)
    return _scalar(variant.Value)


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
            return (str(value), 0) if len(value) <= MAX_STRING else (None, BAD_OUT_OF_RANGE)
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


def within_deadband(before: Value, now: Value, deadband: float) -> bool:
    """Whether a change is too small to pass on."""
    if not deadband or isinstance(before, bool) or isinstance(now, bool):
        return False
    if not isinstance(before, int | float) or not isinstance(now, int | float):
        return False
    return abs(now - before) <= deadband


def in_source_order(samples: list[Sample]) -> list[Sample]:
    """The samples of one message across tags by source time. Those of one tag stay as the machine sent them, even if
    its clock was set back between them."""
    latest: dict[str, int] = {}
    keys = []
    for sample in samples:
        latest[sample.tag] = max(latest.get(sample.tag, 0), sample.source_at_us or 0)
        keys.append(latest[sample.tag])
    return [samples[i] for i in sorted(range(len(samples)), key=keys.__getitem__)]
