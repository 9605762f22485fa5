"""OperationsRequests and WorkRequests as orders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from mes.exchange.b2mml.types import PRODUCED, Item, JobWanted, OrderWanted, Product
from mes.exchange.b2mml.values import (
    ID_PATTERN,
    ORDER_ID_PATTERN,
    STEPS_MAX,
    bounded,
    checked,
    id_of,
    label_of,
    quantity_of,
    text_of,
    time_of,
    unusable,
)
from standards.isa95.b2mml import Element
from standards.isa95.b2mml.values import number

PRIORITY_MAX: Final = 100


def order_wanted(item: Item) -> OrderWanted:
    """Of an OperationsRequest."""
    segments = item.element.all("SegmentRequirement")
    own = item.element.value("OperationsDefinitionID")
    definition = own or next((found for s in segments if (found := s.value("OperationsDefinitionID"))), "")
    ends = [end for s in segments if (end := time_of(s, "LatestEndTime")) is not None]
    return OrderWanted(
        order_id=checked(ORDER_ID_PATTERN, item.id, "ID"),
        version=label_of(item.element),
        product=_product(_requirements(segments)),
        definition_id=checked(ID_PATTERN, definition, "OperationsDefinitionID") if definition else None,
        description=text_of(item.element, "Description") or "",
        priority=_priority(item.element),
        due_at=time_of(item.element, "EndTime") or max(ends, default=None),
    )


def work_wanted(item: Item) -> tuple[OrderWanted, tuple[JobWanted, ...]]:
    """Of a WorkRequest, with the jobs it asks for."""
    jobs = item.element.all("JobOrder")
    bounded(jobs, STEPS_MAX, "JobOrder")
    wanted = OrderWanted(
        order_id=order_id_of(item),
        version=label_of(item.element),
        product=_product(_requirements(jobs)),
        definition_id=None,
        description=text_of(item.element, "Description") or "",
        priority=_priority(item.element),
        due_at=time_of(item.element, "EndTime"),
    )
    return wanted, tuple(JobWanted(job.value("WorkMasterID"), _place(job)) for job in jobs)


def order_id_of(item: Item) -> str:
    """The order an OperationsRequest is, or a WorkRequest belongs to."""
    return checked(ORDER_ID_PATTERN, item.element.value("OperationsRequestID") or item.id, "ID")


def _place(job: Element) -> str:
    return next((place for r in job.all("EquipmentRequirement") for place in r.values("EquipmentID")), "")


def _requirements(elements: Iterable[Element]) -> Iterator[Element]:
    for element in elements:
        for found in element.walk():
            if found.name == "MaterialRequirement" and found.value("MaterialUse") in PRODUCED:
                yield found


def _product(requirements: Iterable[Element]) -> Product:
    """The one thing all of them say is to be made."""
    found = set()
    for element in requirements:
        stated = quantity_of(element)
        if stated is None:
            raise unusable("The MaterialRequirement that is Produced needs a Quantity.")
        found.add(Product(id_of(element, "MaterialDefinitionID"), *stated))
    if len(found) != 1:
        raise unusable("An order needs one MaterialRequirement with MaterialUse Produced; more must say the same.")
    return found.pop()


def _priority(element: Element) -> int | None:
    if not element.value("Priority"):
        return None
    found = number(element.value("Priority"))
    if found is None or found != int(found) or not 0 <= found <= PRIORITY_MAX:
        raise unusable(f"Priority must be a whole number from 0 to {PRIORITY_MAX}; higher goes first.")
    return int(found)
