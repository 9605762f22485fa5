"""Take a document over: everything in it, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from mes.exchange.b2mml import incoming, masters, orders
from mes.exchange.b2mml.errors import B2mmlNotSupported, B2mmlRefused, B2mmlTooLarge
from mes.exchange.b2mml.types import OBJECTS_MAX, Item, Outcome
from mes.exchange.b2mml.values import unusable
from mes.kernel.uow import UnitOfWork
from standards.isa95.b2mml import Document

Put = Callable[[UnitOfWork, Sequence[Item], str], list[Outcome]]
Cancel = Callable[[UnitOfWork, Item, str], str]
REASON_MAX: Final = 500
TAKEN: Final = frozenset({"Process", "Sync", "Change", "Cancel"})
_ACTIONS: Final = frozenset({"Add", "Change", "Replaced"})
"""Actions of a Sync that mean no more than: make it so."""

_PUT: Final[Mapping[str, Put]] = {
    "MaterialClass": masters.put_material_class_items,
    "MaterialDefinition": masters.put_material_items,
    "MaterialLot": masters.put_lot_items,
    "EquipmentClass": masters.put_equipment_class_items,
    "Equipment": masters.put_equipment_items,
    "PersonnelClass": masters.put_class_items,
    "Person": masters.put_person_items,
    "OperationsDefinition": masters.put_definition_items,
}
_KINDS: Final = (*_PUT, "OperationsRequest", "WorkRequest")
"""In the order in which one kind refers to another."""
_CANCEL: Final[Mapping[str, Cancel]] = {
    "MaterialLot": masters.close_lot,
    "OperationsDefinition": masters.withdraw_definition,
    "OperationsRequest": orders.give_up,
    "WorkRequest": orders.give_up,
}


def take_document(uow: UnitOfWork, *, document: Document) -> tuple[Outcome, ...]:
    """What became of each object, in their order. The same document again changes nothing.

    `b2mml-refused` with every refusal, and then nothing was written; `b2mml-not-supported`, `b2mml-too-large`.
    """
    _refuse_actions(document)
    items = incoming.items_of(document)
    if len(items) > OBJECTS_MAX:
        raise B2mmlTooLarge(f"The document has {len(items)} objects; {OBJECTS_MAX} are taken at a time.")
    outcomes = {outcome.path: outcome for outcome in _twice(items)}
    for kind in _KINDS:
        of_kind = [item for item in items if item.kind == kind and item.path not in outcomes]
        if of_kind:
            outcomes |= {outcome.path: outcome for outcome in _take(uow, kind, of_kind, document)}
    ordered = tuple(outcomes[item.path] for item in items)
    if not all(outcome.accepted for outcome in ordered):
        raise B2mmlRefused(ordered)
    return ordered


def _take(uow: UnitOfWork, kind: str, items: Sequence[Item], document: Document) -> list[Outcome]:
    verb, reason = document.verb.name, _reason(document)
    if verb == "Cancel":
        cancel = _CANCEL.get(kind, masters.refuse_cancel)
        return masters.each(items, lambda item: cancel(uow, item, reason))
    if kind in _PUT:
        return _PUT[kind](uow, items, verb)
    return masters.each(items, lambda item: orders.take_request(uow, item, verb, reason))


def _twice(items: Sequence[Item]) -> list[Outcome]:
    """One id, one object: two of them would leave it to chance which one counts."""
    seen: set[tuple[str, str]] = set()
    refused = []
    for item in items:
        if (item.kind, item.id) in seen:
            refusal = unusable(f"{item.kind} {item.id[:100]!r} stands twice in the document.")
            refused.append(masters.refused(item, refusal))
        seen.add((item.kind, item.id))
    return refused


def _refuse_actions(document: Document) -> None:
    if document.verb.name not in TAKEN:
        raise B2mmlNotSupported(f"Lineside answers with {document.verb.name}; it does not take it.")
    for criteria in document.verb.all("ActionCriteria"):
        for expression in criteria.all("ActionExpression"):
            code = expression.attribute("actionCode")
            if code not in _ACTIONS:
                raise B2mmlNotSupported(f"The action {code!r} is not taken; nothing is deleted by a document.")


def _reason(document: Document) -> str:
    """Why, in the sender's words; else who sent which document."""
    for criteria in document.verb.all("ActionCriteria"):
        if (status := criteria.first("ChangeStatus")) is not None:
            words = (*status.values("Reason"), *status.values("Description"))
            if words:
                return " ".join(words)[:REASON_MAX]
    sender = document.area.value("Sender", "LogicalID") or "an ERP"
    return f"{document.root} {document.area.value('BODID')} of {sender}".replace("  ", " ")[:REASON_MAX]
