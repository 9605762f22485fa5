"""YAML or JSON text into values that know their lines. Exact, bounded, and without anything that can run or explode.

Numbers with a point become Decimals, never floats. Aliases and tags are refused: a plant file needs neither, and they
are how a small file becomes a huge or a dangerous one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

MAX_BYTES: Final = 10 * 1024 * 1024
MAX_DEPTH: Final = 12
MAX_NODES: Final = 1_000_000
_INT: Final = re.compile(r"[-+]?[0-9]{1,30}")
_DECIMAL: Final = re.compile(r"[-+]?(\.[0-9]{1,30}|[0-9]{1,30}(\.[0-9]{0,30})?)([eE][-+]?[0-9]{1,2})?")
_WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong on a line (1 is the first)."""

    line: int
    code: str
    message: str


class Unreadable(Exception):
    """The text is no document at all."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(slots=True)
class Node:
    """A value and where it stands. `value`: None, bool, int, Decimal, str, list of nodes or dict of nodes."""

    line: int
    value: Any
    key_lines: dict[str, int] = field(default_factory=dict)

    def plain(self) -> Any:
        """The value without lines."""
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        return self.value

    def line_at(self, path: Sequence[str | int]) -> int:
        """The line of what stands at a path, or of the nearest thing around it."""
        node, line = self, self.line
        for step in path:
            if isinstance(node.value, dict) and step in node.value:
                line, node = node.key_lines[str(step)], node.value[str(step)]
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = node.line
            else:
                return line
        return line


def read_source(text: str | bytes, *, filename: str) -> tuple[Node, tuple[Fault, ...]]:
    """The document, and the keys that stand twice. JSON where the name ends in .json, else YAML 1.2.

    Raises Unreadable: over 10 MB, not UTF-8, not YAML or JSON, nested deeper than 12, over a million values, aliases,
    tags, several documents.
    """
    decoded = _decoded(text)
    if filename.lower().endswith(".json"):
        _require_json(decoded)
    builder = _Builder()
    try:
        for event in YAML(typ="safe", pure=True).parse(decoded):
            builder.take(event)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        message = " ".join(filter(None, (error.context, error.problem)))
        raise Unreadable(Fault(line, "plant-file-syntax", message)) from error
    except YAMLError as error:
        raise Unreadable(Fault(1, "plant-file-syntax", str(error).splitlines()[0])) from error
    if builder.root is None:
        raise Unreadable(Fault(1, "plant-file-empty", "the file is empty"))
    return builder.root, tuple(builder.faults)


def _decoded(text: str | bytes) -> str:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(data) > MAX_BYTES:
        raise Unreadable(Fault(1, "plant-file-too-large", f"the file has more than {MAX_BYTES // 1024 // 1024} MB"))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Unreadable(Fault(line, "plant-file-not-utf8", "the file is not UTF-8")) from error


def _require_json(text: str) -> None:
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        raise Unreadable(Fault(error.lineno, "plant-file-syntax", error.msg)) from error
    except RecursionError as error:
        raise Unreadable(_too_deep(1)) from error


def _too_deep(line: int) -> Fault:
    return Fault(line, "plant-file-too-deep", f"nested deeper than {MAX_DEPTH} levels")


class _Builder:
    """Builds nodes from parser events, without recursion."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.faults: list[Fault] = []
        self._open: list[Node] = []
        self._keys: list[tuple[str, int] | None] = []
        self._nodes = 0
        self._documents = 0

    def take(self, event: Event) -> None:
        """The next event of the parser."""
        line = event.start_mark.line + 1
        if isinstance(event, DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise Unreadable(Fault(line, "plant-file-syntax", "a plant file is one document"))
        elif isinstance(event, AliasEvent):
            raise Unreadable(Fault(line, "plant-file-alias", "aliases (*name) are not allowed; write it out"))
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            self._open.pop()
            self._keys.pop()
        elif isinstance(event, (ScalarEvent, MappingStartEvent, SequenceStartEvent)):
            self._take_value(event, line)

    def _take_value(self, event: ScalarEvent | MappingStartEvent | SequenceStartEvent, line: int) -> None:
        if event.tag is not None:
            raise Unreadable(Fault(line, "plant-file-tag", f"tags ({event.tag}) are not allowed"))
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise Unreadable(Fault(line, "plant-file-too-large", f"more than {MAX_NODES} values"))
        if self._is_key_expected():
            self._take_key(event, line)
            return
        node = Node(line, _value_of(event))
        self._place(node)
        if not isinstance(event, ScalarEvent):
            if len(self._open) == MAX_DEPTH:
                raise Unreadable(_too_deep(line))
            self._open.append(node)
            self._keys.append(None)

    def _is_key_expected(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._keys[-1] is None

    def _take_key(self, event: ScalarEvent | MappingStartEvent | SequenceStartEvent, line: int) -> None:
        if not isinstance(event, ScalarEvent):
            raise Unreadable(Fault(line, "plant-file-syntax", "a key is a word, not a list or a mapping"))
        if event.value in self._open[-1].value:
            first = self._open[-1].key_lines[event.value]
            self.faults.append(Fault(line, "duplicate-key", f"the key {event.value!r} stands on line {first} already"))
        self._keys[-1] = (event.value, line)

    def _place(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        key = self._keys[-1]
        if key is None:
            parent.value.append(node)
        else:
            parent.value[key[0]] = node
            parent.key_lines[key[0]] = key[1]
            self._keys[-1] = None


def _value_of(event: ScalarEvent | MappingStartEvent | SequenceStartEvent) -> Any:
    if isinstance(event, MappingStartEvent):
        return {}
    if isinstance(event, SequenceStartEvent):
        return []
    return _scalar(event.value, is_plain=event.implicit[0] and not event.style)


def _scalar(text: str, *, is_plain: bool) -> Any:
    """YAML 1.2 core schema, with Decimal for numbers that have a point or an exponent."""
    if not is_plain:
        return _joined_surrogates(text)
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return Decimal(text) if _DECIMAL.fullmatch(text) else _joined_surrogates(text)


def _joined_surrogates(text: str) -> str:
    r"""JSON writes characters beyond U+FFFF as two escapes (\ud83d\ude00); make one character of them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
