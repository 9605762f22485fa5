"""The crossroads takes each request where trying every route in turn would have taken it."""

from __future__ import annotations

import re

import httpx
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import Scope

from web.crossroads import Crossroads, word_of
from web.main import create_app
from web.settings import Settings

ANYTHING = "7"


def asked(path: str, method: str = "GET") -> Scope:
    return {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}


def tried_in_turn(routes: list[BaseRoute], scope: Scope) -> BaseRoute | None:
    return next((route for route in routes if route.matches(scope)[0] is Match.FULL), None)


def test_every_route_of_the_server_is_found_as_by_trying_all() -> None:
    app = create_app(Settings(environment="test"))
    crossroads, *routes = app.router.routes[next(n for n, r in enumerate(app.routes) if isinstance(r, Crossroads)) :]
    paths = [(re.sub(r"\{[^}]+\}", ANYTHING, route.path), route) for route in routes if hasattr(route, "methods")]
    assert len(paths) > 250
    for path, route in paths:
        for method in route.methods:
            scope = asked(path, method)
            match, found = crossroads.matches(scope)
            assert match is Match.FULL
            assert found["lineside.route"] is tried_in_turn(list(routes), scope)


async def answer(request: object) -> None:
    raise NotImplementedError


def test_a_route_that_may_begin_with_any_word_keeps_its_place() -> None:
    first, any_word, last = (Route(path, answer) for path in ("/s/{x}", "/{y}/a", "/s/{x}/b"))
    crossroads = Crossroads([first, any_word, last])
    for path, route in {"/s/1": first, "/s/a": first, "/s/1/b": last, "/elsewhere/a": any_word}.items():
        found = crossroads.matches(asked(path))[1].get("lineside.route")
        assert found is route, path


async def test_what_it_does_not_know_is_left_to_those_after_it() -> None:
    route = Route("/known", answer, methods=["GET"])
    transport = httpx.ASGITransport(Router([Crossroads([route]), route]))
    async with httpx.AsyncClient(transport=transport, base_url="http://plant") as client:
        assert (await client.post("/known")).status_code == 405
        assert (await client.get("/unknown")).status_code == 404


def test_a_word_is_the_first_of_a_path_or_of_the_api() -> None:
    words = {"/": "", "/board": "board", "/s/LINE/scan": "s", "/api/v1/job-orders/x": "job-orders", "/api/x": "api"}
    assert {path: word_of(path) for path in words} == words
