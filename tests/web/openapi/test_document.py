"""What the description of the API promises beyond being valid: ids, words, examples, every code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from fastapi.routing import iter_route_contexts
from pydantic import TypeAdapter, ValidationError

from mes.access.door import caller
from mes.access.door.routing import REFUSALS_KEY, api_router
from mes.kernel.errors import Refusal
from standards.lineside.events_v1 import EVENTS
from tests.support.contract import PROMISED, breaking_changes
from tests.support.event_index import EVENT_INDEX, event_index
from tests.support.problem_index import INDEX, index, pages
from tests.support.reachable import reachable_refusals
from web.event_schemas import event_schemas
from web.main import create_app
from web.openapi import operations, refusal_kinds, written
from web.settings import Settings

Document = dict[str, Any]
PAGES = Path(__file__).parent.parent.parent.parent / "docs" / "problems"
pytestmark = pytest.mark.xdist_group("openapi")
GIVEN = {"version-missing", "bad-cursor", "fields-unknown", "signature-not-good"}
"""Those that follow from a route's parameters, or from what a plant marks: told of every route that writes."""
READINGS = {"ingest_batch", "retry_quarantined_reading"}
"""What a machine told is never refused with the words of the verb it ends in: it goes to quarantine, or stays there."""
OPEN = {
    *("AuditedActOut.changes", "AuditedActOut.data", "DryRunEvent.payload", "EventOut.data"),
    *("Command.payload", "CommandResult.document"),
    *("EventMessage.data", "AccessActSignedV1.what", "EdgeCommandPutV1.payload"),
}
"""Objects whose members another word names: the type of the event, the kind of the command."""
VERBS = (
    "acknowledge adjust ask begin cancel change check choose complete convert correct create decide do erase exchange "
    "finish get hold import ingest lift list map mark may merge mount move override pack pause prolong propose "
    "put read receive record release remove replace replay report resume retry reverse revoke scan scrap send "
    "sequence set settle ship split start stream submit take tell test undo unmount unpack update upsert"
).split()


def test_operation_ids_are_a_verb_and_a_noun_and_nobody_elses(document: Document) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    assert [name for name in ids if not re.fullmatch(f"({'|'.join(VERBS)})(_[a-z0-9]+)+", name)] == []


def test_every_schema_has_a_name_of_its_own_that_a_program_may_use(document: Document) -> None:
    assert [name for name in document["components"]["schemas"] if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name)] == []


def test_bounds_are_said_in_words_that_others_read(document: Document) -> None:
    """Pydantic has words of its own for what JSON Schema says otherwise."""
    text = json.dumps(document)
    assert [word for word in ("ge", "gt", "le", "lt", "max_digits", "decimal_places") if f'"{word}": ' in text] == []


def test_every_operation_says_what_it_is_and_shows_it(document: Document) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    assert document["security"] == [{"token": []}]
    for _, operation in operations(document):
        assert operation["description"], operation["operationId"]
        assert set(operation["tags"]) <= tags
        contents = list(_contents(document, operation))
        assert all("example" in content or "examples" in content for _, content, _ in contents), operation[
            "operationId"
        ]


