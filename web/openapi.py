"""The description of the API (OpenAPI 3.1): what FastAPI knows of routes, and what holds for all of them alike."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI

from mes.access.door.routing import FIELDS_MAX, LEAVING_KEY, REFUSALS_KEY, REHEARSAL
from mes.kernel.errors import Refusal, Unavailable
from standards.lineside.problem import MEDIA_TYPE, TYPE_PREFIX
from web.event_schemas import event_schemas, event_webhooks
from web.examples import example_of
from web.wire_schemas import wire_schemas

Document = dict[str, Any]
JSON: Final = "application/json"
TAGS: Final[Mapping[str, str]] = {
    "access": "Who may call: persons, integrations and bridges, their roles, tokens, PINs and passwords.",
    "personnel": "People and what they are qualified for.",
    "equipment": "The plant from site to station, its machines, what is known of them, the calendar and its shifts.",
    "materials": "Materials, lots and serials: received, kept, held, released, and how long they may be used.",
    "definitions": "How products are made: recipes, routings with versions, work instructions, scrap reasons.",
    "orders": "What is to be made: operations requests, and the job orders they become.",
    "quality": "Results, verdicts, defects, first articles, holds and yields.",
    "genealogy": "What was made of what: acts as they happen, and every question about them.",
    "operations performance": "What was made, consumed and scrapped, told back to the ERP.",
    "history": "What machines measured, from single samples to roll-ups.",
    "events": "Everything that happens, in commit order: by cursor, long poll or server-sent events.",
    "webhooks": "The same events, signed and sent to you.",
    "erp": "ERP systems that Lineside works with by itself.",
    "files": "Master data and orders from CSV files and workbooks, a result per row; mappings that are remembered.",
    "reconciliation": "What the ERP thinks against what the plant knows, by order and by lot.",
    "readings": "What machines told that nobody could use, until somebody has decided about it.",
    "bridge": "For edge bridges alone: samples in, commands out.",
    "B2MML": "The ISA-95 documents of an ERP, as XML.",
}
INTRODUCTION: Final = (
    "The whole plant by REST; docs/api/rest.md tells it in words.\n\n"
    "A caller is a principal with a token (`Authorization: Bearer …`). Lists answer `{items, next_cursor}`; `cursor` "
    "takes the next page, `fields` names the members you want. A resource has an ETag; an update says with `If-Match` "
    "(or `version`) what it was made from. `dry_run=true` tries a request and undoes it. Refusals are problem details "
    "(RFC 9457) with a stable `code`; each has a page below docs/problems. A route that will go says so with "
    "`Deprecation` (RFC 9745) and `Sunset` (RFC 8594). Within v1 nothing is taken away."
)
EVERY: Final = frozenset(
    "credential-unknown dry-run-unclear internal-error no-such-plant not-signed-in permission-missing "
    "principal-disabled token-expired token-revoked wrong-plant database-busy database-unavailable "
    "shutting-down".split()
)
_WITH_PARAMETERS: Final = frozenset({"invalid", "value-not-kept"})
_WITH_BODY: Final = frozenset({"unreadable", "bad-request", "invalid", "value-not-kept", "body-too-large"})
_WRITING: Final = frozenset({"constraint-conflict", "version-conflict", "signature-needed", "signature-not-good"})
_SHARED: Final = EVERY | _WITH_PARAMETERS | _WITH_BODY | _WRITING
"""What many operations have in common is told once for each status."""
_ASKING: Final = frozenset({"ask_recall", "ask_shared", "check_erp_connection", "propose_receipt", "test_webhook"})
"""They are sent by POST, and change nothing."""
_OWN_REHEARSAL: Final = frozenset({"import_rows", "create_signature"})
"""Their `dry_run` is answered as the request itself is."""
_OWN_PROTOCOL: Final = frozenset({"bridge", "B2MML"})
"""Tags whose protocol is told elsewhere (docs/api/ingest.md, docs/standards/b2mml.md): no `dry_run`, no `fields`."""
_OTHERS: Final[Mapping[str, tuple[int, str, str]]] = {
    "invalid": (422, "Not valid", "Correct what `errors` names."),
    "unreadable": (400, "Not JSON", "Send a JSON document."),
    "body-too-large": (413, "The request is too large", "Send less at a time."),
    "internal-error": (500, "Something broke here", "Tell whoever looks after Lineside the reference."),
    "database-busy": (503, "Not available right now", "Try again in a moment."),
    "database-unavailable": (503, "Not available right now", "Try again in a moment."),
    "shutting-down": (503, "Not available right now", "Try again in a moment."),
}
"""Problems that are no refusals of a verb: status, title, what next."""
PROBLEM: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "Problem details (RFC 9457). `code` is stable; the rest is for people. Some carry more members.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "description": "The address of the problem's page."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "What a program decides by."},
        "detail": {"type": "string", "description": "What happened here."},
        "next_step": {"type": "string", "description": "What to do next."},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
        "reference": {"type": "string", "description": "Of a bug: what the log knows it by."},
    },
    "additionalProperties": True,
}
FIELD_ERROR: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "One fault of an input.",
    "required": ["where", "message", "code"],
    "properties": {"where": {"type": "string"}, "message": {"type": "string"}, "code": {"type": "string"}},
}
DRY_RUN: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "What a request would have recorded; nothing of it was kept.",
    "required": ["dry_run", "events"],
    "properties": {
        "dry_run": {"const": True},
        "events": {"type": "array", "items": {"$ref": "#/components/schemas/DryRunEvent"}},
    },
}
DRY_RUN_EVENT: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["type", "subject", "payload"],
    "properties": {
        "type": {"type": "string"},
        "subject": {"type": "string"},
        "payload": {"type": "object", "additionalProperties": True, "description": "As `webhooks` says of its type."},
    },
}


class Api(FastAPI):
    """The application with its own description."""

    def openapi(self) -> Document:
        """The description, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = described(super().openapi())
        return self.openapi_schema


