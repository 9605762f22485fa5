"""The message of ISO/IEC 15434: `[)>` RS, format envelopes of two digits, GS and data, each ended by RS, then EOT.

Format 05 holds GS1 element strings, 06 data identifiers of MH10.8.2. Others are refused by their number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from standards.labels.faults import FIELDS_MAX, LabelFault
from standards.labels.scanners import EOT, GS, RS

HEADER: Final = "[)>"
GS1_FORMAT: Final = "05"
DATA_IDENTIFIER_FORMAT: Final = "06"
_SUPPORTED: Final = (GS1_FORMAT, DATA_IDENTIFIER_FORMAT)
_START: Final = re.compile(rf">?{re.escape(HEADER)}({RS}?)(?=\d\d)")
"""Some distributors print a `>` before the header; many scanners lose the RS behind it."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One format of a message, and its fields between the separators."""

    format: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """`lacks` names what the message should have and has not: `rs`, `eot`."""

    envelopes: tuple[Envelope, ...]
    lacks: tuple[str, ...] = ()


def is_message(text: str) -> bool:
    """Whether it begins as a message does."""
    return HEADER in text[:4]


def read_message(text: str) -> Message:
    """The envelopes of a message. RS and EOT may be missing, GS may not.

    `separators-missing`, `format-unsupported`, `no-data`, `too-many-fields`.
    """
    start = _START.match(text)
    if start is None:
        raise LabelFault("no-data", "The label begins like ISO/IEC 15434 and names no format.")
    body = text[start.end() :]
    missing = [] if start.group(1) else ["rs"]
    if EOT not in body:
        missing.append("eot")
    parts = [part for part in body.split(EOT)[0].split(RS) if part.strip(GS)]
    envelopes = tuple(_envelope(part) for part in parts)
    if sum(len(envelope.fields) for envelope in envelopes) > FIELDS_MAX:
        raise LabelFault("too-many-fields", f"The label has more than {FIELDS_MAX} fields.")
    return Message(envelopes, tuple(missing))


def _envelope(part: str) -> Envelope:
    kind, data = part[:2], part[2:]
    if kind not in _SUPPORTED:
        raise LabelFault("format-unsupported", f"The label is of format {kind!r}; 05 and 06 can be read.")
    if not data.startswith(GS):
        raise LabelFault("separators-missing", "The scanner left out the separators between the fields.")
    fields = tuple(field for field in data.split(GS) if field)
    if not fields:
        raise LabelFault("no-data", "The label has a header and no data.")
    return Envelope(kind, fields)


def write_message(envelopes: Iterable[Envelope]) -> str:
    """The message as the standard has it. ValueError where a field holds a separator or a format is not two digits."""
    written = "".join(_written(envelope) for envelope in envelopes)
    return f"{HEADER}{RS}{written}{EOT}"


def _written(envelope: Envelope) -> str:
    if not re.fullmatch(r"\d\d", envelope.format):
        raise ValueError("a format is two digits")
    if any(separator in field for field in envelope.fields for separator in (GS, RS, EOT)):
        raise ValueError("a field holds no separator")
    return f"{envelope.format}{GS}{GS.join(envelope.fields)}{RS}"
