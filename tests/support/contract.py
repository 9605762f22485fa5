"""The contract of the REST API: docs/api/openapi.json is what callers were promised. `make api` records what was added,
and writes the lists of problem codes and of event types anew.

Nothing that was promised may go: `breaking_changes` says what a new description takes away. What is asked may be asked
more loosely, what is answered may be answered more richly; the other way round somebody's program stops.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.support.event_index import write_event_index
from tests.support.problem_index import write_index
from web.main import create_app
from web.openapi import written
from web.settings import Settings

Schema = Mapping[str, Any]
PROMISED: Final = Path(__file__).parent.parent.parent / "docs" / "api" / "openapi.json"
_AT_LEAST: Final = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties")
_AT_MOST: Final = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties")


def breaking_changes(promised: Schema, present: Schema) -> list[str]:
    """What the present description takes away of the promised one, a sentence each."""
    found: list[str] = []
    for path, methods in promised["paths"].items():
        for method, operation in methods.items():
            where = operation["operationId"]
            now = present["paths"].get(path, {}).get(method)
            if now is None:
                found.append(f"{where}: {method.upper()} {path} is gone")
            else:
                found += _Comparison(promised, present).operation(operation, now, where)
    for event_type, told in promised.get("webhooks", {}).items():
        if event_type not in present.get("webhooks", {}):
            found.append(f"{event_type} is not told any more")
            continue
        before, after = (entry["post"]["requestBody"] for entry in (told, present["webhooks"][event_type]))
        found += _Comparison(promised, present).content(before, after, event_type, asked=False)
    return found


@dataclass
class _Comparison:
    promised: Schema
    present: Schema
    seen: set[tuple[str, str, bool]] = field(default_factory=set)
    """Pairs of named schemas that are being compared already, in this direction."""

    def operation(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"{where}: its operation id is {new['operationId']} now"
        yield from self.parameters(old, new, where)
        yield from self.body(old.get("requestBody", {}), new.get("requestBody", {}), where)
        for status, answer in old["responses"].items():
            if status.startswith("2"):
                yield from self.answer(answer, new["responses"].get(status), f"{where} {status}")

    def parameters(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        before = {(p["in"], p["name"]): p for p in old.get("parameters", ())}
        after = {(p["in"], p["name"]): p for p in new.get("parameters", ())}
        for key, parameter in after.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                yield f"{where}: parameter {key[1]} is needed now"
        for key, parameter in before.items():
            if key in after:
                yield from self.schema(parameter["schema"], after[key]["schema"], f"{where}?{key[1]}", asked=True)
            else:
                yield f"{where}: parameter {key[1]} is gone"

    def body(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        if new.get("required") and not old.get("required"):
            yield f"{where}: a body is needed now"
        yield from self.content(old, new, f"{where} body", asked=True)

    def answer(self, old: Schema, new: Schema | None, where: str) -> Iterator[str]:
        if new is None:
            yield f"{where}: is not answered any more"
            return
        yield from (
            f"{where}: header {name} is gone" for name in old.get("headers", {}).keys() - new.get("headers", {})
        )
        yield from self.content(old, new, where, asked=False)

    def content(self, old: Schema, new: Schema, where: str, *, asked: bool) -> Iterator[str]:
        for kind, told in old.get("content", {}).items():
            if kind in new.get("content", {}):
                after = new["content"][kind].get("schema", {})
                yield from self.schema(told.get("schema", {}), after, where, asked=asked)
            else:
                yield f"{where}: {kind} is gone"

    def schema(self, old: Schema, new: Schema, where: str, *, asked: bool) -> Iterator[str]:
        before, after = _options(old, self.promised), _options(new, self.present)
        given, taken = (before, after) if asked else (after, before)
        for kind in given.keys() - taken.keys():
            yield f"{where}: {kind} is not taken any more" if asked else f"{where}: may be {kind} now"
        for kind in before.keys() & after.keys():
            name, now = before[kind], after[kind]
            pair = (str(old.get("$ref")), str(new.get("$ref")), asked)
            if "$ref" in old and pair in self.seen:
                continue
            self.seen.add(pair)
            yield from self.members(name, now, where, asked=asked)
            yield from _narrowed(name, now, where) if asked else ()

    def members(self, old: Schema, new: Schema, where: str, *, asked: bool) -> Iterator[str]:
        gone = {str(value) for value in _enum(old)} - {str(value) for value in _enum(new)}
        if gone and (_enum(new) or not asked):
            yield f"{where}: {', '.join(sorted(gone))} is gone"
        if "items" in old and "items" in new:
            yield from self.schema(old["items"], new["items"], f"{where}[]", asked=asked)
        if isinstance(old.get("additionalProperties"), dict) and isinstance(new.get("additionalProperties"), dict):
            yield from self.schema(
                old["additionalProperties"], new["additionalProperties"], f"{where}{{}}", asked=asked
            )
        before, after = old.get("properties", {}), new.get("properties", {})
        yield from (f"{where}.{name}: is gone" for name in before.keys() - after.keys())
        yield from self.duties(old, new, where, asked=asked)
        for name in before.keys() & after.keys():
            yield from self.schema(before[name], after[name], f"{where}.{name}", asked=asked)

    @staticmethod
    def duties(old: Schema, new: Schema, where: str, *, asked: bool) -> Iterator[str]:
        before, after = set(old.get("required", ())), set(new.get("required", ()))
        if asked:
            yield from (f"{where}.{name}: is needed now" for name in after - before)
        else:
            still_there = before & new.get("properties", {}).keys()
            yield from (f"{where}.{name}: may be missing now" for name in still_there - after)


def _options(schema: Schema, document: Schema) -> dict[str, Schema]:
    """What a value may be, by its kind: a schema with alternatives has several."""
    if "$ref" in schema:
        return _options(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    if "allOf" in schema:
        return {"object": _together([_options(part, document)["object"] for part in schema["allOf"]])}
    if alternatives := schema.get("anyOf") or schema.get("oneOf"):
        return {kind: one for option in alternatives for kind, one in _options(option, document).items()}
    kind = schema.get("type", "anything")
    return {f"{kind} ({schema['format']})" if "format" in schema else str(kind): schema}


def _together(parts: Sequence[Schema]) -> Schema:
    """Objects that something is all of at once; what a later one says of a member counts."""
    members = {name: said for part in parts for name, said in part.get("properties", {}).items()}
    return {
        "type": "object",
        "properties": members,
        "required": [name for part in parts for name in part.get("required", ())],
    }


def _enum(schema: Schema) -> list[Any]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


def _narrowed(old: Schema, new: Schema, where: str) -> Iterator[str]:
    for name in _AT_MOST:
        if name in new and (name not in old or new[name] < old[name]):
            yield f"{where}: {name} is {new[name]} now"
    for name in _AT_LEAST:
        if name in new and (name not in old or new[name] > old[name]):
            yield f"{where}: {name} is {new[name]} now"
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        yield f"{where}: pattern is {new['pattern']} now"
    if _enum(new) and not _enum(old):
        yield f"{where}: only {_enum(new)} now"
    if old.get("additionalProperties", True) is not False and new.get("additionalProperties", True) is False:
        yield f"{where}: other members are refused now"


def main() -> int:
    """Record the present description, unless it breaks what was promised."""
    present = create_app(Settings(environment="test")).openapi()
    broken = breaking_changes(json.loads(PROMISED.read_text("utf-8")), present) if PROMISED.exists() else []
    if broken:
        print("Callers of v1 were promised this:", *broken, sep="\n  ", file=sys.stderr)
        return 1
    PROMISED.write_text(written(present), "utf-8")
    write_index()
    write_event_index()
    return 0


if __name__ == "__main__":
    sys.exit(main())