def described(plain: Document) -> Document:
    """FastAPI's description with everything that the routes have in common."""
    document: Document = _renamed(copy.deepcopy(plain))
    document["info"] |= {"description": INTRODUCTION, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}}
    document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    document["security"] = [{"token": []}]
    components = document.setdefault("components", {})
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "The token of a principal of this plant."}
    }
    schemas = components.setdefault("schemas", {})
    for gone in ("HTTPValidationError", "ValidationError"):
        schemas.pop(gone, None)
    for schema in schemas.values():
        _untitle(schema)
    _bound(schemas)
    _bound(document["paths"])
    schemas |= {"Problem": PROBLEM, "FieldError": FIELD_ERROR, "DryRun": DRY_RUN, "DryRunEvent": DRY_RUN_EVENT}
    schemas |= wire_schemas()
    schemas |= {name: schema for name, schema in event_schemas().items() if name not in schemas}
    document["webhooks"] = event_webhooks()
    components["responses"] = {f"Problem{status}": _problem(codes) for status, codes in _by_status(_SHARED).items()}
    for method, operation in operations(document):
        _describe(method, operation, schemas)
    return document


_OF: Final = re.compile(r"(?P<of>PageOf|BulkOf)_(?P<what>\w+?)(?:Out|In)?_")
_REF: Final = "#/components/schemas/"


def _renamed(node: Any) -> Any:
    """Pages and bulks of something named as a person would: `PageOf_ToolOut_` is a ToolPage."""
    if isinstance(node, list):
        return [_renamed(child) for child in node]
    if isinstance(node, str):
        return _REF + _plain(node.removeprefix(_REF)) if node.startswith(_REF) else node
    return {_plain(name): _renamed(child) for name, child in node.items()} if isinstance(node, dict) else node


def _plain(name: str) -> str:
    found = _OF.fullmatch(name)
    return f"{found['what']}{'Page' if found['of'] == 'PageOf' else 'BulkIn'}" if found else name


