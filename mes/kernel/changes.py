"""Before and after of documents: what a unit of work changed through its session, for whoever has to answer for it.

What the hot statements write says before and after in its events. Names of people and secrets are told as changed,
never as what: a record that cannot be changed must hold nothing that may have to be erased.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final

import orjson
from sqlalchemy import Column, LargeBinary, event, inspect
from sqlalchemy.orm import Session

PERSONAL: Final = {"personal": True}
"""`info` of a column that holds somebody's name, or what is said of them."""
HIDDEN: Final = "…"
DOCUMENTS_MAX: Final = 20
TEXT_MAX: Final = 500
_SECRET_ENDS: Final = ("_hash", "_sha256", "_hmac")
_UNSAID: Final = frozenset({"pk", "version"})

Change = tuple[str, dict[str, tuple[Any, Any]]]
"""Which document (`person/ada`), and its columns with what they held before and after; deleted: after is None."""


def note_changes(session: Session, into: list[Change]) -> None:
    """Append what each flush of the session changes. What is created is not: it is there, or in its first change."""

    @event.listens_for(session, "before_flush")
    def before_flush(flushing: Session, _context: Any, _instances: Any) -> None:
        into.extend(_changed(flushing.dirty))
        into.extend(_deleted(flushing.deleted))


def written(changes: Sequence[Change]) -> str:
    """As stored: `{"person/ada": {"language": ["de", "en"]}}`; the first `DOCUMENTS_MAX` documents."""
    told: dict[str, dict[str, list[Any]]] = {}
    for document, columns in changes:
        known = told.setdefault(document, {})
        for name, (before, after) in columns.items():
            known[name] = [known.get(name, [before])[0], after]
    shown: dict[str, Any] = dict(list(told.items())[:DOCUMENTS_MAX])
    if len(told) > DOCUMENTS_MAX:
        shown["more"] = len(told) - DOCUMENTS_MAX
    return orjson.dumps(shown).decode()


def _changed(documents: Any) -> Iterator[Change]:
    for document in documents:
        state = inspect(document)
        columns: dict[str, tuple[Any, Any]] = {}
        for column in state.mapper.columns:
            history = state.attrs[column.key].history
            if history.added and history.deleted and column.key not in _UNSAID:
                columns[column.key] = (_told(column, history.deleted[0]), _told(column, history.added[0]))
        if columns:
            yield _name(state), columns


def _deleted(documents: Any) -> Iterator[Change]:
    for document in documents:
        state = inspect(document)
        held = {c.key: state.attrs[c.key].loaded_value for c in state.mapper.columns if c.key not in _UNSAID}
        yield (
            _name(state),
            {c.key: (_told(c, held[c.key]), None) for c in state.mapper.columns if held.get(c.key) is not None},
        )


def _name(state: Any) -> str:
    name = getattr(state.object, "id", None) or "/".join(map(str, state.identity or ()))
    return f"{state.mapper.local_table.name}/{name}"


def _told(column: Column[Any], value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if column.info.get("personal") or isinstance(column.type, LargeBinary) or column.key.endswith(_SECRET_ENDS):
        return HIDDEN
    return value.isoformat() if isinstance(value, date) else str(value)[:TEXT_MAX]
