"""Examples of the API's documents, made from their schemas and the words of one small plant, so that they agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

_AT: Final = "2026-12-01T14:00:00Z"
WORDS: Final[Mapping[str, tuple[Any, ...]]] = {
    "accepted_reason": ("",),
    "act": ("mounted", 4711),
    "act_sha256": ("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",),
    "actor": (7,),
    "address": ("192.0.2.17",),
    "alarm_text": ("Spindle overheated",),
    "allowance": ("1",),
    "area_id": ("HALL",),
    "AttemptOut.said": ("HTTP 503",),
    "AuditedActOut.place": ("BENCH",),
    "badge": ("04A1B2C3D4",),
    "blocked": ("0",),
    "bridge_id": ("box",),
    "by": ("ada",),
    "cancelled": ("PO-1001-PACK",),
    "cause": ("machine",),
    "changed": ("PO-1001-PACK",),
    "child_id": ("SN-1001",),
    "class_id": ("SOLDER-PASTES",),
    "client_id": ("lineside",),
    "client_secret": ("from-your-provider",),
    "code": ("no-such-reason", "BRIDGED"),
    "code_id": ("BRIDGED",),
    "command_id": ("c-1",),
    "company": ("Acme",),
    "confirmed_by": ("operator",),
    "connection_id": ("tryton",),
    "container_id": ("BOX-1",),
    "correlation_id": ("7f3a0c9e1b2d4f60",),
    "covers": ("10",),
    "credential": ("token/4",),
    "customer_id": ("ACME",),
    "cycle_unit": ("panel",),
    "data_type": ("decimal",),
    "database": ("factory",),
    "date_code": ("2648",),
    "decimal": (",",),
    "DefectOut.note": ("",),
    "definition_id": ("CB-100-ROUTE",),
    "delimiter": (";",),
    "delivery_note": ("DN-2201",),
    "DeliveryOut.said": ("HTTP 503",),
    "description": ("Control board",),
    "deviation": ("",),
    "dispatch_status": ("Dispatched",),
    "display_name": ("Ada Adams",),
    "login_name": ("ada@plant.example",),
    "document": ("",),
    "document_sha256": ("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",),
    "encoding": ("utf-8",),
    "end": ("14:00",),
    "equipment_class": ("PLACERS",),
    "equipment_class_id": ("PLACERS",),
    "equipment_id": ("BENCH",),
    "erp": ("50",),
    "ErpConnectionOut.kind": ("tryton",),
    "event_id": ("0193f9d2-6c1e-7c4a-9f51-1d2f6f3a9b10",),
    "event_type": ("orders.job-order-ended.v1",),
    "factor": ("1/12",),
    "FieldError.message": ("Input should be greater than 0",),
    "FieldError.where": ("body.quantity",),
    "file": ("orders.csv",),
    "final_yield_high": ("0.99",),
    "final_yield_low": ("0.98",),
    "first_article": ("",),
    "first_id": ("SN-1001",),
    "first_pass_yield": ("0.97",),
    "flag": ("",),
    "from_lot_id": ("R-00000001",),
    "from_version": ("1",),
    "given": ("0.5",),
    "good": ("48",),
    "groups_claim": ("groups",),
    "gtin": ("04012345000016",),
    "high": ("10.5",),
    "hold_reason": ("",),
    "SuspectReleaseIn.hold_reason": ("solder does not wet",),
    "id": ("CB-100", 42),
    "import_id": ("0193f9d2-6c1e-7c4a-9f51-1d2f6f3a9b12",),
    "InstructionStepOut.document": ("",),
    "into": ("PO-1001-PACK",),
    "into_id": ("R-00000003",),
    "issuer": ("https://id.example",),
    "job_id": ("PO-1001-PACK",),
    "job_order_id": ("PO-1001-PACK",),
    "job_state": ("Running",),
    "kept": ("PO-1001-PACK",),
    "key": ("1001",),
    "label": ("ERP",),
    "language": ("en",),
    "level": ("WorkUnit", "3"),
    "LifeOut.why": ("",),
    "link": ("a3f1",),
    "lot_id": ("R-00000001",),
    "low": ("9.5",),
    "manufacturer": ("Acme",),
    "mapping": ("sap-orders",),
    "material_class": ("SOLDER-PASTES",),
    "material_class_id": ("SOLDER-PASTES",),
    "material_id": ("CB-100",),
    "media_type": ("image/png",),
    "missing": ("0",),
    "model": ("X-200",),
    "mounted_setup_family": ("lead-free",),
    "msl": ("3",),
    "name": ("R12",),
    "needed": ("100",),
    "new_part_id": ("SN-2002",),
    "next_cursor": ("WyJDQi0xMDAiXQ",),
    "nominal_cycle_s": ("12.5",),
    "note": ("",),
    "operations_definition_id": ("CB-100-ROUTE",),
    "operations_definition_version": ("1",),
    "operations_request_id": ("PO-1001",),
    "operations_request_version": ("1",),
    "operator_id": ("ada",),
    "order_id": ("PO-1001",),
    "order_prefix": ("",),
    "other": ("SN-1002",),
    "over_percent": ("5",),
    "overridden": ("not-qualified",),
    "override_reason": ("",),
    "parent_id": ("HALL", "R-00000001"),
    "part": ("RC0603FR-0712KL",),
    "part_id": ("SN-2001",),
    "password": ("four words said at a desk",),
    "pattern": ("sap_*.csv",),
    "percent": (40,),
    "permissions": ("read-performance",),
    "person_claim": ("preferred_username",),
    "person_id": ("ada",),
    "personnel_class": ("SOLDERING",),
    "personnel_class_id": ("SOLDERING",),
    "physical_asset_id": ("MC-9",),
    "pieces": ("1",),
    "pin": ("4711",),
    "place": ("BENCHES",),
    "plant": ("48",),
    "position": ("U7",),
    "principal_id": ("erp",),
    "priority": (50,),
    "product": ("Tryton 8.0",),
    "production_day_start": ("06:00",),
    "program": ("AOI-7",),
    "program_revision": ("3",),
    "quantity": ("50",),
    "quantity_good": ("48",),
    "quantity_good_upper": ("48",),
    "quantity_left": ("42",),
    "quantity_per_cycle": ("4",),
    "quantity_per_piece": ("2",),
    "quantity_rework": ("1",),
    "quantity_scrap": ("1",),
    "quantity_scrap_upper": ("1",),
    "quantity_upper": ("2",),
    "quirks": ("rs-missing",),
    "reason": ("The customer called.",),
    "reason_id": ("scratch",),
    "received_before": ("R-00000001",),
    "received_by": ("ada",),
    "refused_by": ("lot-expired",),
    "remarks": ("",),
    "request_id": ("0193f9d2-6c1e-7c4a-9f51-1d2f6f3a9b11",),
    "reserved": ("20",),
    "result_id": ("AOI-2026-12-01-0815",),
    "ReconciliationOut.source": ("tryton",),
    "ReconciliationOut.sources": ("tryton",),
    "ResultOut.source": ("AOI-7",),
    "return_segment_id": ("PACK",),
    "revision": (2,),
    "role": ("",),
    "RowRefusalOut.detail": ("L-1: there is no material CB-101.",),
    "said": ("",),
    "scrap": ("2",),
    "scrap_allowance": ("2",),
    "second_id": ("SN-1002",),
    "secret": ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",),
    "seen_version_label": ("1",),
    "segment_id": ("PACK",),
    "serial_number": ("4711-08",),
    "setup_family": ("lead-free",),
    "sha256": ("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",),
    "sheet": ("Orders",),
    "shipment_id": ("DN-9001",),
    "shortage_reason": ("",),
    "signature": ("7f3a0c9e1b2d4f60",),
    "SignatureOut.what": ("CB-100-ROUTE 2",),
    "slot_id": ("F1-12",),
    "source": ("AOI-7",),
    "spent": ("",),
    "start": ("06:00",),
    "state": ("Running",),
    "subject": ("order/PO-1001",),
    "suggested": ("PO-1001-PACK",),
    "supplier": ("Acme",),
    "supplier_lot": ("A77-2",),
    "symbology": ("Data Matrix",),
    "tag": ("PRESS.Temperature",),
    "TagOut.what": ("Oven temperature",),
    "taken": ("0",),
    "text": ("Fit the cover and tighten four screws.",),
    "time_zone": ("Europe/Berlin",),
    "title": ("Fit the cover",),
    "to_lot_id": ("SN-1001",),
    "to_version": ("2",),
    "token": ("lst_default_…",),
    "tool": ("STENCIL-1",),
    "tool_id": ("STENCIL-1",),
    "ToolOut.kind": ("stencil",),
    "truncated": ("lots",),
    "type": ("orders.job-order-ended.v1",),
    "UnassignedOut.kind": ("good",),
    "under_percent": ("2",),
    "unit": ("pcs",),
    "unit_id": ("SN-1001",),
    "unknown_reason": ("no-signal",),
    "unused_columns": ("Remarks",),
    "url": ("https://erp.example/lineside",),
    "usable": ("120",),
    "use": ("Consumed",),
    "user": ("lineside",),
    "value": ("0.6",),
    "vendor": ("Acme",),
    "verdict": ("passed",),
    "version": (1, "1"),
    "version_label": ("1",),
    "was": ("48",),
    "webhook_id": ("erp",),
    "what": ("",),
    "when_away": ("go-on",),
    "who": ("ada",),
    "why": ("",),
    "work_center_id": ("BENCHES",),
    "work_master_id": ("WM-BENCH",),
    "work_master_version": ("1",),
    "work_request_id": ("PO-1001",),
    "work_unit_id": ("BENCH",),
}
"""What a member of this name says, first the one that fits its type; `Schema.member`: what it says there alone."""
PLURALS: Final[Mapping[str, str]] = {
    "alternative_equipment_ids": "equipment_id",
    "equipment_classes": "equipment_class",
    "equipment_ids": "equipment_id",
    "event_types": "event_type",
    "failed_ids": "unit_id",
    "good_ids": "other",
    "job_order_ids": "job_order_id",
    "lot_ids": "lot_id",
    "material_classes": "material_class",
    "personnel_class_ids": "personnel_class",
    "qualification_ids": "personnel_class",
}
OPEN_MEMBERS: Final[Mapping[str, Any]] = {
    "columns": {"id": "Charge", "quantity": "Menge"},
    "fixed": {"unit": "pcs"},
    "versions": {"PO-1001-PACK": 1},
    "values": {"torque": "0.6"},
    "held_otherwise": {"scratched": 3},
    "into": {"R-00000003": "20"},
    "materials": {"F1-12": "CB-100"},
    "payload": {"job_id": "PO-1001-PACK"},
    "data": {"job_id": "PO-1001-PACK"},
}
"""What stands in a member whose names are data."""
_DEPTH_MAX: Final = 8
_FORMATS: Final = {"date-time": _AT, "date": "2026-12-01", "uri": "https://erp.example/lineside"}


def example_of(
    schema: Schema, schemas: Mapping[str, Schema], *, asked: bool, name: str = "", of: str = "", depth: int = 0
) -> Any:
    """A value of this schema. `asked`: as one would send it, without what may be left out and has nothing to say."""
    if given := _given(schema):
        return given[0]
    if "$ref" in schema:
        target = schema["$ref"].rpartition("/")[2]
        return example_of(schemas[target], schemas, asked=asked, name=name, of=target, depth=depth + 1)
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return _of_options(options, schemas, asked=asked, name=name, of=of, depth=depth)
    if schema.get("type") == "array":
        return _of_array(schema, schemas, asked=asked, name=name, of=of, depth=depth)
    if schema.get("type") == "object" or "properties" in schema:
        return _of_object(schema, schemas, asked=asked, name=name, of=of, depth=depth)
    return _of_scalar(schema, name, of)


def _given(schema: Schema) -> list[Any]:
    if "const" in schema:
        return [schema["const"]]
    if "example" in schema:
        return [schema["example"]]
    return list(schema.get("examples") or schema.get("enum") or [])


def _of_options(
    options: list[Schema], schemas: Mapping[str, Schema], *, asked: bool, name: str, of: str, depth: int
) -> Any:
    """Exact numbers as text where both are taken; nothing only where nothing else is."""
    real = [option for option in options if option.get("type") != "null"]
    best = next((option for option in real if option.get("type") == "string"), real[0])
    return example_of(best, schemas, asked=asked, name=name, of=of, depth=depth)


def _of_array(
    schema: Schema, schemas: Mapping[str, Schema], *, asked: bool, name: str, of: str, depth: int
) -> list[Any]:
    if depth > _DEPTH_MAX or "items" not in schema:
        return []
    one = example_of(schema["items"], schemas, asked=asked, name=PLURALS.get(name, name), of=of, depth=depth + 1)
    return [one] * max(1, int(schema.get("minItems", 1)))


def _of_object(
    schema: Schema, schemas: Mapping[str, Schema], *, asked: bool, name: str, of: str, depth: int
) -> dict[str, Any]:
    members: Mapping[str, Schema] = schema.get("properties", {})
    if not members:
        return dict(OPEN_MEMBERS.get(name, {}))
    required = frozenset(schema.get("required", ()))
    told = [member for member in members if member in required or not asked or _speaks(members[member])]
    return {
        member: example_of(members[member], schemas, asked=asked, name=member, of=of, depth=depth + 1)
        for member in told
    }


def _speaks(member: Schema) -> bool:
    """Whether a member that may be left out is worth showing: it has a default that is a word or a number."""
    default = member.get("default")
    return (isinstance(default, (int, float)) and not isinstance(default, bool)) or (
        default == "" and "enum" not in member
    )


def _of_scalar(schema: Schema, name: str, of: str) -> Any:
    kind = schema.get("type")
    if kind == "boolean":
        return bool(schema.get("default", True))
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    types: tuple[type, ...] = {"integer": (int,), "number": (int, float)}.get(str(kind), (str,))
    fitting = [word for word in WORDS.get(f"{of}.{name}", WORDS.get(name, ())) if isinstance(word, types)]
    if fitting:
        return fitting[0]
    return "5" if kind == "string" and _is_numeric(schema) else _plain(schema, name)


def _is_numeric(schema: Schema) -> bool:
    return str(schema.get("pattern", "")).startswith(("^(?!^[-+.]*$)", "^(?!"))


def _plain(schema: Schema, name: str) -> Any:
    if schema.get("type") in ("integer", "number"):
        return max(1, int(schema.get("minimum", 1)), int(schema.get("exclusiveMinimum", 0)) + 1)
    return "" if schema.get("default") == "" else name.replace("_", "-") or "text"
