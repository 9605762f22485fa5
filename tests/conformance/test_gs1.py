"""GS1 element strings against GS1's syntax dictionary (2026-07-27): every identifier, its length and its separator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from biip.checksums import gs1_standard_check_digit

from standards.labels import gs1
from standards.labels.faults import LabelFault
from standards.labels.scanners import GS

JUDGES: Final = (
    ("GS1 Barcode Syntax Dictionary", "2026-07-27"),
    ("biip", None),
)

_LINE = re.compile(r"(\d{2,4})(?:-(\d{2,4}))?\s+([*?!\"$%&']*)\s+(.*?)(?:\s{2,}.*|\s*#.*)?$")
_SPECIAL = {
    "yymmd0": "261200",
    "yymmdd": "261224",
    "yyyymmdd": "20261224",
    "yymmddhh": "26122417",
    "hhmi": "1730",
    "hhmmss": "173000",
    "mmoptss": "30",
    "iso3166": "276",
    "iso4217": "978",
    "pcenc": "A",
    "latitude": "0900000000",
    "longitude": "1800000000",
    "zero": "0",
    "posinseqslash": "1/2",
}


@dataclass(frozen=True)
class Entry:
    identifier: str
    predefined: bool
    components: tuple[str, ...]


def entries(folder: Path) -> Iterator[Entry]:
    text = (folder / "gs1-syntax-dictionary" / "gs1-syntax-dictionary.txt").read_text("utf-8")
    for line in text.splitlines():
        if found := _LINE.match(line):
            first, last, flags, spec = found.groups()
            for number in range(int(first), int(last or first) + 1):
                components = tuple(part for part in spec.split() if re.match(r"\[?[NXYZ]", part))
                yield Entry(f"{number:0{len(first)}}", "*" in flags, components)


def sample(entry: Entry) -> str:
    """The shortest data an identifier may have, by its specification."""
    data = ""
    for component in entry.components:
        if component.startswith("["):
            break
        kind, *checks = component.split(",")
        special = next((_SPECIAL[check] for check in checks if check in _SPECIAL), "")
        shortest = 5 if "gcppos1" in checks else 1  # a GS1 company prefix stands before the rest
        length = shortest if ".." in kind else int(kind[1:])
        fitting = special if special and len(special) == length else ("1" if kind[0] == "N" else "A") * length
        if "csum" in checks:
            fitting = fitting[:-1] + str(gs1_standard_check_digit(fitting[:-1]))
        data += fitting
    return data


def test_the_dictionary_was_understood(conformance: Path) -> None:
    found = {entry.identifier: entry for entry in entries(conformance)}
    assert len(found) > 400
    assert found["01"].predefined
    assert not found["10"].predefined
    assert sample(found["01"]) == "11111111111113"


def test_identifiers_end_with_a_separator_as_the_dictionary_says(conformance: Path) -> None:
    wrong = [e.identifier for e in entries(conformance) if gs1.separated(e.identifier) is e.predefined]
    assert wrong == []


def test_each_identifier_of_the_dictionary_is_split_from_what_follows(conformance: Path) -> None:
    """A lot number follows, behind a separator or, where the length is predefined, without one."""
    wrong = []
    for entry in entries(conformance):
        text = entry.identifier + sample(entry) + ("" if entry.predefined else GS) + "10L1"
        expected = {entry.identifier: sample(entry), "10": "L1"}
        if entry.identifier == "10":
            continue
        try:
            read = gs1.read_elements(text)
        except LabelFault as fault:
            read = {"fault": fault.detail}
        if read != expected:
            wrong.append((entry.identifier, text, read))
    assert wrong == []


@pytest.mark.parametrize("identifier", ["00", "01", "02", "03"])
def test_a_wrong_check_digit_is_refused(conformance: Path, identifier: str) -> None:
    (entry,) = (e for e in entries(conformance) if e.identifier == identifier)
    good = sample(entry)
    bad = good[:-1] + str((int(good[-1]) + 1) % 10)
    gs1.read_elements(identifier + good)
    with pytest.raises(LabelFault):
        gs1.read_elements(identifier + bad)