def _contents(document: Document, operation: Document) -> Iterator[tuple[str, Document, bool]]:
    body = operation.get("requestBody", {}).get("content", {})
    yield from ((f"{operation['operationId']} body", content, True) for content in body.values())
    for status, answer in operation["responses"].items():
        told = document["components"]["responses"][answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
        for kind, content in told.get("content", {}).items():
            yield f"{operation['operationId']} {status} {kind}", content, False


def test_every_example_is_what_its_schema_says(document: Document) -> None:
    """All in one schema: each compiled alone takes half a minute."""
    shown = {
        where: content
        for _, operation in operations(document)
        for where, content, _ in _contents(document, operation)
        if content.get("schema")
    }
    schemas = {where: content["schema"] for where, content in shown.items()}
    whole = {"type": "object", "properties": schemas, "components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    examples = {where: content["example"] for where, content in shown.items()}
    assert len(examples) > 300
    assert [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(examples)] == []


def test_every_example_of_a_body_is_taken_by_its_route(document: Document) -> None:
    """Its own validators say more than the schema can."""
    bodies = {
        operation["operationId"]: content["example"]
        for _, operation in operations(document)
        for kind, content in operation.get("requestBody", {}).get("content", {}).items()
        if kind == "application/json" and "example" in content
    }
    wrong = []
    for name, model in _body_models().items():
        try:
            TypeAdapter(model).validate_json(json.dumps(bodies[name]))
        except ValidationError as error:
            wrong.append(f"{name}: {error.errors()[0]['loc']} {error.errors()[0]['msg']} of {bodies[name]}")
    assert wrong == []


def test_no_example_is_a_members_own_name(document: Document) -> None:
    """What nobody thought of says its name: give it a word in web/examples.py, or an example in its schema."""
    named = set()
    for _, operation in operations(document):
        shown = [(where, content.get("example")) for where, content, _ in _contents(document, operation)]
        places = [p for p in operation.get("parameters", ()) if p["in"] == "path"]
        shown += [(f"{operation['operationId']}?", {p["name"]: p["example"]}) for p in places]
        named |= {f"{where}{member}" for where, example in shown for member in _placeholders(example, "text", "")}
    assert named == set()


def _placeholders(example: Any, name: str, where: str) -> Iterator[str]:
    if isinstance(example, dict):
        for member, value in example.items():
            yield from _placeholders(value, member, f"{where}.{member}")
    elif isinstance(example, list):
        for value in example:
            yield from _placeholders(value, name, where)
    elif isinstance(example, str) and example in {name.replace("_", "-"), "text", "string", "example"}:
        yield where


def test_every_type_of_event_has_its_payload(document: Document) -> None:
    """Its schema refers to what is there, and to the words that answers use."""
    assert document["webhooks"].keys() == EVENTS.keys()
    schemas = document["components"]["schemas"]
    jsonschema_rs.Draft202012Validator({"components": document["components"], **document["webhooks"]})
    for name, schema in event_schemas().items():
        assert sorted(schemas[name].get("enum", ())) == sorted(schema.get("enum", ())), name
        assert schemas[name].get("properties") == schema.get("properties"), f"two schemas are called {name}"


def test_the_message_of_a_webhook_is_what_its_schema_says(document: Document) -> None:
    schema = document["webhooks"]["orders.jobs-merged.v1"]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    validator = jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]})
    payload = {"job_order_id": "J-1", "merged": ["J-2"], "quantity_e6": 2_000_000, "reason": "late"}
    message = {"type": "orders.jobs-merged.v1", "timestamp": "2026-03-02T08:00:00Z", "seq": 7, "subject": "job/J-1"}
    assert validator.is_valid({**message, "data": payload | {"added": "later"}})
    assert not validator.is_valid({**message, "data": payload | {"merged": "J-2"}})
    assert not validator.is_valid({**message, "type": "orders.job-merged.v1", "data": payload})


def test_the_list_of_event_types_is_as_it_would_be_written() -> None:
    assert EVENT_INDEX.read_text("utf-8") == event_index(), "make api writes it"


def test_every_object_says_what_is_in_it(document: Document) -> None:
    schemas = document["components"]["schemas"]
    contents = {
        where: content["schema"]
        for _, operation in operations(document)
        for where, content, _ in _contents(document, operation)
        if "schema" in content
    }
    found = {where for name, schema in {**schemas, **contents}.items() for where in _unsaid(schema, name)}
    assert found == OPEN


def _unsaid(schema: Document, where: str) -> Iterator[str]:
    """Objects, lists and values of which nothing is told."""
    told = {"type", "$ref", "anyOf", "oneOf", "const", "enum"} & schema.keys()
    is_open = schema.get("additionalProperties", True) in (True, {}) and "patternProperties" not in schema
    if not told or (schema.get("type") == "object" and "properties" not in schema and is_open):
        yield where
    if schema.get("type") == "array" and "items" not in schema:
        yield f"{where}[]"
    members = {**schema.get("properties", {}), "[]": schema.get("items"), "*": schema.get("additionalProperties")}
    for member, its_schema in members.items():
        if isinstance(its_schema, dict):
            yield from _unsaid(its_schema, f"{where}.{member}")
    for option in schema.get("anyOf", schema.get("oneOf", ())):
        yield from _unsaid(option, where)


