"""Reads the little Markdown that the pages of `docs/problems/` are written in: headings, paragraphs, lists, `code`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

_INLINE: Final = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")
Kind = Literal["heading", "paragraph", "list", "code"]


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text; `mark` is "code", "strong" or empty."""

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, paragraph or code block has one line, a list one an item."""

    kind: Kind
    lines: tuple[tuple[Span, ...], ...]


@dataclass(frozen=True, slots=True)
class Prose:
    """A page: its first heading, and the rest."""

    title: str
    blocks: tuple[Block, ...]


def read_prose(text: str) -> Prose:
    """A page from its Markdown; what it does not know stays as text."""
    blocks = [_block(part) for part in _parts(text)]
    first, rest = (blocks[0], blocks[1:]) if blocks else (None, [])
    if first is None or first.kind != "heading":
        return Prose("", tuple(blocks))
    return Prose("".join(span.text for span in first.lines[0]), tuple(rest))


def _parts(text: str) -> list[str]:
    fenced = re.split(r"^```[^\n]*\n(.*?)^```\s*$", text, flags=re.MULTILINE | re.DOTALL)
    parts: list[str] = []
    for at, chunk in enumerate(fenced):
        parts += ["```" + chunk] if at % 2 else [part for part in re.split(r"\n\s*\n", chunk.strip()) if part]
    return parts


def _block(part: str) -> Block:
    if part.startswith("```"):
        return Block("code", ((Span(part[3:].rstrip()),),))
    if part.startswith("#"):
        return Block("heading", (spans(part.lstrip("#").strip()),))
    items = re.split(r"^(?:[-*]|\d+\.)\s+", part, flags=re.MULTILINE)
    if len(items) > 1 and not items[0].strip():
        return Block("list", tuple(spans(" ".join(item.split())) for item in items[1:]))
    return Block("paragraph", (spans(" ".join(part.split())),))


def spans(text: str) -> tuple[Span, ...]:
    """Text with `code` and **strong** runs."""
    found: list[Span] = []
    at = 0
    for match in _INLINE.finditer(text):
        if match.start() > at:
            found.append(Span(text[at : match.start()]))
        code, strong = match.groups()
        found.append(Span(code, "code") if code is not None else Span(strong, "strong"))
        at = match.end()
    if at < len(text):
        found.append(Span(text[at:]))
    return tuple(found)
