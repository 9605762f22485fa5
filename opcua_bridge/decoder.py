"""A publish response, decoded without a Python object for each nested structure (OPC 10000-6 clause 5.2).

asyncua 2.1.0 spends 11 µs a value on it; this takes 0.1 µs where the same items come again, about 0.6 where others do.
Scalars and strings are read here; arrays, structures and whatever is rare by asyncua's own decoder, value by value; a
response of an unexpected shape by asyncua as a whole. Both ways end in the same `Published`, and a property test holds
them equal.
"""

from __future__ import annotations

import logging
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from operator import itemgetter
from typing import Any, Final, TypeVar

from asyncua import ua
from asyncua.common.utils import Buffer, NotEnoughData
from asyncua.ua.ua_binary import (
    extensionobject_from_binary,
    struct_from_binary,
    struct_to_binary,
    variant_from_binary,
)

from opcua_bridge.values import BAD_OUT_OF_RANGE, believable_us, content_of, kind_of, to_us
from standards.lineside.ingest_v1 import MAX_STRING, Value

T = TypeVar("T")
_Picked = Callable[[Sequence[Any]], Sequence[Any]]
_log = logging.getLogger(__name__)
FILETIME_1970: Final = 116_444_736_000_000_000
"""1970-01-01 in steps of 100 ns since 1601 (OPC 10000-6 clause 5.2.2.5)."""

_VALUE, _STATUS, _SOURCE, _SERVER, _SOURCE_PICO, _SERVER_PICO = 1, 2, 4, 8, 16, 32
LAYOUT_MIN: Final = 20
"""Items from which on it pays to remember a layout."""
_TEXT: Final = 12 << 8 | _VALUE
"""Key of a String that is there."""
_SPECIMEN_STATUS: Final = (0, 0x40000000, 0x80310000)
_SCALARS: Final = {1: "?", 2: "b", 3: "B", 4: "h", 5: "H", 6: "i", 7: "I", 8: "q", 9: "Q", 10: "f", 11: "d", 19: "I"}
_PUBLISH_RESPONSE: Final = b"\x01\x00\x3d\x03"
_REPUBLISH_RESPONSE: Final = b"\x01\x00\x43\x03"
_DATA_CHANGES: Final = b"\x01\x00\x2b\x03\x01"
"""Type id i=811 and "body is a ByteString"."""
_HEADER: Final = struct.Struct("<qIIBi")
_NO_ADDITION: Final = b"\x00\x00\x00"
_KEY: Final = struct.Struct("<H").unpack_from
_INT: Final = struct.Struct("<i").unpack_from
_UINT: Final = struct.Struct("<I").unpack_from
_MESSAGE: Final = struct.Struct("<Iqi").unpack_from
_MESSAGE_SIZE: Final = 16


@dataclass(frozen=True, slots=True)
class Changes:
    """The values of one notification as columns of one length, in the order of the message."""

    handles: Sequence[int]
    kinds: Sequence[int]
    """Built-in type (OPC 10000-6 table 1), 0x80 added for arrays; 0 where there is no value."""
    values: Sequence[Value]
    statuses: Sequence[int] = ()
    """Empty: all Good."""
    sources: Sequence[int] = ()
    """The machine's time, steps of 100 ns since 1601; 0: none. Empty: none has one."""
    servers: Sequence[int] = ()
    """The same of the server's time."""


@dataclass(frozen=True, slots=True)
class Message:
    """A NotificationMessage."""

    sequence: int
    publish_us: int | None
    """PublishTime; of a server that gives none (node-opcua), the newest time of the values; None: nothing is known."""
    changes: list[Changes] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    """ua.EventNotificationList"""
    ended: int | None = None
    """Status with which the server says that the subscription is over."""
    has_data: bool = False
    """Without data it is a keep-alive, and its number is the one that comes next."""


@dataclass(frozen=True, slots=True)
class Published:
    subscription_id: int
    available: Sequence[int]
    """Numbers the server would send again."""
    more: bool
    message: Message


class Unusual(Exception):
    """Not a shape that is decoded here."""


class Undecodable(Exception):
    """Neither we nor asyncua can read what the server has sent."""


# -- one value


def _tail(mask: int) -> str:
    """Status, source time, its picoseconds, server time, its picoseconds: in this order, each if there."""
    parts = ((_STATUS, "I"), (_SOURCE, "q"), (_SOURCE_PICO, "2x"), (_SERVER, "q"), (_SERVER_PICO, "2x"))
    return "".join(letters for bit, letters in parts if mask & bit)


