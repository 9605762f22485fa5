"""docs/api/quickstart.md as a test reads it: fenced blocks, and whether an answer is what is printed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PAGE: Final = Path(__file__).resolve().parents[3] / "docs" / "api" / "quickstart.md"
_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANY: Final = "…"


@dataclass(frozen=True)
class Step:
    """`answer` as it is printed, "" where nothing is."""

    language: str
    text: str
    answer: str = ""


def steps() -> Iterator[Step]:
    """Blocks of commands and programs in their order, each with the answer that is printed below it."""
    blocks = _BLOCK.findall(PAGE.read_text("utf-8"))
    for place, (language, text) in enumerate(blocks):
        if language in ("sh", "python", "yaml"):
            told = blocks[place + 1] if place + 1 < len(blocks) else ("", "")
            yield Step(language, text, told[1] if told[0] in ("json", "text") else "")


def agrees(printed: Any, got: Any) -> bool:
    """Whether an answer is what is printed. … stands for anything: a value, more members, more items."""
    if printed == ANY:
        return True
    if isinstance(printed, dict) and isinstance(got, dict):
        told = printed.keys() - {ANY}
        same = told <= got.keys() if ANY in printed else told == got.keys()
        return same and all(agrees(printed[key], got[key]) for key in told)
    if isinstance(printed, list) and isinstance(got, list):
        told_items = printed[:-1] if printed[-1:] == [ANY] else printed
        enough = len(told_items) <= len(got) if told_items is not printed else len(told_items) == len(got)
        return enough and all(map(agrees, told_items, got))
    return bool(printed == got)


def documents(text: str) -> list[Any]:
    """The JSON documents of a text, else its words."""
    return [json.loads(text)] if text.lstrip().startswith(("{", "[")) else text.split()
