"""An ERP's operations request becomes a work request and a job order per segment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeVar

import orjson
from sqlalchemy import select, update

from mes.definitions.queries import Choice, ResolvedDefinition, resolve_definitions
from mes.kernel.errors import Refusal
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import Calls, UnitOfWork
from mes.orders.errors import (
    OperationsRequestDiffers,
    OperationsRequestOutdated,
    OperationsRequestStarted,
    QuantityInvalid,
)
from mes.orders.service.segments import UNRELEASED, cycles_of, placed_values, setup_families, step_values
from mes.orders.tables import JobOrderRow, OperationsRequestRow, WorkRequestRow
from mes.orders.types import QUANTITY_MAX_E6, RequestSpec, RequestState
from standards.isa95.job_control import DispatchStatus, JobState
from standards.isa95.quantity import to_e6

_REQUEST = OperationsRequestRow.__table__  # type: ignore[attr-defined]
_WORK = WorkRequestRow.__table__  # type: ignore[attr-defined]
_JOB = JobOrderRow.__table__  # type: ignore[attr-defined]
_T = TypeVar("_T")
PARAMETERS_MAX: Final = 5_000
"""Values one statement asks for."""
ROUTES_MAX: Final = 500
"""Routings looked up together, with all their steps."""
_REQUEST_COLUMNS: Final = (
    "pk id version_label current content_sha256 description material_pk definition_pk quantity_e6 unit priority "
    "due_at_us under_tolerance_bp over_tolerance_bp state created_at_us"
).split()
_OF_ORDER: Final = "pk id work_request_pk priority due_at_us cycles quantity_e6".split()
_OF_STEP: Final = (
    "material_pk unit setup_family segment_id segment_pk description work_master_pk work_master_id work_master_version "
    "sequence cycle_unit quantity_per_cycle_e6 first_article_e6 equipment_pk manual nominal_cycle_us"
).split() + list(UNRELEASED)
"""Columns of a job that are the same for all orders of a routing."""


class Submitted(NamedTuple):
    """What came of it: `created` False if exactly this was here already."""

    operations_request_id: str
    version: str
    work_request_id: str
    job_order_ids: tuple[str, ...]
    created: bool


@dataclass(frozen=True, slots=True)
class _Route:
    """What the orders of one routing have in common."""

    definition: ResolvedDefinition
    steps: tuple[tuple[Any, ...], ...]
    """Of each segment the columns of its jobs that are the same for all orders."""
    topics: tuple[str, ...]


class _Wanted(NamedTuple):
    spec: RequestSpec
    quantity_e6: int
    route: _Route
    work_id: str
    job_ids: tuple[str, ...]
    content_sha256: str


def submit_operations_request(
    uow: UnitOfWork,
    *,
    id: str,
    version: str = "1",
    quantity: Decimal,
    unit: str | None = None,
    material_id: str | None = None,
    operations_definition_id: str | None = None,
    description: str = "",
    priority: int = 50,
    due_at: datetime | None = None,
    under_percent: Decimal | None = None,
    over_percent: Decimal | None = None,
) -> Submitted:
    """One order; see `submit_operations_requests`."""
    spec = RequestSpec(
        id,
        quantity,
        version,
        unit,
        material_id,
        operations_definition_id,
        description,
        priority,
        due_at,
        under_percent,
        over_percent,
    )
    return submit_operations_requests(uow, specs=[spec])[0]


def submit_operations_requests(uow: UnitOfWork, *, specs: Sequence[RequestSpec]) -> list[Submitted]:
    """Take orders, no two of one id, all or none. The same again changes nothing; other content under the same id and
    version is refused.

    A newer version replaces an order while none of its jobs was released. Errors: `operations-request-differs`,
    `operations-request-outdated`, `operations-request-started`, `quantity-invalid`,
    `operations-definition-not-found`, `operations-definition-ambiguous`, `operations-definition-not-effective`,
    `work-master-not-effective`.
    """
    known = _versions(uow, [spec.id for spec in specs])
    routes = _Routes(uow, specs)
    here: dict[str, int] = {}
    wanted: list[_Wanted] = []
    for spec in specs:
        found = known.get(spec.id, {})
        content = _content_of(spec)
        same = found.get(spec.version)
        if same is None:
            wanted.append(_wanted(routes, spec, content, first=not found))
            _replace_older(uow, spec, found)
        elif same.content_sha256 == content:
            here[spec.id] = same.pk
        else:
            raise OperationsRequestDiffers(f"Order {spec.id}, version {spec.version}, is recorded with other content.")
    _create(uow, wanted)
    made = {w.spec.id: Submitted(w.spec.id, w.spec.version, w.work_id, w.job_ids, created=True) for w in wanted}
    there = _answers(uow, here)
    return [made.get(spec.id) or Submitted(spec.id, spec.version, *there[spec.id], created=False) for spec in specs]


class _Routes:
    """The routings that orders follow, all looked up together once one is asked for."""

    def __init__(self, uow: UnitOfWork, specs: Sequence[RequestSpec]) -> None:
        self._uow = uow
        self._choices = list({_choice(spec) for spec in specs})
        self._found: dict[Choice, _Route | Refusal] = {}

    def of(self, spec: RequestSpec) -> _Route:
        """The routing of an order; refused where there is none."""
        choice = _choice(spec)
        route = self._found.get(choice)
        if route is None:
            route = self._uow.shared(_shared_key(choice))
        if route is None:
            self._found = _look_up(self._uow, self._choices)
            route = self._found[choice]
        if isinstance(route, Refusal):
            raise route
        return route


def prefetch_routes(uow: UnitOfWork, calls: Calls) -> dict[tuple[str, str], _Route | Refusal]:
    """The routings of several orders (`values=…` of each)."""
    choices = {(call["values"]["operations_definition_id"], call["values"]["material_id"]) for call in calls}
    return {_shared_key(choice): route for choice, route in _look_up(uow, list(choices)).items()}


def _shared_key(choice: Choice) -> tuple[str, str]:
    return ("route", repr(choice))


def _choice(spec: RequestSpec) -> Choice:
    return (spec.operations_definition_id, spec.material_id)


def _look_up(uow: UnitOfWork, choices: Sequence[Choice]) -> dict[Choice, _Route | Refusal]:
    found: dict[Choice, ResolvedDefinition | Refusal] = {}
    for some in _portions(choices, ROUTES_MAX):
        found |= resolve_definitions(uow.session, choices=some, at=uow.now)
    definitions = [each for each in found.values() if isinstance(each, ResolvedDefinition)]
    families = setup_families(uow, [segment for definition in definitions for segment in definition.segments])
    return {
        choice: each if isinstance(each, Refusal) else _Route(each, _steps(each, families), _topics(each))
        for choice, each in found.items()
    }


def _steps(definition: ResolvedDefinition, families: Mapping[int, str]) -> tuple[tuple[Any, ...], ...]:
    """`families`: by recipe."""
    of_routing = {"material_pk": definition.material_pk, "unit": definition.unit, **UNRELEASED}
    return tuple(
        itemgetter(*_OF_STEP)(
            {
                **of_routing,
                "setup_family": families[segment.work_master_pk],
                **step_values(segment),
                **placed_values(segment),
            }
        )
        for segment in definition.segments
    )


def _topics(definition: ResolvedDefinition) -> tuple[str, ...]:
    """Of everything an order of this routing concerns but itself."""
    segments = definition.segments
    return (
        "board",
        *(f"work-center/{place}" for place in sorted({s.work_center_id for s in segments if s.work_center_id})),
        *(f"equipment/{station}" for station in sorted({s.equipment_id for s in segments})),
        *(f"area/{area}" for area in sorted({s.area_id for s in segments if s.area_id})),
    )


def _wanted(routes: _Routes, spec: RequestSpec, content: str, *, first: bool) -> _Wanted:
    route = routes.of(spec)
    pieces = _quantity(spec.quantity, spec.unit, route.definition)
    work_id = spec.id if first else f"{spec.id}.{spec.version}"
    job_ids = tuple([f"{work_id}-{segment.id}" for segment in route.definition.segments])
    return _Wanted(spec, pieces, route, work_id, job_ids, content)


def _content_of(spec: RequestSpec) -> str:
    return _content(
        quantity=str(Decimal(spec.quantity).normalize()),
        unit=spec.unit,
        material_id=spec.material_id,
        operations_definition_id=spec.operations_definition_id,
        description=spec.description,
        priority=spec.priority,
        due_at_us=None if spec.due_at is None else to_us(spec.due_at),
        **_tolerances(spec),
    )


def _content(**fields: str | int | None) -> str:
    """What makes two orders the same, as SHA-256: every field that was sent, in normal form."""
    return hashlib.sha256(orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _tolerances(spec: RequestSpec) -> dict[str, int]:
    """Those that were given, in hundredths of a percent."""
    given = {"under_tolerance_bp": spec.under_percent, "over_tolerance_bp": spec.over_percent}
    return {name: int(percent * 100) for name, percent in given.items() if percent is not None}


def _first_said(own_bp: int | None, of_routing_bp: int | None) -> int | None:
    """The order's tolerance, else its routing's."""
    return of_routing_bp if own_bp is None else own_bp


def _versions(uow: UnitOfWork, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What is recorded of these orders, by id and version."""
    found: dict[str, dict[str, Any]] = {}
    for some in _portions(ids):
        wanted = select(
            _REQUEST.c.id, _REQUEST.c.pk, _REQUEST.c.version_label, _REQUEST.c.content_sha256, _REQUEST.c.current
        )
        for row in uow.execute(wanted.where(_REQUEST.c.id.in_(some))):
            found.setdefault(row.id, {})[row.version_label] = row
    return found