def _plans() -> dict[int, tuple[Callable[..., tuple[Any, ...]], int]]:
    """For mask and type: how to read handle, value and tail in one go, and how long they are."""
    plans = {}
    for mask in range(_VALUE, 64, 2):
        for kind, letter in _SCALARS.items():
            found = struct.Struct(f"<I2x{letter}{_tail(mask)}")
            plans[mask | kind << 8] = (found.unpack_from, found.size)
    return plans


_PLANS: Final = _plans()
_TAILS: Final = [struct.Struct("<" + _tail(mask)) for mask in range(64)]
_TIMED: Final = _STATUS | _SOURCE | _SERVER
"""The bits of a mask that add a column."""


class Changed:
    """Decodes the items of notifications. Machines often send the same ones in the same order each time: what was seen
    twice is read in one go as long as it fits."""

    def __init__(self) -> None:
        self._seen: tuple[Sequence[int], Sequence[int]] = ((), ())
        self._layout: _Layout | None = None

    def decode(self, body: bytes, at: int, count: int) -> Changes:
        """`count` MonitoredItemNotifications from `at` on. Raises what reading beyond the end raises."""
        if self._layout is not None:
            found = self._layout.read(body, at, count)
            if found is not None:
                return found
        rows, keys = _rows(body, at, count)
        found = _finite(_columns(rows, keys))
        self._remember(found, keys, body, at)
        return found

    def _remember(self, found: Changes, keys: list[int], body: bytes, at: int) -> None:
        seen = (found.handles, keys)
        if len(keys) >= LAYOUT_MIN and seen == self._seen:
            self._layout = _layout(found.handles, keys, body, at)
        self._seen = seen


@dataclass(frozen=True, slots=True)
class _Layout:
    """Items of one mask in one order, their strings of one length: all of them are one struct."""

    plan: struct.Struct
    """Value and tail of each item."""
    handles: tuple[int, ...]
    kinds: list[int]
    mask: int
    fixed_bits: int
    """What does not change, as one little-endian number: handles, masks, types, lengths of strings."""
    fixed: int
    """These bits as they were."""
    floats: _Picked
    texts: list[int]
    """Which are strings."""

    def read(self, body: bytes, at: int, count: int) -> Changes | None:
        """None if these items are not of this layout."""
        end = at + self.plan.size
        if count != len(self.handles) or end > len(body):
            return None
        if int.from_bytes(body[at:end], "little") & self.fixed_bits != self.fixed:
            return None
        flat = self.plan.unpack_from(body, at)
        width = 1 + self.mask.bit_count()
        values: Sequence[Any] = flat[0::width]
        if self.texts:
            values = list(values)
            for place in self.texts:
                values[place] = values[place].decode("utf-8", "replace")
        columns = iter(range(1, width))
        statuses, sources, servers = (
            flat[next(columns) :: width] if self.mask & bit else () for bit in (_STATUS, _SOURCE, _SERVER)
        )
        statuses = statuses if any(statuses) else ()
        found = Changes(self.handles, self.kinds, values, statuses, sources, servers)
        return found if math.isfinite(sum(self.floats(values))) else _finite(found)


def _layout(handles: Sequence[int], keys: list[int], body: bytes, at: int) -> _Layout | None:
    """The layout of items that were decoded, from `at` on; None if they are not of one mask, or some are rare."""
    mask = keys[0] & 63
    tail = _tail(mask)
    parts, floats, texts = [], [], []
    begin, fixed_bits = at, bytearray()
    for place, key in enumerate(keys):
        kind, letter = key >> 8, _SCALARS.get(key >> 8, "")
        if _KEY(body, at + 4)[0] != key or key & 63 != mask or not (letter or kind == _TEXT >> 8):
            return None
        same = 6
        if not letter:
            same, letter = 10, f"4x{_INT(body, at + 6)[0]}s"
            texts.append(place)
        elif letter in "fd":
            floats.append(place)
        parts.append(f"6x{letter}{tail}")
        size = struct.calcsize(f"<{parts[-1]}")
        fixed_bits += b"\xff" * same + bytes(size - same)
        at += size
    bits = int.from_bytes(fixed_bits, "little")
    fixed = int.from_bytes(body[begin:at], "little") & bits
    plan = struct.Struct("<" + "".join(parts))
    kinds = [key >> 8 for key in keys]
    return _Layout(plan, tuple(handles), kinds, mask & _TIMED, bits, fixed, _picked(floats), texts)