def _untitle(node: Any) -> None:
    """Titles made from names say nothing; generators make class names of them."""
    if isinstance(node, dict):
        if isinstance(node.get("title"), str):
            del node["title"]
        for child in node.values():
            _untitle(child)
    elif isinstance(node, list):
        for child in node:
            _untitle(child)


_BOUNDS: Final = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_NO_WORDS: Final = ("max_digits", "decimal_places", "allow_inf_nan")


def _bound(node: Any) -> None:
    """Bounds in the words of JSON Schema: behind a validator of ours pydantic leaves them in its own."""
    for child in node if isinstance(node, list) else node.values() if isinstance(node, dict) else ():
        _bound(child)
    if not isinstance(node, dict) or not ({"type", "anyOf"} & node.keys()):
        return
    bounds = {word: node.pop(own) for own, word in _BOUNDS.items() if own in node}
    for own in _NO_WORDS:
        node.pop(own, None)
    for option in (node, *node.get("anyOf", ())):
        if option.get("type") in ("number", "integer"):
            option.update(bounds)


def written(document: Mapping[str, Any]) -> str:
    """The text of a description, the same for the same: a line for each operation and each schema."""
    return _lines(document, levels=3) + "\n"


def _lines(value: Any, *, levels: int) -> str:
    if levels == 0 or not isinstance(value, dict):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    members = [f"{json.dumps(name)}: {_lines(value[name], levels=levels - 1)}" for name in sorted(value)]
    return "{\n" + ",\n".join(members) + "\n}"


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    """Every operation with its method."""
    for path in document["paths"].values():
        yield from path.items()


def _describe(method: str, operation: Document, schemas: Mapping[str, Any]) -> None:
    is_writing = _writes(method, operation)
    operation["responses"].pop("422", None)
    if method == "get":
        _say_fields(operation, schemas)
    if is_writing and operation["tags"][0] not in _OWN_PROTOCOL and operation["operationId"] not in _OWN_REHEARSAL:
        _say_rehearsal(operation)
    _say_etag(method, operation, schemas)
    _say_farewell(operation)
    codes = {*operation.get(REFUSALS_KEY, ()), *_common_codes(operation, writes=is_writing)}
    operation[REFUSALS_KEY] = sorted(codes)
    for status, its_codes in _by_status(codes | EVERY).items():
        _say_problem(operation, status, its_codes)
    _show(operation, schemas)


def _writes(method: str, operation: Document) -> bool:
    return method != "get" and operation["operationId"] not in _ASKING


def _common_codes(operation: Document, *, writes: bool) -> Iterator[str]:
    names = {parameter["name"].lower() for parameter in operation.get("parameters", ())}
    if names:
        yield from _WITH_PARAMETERS
    if "requestBody" in operation:
        yield from _WITH_BODY
    if writes:
        yield from _WRITING
    if "if-match" in names:
        yield "version-missing"
    if "cursor" in names:
        yield "bad-cursor"
    if "fields" in names:
        yield "fields-unknown"


