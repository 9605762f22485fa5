"""Orders of a document into the plant."""

from __future__ import annotations

from typing import Final

from mes.definitions.queries import resolve_definition
from mes.equipment.types import PutOutcome
from mes.exchange.b2mml.errors import WorkScheduleDiffers
from mes.exchange.b2mml.masters import CANCELLED
from mes.exchange.b2mml.order_specs import order_id_of, order_wanted, work_wanted
from mes.exchange.b2mml.types import Item, JobWanted, OrderWanted
from mes.exchange.b2mml.values import unusable
from mes.kernel.uow import UnitOfWork
from mes.orders.errors import OperationsRequestDiffers, OperationsRequestNotFound
from mes.orders.queries import get_operations_request
from mes.orders.service import cancel_order, change_order, submit_operations_request
from mes.orders.types import OrderCard, RequestState

FIRST_VERSION: Final = "1"
DEFAULT_PRIORITY: Final = 50


def take_request(uow: UnitOfWork, item: Item, verb: str, reason: str) -> str:
    """An OperationsRequest. One that says it is cancelled cancels the order."""
    state = item.element.value("RequestState")
    if state == "Cancelled":
        return give_up(uow, item, reason)
    if state == "Forecast":
        raise unusable("RequestState Forecast is no order; send it when it is one.")
    if item.kind == "WorkRequest":
        wanted, jobs = work_wanted(item)
        _refuse_other_jobs(uow, wanted, jobs)
    else:
        wanted = order_wanted(item)
    return _change(uow, wanted, reason) if verb == "Change" else _submit(uow, wanted)


def give_up(uow: UnitOfWork, item: Item, reason: str) -> str:
    """Cancel an order. `operations-request-not-found`, `order-over`, `job-with-machine`."""
    card = _find(uow, order_id_of(item))
    if card.state is RequestState.Cancelled:
        return PutOutcome.Unchanged.value
    cancel_order(uow, operations_request_id=card.operations_request_id, revision=card.revision, reason=reason)
    return CANCELLED


def _find(uow: UnitOfWork, order_id: str) -> OrderCard:
    return get_operations_request(uow.session, operations_request_id=order_id, now=uow.now)


def _submit(uow: UnitOfWork, wanted: OrderWanted) -> str:
    version = wanted.version or FIRST_VERSION
    done = submit_operations_request(
        uow,
        id=wanted.order_id,
        version=version,
        quantity=wanted.product.quantity,
        unit=wanted.product.unit,
        material_id=wanted.product.material_id,
        operations_definition_id=wanted.definition_id,
        description=wanted.description,
        priority=DEFAULT_PRIORITY if wanted.priority is None else wanted.priority,
        due_at=wanted.due_at,
    )
    return (PutOutcome.Created if done.created else PutOutcome.Unchanged).value


def _change(uow: UnitOfWork, wanted: OrderWanted, reason: str) -> str:
    """Under a new version the order is replaced; under its own only priority and due date may be others."""
    card = _find(uow, wanted.order_id)
    if wanted.version not in (None, card.version):
        return _submit(uow, wanted)
    asked = (wanted.product.material_id, wanted.product.quantity, wanted.product.unit or card.unit)
    if asked != (card.material_id, card.quantity, card.unit) or wanted.description not in ("", card.description):
        raise OperationsRequestDiffers(f"Order {wanted.order_id} asks for something else under the same version.")
    priority = card.priority if wanted.priority is None else wanted.priority
    due_at = card.due_at if wanted.due_at is None else wanted.due_at
    if (priority, due_at) == (card.priority, card.due_at):
        return PutOutcome.Unchanged.value
    change_order(
        uow,
        operations_request_id=card.operations_request_id,
        revision=card.revision,
        reason=reason,
        priority=priority,
        due_at=due_at,
    )
    return PutOutcome.Updated.value


def _refuse_other_jobs(uow: UnitOfWork, wanted: OrderWanted, jobs: tuple[JobWanted, ...]) -> None:
    """A work schedule may only ask for what the routing would make; an order that is here already keeps its own."""
    if _is_known(uow, wanted):
        return
    segments = resolve_definition(
        uow.session, definition_id=None, material_id=wanted.product.material_id, at=uow.now
    ).segments
    if len(jobs) != len(segments):
        raise WorkScheduleDiffers(f"{wanted.order_id} has {len(jobs)} JobOrders; the routing has {len(segments)}.")
    for job, segment in zip(jobs, segments, strict=True):
        if job.work_master_id not in ("", segment.work_master_id) or job.equipment_id not in ("", segment.equipment_id):
            asked = f"{job.work_master_id or 'any recipe'} at {job.equipment_id or 'any place'}"
            has = f"{segment.work_master_id} at {segment.equipment_id}"
            raise WorkScheduleDiffers(f"Step {segment.id} is {has}, not {asked}.")


def _is_known(uow: UnitOfWork, wanted: OrderWanted) -> bool:
    try:
        return _find(uow, wanted.order_id).version == (wanted.version or FIRST_VERSION)
    except OperationsRequestNotFound:
        return False
