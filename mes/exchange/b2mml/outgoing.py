"""What the plant knows, and what became of a document, as documents. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from mes.equipment.queries import EquipmentView
from mes.exchange.b2mml.incoming import PROPERTIES
from mes.exchange.b2mml.types import Outcome, Shown
from mes.kernel.classes import ClassView
from mes.kernel.properties import Property
from mes.materials.queries import MaterialLotView, MaterialView
from mes.materials.types import CONVERSION_PROPERTY, UNIT_PROPERTY
from standards.isa95.b2mml import Document, Element, Remark, element, leaf
from standards.isa95.b2mml.values import instant, time_text, word_of

SENDER: Final = "Lineside"
REPLIES: Final = {"Process": "Acknowledge", "Change": "Respond"}
"""Verbs whose answer repeats the objects (ISA-95 part 5); every other is answered by a ConfirmBOD."""


def answer_of(
    document: Document, outcomes: Iterable[Outcome], remarks: Iterable[Remark], *, now: datetime, bod_id: str
) -> Document:
    """Acknowledge, Respond or ConfirmBOD: a criterion per object, then one per remark."""
    criteria = (*map(_criterion, outcomes), *map(_remarked, remarks))
    original = _original(document)
    reply = "Confirm" if document.is_v0401 else REPLIES.get(document.verb.name, "Confirm")
    area = _area(document, now, bod_id)
    if reply == "Confirm":
        bod = element("BOD", original, leaf("Description", document.root))
        return Document("BOD", element("Confirm", original, *criteria), area, (bod,), release_id="")
    return Document(document.noun, element(reply, original, *criteria), area, document.objects)


def show_of(document: Document, shown: Shown, *, now: datetime, bod_id: str) -> Document:
    """The Show for a Get; a ConfirmBOD where nothing was found, for a Show has one object at least."""
    more = () if shown.after is None else (_status("DataArea", "Accepted", "more", f"after:{shown.after}"),)
    criteria = (*map(_criterion, shown.missing), *more)
    if not shown.objects:
        nothing = () if shown.missing else (_status("DataArea", "Accepted", "nothing-found", "Nothing was found."),)
        original = _original(document)
        bod = element("BOD", original, leaf("Description", document.root))
        verb = element("Confirm", original, *criteria, *nothing)
        return Document("BOD", verb, _area(document, now, bod_id), (bod,), release_id="")
    verb = element("Show", _original(document), *criteria)
    return Document(document.noun, verb, _area(document, now, bod_id), shown.objects)


def _area(document: Document, now: datetime, bod_id: str) -> Element:
    receiver = document.area.value("Sender", "LogicalID")
    return element(
        "ApplicationArea",
        element("Sender", leaf("LogicalID", SENDER)),
        element("Receiver", leaf("LogicalID", receiver)) if receiver else None,
        leaf("CreationDateTime", time_text(now)),
        leaf("BODID", bod_id) if bod_id else None,
    )


def _original(document: Document) -> Element | None:
    """Whom this answers. An old document may not say when it was made, and then cannot be repeated."""
    if not document.area.value("CreationDateTime"):
        return None
    return replace(document.area, name="OriginalApplicationArea")


def _criterion(outcome: Outcome) -> Element:
    action = "Accepted" if outcome.accepted else "Rejected"
    sentence = outcome.sentence or f"{outcome.object_id}: {outcome.code}."
    return _status(f"DataArea/{outcome.path}", action, outcome.code, sentence, outcome.next_step)


def _remarked(remark: Remark) -> Element:
    return _status(f"line {remark.line}", "Modified", remark.code, remark.message)


def _status(where: str, action: str, code: str, sentence: str, next_step: str = "") -> Element:
    return element(
        "ResponseCriteria",
        leaf("ResponseExpression", where, actionCode=action),
        element(
            "ChangeStatus",
            leaf("Code", code),
            leaf("Description", sentence),
            leaf("Reason", next_step) if next_step else None,
        ),
    )


def _text(name: str, text: str) -> Element | None:
    return leaf(name, text) if text else None


def _quantity(quantity: object, unit: str) -> Element:
    return element(
        "Quantity", leaf("QuantityString", quantity), leaf("DataType", "decimal"), leaf("UnitOfMeasure", unit)
    )


def _value(text: object, unit: str = "") -> Element:
    return element("Value", leaf("ValueString", text), leaf("UnitOfMeasure", unit) if unit else None)


def material(view: MaterialView) -> Element:
    conversions = (
        element("MaterialDefinitionProperty", leaf("ID", CONVERSION_PROPERTY), _value(_factor(c), c.unit))
        for c in view.conversions
    )
    return element(
        "MaterialDefinition",
        leaf("ID", view.material_id),
        _text("Description", view.description),
        element("MaterialDefinitionProperty", leaf("ID", UNIT_PROPERTY), _value(view.unit)),
        *conversions,
        *_properties("MaterialDefinition", view.properties),
        *(leaf("MaterialClassID", name) for name in view.classes),
    )


def material_class(view: ClassView) -> Element:
    return _class("MaterialClass", view)


def equipment_class(view: ClassView) -> Element:
    return _class("EquipmentClass", view)


def _class(name: str, view: ClassView) -> Element:
    described = _text("Description", view.description)
    return element(name, leaf("ID", view.class_id), described, *_properties(name, view.properties))


def _properties(of: str, properties: Iterable[Property]) -> Iterator[Element]:
    """Its own; those of its classes stand in the classes."""
    for one in properties:
        value = _value(one.value, one.unit) if one.value or one.unit else None
        yield element(PROPERTIES[of], leaf("ID", one.id), _text("Description", one.description), value)


def _factor(known: Any) -> str:
    return str(known.numerator) if known.denominator == 1 else f"{known.numerator}/{known.denominator}"


def lot(view: MaterialLotView) -> Element:
    return element(
        "MaterialLot",
        leaf("ID", view.lot_id),
        leaf("MaterialDefinitionID", view.material_id),
        leaf("Disposition", view.disposition.value),
        *_properties("MaterialLot", view.properties),
        _quantity(f"{view.quantity:f}", view.unit),
    )


def equipment(view: EquipmentView, levels: Mapping[str, str]) -> Element:
    """`levels`: of the equipment above, by id."""
    above = view.parent_id
    scope = (
        element("HierarchyScope", leaf("EquipmentID", above), leaf("EquipmentLevel", levels[above])) if above else None
    )
    return element(
        "Equipment",
        leaf("ID", view.equipment_id),
        _text("Description", view.description),
        scope,
        leaf("EquipmentLevel", view.level),
        _text("PhysicalAssetID", view.physical_asset_id),
        *_properties("Equipment", view.properties),
        *(leaf("EquipmentClassID", name) for name in view.classes),
    )


# --- performance, from the reports the ERP is told (mes.reporting.rules.job_response)


def operations_performance(order_id: str, reports: Sequence[Mapping[str, Any]]) -> Element:
    """One order, with an OperationsResponse per job: the report's version is its Version."""
    state = reports[-1]["operations_response"]["state"]
    return element(
        "OperationsPerformance",
        leaf("ID", order_id),
        leaf("PublishedDate", _time(reports[-1]["published_at"])),
        leaf("OperationsType", "Production"),
        _state("PerformanceState", state),
        *(_operations_response(order_id, report) for report in reports),
    )


