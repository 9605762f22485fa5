"""Check a plant file as a whole: every fault with its line, nothing left for the second try."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from mes.exchange.plant_file.errors import PlantFileInvalid
from mes.exchange.plant_file.rules import reference_faults
from mes.exchange.plant_file.schemas import (
    CALENDAR,
    ENTRIES_MAX,
    ENTRY_KINDS,
    KINDS,
    POLICY,
    CalendarEntry,
    Entry,
    PolicyEntry,
)
from mes.exchange.plant_file.source import Fault, Node, Unreadable, read_source
from mes.exchange.plant_file.types import KnownPlant, Located, PlantDocument
from mes.kernel.errors import FieldError


def check_plant_file(text: str | bytes, *, filename: str, known: KnownPlant | None = None) -> PlantDocument:
    """The document, if nothing is wrong with it; else `plant-file-invalid` with all its faults in order of lines.

    With `known` (see `read_known_plant`; `KnownPlant()` for an empty plant) references are checked against file and
    plant; without, only within what the file itself can tell, and `load_plant` checks the rest.
    """
    try:
        root, faults = read_source(text, filename=filename)
    except Unreadable as unreadable:
        raise refusal(filename, [unreadable.fault]) from unreadable
    document, shape_faults = _shaped(root, filename)
    found = [*faults, *shape_faults, *reference_faults(document, known)]
    if found:
        raise refusal(filename, found)
    return document


def refusal(filename: str, faults: Iterable[Fault]) -> PlantFileInvalid:
    """Faults as one refusal, in order of lines, each once."""
    ordered = sorted(dict.fromkeys(faults), key=lambda fault: fault.line)
    errors = [FieldError(f"{filename}:{fault.line}", fault.message, fault.code) for fault in ordered]
    return PlantFileInvalid(f"{filename} has {len(errors)} fault{'s' if len(errors) != 1 else ''}.", errors=errors)


def _shaped(root: Node, filename: str) -> tuple[PlantDocument, list[Fault]]:
    if not isinstance(root.value, dict):
        fault = Fault(root.line, "plant-file-shape", f"a plant file is a mapping with the keys {', '.join(KINDS)}")
        return PlantDocument(filename, {}), [fault]
    faults = [
        Fault(root.key_lines[key], "unknown-key", f"unknown key {key!r}; there are {', '.join(KINDS)}")
        for key in root.value
        if key not in KINDS
    ]
    entries: dict[str, tuple[Located, ...]] = {}
    unusable: dict[str, frozenset[str]] = {}
    for kind, shape in ENTRY_KINDS.items():
        node = root.value.get(kind)
        if node is not None and node.value is not None:
            entries[kind], unusable[kind] = _entries(kind, shape, node, faults)
    calendar = root.value.get(CALENDAR)
    located = _entry(CalendarEntry, calendar, faults) if calendar is not None else None
    policy = root.value.get(POLICY)
    stated = _entry(PolicyEntry, policy, faults) if policy is not None else None
    return PlantDocument(filename, entries, located, unusable, stated), faults


def _entries(
    kind: str, shape: type[Entry], node: Node, faults: list[Fault]
) -> tuple[tuple[Located, ...], frozenset[str]]:
    if not isinstance(node.value, list):
        faults.append(Fault(node.line, "plant-file-shape", f"{kind} is a list: begin each entry with a dash"))
        return (), frozenset()
    if len(node.value) > ENTRIES_MAX:
        faults.append(Fault(node.line, "plant-file-too-large", f"{kind} has more than {ENTRIES_MAX} entries"))
        return (), frozenset()
    pairs = [(item, _entry(shape, item, faults)) for item in node.value]
    usable = tuple(located for _, located in pairs if located is not None)
    return usable, frozenset(_raw_id(item) for item, located in pairs if located is None)


def _raw_id(node: Node) -> str:
    return str(node.value["id"].value) if isinstance(node.value, dict) and "id" in node.value else ""


def _entry(shape: type[Entry], node: Node, faults: list[Fault]) -> Located | None:
    try:
        return Located(shape.model_validate(node.plain()), node)
    except ValidationError as error:
        faults.extend(_fault(node, details) for details in error.errors(include_url=False))
        return None


def _fault(node: Node, details: Any) -> Fault:
    path = [step for step in details["loc"] if not (isinstance(step, str) and "-" in step)]
    where = ".".join(str(step) for step in path)
    message = _message(path, details)
    return Fault(node.line_at(path), _CODES.get(details["type"], "invalid-value"), f"{where}: {message}")


def _message(path: list[str | int], details: Any) -> str:
    if path and path[-1] in ("pin", "password", "token"):
        return "secrets do not belong in a plant file; set a PIN with `lineside pin set`"
    if details["type"] == "string_type":
        return "write text, in quotes if it looks like a number"
    if details["type"] == "string_pattern_mismatch":
        return "1 to 100 letters, digits and . _ : -, beginning with a letter or digit"
    if details["type"] == "extra_forbidden":
        return "unknown key"
    if details["type"] == "missing":
        return "is missing"
    return str(details["msg"]).removeprefix("Value error, ")


_CODES = {"extra_forbidden": "unknown-key", "missing": "missing-key"}