def test_every_number_that_is_asked_for_has_its_bounds(document: Document) -> None:
    """Beyond 63 bits a database driver gives up."""
    found: set[str] = set()
    for _, operation in operations(document):
        asked = [(f"?{p['name']}", p["schema"]) for p in operation.get("parameters", ())]
        contents = operation.get("requestBody", {}).get("content", {}).values()
        for name, schema in [*asked, *((" body", content["schema"]) for content in contents)]:
            found |= set(_unbounded(document, schema, operation["operationId"] + name, frozenset()))
    assert found == set()


def _unbounded(document: Document, schema: Document, where: str, seen: frozenset[str]) -> Iterator[str]:
    if (name := schema.get("$ref", "").rpartition("/")[2]) in seen and name:
        return
    if name:
        yield from _unbounded(document, document["components"]["schemas"][name], name, seen | {name})
    if schema.get("type") == "integer" and not {"maximum", "exclusiveMaximum", "enum", "const"} & schema.keys():
        yield where
    members = {**schema.get("properties", {}), "[]": schema.get("items"), "*": schema.get("additionalProperties")}
    for member, its_schema in members.items():
        if isinstance(its_schema, dict):
            yield from _unbounded(document, its_schema, f"{where}.{member}", seen)
    for option in schema.get("anyOf", ()):
        yield from _unbounded(document, option, where, seen)


def _routes() -> Iterator[Any]:
    for context in iter_route_contexts(create_app(Settings(environment="test")).routes):
        route = context.original_route
        if getattr(route, "include_in_schema", False) and route.endpoint.__module__.startswith("mes."):
            yield route


def _body_models() -> dict[str, Any]:
    return {r.name: r.body_field.field_info.annotation for r in _routes() if r.body_field is not None}


def _refusals(route: Any) -> frozenset[type[Refusal]]:
    kinds = reachable_refusals(route.endpoint)
    if route.name not in READINGS:
        return kinds
    return frozenset(kind for kind in kinds if kind.__module__.startswith(("mes.ingest.", "mes.edge.")))


def test_every_route_declares_what_it_can_be_refused_with() -> None:
    """As the code has it: `refuses(…)` names each refusal that the route's verbs, queries and rules can end in."""
    common = reachable_refusals(caller) | reachable_refusals(api_router)
    wrong = {}
    for route in _routes():
        declared = set((route.openapi_extra or {}).get(REFUSALS_KEY, ()))
        reached = {kind.code for kind in _refusals(route) - common} - GIVEN
        if declared != reached:
            wrong[route.name] = {"declare": sorted(reached - declared), "drop": sorted(declared - reached)}
    assert wrong == {}


def test_every_code_has_its_page(document: Document) -> None:
    codes = {code for _, operation in operations(document) for code in operation[REFUSALS_KEY]}
    assert len(codes) > 150
    assert {code for code in codes if not (PAGES / f"{code}.md").is_file()} == set()
    assert refusal_kinds().keys() >= codes - {"invalid", "unreadable", "body-too-large"}


def test_the_list_of_codes_is_what_the_pages_and_the_code_say() -> None:
    assert INDEX.read_text("utf-8") == index(), "`make api` writes it anew"
    told = {page.code: (page.title, page.status) for page in pages()}
    ours = {code: kind for code, kind in refusal_kinds().items() if not kind.__module__.startswith("tests.")}
    kinds = {code: (kind.title, kind.status) for code, kind in ours.items()}
    assert {code: what for code, what in kinds.items() if told[code] != what} == {}


def test_nothing_that_was_promised_is_taken_away(document: Document) -> None:
    promised = json.loads(PROMISED.read_text("utf-8"))
    assert breaking_changes(promised, document) == []


def test_what_was_added_is_recorded(document: Document) -> None:
    same = PROMISED.read_text("utf-8") == written(document)
    assert same, "the API is not as docs/api/openapi.json says: `make api` records what was added"


@pytest.mark.parametrize("word", ["/api/v1/", "/b2mml"])
def test_only_the_api_is_described(document: Document, word: str) -> None:
    others = [path for path in document["paths"] if not path.startswith(("/api/v1/", "/b2mml"))]
    assert others == []
    assert any(path.startswith(word) for path in document["paths"])