def _operations_response(order_id: str, report: Mapping[str, Any]) -> Element:
    job = report["job_response"]
    return element(
        "OperationsResponse",
        leaf("ID", job["id"]),
        leaf("Version", job["version"]),
        leaf("OperationsRequestID", order_id),
        leaf("OperationsSegmentID", job["segment_id"]),
        _state("ResponseState", job["state"]),
        element(
            "SegmentResponse",
            leaf("ID", job["id"]),
            _times("ActualStartTime", job["start_time"]),
            _times("ActualEndTime", job["end_time"]),
            leaf("OperationsSegmentID", job["segment_id"]),
            leaf("JobResponseID", job["id"]),
            _state("SegmentState", job["state"]),
            _final("SegmentData", job),
            *_actuals(job),
        ),
    )


def work_performance(work_request_id: str, reports: Sequence[Mapping[str, Any]]) -> Element:
    """One work request with a JobResponse per job."""
    state = reports[-1]["operations_response"]["state"]
    return element(
        "WorkPerformance",
        leaf("ID", work_request_id),
        leaf("PublishedDate", _time(reports[-1]["published_at"])),
        leaf("WorkType", "Production"),
        leaf("WorkScheduleID", reports[-1]["operations_request_id"]),
        element(
            "WorkResponse",
            leaf("ID", work_request_id),
            leaf("WorkRequestID", work_request_id),
            _state("ResponseState", state),
            *(_job_response(report["job_response"]) for report in reports),
        ),
    )


