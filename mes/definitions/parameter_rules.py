"""Pure: whether the values of a recipe's parameters keep their limits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from mes.definitions.types import DataType, ParameterLimit, WorkMasterSpec
from mes.kernel.errors import FieldError

_NUMBER: Final = {
    DataType.integer: re.compile(r"[+-]?[0-9]{1,18}"),
    DataType.decimal: re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?"),
}
OUTSIDE: Final = "parameter-out-of-limits"
MISTYPED: Final = "parameter-type"
FIXED: Final = "parameter-fixed"


def value_fault(parameter_id: str, value: str, limit: ParameterLimit) -> FieldError | None:
    """What is wrong with one value, `parameter-type` or `parameter-out-of-limits`; None: nothing."""
    if not _is_of_type(value, limit.data_type):
        return FieldError(parameter_id, f"{parameter_id}: {value!r} is no {limit.data_type}", MISTYPED)
    if limit.data_type in _NUMBER and not _is_within(Decimal(value), limit):
        message = f"{parameter_id}: {value} is not within {_words(limit)}"
        return FieldError(parameter_id, message, OUTSIDE)
    return None


def _is_of_type(value: str, data_type: DataType) -> bool:
    if data_type is DataType.boolean:
        return value in ("true", "false")
    number = _NUMBER.get(data_type)
    return number is None or number.fullmatch(value) is not None


def _is_within(value: Decimal, limit: ParameterLimit) -> bool:
    return (limit.low is None or limit.low <= value) and (limit.high is None or value <= limit.high)


def _words(limit: ParameterLimit) -> str:
    low = "…" if limit.low is None else f"{limit.low:f}"
    high = "…" if limit.high is None else f"{limit.high:f}"
    return f"{low} to {high} {limit.unit}".rstrip()


def recipe_faults(spec: WorkMasterSpec) -> tuple[FieldError, ...]:
    """Limits that nothing can keep or that limit nothing, and values outside of theirs."""
    return tuple(fault for name, limit in spec.limits.items() for fault in _limit_faults(spec, name, limit))


def _limit_faults(spec: WorkMasterSpec, name: str, limit: ParameterLimit) -> Iterator[FieldError]:
    bounded = limit.low is not None or limit.high is not None
    if name not in spec.parameters:
        yield FieldError(name, f"there is no parameter {name!r} to limit", "parameter-not-found")
    elif bounded and limit.data_type not in _NUMBER:
        yield FieldError(name, f"{name}: only numbers have limits", MISTYPED)
    elif limit.low is not None and limit.high is not None and limit.low > limit.high:
        yield FieldError(name, f"{name}: the low limit is above the high one", OUTSIDE)
    elif (fault := value_fault(name, spec.parameters[name], limit)) is not None:
        yield fault


def change_faults(
    values: Mapping[str, str], parameters: Mapping[str, str], limits: Mapping[str, ParameterLimit]
) -> tuple[FieldError, ...]:
    """What is wrong with values that are set for one job: as of a step's, and only what the recipe limits is changed;
    everything else is another version."""
    fixed = [
        FieldError(name, f"{name} has no limits in the recipe; it changes with its version", FIXED)
        for name in values
        if name in parameters and name not in limits
    ]
    return (*fixed, *override_faults(values, parameters, limits))


def override_faults(
    values: Mapping[str, str], parameters: Mapping[str, str], limits: Mapping[str, ParameterLimit]
) -> tuple[FieldError, ...]:
    """What is wrong with the values a step sets instead of its recipe's."""
    faults = []
    for name, value in values.items():
        if name not in parameters:
            faults.append(FieldError(name, f"the recipe has no parameter {name!r}", "parameter-not-found"))
        elif fault := value_fault(name, value, limits.get(name, ParameterLimit())):
            faults.append(fault)
    return tuple(faults)