def _portions(values: Sequence[_T], size: int = PARAMETERS_MAX) -> Iterator[Sequence[_T]]:
    """As many as one statement takes."""
    return (values[start : start + size] for start in range(0, len(values), size))


def _quantity(quantity: Decimal, unit: str | None, definition: ResolvedDefinition) -> int:
    try:
        pieces = to_e6(quantity)
    except ValueError as error:
        raise QuantityInvalid(str(error)) from error
    if not 0 < pieces <= QUANTITY_MAX_E6:
        raise QuantityInvalid("The quantity must be positive and at most a thousand million.")
    if unit is not None and unit != definition.unit:
        raise QuantityInvalid(f"{definition.material_id} is counted in {definition.unit}, not in {unit}.")
    return pieces


def _replace_older(uow: UnitOfWork, spec: RequestSpec, found: Mapping[str, Any]) -> None:
    """A newer version takes the place of the current one, unless work on that was released."""
    current = next((row for row in found.values() if row.current), None)
    if current is None:
        return
    if _order(spec.version) <= _order(current.version_label):
        raise OperationsRequestOutdated(f"Order {spec.id} is at version {current.version_label}.")
    jobs = uow.execute(
        select(_JOB.c.pk, _JOB.c.state, _JOB.c.dispatch_status)
        .join(_WORK, _WORK.c.pk == _JOB.c.work_request_pk)
        .where(_WORK.c.operations_request_pk == current.pk)
    ).all()
    if any(job.state != JobState.NotAllowedToStart for job in jobs):
        raise OperationsRequestStarted(f"Jobs of order {spec.id} have been released.")
    uow.execute(
        update(_JOB)
        .where(_JOB.c.pk.in_([job.pk for job in jobs]))
        .values(dispatch_status=DispatchStatus.Cancelled, version=_JOB.c.version + 1)
    )
    uow.execute(update(_REQUEST).where(_REQUEST.c.pk == current.pk).values(current=False, state=RequestState.Cancelled))