def _by_status(codes: Collection[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for code in sorted(codes):
        found.setdefault(problem_of_code(code)[0], []).append(code)
    return found


def problem_of_code(code: str) -> tuple[int, str, str]:
    """Status, title and next step of a code; KeyError where there is none."""
    kind = refusal_kinds().get(code)
    return (kind.status, kind.title, kind.next_step) if kind is not None else _OTHERS[code]


@cache
def refusal_kinds() -> dict[str, type[Refusal]]:
    """Every leaf of the error tree that is loaded when this is first asked, by its code."""
    found: dict[str, type[Refusal]] = {}
    waiting: list[type[Refusal]] = [Refusal]
    while waiting:
        kind = waiting.pop()
        found.setdefault(kind.code, kind)
        waiting += kind.__subclasses__()
    return found


def _say_problem(operation: Document, status: int, codes: list[str]) -> None:
    told = operation["responses"].get(str(status))
    if told is None and _SHARED.issuperset(codes):
        operation["responses"][str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
        return
    problem = _problem(codes)
    if told is not None:
        problem["content"] |= told.get("content", {})
        problem["description"] = told["description"] + "\n\n" + problem["description"]
    operation["responses"][str(status)] = problem


def _problem(codes: Collection[str]) -> Document:
    """A response of problem details with one of these codes, which share a status."""
    shown = next((code for code in sorted(codes) if code not in _SHARED), min(codes))
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": _problem_example(shown)}
    told: Document = {"description": "\n".join(f"* `{code}`: {problem_of_code(code)[1]}." for code in sorted(codes))}
    if problem_of_code(shown)[0] == Unavailable.status:
        told["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
    return told | {"content": {MEDIA_TYPE: content}}


def _problem_example(code: str) -> Document:
    status, title, next_step = problem_of_code(code)
    problem = {"type": TYPE_PREFIX + code, "title": title, "status": status, "code": code}
    return problem | ({"next_step": next_step} if next_step else {})


def _say_fields(operation: Document, schemas: Mapping[str, Any]) -> None:
    schema = _answer_schema(operation, schemas)
    if "properties" not in schema or schema.get("additionalProperties") is True:
        return
    if operation["tags"][0] in _OWN_PROTOCOL:
        return
    parameter = {
        "name": "fields",
        "in": "query",
        "required": False,
        "schema": {"type": "string", "maxLength": FIELDS_MAX},
        "description": "Only these members of the answer (of a list: of each item), separated by commas. "
        "The rest is left out, also what is always there otherwise.",
    }
    operation.setdefault("parameters", []).append(parameter)


def _say_rehearsal(operation: Document) -> None:
    parameter = {
        "name": "dry_run",
        "in": "query",
        "required": False,
        "schema": {"type": "boolean", "default": False},
        "description": "Do everything and undo it: the answer is what would have been recorded, or the refusal.",
    }
    operation.setdefault("parameters", []).append(parameter)
    answer = operation["responses"].setdefault("200", {"description": "With `dry_run=true`: nothing was kept."})
    answer.setdefault("content", {})[REHEARSAL] = {"schema": {"$ref": "#/components/schemas/DryRun"}}


def _say_etag(method: str, operation: Document, schemas: Mapping[str, Any]) -> None:
    if "version" not in _answer_schema(operation, schemas).get("properties", {}):
        return
    if any(parameter["name"].lower() == "if-match" for parameter in operation.get("parameters", ())) or method == "get":
        header = {"schema": {"type": "string"}, "description": "The version, for `If-Match`."}
        operation["responses"]["200"].setdefault("headers", {})["ETag"] = header
        if method == "get":
            operation["responses"]["304"] = {"description": "With `If-None-Match`: it is as you have it."}


def _answer_schema(operation: Document, schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    schema = operation["responses"].get("200", {}).get("content", {}).get(JSON, {}).get("schema", {})
    found: Mapping[str, Any] = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found


def _say_farewell(operation: Document) -> None:
    leave = operation.pop(LEAVING_KEY, None)
    if leave is not None:
        operation["description"] += f"\n\nGoes on {leave['until'][:10]}; call {leave['instead']} instead."


def _show(operation: Document, schemas: Mapping[str, Any]) -> None:
    """An example of each body, answer and place in the path that has none."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            parameter.setdefault(
                "example", example_of(parameter["schema"], schemas, asked=True, name=parameter["name"])
            )
    for content in operation.get("requestBody", {}).get("content", {}).values():
        _exemplify(content, schemas, asked=True)
    for status, answer in operation["responses"].items():
        if int(status) < HTTPStatus.BAD_REQUEST:
            for content in answer.get("content", {}).values():
                _exemplify(content, schemas, asked=False)


def _exemplify(content: Document, schemas: Mapping[str, Any], *, asked: bool) -> None:
    schema = content.get("schema", {})
    if schema and "example" not in content:
        content["example"] = example_of(schema, schemas, asked=asked)
