"""Rows into the plant: a block of them in one unit of work, all or none; the caller takes out who is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mes.definitions.queries import get_definition
from mes.definitions.service import begin_draft, replace_draft
from mes.definitions.types import DefinitionState
from mes.equipment.queries import get_equipment_pks, get_equipment_views
from mes.equipment.service import put_equipment
from mes.equipment.types import PutOutcome
from mes.exchange.reconciliation.service import put_view
from mes.exchange.reconciliation.types import ErpView, Subject
from mes.exchange.table_files import specs
from mes.exchange.table_files.errors import ImportRowInvalid
from mes.exchange.table_files.types import Entry, Kind, Result, RowOutcome
from mes.genealogy.service import put_lots
from mes.genealogy.statements import lots_in_use
from mes.kernel.errors import FieldError, Refusal
from mes.kernel.uow import UnitOfWork
from mes.materials.errors import MaterialNotFound
from mes.materials.queries import get_material_lots, get_materials
from mes.materials.service import put_materials
from mes.orders.service import submit_operations_request
from mes.personnel.queries import get_person
from mes.personnel.service import put_person


class Undone(Exception):
    """A dry run: what would have become of the rows. Raised, so that nothing of it is kept."""

    def __init__(self, outcomes: Sequence[RowOutcome]) -> None:
        super().__init__("a dry run")
        self.outcomes = tuple(outcomes)


class RowsRefused(ImportRowInvalid):
    """Rows of a block, by id: each with its own code."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("rows are refused", errors=errors)


Results = Mapping[str, Result]
Put = Callable[[UnitOfWork, Sequence[Entry]], Results]


def put_rows(uow: UnitOfWork, *, kind: Kind, entries: Sequence[Entry], dry_run: bool) -> tuple[RowOutcome, ...]:
    """Make the plant say what these rows say. The same again changes nothing.

    Any refusal of the verbs of this kind; where it names rows by id, in `errors`, the others are not its cause.
    """
    results = _PUT[kind](uow, entries)
    uow.flush()
    outcomes = tuple(RowOutcome(entry.line, entry.id, results[entry.id]) for entry in entries)
    if dry_run:
        raise Undone(outcomes)
    return outcomes


def _prepared(entries: Sequence[Entry], spec_of: Callable[[Entry], Any]) -> list[Any]:
    """The spec of each row; all that have none are refused together."""
    made, errors = [], []
    for entry in entries:
        try:
            made.append(spec_of(entry))
        except Refusal as refusal:
            errors.append(FieldError(entry.id, refusal.detail or refusal.title, refusal.code))
    if errors:
        raise RowsRefused(errors)
    return made


def _results(outcomes: Mapping[str, PutOutcome]) -> Results:
    return {name: Result(outcome.value) for name, outcome in outcomes.items()}


def _put_equipment(uow: UnitOfWork, entries: Sequence[Entry]) -> Results:
    pks = get_equipment_pks(uow.session, {entry.id for entry in entries})
    known = {view.equipment_id: view for view in get_equipment_views(uow.session, pks.values()).values()}
    made = _prepared(entries, lambda entry: specs.equipment_spec(entry, known.get(entry.id)))
    return _results(put_equipment(uow, specs=made))


def _put_materials(uow: UnitOfWork, entries: Sequence[Entry]) -> Results:
    known = get_materials(uow.session, {entry.id for entry in entries})
    made = _prepared(entries, lambda entry: specs.material_spec(entry, known.get(entry.id)))
    return _results(put_materials(uow, specs=made))


def _put_lots(uow: UnitOfWork, entries: Sequence[Entry]) -> Results:
    known = get_material_lots(uow.session, {entry.id for entry in entries})
    named = {str(e.values["material_id"]) for e in entries if "material_id" in e.values}
    in_use = lots_in_use(uow, {entry.id for entry in entries})
    units = {name: view.unit for name, view in get_materials(uow.session, named).items()}

    def spec_of(entry: Entry) -> Any:
        material = entry.values.get("material_id")
        if material is not None and material not in units:
            raise MaterialNotFound(f"There is no material {str(material)[:100]!r}.")
        return specs.lot_spec(entry, known.get(entry.id), units, in_use=entry.id in in_use)

    return _results(put_lots(uow, specs=_prepared(entries, spec_of)))


def _put_persons(uow: UnitOfWork, entries: Sequence[Entry]) -> Results:
    known = {entry.id: get_person(uow.session, person_id=entry.id) for entry in entries}
    made = _prepared(entries, lambda entry: specs.person_of(entry, known[entry.id]))
    results: dict[str, Result] = {}
    for person, qualifications in made:
        put_person(uow, person_id=person.id, name=person.name, language=person.language, qualifications=qualifications)
        uow.flush()
        results[person.id] = _compared(known[person.id], get_person(uow.session, person_id=person.id))
    return results


def _compared(before: object, after: object) -> Result:
    if before is None:
        return Result.created
    return Result.unchanged if before == after else Result.updated


def _put_orders(uow: UnitOfWork, entries: Sequence[Entry]) -> Results:
    orders = _prepared(entries, specs.order_of)
    done = [submit_operations_request(uow, **order.model_dump()) for order in orders]
    return {d.operations_request_id: Result.created if d.created else Result.unchanged for d in done}


def _put_bills(uow: UnitOfWork, entries: Sequence[Entry]) -> Results:
    """The bill of one routing, in a draft: that of its newest version, or a new one. A file releases nothing."""
    newest = get_definition(uow.session, definition_id=entries[0].of)
    materials = get_materials(uow.session, {str(entry.values.get("material_id", "")) for entry in entries})
    lines = _prepared(entries, lambda entry: specs.bill_line(entry, newest, materials))
    wanted = specs.with_bill(newest, lines)
    if wanted == specs.with_bill(newest, specs.bill_of(newest)):
        return {entry.id: Result.unchanged for entry in entries}
    draft = newest
    if newest.fixed or newest.state is not DefinitionState.Draft:
        label = begin_draft(uow, definition_id=newest.id, from_label=newest.version_label)
        draft = get_definition(uow.session, definition_id=newest.id, version_label=label)
    replace_draft(uow, spec=wanted, version_label=draft.version_label, version=draft.version)
    return {entry.id: Result.updated for entry in entries}


def _put_erp_orders(uow: UnitOfWork, entries: Sequence[Entry]) -> Results:
    orders = tuple(_prepared(entries, specs.erp_order))
    return _put_view(uow, entries, ErpView(Subject.orders, uow.now, orders, complete=True))


def _put_erp_lots(uow: UnitOfWork, entries: Sequence[Entry]) -> Results:
    lots = tuple(_prepared(entries, specs.erp_lot))
    return _put_view(uow, entries, ErpView(Subject.lots, uow.now, lots=lots, complete=True))


def _put_view(uow: UnitOfWork, entries: Sequence[Entry], view: ErpView) -> Results:
    result = Result.created if put_view(uow, view=view) else Result.unchanged
    return {entry.id: result for entry in entries}


WHOLE: Final = frozenset({Kind.equipment, Kind.erp_orders, Kind.erp_lots})
"""Their rows are one thing, a hierarchy or a view, taken in one unit of work: a row may stand under a later one."""
_PUT: Final[Mapping[Kind, Put]] = {
    Kind.equipment: _put_equipment,
    Kind.material_definitions: _put_materials,
    Kind.material_lots: _put_lots,
    Kind.persons: _put_persons,
    Kind.operations_requests: _put_orders,
    Kind.bills: _put_bills,
    Kind.erp_orders: _put_erp_orders,
    Kind.erp_lots: _put_erp_lots,
}
