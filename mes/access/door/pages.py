"""How every list of the API answers: some items in a stable order, and a cursor where there are more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from mes.kernel.paging import CURSOR_MAX, LIMIT_MAX, slice_page

T = TypeVar("T")
V = TypeVar("V")
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many items at most.")]
Cursor = Annotated[str | None, Query(max_length=CURSOR_MAX, description="`next_cursor` of the page before.")]


class PageOf(BaseModel, Generic[T]):
    """A page of a list; `next_cursor` continues after it, null: that was all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    items: list[T]
    next_cursor: str | None


def page_out(
    found: Sequence[V], document: Callable[[V], T], *, cursor: str | None, limit: int, key: Callable[[V], str]
) -> PageOf[T]:
    """A page of a list that is bounded by its nature and was read whole; `key` tells its items apart."""
    page = slice_page(found, cursor=cursor, limit=limit, key=key)
    return PageOf(items=[document(view) for view in page.items], next_cursor=page.next_cursor)
