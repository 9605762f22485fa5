"""What counts as taking something away: each change that stops somebody's program is found, and no other."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.contract import breaking_changes

Document = dict[str, Any]
THING: Document = {
    "type": "object",
    "required": ["id", "state"],
    "properties": {
        "id": {"type": "string", "maxLength": 10},
        "state": {"type": "string", "enum": ["open", "done"]},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
    },
}
TOLD: Document = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string"},
        "sizes": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
WISH = copy.deepcopy(THING)
WISH["properties"]["parts"]["items"] = {"$ref": "#/components/schemas/Wish"}
PROMISED: Document = {
    "paths": {
        "/things": {
            "put": {
                "operationId": "put_thing",
                "parameters": [{"in": "query", "name": "size", "schema": {"type": "integer", "maximum": 9}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Wish"}}}},
                "responses": {
                    "200": {
                        "headers": {"ETag": {}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
                    }
                },
            }
        }
    },
    "webhooks": {
        "things.made.v1": {
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "allOf": [
                                    {"$ref": "#/components/schemas/Message"},
                                    {"type": "object", "properties": {"data": {"$ref": "#/components/schemas/Told"}}},
                                ]
                            }
                        }
                    }
                }
            }
        }
    },
    "components": {
        "schemas": {
            "Thing": THING,
            "Wish": WISH,
            "Told": TOLD,
            "Message": {
                "type": "object",
                "required": ["type", "data"],
                "properties": {"type": {"type": "string"}, "data": {"type": "object"}},
            },
        }
    },
}


def put(document: Document) -> Document:
    operation: Document = document["paths"]["/things"]["put"]
    return operation


def wish(document: Document) -> Document:
    schema: Document = document["components"]["schemas"]["Wish"]
    return schema


def thing(document: Document) -> Document:
    schema: Document = document["components"]["schemas"]["Thing"]
    return schema


def told(document: Document) -> Document:
    schema: Document = document["components"]["schemas"]["Told"]
    return schema


def message(document: Document) -> Document:
    schema: Document = document["components"]["schemas"]["Message"]
    return schema


BREAKING: dict[str, Callable[[Document], object]] = {
    "put_thing: PUT /things is gone": lambda d: d["paths"].clear(),
    "put_thing: its operation id is other now": lambda d: put(d).update(operationId="other"),
    "put_thing 200: is not answered any more": lambda d: put(d)["responses"].clear(),
    "put_thing 200: header ETag is gone": lambda d: put(d)["responses"]["200"]["headers"].clear(),
    "put_thing 200: application/json is gone": lambda d: put(d)["responses"]["200"]["content"].clear(),
    "put_thing 200.note: is gone": lambda d: thing(d)["properties"].pop("note"),
    "put_thing 200.id: may be missing now": lambda d: thing(d)["required"].remove("id"),
    "put_thing 200.state: done is gone": lambda d: thing(d)["properties"]["state"]["enum"].remove("done"),
    "put_thing 200.id: may be null now": lambda d: thing(d)["properties"].update(
        id={"anyOf": [{"type": "string"}, {"type": "null"}]}
    ),
    "put_thing body.id: integer": lambda d: wish(d)["properties"].update(id={"type": "integer"}),
    "put_thing body.note: is gone": lambda d: wish(d)["properties"].pop("note"),
    "put_thing body.note: is needed now": lambda d: wish(d)["required"].append("note"),
    "put_thing body.note: null is not taken any more": lambda d: wish(d)["properties"].update(note={"type": "string"}),
    "put_thing body.state: done is gone": lambda d: wish(d)["properties"]["state"]["enum"].remove("done"),
    "put_thing body.id: maxLength is 5 now": lambda d: wish(d)["properties"]["id"].update(maxLength=5),
    "put_thing body.id: minLength is 1 now": lambda d: wish(d)["properties"]["id"].update(minLength=1),
    "put_thing body.id: pattern is a now": lambda d: wish(d)["properties"]["id"].update(pattern="a"),
    "put_thing body: other members are refused now": lambda d: wish(d).update(additionalProperties=False),
    "put_thing: a body is needed now": lambda d: put(d)["requestBody"].update(required=True),
    "put_thing: parameter size is gone": lambda d: put(d)["parameters"].clear(),
    "put_thing?size: maximum is 5 now": lambda d: put(d)["parameters"][0]["schema"].update(maximum=5),
    "put_thing: parameter size is needed now": lambda d: put(d)["parameters"][0].update(required=True),
    "put_thing: parameter by is needed now": lambda d: put(d)["parameters"].append(
        {"in": "query", "name": "by", "required": True, "schema": {}}
    ),
    "things.made.v1 is not told any more": lambda d: d["webhooks"].clear(),
    "things.made.v1.data.id: is gone": lambda d: told(d)["properties"].pop("id"),
    "things.made.v1.data.id: may be missing now": lambda d: told(d)["required"].remove("id"),
    "things.made.v1.data.id: may be null now": lambda d: told(d)["properties"].update(
        id={"anyOf": [{"type": "string"}, {"type": "null"}]}
    ),
    "things.made.v1.data.sizes{}: may be integer now": lambda d: told(d)["properties"].update(
        sizes={"type": "object", "additionalProperties": {"type": "integer"}}
    ),
    "things.made.v1.type: may be missing now": lambda d: message(d)["required"].remove("type"),
}
HARMLESS: dict[str, Callable[[Document], object]] = {
    "an operation more": lambda d: d["paths"].update({"/others": d["paths"]["/things"]}),
    "an answer says more": lambda d: thing(d)["properties"].update(more={"type": "string"}),
    "an answer always says": lambda d: thing(d)["required"].append("note"),
    "an answer has a state more": lambda d: thing(d)["properties"]["state"]["enum"].append("gone"),
    "an answer is never null": lambda d: thing(d)["properties"].update(note={"type": "string"}),
    "a body may say more": lambda d: wish(d)["properties"].update(more={"type": "string"}),
    "a body may leave out": lambda d: wish(d)["required"].remove("id"),
    "a body may be longer": lambda d: wish(d)["properties"]["id"].update(maxLength=99),
    "a parameter more": lambda d: put(d)["parameters"].append({"in": "query", "name": "by", "schema": {}}),
    "a refusal more": lambda d: put(d)["responses"].update({"409": {}}),
    "a type of event more": lambda d: d["webhooks"].update({"things.gone.v1": d["webhooks"]["things.made.v1"]}),
    "an event says more": lambda d: told(d)["properties"].update(more={"type": "string"}),
    "words": lambda d: put(d).update(description="other"),
}


@pytest.mark.parametrize("sentence", BREAKING)
def test_what_stops_a_program_is_found(sentence: str) -> None:
    present = copy.deepcopy(PROMISED)
    BREAKING[sentence](present)
    found = breaking_changes(PROMISED, present)
    assert any(sentence in told or sentence.split(": ")[0] in told for told in found), found
    assert sentence.endswith("integer") or sentence in found


@pytest.mark.parametrize("what", HARMLESS)
def test_what_stops_none_is_none(what: str) -> None:
    present = copy.deepcopy(PROMISED)
    HARMLESS[what](present)
    assert breaking_changes(PROMISED, present) == []
