"""What people type into the form of a recipe, as the spec the verbs take. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from typing import Final

from mes.definitions.errors import OperationsDefinitionInvalid, ParameterOutOfLimits
from mes.definitions.types import DataType, ParameterLimit, WorkMasterSpec
from mes.kernel.errors import FieldError
from web.routings.forms import effectivity_of, number_of

NUMBER_INVALID: Final = "number-invalid"
REPEATED: Final = "parameter-repeated"
UNTYPED: Final = "parameter-untyped"
UNNAMED: Final = "parameter-unnamed"
PARAMETER_FAULTS: Final = (
    *("parameter-out-of-limits", "parameter-type", "parameter-not-found"),
    *(NUMBER_INVALID, REPEATED, UNTYPED, UNNAMED),
)


@dataclass(frozen=True, slots=True)
class ParameterRow:
    """One row of the table of parameters; one where nothing is typed means nothing, and neither does one whose name
    (`was`) was taken out. `data_type` "": it has no limits."""

    was: str
    name: str
    value: str
    data_type: str
    unit: str
    low: str
    high: str

    @property
    def says_something(self) -> bool:
        texts = (self.value, self.data_type, self.unit, self.low, self.high)
        return bool(self.name.strip()) or (not self.was and any(text.strip() for text in texts))


@dataclass(frozen=True, slots=True)
class RecipeForm:
    """A version of a recipe as it was typed. `version_label` "": the next number."""

    recipe_id: str
    description: str
    version_label: str
    from_at: str
    until_at: str
    rows: Sequence[ParameterRow]

    def spec(self, zone: tzinfo) -> WorkMasterSpec:
        """`parameter-out-of-limits` with every row that says nothing sensible, by name; `effectivity-invalid`."""
        rows = [row for row in self.rows if row.says_something]
        faults = [*_name_faults(rows), *(fault for row in rows for fault in _row_faults(row))]
        if faults:
            raise ParameterOutOfLimits(faults[0].message, errors=faults)
        return WorkMasterSpec(
            self.recipe_id,
            self.version_label.strip() or None,
            self.description.strip(),
            {row.name.strip(): _value(row) for row in rows},
            {row.name.strip(): _limit(row) for row in rows if row.data_type},
            effectivity_of(self.from_at, self.until_at, zone),
        )


def _name_faults(rows: Sequence[ParameterRow]) -> list[FieldError]:
    names = [row.name.strip() for row in rows]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    unnamed = [FieldError("", "a parameter has no name", UNNAMED)] if "" in names else []
    return [*unnamed, *(FieldError(name, f"{name} stands there twice", REPEATED) for name in twice)]


def _row_faults(row: ParameterRow) -> list[FieldError]:
    name = row.name.strip()
    if row.data_type not in ("", *DataType):
        return [FieldError(name, f"{name}: {row.data_type[:20]!r} is no type", UNTYPED)]
    if not row.data_type and any(text.strip() for text in (row.unit, row.low, row.high)):
        return [FieldError(name, f"{name} has a unit or limits and no type", UNTYPED)]
    try:
        _end(row.low), _end(row.high)
    except OperationsDefinitionInvalid as refusal:
        return [FieldError(name, refusal.detail, NUMBER_INVALID)]
    return []


def _value(row: ParameterRow) -> str:
    """Numbers with a point, whatever was typed."""
    value = row.value.strip()
    return value.replace(",", ".") if row.data_type == DataType.decimal else value


def _limit(row: ParameterRow) -> ParameterLimit:
    return ParameterLimit(DataType(row.data_type), row.unit.strip(), _end(row.low), _end(row.high))


def _end(text: str) -> Decimal | None:
    return number_of(text) if text.strip() else None