def _job_response(job: Mapping[str, Any]) -> Element:
    return element(
        "JobResponse",
        leaf("ID", job["id"]),
        leaf("Version", job["version"]),
        _times("StartTime", job["start_time"]),
        _times("EndTime", job["end_time"]),
        leaf("JobOrderID", job["job_order_id"]),
        leaf("WorkMasterID", job["work_master_id"]),
        leaf("WorkMasterVersion", job["work_master_version"]),
        _state("JobState", job["state"]),
        _final("JobResponseData", job),
        *_actuals(job),
    )


def _state(name: str, word: str) -> Element:
    text, attributes = word_of(word, "ResponseState")
    return leaf(name, text, **attributes)


def _time(iso: str) -> str:
    return iso.replace("+00:00", "Z") if instant(iso) is not None else iso


def _times(name: str, iso: str | None) -> Element | None:
    return None if iso is None else leaf(name, _time(iso))


def _final(name: str, job: Mapping[str, Any]) -> Element:
    """Whether the quantities are the last word; until then they are the proven minimum."""
    value = element("Value", leaf("ValueString", str(job["final"]).lower()), leaf("DataType", "boolean"))
    return element(name, leaf("ID", "Final"), value)


def _actuals(job: Mapping[str, Any]) -> Iterator[Element]:
    for place, person in enumerate(job["personnel_actual"], start=1):
        name = _text("PersonID", person.get("person_id", ""))
        yield element("PersonnelActual", leaf("ID", place), name, _duration(person))
    for place, used in enumerate(job["equipment_actual"], start=1):
        yield element("EquipmentActual", leaf("ID", place), leaf("EquipmentID", used["equipment_id"]), _duration(used))
    for place, asset in enumerate(job["physical_asset_actual"], start=1):
        yield element("PhysicalAssetActual", leaf("ID", place), leaf("PhysicalAssetID", asset["physical_asset_id"]))
    for place, actual in enumerate(job["material_actual"], start=1):
        yield _material_actual(str(place), actual)


def _duration(actual: Mapping[str, Any]) -> Element | None:
    return _quantity(actual["quantity"], actual["unit"]) if "quantity" in actual else None


def _material_actual(place: str, actual: Mapping[str, Any]) -> Element:
    """Good pieces are the quantity; scrap is a property with a child per reason, as is what went to rework.

    What was used is a lot, or several of a material together, and a quantity.
    """
    told = (
        leaf("ID", place),
        leaf("MaterialDefinitionID", actual["material_id"]),
        _text("MaterialLotID", actual.get("material_lot_id", "")),
        leaf("MaterialUse", actual["use"]),
        _quantity(actual["quantity"], actual["unit"]),
    )
    return element("MaterialActual", *told, *(_beside_good(actual) if "scrap" in actual else ()))


def _beside_good(actual: Mapping[str, Any]) -> Iterator[Element | None]:
    unit, scrap, rework = actual["unit"], actual["scrap"], actual.get("rework", {})
    reasons = [
        _amount("MaterialActualPropertyChild", r["reason_id"], r, unit) for r in scrap["reasons"] if r["reason_id"]
    ]
    sent = {"quantity": rework["sent"], "quantity_upper": rework["sent"]} if "sent" in rework else None
    yield _upper(actual, unit)
    yield _amount("MaterialActualProperty", "Scrap", scrap, unit, *reasons)
    yield _amount("MaterialActualProperty", "ReworkSent", sent, unit) if sent else None
    yield (
        _amount("MaterialActualProperty", "ReworkReturned", rework["returned"], unit) if "returned" in rework else None
    )


def _upper(amount: Mapping[str, Any], unit: str) -> Element | None:
    """`QuantityUpper`: the most it can be, without a quantity where no bound is known; nothing where it is exact."""
    if amount["quantity_upper"] == amount["quantity"]:
        return None
    bound = _quantity(amount["quantity_upper"], unit) if amount["quantity_upper"] is not None else None
    return element("MaterialActualProperty", leaf("ID", "QuantityUpper"), bound)


def _amount(name: str, id: str, amount: Mapping[str, Any], unit: str, *children: Element) -> Element:
    """Two quantities where it lies between two; an empty second one where no upper bound is known."""
    upper = amount["quantity_upper"]
    bound = None if upper == amount["quantity"] else _quantity("" if upper is None else upper, unit)
    return element(name, leaf("ID", id), _quantity(amount["quantity"], unit), bound, *children)
