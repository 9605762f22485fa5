"""Cursor paging: stable under inserts, opaque to clients."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import orjson

from mes.kernel.errors import BadCursor

T = TypeVar("T")
LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 1_000
CURSOR_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items in a stable order, and the cursor that continues after them (None: that was all)."""

    items: tuple[T, ...]
    next_cursor: str | None = None


def encode_cursor(*values: str | int) -> str:
    """An opaque cursor from the sort key of the last item."""
    return base64.urlsafe_b64encode(orjson.dumps(values)).rstrip(b"=").decode()


def decode_cursor(text: str, types: Sequence[type]) -> tuple[Any, ...]:
    """The sort key back; `bad-cursor` if the text is not one of ours for this listing."""
    if len(text) > CURSOR_MAX:
        raise BadCursor()
    try:
        values = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError) as error:
        raise BadCursor() from error
    fits = isinstance(values, list) and len(values) == len(types)
    if not fits or not all(_is_key(v, t) for v, t in zip(values, types, strict=True)):
        raise BadCursor()
    return tuple(values)


def _is_key(value: Any, kind: type) -> bool:
    """Of the kind, and one that a database can be asked for."""
    if kind is int:
        return type(value) is int and -(2**63) <= value < 2**63
    return isinstance(value, kind) and "\x00" not in str(value)


def page_of(rows: Sequence[T], limit: int, key: Callable[[T], tuple[str | int, ...]]) -> Page[T]:
    """A page from `limit + 1` rows read in order: the extra row only says that there is more."""
    items = tuple(rows[:limit])
    return Page(items, encode_cursor(*key(items[-1])) if len(rows) > limit else None)


def slice_page(items: Sequence[T], *, cursor: str | None, limit: int, key: Callable[[T], str]) -> Page[T]:
    """A page of what was read whole: after the item the cursor names; `bad-cursor` if that is not there any more."""
    start = 0
    if cursor is not None:
        (last,) = decode_cursor(cursor, (str,))
        start = max((place for place, item in enumerate(items, start=1) if key(item) == last), default=0)
        if start == 0:
            raise BadCursor("What the cursor stands after is not in the list any more.")
    return page_of(items[start : start + limit + 1], limit, lambda item: (key(item),))
