"""YAML and JSON into exact values with lines, and what is refused before it can hurt."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.exchange.plant_file.source import MAX_BYTES, Unreadable, read_source


def refused(text: str | bytes, filename: str = "p.yaml") -> tuple[int, str]:
    with pytest.raises(Unreadable) as caught:
        read_source(text, filename=filename)
    return caught.value.fault.line, caught.value.fault.code


def test_numbers_are_exact_and_text_stays_text() -> None:
    root, faults = read_source(
        "a: 12.1234567890123456789\nb: 06:00\nc: 2026-12-24\nd: '1'\ne: yes\nf: true\ng: ~\nh: -7\ni: 1e3\n",
        filename="p.yaml",
    )
    assert faults == ()
    assert root.plain() == {
        "a": Decimal("12.1234567890123456789"),
        "b": "06:00",
        "c": "2026-12-24",
        "d": "1",
        "e": "yes",
        "f": True,
        "g": None,
        "h": -7,
        "i": Decimal("1E+3"),
    }


def test_lines_of_keys_and_items() -> None:
    root, _ = read_source("a:\n  - x: 1\n    y: 2\n  - z: 3\n", filename="p.yaml")
    assert [root.line_at(path) for path in (("a",), ("a", 0, "y"), ("a", 1), ("a", 1, "missing"))] == [1, 3, 4, 4]


def test_json_with_lines_tabs_and_characters_beyond_16_bits() -> None:
    root, _ = read_source('{"a":\t[1, 2.50,\n "\\ud83d\\ude00\\/"],\n\t"b": {"c": null}}', filename="p.json")
    assert root.plain() == {"a": [1, Decimal("2.50"), "\U0001f600/"], "b": {"c": None}}
    assert root.line_at(("b", "c")) == 3


def test_repeated_key_is_a_fault_with_both_lines() -> None:
    _, faults = read_source("a: 1\nb: 2\na: 3\n", filename="p.yaml")
    assert [(f.line, f.code) for f in faults] == [(3, "duplicate-key")]
    assert "line 1" in faults[0].message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1, 2\nb: 3\n", (2, "plant-file-syntax")),
        ("a: 1\n---\nb: 2\n", (2, "plant-file-syntax")),
        ("", (1, "plant-file-empty")),
        ("a: &x 1\nb: *x\n", (2, "plant-file-alias")),
        ("a: 1\nb: !!python/object/apply:os.system [ls]\n", (2, "plant-file-tag")),
        ("? [a, b]\n: 1\n", (1, "plant-file-syntax")),
        (b"a: 1\nb: \xff\n", (2, "plant-file-not-utf8")),
        ("a: 1\nb: \x00\n", (1, "plant-file-syntax")),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text: str | bytes, expected: tuple[int, str]) -> None:
    assert refused(text) == expected


def test_json_faults_have_their_line() -> None:
    assert refused('{"a": 1,\n "b" 2\n}', "p.json") == (2, "plant-file-syntax")
    assert refused("a: 1\n", "p.json") == (1, "plant-file-syntax")


def test_depth_and_size_are_bounded() -> None:
    assert refused("[" * 5_000 + "]" * 5_000)[1] == "plant-file-too-deep"
    assert refused("[" * 200_000, "p.json")[1] in {"plant-file-too-deep", "plant-file-syntax"}
    assert refused(b" " * (MAX_BYTES + 1))[1] == "plant-file-too-large"


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert refused("\n".join(lines)) == (2, "plant-file-alias")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_never_worse(text: str) -> None:
    try:
        read_source(text, filename="p.yaml")
    except Unreadable as unreadable:
        line = unreadable.fault.line
    else:
        line = 1
    assert line >= 1
