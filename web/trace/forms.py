"""What is typed into a recall or pasted into a comparison, as plain values."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, StringConstraints

from mes.genealogy.errors import GenealogyInvalid, GenealogyTooLarge
from mes.genealogy.types import SHARED_UNITS_MAX, Suspects
from mes.kernel.sqltypes import to_us

LOTS_MAX: Final = 10_000
LIST_MAX: Final = 1_200_000
"""Characters of a list."""
_APART: Final = re.compile(r"[\n\r\t,;]+")
Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Listed = Annotated[str, StringConstraints(max_length=LIST_MAX)]


class Typed(BaseModel):
    """A recall as a person fills it in; travels as hidden fields, never in an address."""

    model_config = ConfigDict(frozen=True)

    lots: Listed = ""
    first: Short = ""
    last: Short = ""
    machine: Short = ""
    job: Short = ""
    program: Short = ""
    tool: Short = ""
    operator: Short = ""
    since: Short = ""
    until: Short = ""

    @property
    def names(self) -> tuple[str, ...]:
        return listed(self.lots)

    def suspects(self, zone: ZoneInfo) -> Suspects:
        """`genealogy-invalid` for a time that is none; `genealogy-too-large` for more lots than one recall takes."""
        if len(self.names) > LOTS_MAX:
            raise GenealogyTooLarge(f"A recall takes {LOTS_MAX} lots at once; there are {len(self.names)}.")
        return Suspects(
            lot_ids=self.names,
            from_lot_id=self.first,
            to_lot_id=self.last,
            equipment_id=self.machine,
            program=self.program,
            tool=self.tool,
            operator_id=self.operator,
            job_id=self.job,
            from_at_us=_instant(self.since, zone),
            until_us=_instant(self.until, zone),
        )


class Holding(Typed):
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class Releasing(Holding):
    """`hold_reason`: that of the holds that are meant, as it was given."""

    hold_reason: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]

    @property
    def held_because(self) -> str:
        """Browsers send each end of a line as two characters."""
        return self.hold_reason.replace("\r\n", "\n")


class Filed(Typed):
    """A recall as a file; `table` of it where it is CSV."""

    format: Literal["json", "csv"] = "json"
    table: Short = ""


class Compared(BaseModel):
    model_config = ConfigDict(frozen=True)

    failed: Listed = ""
    good: Listed = ""

    @property
    def failed_ids(self) -> tuple[str, ...]:
        return _units(self.failed)

    @property
    def good_ids(self) -> tuple[str, ...]:
        return _units(self.good)


class ComparedFile(Compared):
    """What they share as a file."""

    format: Literal["json", "csv"] = "json"


def listed(text: str) -> tuple[str, ...]:
    """Lots one a line, or apart by commas, semicolons or tabs, as a spreadsheet pastes them; each once."""
    return tuple(dict.fromkeys(name for part in _APART.split(text) if (name := part.strip())))


def _units(text: str) -> tuple[str, ...]:
    found = listed(text)
    if len(found) > SHARED_UNITS_MAX:
        raise GenealogyTooLarge(f"At most {SHARED_UNITS_MAX} units are compared at once; there are {len(found)}.")
    return found


def _instant(text: str, zone: ZoneInfo) -> int | None:
    """A local time of the plant, as a browser's field writes it."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise GenealogyInvalid(f"{text!r} is no date and time.") from None
    return to_us(at if at.tzinfo else at.replace(tzinfo=zone))