def _picked(places: Sequence[int]) -> _Picked:
    """What picks these of a row."""
    return itemgetter(*places) if len(places) > 1 else lambda row: [row[place] for place in places]


def _rows(body: bytes, at: int, count: int) -> tuple[list[tuple[Any, ...]], list[int]]:
    """Each item as handle, value, and what its mask has of status, source time, server time; mask and type of each."""
    rows: list[tuple[Any, ...]] = []
    keys: list[int] = []
    add, note, plan_of = rows.append, keys.append, _PLANS.get
    for _ in range(count):
        key = _KEY(body, at + 4)[0]
        plan = plan_of(key)
        if plan is not None:
            add(plan[0](body, at))
            note(key)
            at += plan[1]
            continue
        row, key, at = _text_row(body, at, key) if key & 0xFFC1 == _TEXT else _rare_row(body, at)
        add(row)
        note(key)
    return rows, keys


def _text_row(body: bytes, at: int, key: int) -> tuple[tuple[Any, ...], int, int]:
    length = _INT(body, at + 6)[0]
    if not 0 <= length <= MAX_STRING:
        return _rare_row(body, at)
    end = at + 10 + length
    tail = _TAILS[key & 63]
    text = body[at + 10 : end].decode("utf-8", "replace")
    return (_UINT(body, at)[0], text, *tail.unpack_from(body, end)), key, end + tail.size


def _rare_row(body: bytes, at: int) -> tuple[tuple[Any, ...], int, int]:
    """The value by asyncua; the tail here: asyncua 2.1.0 reads picoseconds in another order than the standard."""
    handle, mask = _UINT(body, at)[0], body[at + 4]
    if mask > 63:
        raise Unusual(f"encoding mask {mask}")
    value: Value = None
    kind = problem = 0
    at += 5
    if mask & _VALUE:
        rest = Buffer(body, at)
        variant = variant_from_binary(rest)
        (value, problem), kind, at = content_of(variant), kind_of(variant), rest.cur_pos
    tail = _TAILS[mask]
    found = iter(tail.unpack_from(body, at))
    status, source, server = (next(found) if mask & bit else 0 for bit in (_STATUS, _SOURCE, _SERVER))
    return (handle, value, status_with(status, problem), source, server), kind << 8 | _TIMED, at + tail.size


def status_with(status: int, problem: int) -> int:
    """The status of a value of which we could not pass on the content (`problem`: a Bad StatusCode, or 0)."""
    return problem if problem and not status >> 31 else status


def _columns(rows: list[tuple[Any, ...]], keys: list[int]) -> Changes:
    shapes = {key & _TIMED for key in set(keys)}
    if len(shapes) > 1:
        rows = [_whole(row, key & _TIMED) for row, key in zip(rows, keys, strict=True)]
        shapes = {_TIMED}
    if not rows:
        return Changes((), (), ())
    handles, values, *more = zip(*rows, strict=True)
    shape = shapes.pop()
    left = iter(more)
    statuses, sources, servers = (next(left) if shape & bit else () for bit in (_STATUS, _SOURCE, _SERVER))
    return Changes(handles, [key >> 8 for key in keys], values, statuses if any(statuses) else (), sources, servers)


def _whole(row: tuple[Any, ...], shape: int) -> tuple[Any, ...]:
    """The row with all columns."""
    left = iter(row[2:])
    return (*row[:2], *(next(left) if shape & bit else 0 for bit in (_STATUS, _SOURCE, _SERVER)))


def _finite(changes: Changes) -> Changes:
    """NaN and infinities cannot be passed on: their place is taken by a bad value."""
    if math.isfinite(sum([v for v in changes.values if v.__class__ is float])):
        return changes
    values, statuses = list(changes.values), list(changes.statuses or [0] * len(changes.values))
    for place, value in enumerate(values):
        if isinstance(value, float) and not math.isfinite(value):
            values[place], statuses[place] = None, status_with(statuses[place], BAD_OUT_OF_RANGE)
    return replace(changes, values=values, statuses=statuses if any(statuses) else ())


# -- messages