def _order(version: str) -> tuple[int, str]:
    """Versions compare as numbers where they are numbers, else as text."""
    return (int(version), "") if version.isascii() and version.isdigit() else (0, version)


def _create(uow: UnitOfWork, wanted: Sequence[_Wanted]) -> None:
    """Rows of each table together; the keys are taken beforehand, so that none has to be asked back."""
    if not wanted:
        return
    request_pk, work_pk = uow.take_keys("operations_request", len(wanted)), uow.take_keys("work_request", len(wanted))
    job_pk = uow.take_keys("job_order", sum(len(one.job_ids) for one in wanted))
    requests, works, after = [], [], []
    jobs: list[tuple[Any, ...]] = []
    for place, one in enumerate(wanted):
        requests.append(_request_row(uow, one, request_pk + place))
        works.append((work_pk + place, one.work_id, request_pk + place, uow.now_us))
        jobs += _job_rows(one, work_pk + place, job_pk)
        after += _dependencies(one, job_pk)
        job_pk += len(one.job_ids)
        _emit_created(uow, one)
    uow.driver_copy("operations_request", _REQUEST_COLUMNS, requests)
    uow.driver_copy("work_request", ("pk", "id", "operations_request_pk", "created_at_us"), works)
    uow.driver_copy("job_order", [*_OF_ORDER, *_OF_STEP], jobs)
    uow.driver_copy("job_dependency", ("job_pk", "after_job_pk", "kind"), after)


