"""With what a job is made, and what a supervisor set otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from mes.orders.following.types import FollowedParameter


@dataclass(frozen=True, slots=True)
class ParameterView:
    """`limits` as text, "" none. `changeable`: for one job. `who`, `reason`, `at`: of a change; `given` what it was."""

    id: str
    value: str
    unit: str
    limits: str
    changeable: bool
    changed: bool
    given: str = ""
    who: str = ""
    reason: str = ""
    at: datetime | None = None


def parameter_views(parameters: Iterable[FollowedParameter], zone: tzinfo) -> tuple[ParameterView, ...]:
    return tuple(_view(one, zone) for one in parameters)


def _view(one: FollowedParameter, zone: tzinfo) -> ParameterView:
    limit, change = one.limit, one.change
    low, high = ("…" if end is None else f"{end:f}" for end in ((limit.low, limit.high) if limit else (None, None)))
    limits = f"{low} – {high}" if limit and (limit.low, limit.high) != (None, None) else ""
    common = (one.id, one.value, limit.unit if limit else "", limits, limit is not None)
    if change is None:
        return ParameterView(*common, changed=False)
    return ParameterView(
        *common, changed=True, given=change.given, who=change.who, reason=change.reason, at=change.at.astimezone(zone)
    )