def decode_publish(body: bytes, changed: Changed | None = None) -> Published:
    """A PublishResponse. ua.UaStatusCodeError where the server answers with an error; Unusual, struct.error and others
    where it has to be decoded by asyncua instead."""
    at = _after_header(body, _PUBLISH_RESPONSE)
    subscription_id, count = struct.unpack_from("<Ii", body, at)
    available = struct.unpack_from(f"<{max(count, 0)}I", body, at + 8)
    at += 8 + 4 * max(count, 0)
    return Published(subscription_id, available, bool(body[at]), _decode_message(body, at + 1, changed or Changed()))


def is_publish_response(body: bytes) -> bool:
    """Whether it says so; else it may be a ServiceFault."""
    return body[:4] == _PUBLISH_RESPONSE


def decode_republish(body: bytes) -> Message:
    """A RepublishResponse; errors as of `decode_publish`."""
    return _decode_message(body, _after_header(body, _REPUBLISH_RESPONSE), Changed())


def _after_header(body: bytes, type_id: bytes) -> int:
    if body[:4] != type_id:
        raise Unusual(f"type {body[:4].hex()}")
    _, _, result, diagnostics, strings = _HEADER.unpack_from(body, 4)
    end = 4 + _HEADER.size + len(_NO_ADDITION)
    if diagnostics or strings > 0 or body[end - len(_NO_ADDITION) : end] != _NO_ADDITION:
        raise Unusual("diagnostics or an additional header")
    if result:
        raise ua.UaStatusCodeError(result)
    return end


def _decode_message(body: bytes, at: int, changed: Changed) -> Message:
    sequence, published, count = _MESSAGE(body, at)
    at += _MESSAGE_SIZE
    parts = []
    for _ in range(count):
        if body[at : at + 5] == _DATA_CHANGES:
            length, items = struct.unpack_from("<ii", body, at + 5)
            if at + 9 + length > len(body):
                raise NotEnoughData("a notification beyond the end")
            parts.append(changed.decode(body, at + 13, items))
            at += 9 + length
        else:
            rest = Buffer(body, at)
            parts.append(extensionobject_from_binary(rest))
            at = rest.cur_pos
    return _message(sequence, filetime_us(published), parts)


def _message(sequence: int, publish_us: int | None, parts: Sequence[Any]) -> Message:
    changes, events, ended = [], [], None
    for part in parts:
        if isinstance(part, Changes):
            changes.append(part)
        elif isinstance(part, ua.EventNotificationList):
            events.append(part)
        elif isinstance(part, ua.StatusChangeNotification):
            ended = int(part.Status.value) if ended is None else ended
    if publish_us is None:
        publish_us = filetime_us(max((max(c.servers or c.sources, default=0) for c in changes), default=0))
    return Message(sequence, publish_us, changes, events, ended, has_data=bool(parts))


