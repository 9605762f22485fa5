"""How routes of the API are made, so that all of them answer alike: ids, refusals, `fields`, `dry_run`, farewells."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from email.utils import format_datetime
from threading import RLock
from typing import Any, Final, get_args

import orjson
from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path, get_name

from mes.access.door import Rehearsed
from mes.access.errors import FieldsUnknown

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
REFUSALS_KEY: Final = "x-problem-codes"
LEAVING_KEY: Final = "x-leaving"
REHEARSAL: Final = "application/vnd.lineside.dry-run+json"
FIELDS_MAX: Final = 2_000
"""Characters of `fields`."""
_READING: Final = RLock()


def screen_router(prefix: str = "") -> APIRouter:
    """A router of screens, which the description of the API leaves out."""
    return APIRouter(prefix=prefix, include_in_schema=False, route_class=LateRoute)


def api_router(tag: str, *, prefix: str = "/api/v1") -> APIRouter:
    """A router of the API. A route's function name is its operation id: a verb and a noun, for good."""
    return APIRouter(
        prefix=prefix, tags=[tag], route_class=ApiRoute, generate_unique_id_function=lambda route: route.name
    )


def refuses(*codes: str) -> dict[str, Any]:
    """For `openapi_extra`: the codes (words) this route can be refused with, beside those that every route has."""
    return {REFUSALS_KEY: sorted(" ".join(codes).split())}


def leaving(since: datetime, *, until: datetime, instead: str) -> dict[str, Any]:
    """For `openapi_extra`: a route is deprecated `since`, answers no more after `until`, and what to call `instead`."""
    return {LEAVING_KEY: {"since": since, "until": until, "instead": instead}, "deprecated": True}


def farewell(leave: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a route that will go: Deprecation (RFC 9745), Sunset (RFC 8594), Link to its successor."""
    return {
        "Deprecation": f"@{int(leave['since'].timestamp())}",
        "Sunset": format_datetime(leave["until"], usegmt=True),
        "Link": f'<{leave["instead"]}>; rel="successor-version"',
    }


class LateRoute(APIRoute):
    """A route that is found at once and read (its parameters, its models) when it is first asked, or described.

    To read all of some 450 was a quarter of what every start cost.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **said: Any) -> None:
        self._said = (path, endpoint, said)
        self.path, self.endpoint = path, endpoint
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        self.methods = {method.upper() for method in said.get("methods") or ("GET",)}
        self.name = said.get("name") or get_name(endpoint)

    def __getattr__(self, name: str) -> Any:
        """Whatever is not known yet: it is read now, once, whoever asks at the same time."""
        with _READING:
            if unread := self.__dict__.pop("_said", None):
                path, endpoint, said = unread
                super().__init__(path, endpoint, **said)
        return self.__getattribute__(name)


class ApiRoute(LateRoute):
    """A route whose answers can be thinned out, whose work can be rehearsed, and which says so if it will go."""

    def get_route_handler(self) -> Handler:
        handle = _rehearsable(super().get_route_handler())
        names = answer_fields(self.response_model)
        if "GET" in (self.methods or ()):
            handle = _conditional(_thinned(handle, names) if names else handle)
        leave = (self.openapi_extra or {}).get(LEAVING_KEY)
        return handle if leave is None else _announced(handle, farewell(leave))


def answer_fields(model: Any) -> frozenset[str]:
    """What `fields` may name: the members of an answer, or of the items of a page; none where that means nothing."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)) or model.model_config.get("extra") == "allow":
        return frozenset()
    return frozenset((_item_of(model) or model).model_fields)


def _item_of(model: type[BaseModel]) -> type[BaseModel] | None:
    items = model.model_fields.get("items")
    item = next(iter(get_args(items.annotation)), None) if items is not None else None
    return item if isinstance(item, type) and issubclass(item, BaseModel) else None


def _rehearsable(handle: Handler) -> Handler:
    async def rehearsed(request: Request) -> Response:
        try:
            return await handle(request)
        except Rehearsed as done:
            return Response(orjson.dumps(done.told()), media_type=REHEARSAL)

    return rehearsed


def _conditional(handle: Handler) -> Handler:
    """What the caller has already is not sent again (RFC 9110 §13.1.2)."""

    async def conditional(request: Request) -> Response:
        response = await handle(request)
        known = request.headers.get("if-none-match")
        if known is None or known != response.headers.get("etag"):
            return response
        return Response(status_code=304, headers={"ETag": known})

    return conditional


def _thinned(handle: Handler, names: frozenset[str]) -> Handler:
    async def thinned(request: Request) -> Response:
        text = request.query_params.get("fields") if request.scope["query_string"] else None
        if text is None:
            return await handle(request)
        wanted = wanted_fields(text, names)
        response = await handle(request)
        if response.media_type != "application/json" or response.status_code != 200:
            return response
        headers = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
        return Response(thin(bytes(response.body), wanted), headers=headers, media_type="application/json")

    return thinned


def wanted_fields(text: str, names: frozenset[str]) -> frozenset[str]:
    """The names in a `fields` parameter; `fields-unknown` if one is not of this answer."""
    wanted = frozenset(name.strip() for name in text[:FIELDS_MAX].split(","))
    unknown = wanted - names
    if unknown or len(text) > FIELDS_MAX:
        raise FieldsUnknown(f"{', '.join(sorted(unknown))[:200]!r} is not among: {', '.join(sorted(names))}.")
    return wanted


def thin(body: bytes, wanted: frozenset[str]) -> bytes:
    """An answer with only these members; of a page, with only these members of each item."""
    answer = orjson.loads(body)
    if isinstance(answer.get("items"), list) and "items" not in wanted:
        answer["items"] = [_only(item, wanted) for item in answer["items"]]
        return orjson.dumps(answer)
    return orjson.dumps(_only(answer, wanted))


def _only(document: dict[str, Any], wanted: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name in wanted}


def _announced(handle: Handler, headers: Mapping[str, str]) -> Handler:
    async def announced(request: Request) -> Response:
        response = await handle(request)
        response.headers.update(headers)
        return response

    return announced
