"""docs/security.md answers every item of OWASP ASVS 5.0.0 at levels 1 and 2, and what it names as a test is one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
ROW = re.compile(r"^\| (\d+\.\d+\.\d+(?:–\d+)?) \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[a-z0-9_/]+\.py)(?:::(test_[a-z0-9_]+))?`")
ITEMS = """
1.1=2 1.2=9 1.3=11 1.4=3 1.5=2  2.1=3 2.2=3 2.3=4 2.4=1  3.2=2 3.3=4 3.4=6 3.5=5 3.7=2  4.1=3 4.2=1 4.3=2 4.4=4
5.1=1 5.2=3 5.3=2 5.4=3  6.1=3 6.2=12 6.3=4 6.4=4 6.5=5 6.6=3 6.8=4  7.1=3 7.2=4 7.3=2 7.4=5 7.5=2 7.6=2
8.1=2 8.2=3 8.3=1 8.4=1  9.1=3 9.2=4  10.1=2 10.2=2 10.3=4 10.4=11 10.5=5 10.6=2 10.7=3
11.1=2 11.2=3 11.3=3 11.4=4 11.5=1 11.6=1  12.1=3 12.2=2 12.3=4  13.1=1 13.2=5 13.3=2 13.4=5  14.1=2 14.2=4 14.3=3
15.1=3 15.2=3 15.3=7  16.1=1 16.2=5 16.3=4 16.4=3 16.5=3  17.1=1 17.2=4 17.3=2
"""
"""Section = its items of level 1 or 2: they stand first in each section, without a gap."""


def rows() -> list[tuple[str, str]]:
    return ROW.findall(PAGE.read_text("utf-8"))


def expanded(item: str) -> Iterator[str]:
    section, _, numbers = item.rpartition(".")
    first, _, last = numbers.partition("–")
    for number in range(int(first), int(last or first) + 1):
        yield f"{section}.{number}"


def test_every_item_is_answered_once() -> None:
    sections = dict(pair.split("=") for pair in ITEMS.split())
    wanted = [f"{section}.{n}" for section, count in sections.items() for n in range(1, int(count) + 1)]
    assert len(wanted) == 253
    assert [item for row, _ in rows() for item in expanded(row)] == wanted


def test_every_answer_is_a_test_that_exists_or_a_reason() -> None:
    missing = []
    for item, answer in rows():
        named = TEST.findall(answer)
        if not named and len(answer.strip()) < 3:
            missing.append(item)
        missing += [f"{item} {path}::{test}" for path, test in named if test and test not in defined_in(path)]
        missing += [f"{item} {path}" for path, _ in named if not (ROOT / path).is_file()]
    assert missing == []


@cache
def defined_in(path: str) -> frozenset[str]:
    file = ROOT / path
    tree = ast.parse(file.read_text("utf-8")) if file.is_file() else ast.parse("")
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))