def _request_row(uow: UnitOfWork, wanted: _Wanted, pk: int) -> tuple[Any, ...]:
    spec, definition = wanted.spec, wanted.route.definition
    tolerances = _tolerances(spec)
    return (
        pk,
        spec.id,
        spec.version,
        True,
        wanted.content_sha256,
        spec.description,
        definition.material_pk,
        definition.pk,
        wanted.quantity_e6,
        definition.unit,
        spec.priority,
        None if spec.due_at is None else to_us(spec.due_at),
        _first_said(tolerances.get("under_tolerance_bp"), definition.under_tolerance_bp),
        _first_said(tolerances.get("over_tolerance_bp"), definition.over_tolerance_bp),
        RequestState.Waiting.value,
        uow.now_us,
    )


def _job_rows(wanted: _Wanted, work_pk: int, first_pk: int) -> Iterator[tuple[Any, ...]]:
    spec, route = wanted.spec, wanted.route
    due_at_us = None if spec.due_at is None else to_us(spec.due_at)
    for place, (segment, id, step) in enumerate(
        zip(route.definition.segments, wanted.job_ids, route.steps, strict=True)
    ):
        cycles = cycles_of(segment, wanted.quantity_e6)
        quantity = cycles * segment.quantity_per_cycle_e6
        yield (first_pk + place, id, work_pk, spec.priority, due_at_us, cycles, quantity, *step)


def _dependencies(wanted: _Wanted, first_pk: int) -> list[tuple[int, int, str]]:
    segments = wanted.route.definition.segments
    pks = {segment.id: first_pk + place for place, segment in enumerate(segments)}
    return [(pks[segment.id], pks[after], str(kind)) for segment in segments for after, kind in segment.after]


def _emit_created(uow: UnitOfWork, wanted: _Wanted) -> None:
    spec, definition = wanted.spec, wanted.route.definition
    uow.emit(
        "orders.operations-request-accepted.v1",
        topics=(f"order/{spec.id}", *wanted.route.topics),
        subject=f"order/{spec.id}",
        payload={
            "operations_request_id": spec.id,
            "version": spec.version,
            "work_request_id": wanted.work_id,
            "material_id": definition.material_id,
            "definition_id": definition.id,
            "definition_version": definition.version_label,
            "quantity_e6": wanted.quantity_e6,
            "job_order_ids": list(wanted.job_ids),
        },
    )


def _answers(uow: UnitOfWork, here: Mapping[str, int]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Work request and jobs of orders that were here already, by the order's id."""
    found: dict[int, tuple[str, list[str]]] = {}
    for some in _portions(list(here.values())):
        rows = uow.execute(
            select(_WORK.c.operations_request_pk, _WORK.c.id.label("work_id"), _JOB.c.id)
            .join(_JOB, _JOB.c.work_request_pk == _WORK.c.pk)
            .where(_WORK.c.operations_request_pk.in_(some))
            .order_by(_WORK.c.pk, _JOB.c.sequence)
        )
        for row in rows:
            found.setdefault(row.operations_request_pk, (row.work_id, []))[1].append(row.id)
    return {id: (found[pk][0], tuple(found[pk][1])) for id, pk in here.items()}