def filetime_us(filetime: int) -> int | None:
    """Microseconds since 1970; None for "no time" and for instants no machine means."""
    return believable_us((filetime - FILETIME_1970) // 10) if filetime > 0 else None


# -- the same by asyncua alone


def decode_publish_slowly(body: bytes) -> Published:
    """A PublishResponse by asyncua's own decoder. ua.UaError where it cannot be read or is an error."""
    response = struct_from_binary(ua.PublishResponse, Buffer(body))
    response.ResponseHeader.ServiceResult.check()
    result = response.Parameters
    available = tuple(int(number) for number in result.AvailableSequenceNumbers or ())
    message = _message_of(result.NotificationMessage)
    return Published(int(result.SubscriptionId), available, bool(result.MoreNotifications), message)


def decode_history(body: bytes) -> list[ua.HistoryReadResult]:
    """A HistoryReadResponse. ua.UaStatusCodeError: the server's answer is an error. Undecodable: nobody can read it."""
    try:
        response = struct_from_binary(ua.HistoryReadResponse, Buffer(body))
        response.ResponseHeader.ServiceResult.check()
        return list(response.Results or ())
    except ua.UaStatusCodeError:
        raise
    except Exception as error:  # a machine may send anything
        raise Undecodable(repr(error)) from error


def decode_republish_slowly(body: bytes) -> Message:
    """A RepublishResponse by asyncua's own decoder."""
    response = struct_from_binary(ua.RepublishResponse, Buffer(body))
    response.ResponseHeader.ServiceResult.check()
    return _message_of(response.NotificationMessage)


def _message_of(message: ua.NotificationMessage) -> Message:
    parts = [
        _changes_of(part) if isinstance(part, ua.DataChangeNotification) else part
        for part in message.NotificationData or ()
    ]
    return _message(int(message.SequenceNumber), to_us(message.PublishTime), parts)


def _changes_of(notification: ua.DataChangeNotification) -> Changes:
    rows = [_row_of(int(item.ClientHandle), item.Value) for item in notification.MonitoredItems or ()]
    return _finite(_columns([row for row, _ in rows], [kind << 8 | _TIMED for _, kind in rows]))


def _row_of(handle: int, value: ua.DataValue) -> tuple[tuple[Any, ...], int]:
    variant = value.Value
    content, problem = (None, 0) if variant is None else content_of(variant)
    status = 0 if value.StatusCode is None else int(value.StatusCode.value)
    times = (_filetime(value.SourceTimestamp), _filetime(value.ServerTimestamp))
    return (handle, content, status_with(status, problem), *times), 0 if variant is None else kind_of(variant)


def _filetime(when: datetime | None) -> int:
    return 0 if when is None else int(ua.datetime_to_win_epoch(when))


# -- which of the two


class Decoder:
    """Decodes here where that was seen to work with the asyncua at hand, else by asyncua alone, with a warning."""

    def __init__(self) -> None:
        self.problem = probe()
        """Why everything is decoded by asyncua alone; empty if it is not."""
        self.slowly = 0
        """Responses that had to be decoded by asyncua alone."""
        self._changed = Changed()
        if self.problem:
            _log.warning("publish responses are decoded by asyncua alone, slowly: %s", self.problem)

    def publish(self, body: bytes) -> Published:
        """ua.UaStatusCodeError: the server's answer is an error. Undecodable: nobody can read it."""
        return self._decode(body, partial(decode_publish, changed=self._changed), decode_publish_slowly)

    def republish(self, body: bytes) -> Message:
        """As `publish`."""
        return self._decode(body, decode_republish, decode_republish_slowly)

    def _decode(self, body: bytes, fast: Callable[[bytes], T], slow: Callable[[bytes], T]) -> T:
        if not self.problem:
            try:
                return fast(body)
            except ua.UaStatusCodeError:
                raise
            except Exception as error:  # noqa: BLE001  (whatever it is, asyncua gets its chance)
                if not self.slowly:
                    _log.warning("a response of an unusual shape is decoded by asyncua: %r", error)
        self.slowly += 1
        try:
            return slow(body)
        except ua.UaStatusCodeError:
            raise
        except Exception as error:  # a machine may send anything
            raise Undecodable(repr(error)) from error


def probe() -> str:
    """What keeps both ways from agreeing on a response with all common types; "" if they agree."""
    try:
        body = _specimen()
        agreed = decode_publish(body) == decode_publish_slowly(body)
    except Exception as error:  # noqa: BLE001  (an asyncua of another make)
        return f"{type(error).__name__}: {error}"
    return "" if agreed else "the specimen is decoded differently"


def _specimen() -> bytes:
    when = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    kinds = ua.VariantType
    variants = [ua.Variant(True, kinds.Boolean), ua.Variant("é", kinds.String), ua.Variant(when, kinds.DateTime)]
    variants += [ua.Variant(7, ua.VariantType(kind)) for kind in range(2, 10)]
    variants += [ua.Variant(1.5, kinds.Float), ua.Variant(-0.1, kinds.Double), ua.Variant([1, 2], kinds.Int32)]
    variants += [ua.Variant(ua.LocalizedText("a"), kinds.LocalizedText), ua.Variant(b"x", kinds.ByteString)]
    variants += [ua.Variant(None), ua.Variant(ua.NodeId("n", 2), kinds.NodeId)]
    items = [
        ua.MonitoredItemNotification(
            ClientHandle=ua.IntegerId(handle),
            Value=ua.DataValue(
                variant, ua.StatusCode(_SPECIMEN_STATUS[handle % 3]), SourceTimestamp=when, ServerTimestamp=when
            ),
        )
        for handle, variant in enumerate(variants, start=1)
    ]
    response = ua.PublishResponse()
    response.Parameters.SubscriptionId = ua.IntegerId(9)
    response.Parameters.AvailableSequenceNumbers = [ua.Counter(3), ua.Counter(4)]
    response.Parameters.NotificationMessage = ua.NotificationMessage(
        SequenceNumber=ua.Counter(4),
        PublishTime=when,
        NotificationData=[
            ua.DataChangeNotification(MonitoredItems=items),
            ua.StatusChangeNotification(Status=ua.StatusCode(ua.StatusCodes.BadTimeout)),
        ],
    )
    return bytes(struct_to_binary(response))
