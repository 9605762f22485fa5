"""Routes are found at once and read late, by one of all who ask at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from inspect import isasyncgenfunction, iscoroutinefunction
from threading import Barrier

import httpx
import pytest
from fastapi import FastAPI
from fastapi.exceptions import FastAPIError
from fastapi.routing import APIRoute

from mes.access.door.routing import LateRoute, screen_router
from web.main import create_app
from web.settings import Settings

ASKING = 8


def is_read(route: LateRoute) -> bool:
    return "dependant" in vars(route)


def test_every_route_of_the_server_is_read_late() -> None:
    """But those few that FastAPI and Starlette bring along."""
    routes = create_app(Settings(environment="test")).routes
    early = [route for route in routes if isinstance(route, APIRoute) and not isinstance(route, LateRoute)]
    assert len([route for route in routes if isinstance(route, LateRoute)]) > 400
    assert early == []


def test_nothing_that_a_request_needs_is_fetched_by_a_thread() -> None:
    """FastAPI hands what is no coroutine to one, each time: 0.1 ms, whatever it does."""
    routes = create_app(Settings(environment="test")).routes
    waiting = [route.dependant for route in routes if isinstance(route, APIRoute)]
    sent: set[str] = set()
    seen = len(waiting)
    while waiting:
        dependant = waiting.pop()
        waiting += dependant.dependencies
        if not iscoroutinefunction(dependant.call) and not isasyncgenfunction(dependant.call):
            sent.add(str(dependant.call))
    assert seen > 400
    assert sent == set()


async def test_a_route_is_read_when_it_is_asked() -> None:
    router = screen_router()

    @router.get("/parts/{count}")
    async def count_parts(count: int) -> int:
        return count

    [route] = router.routes
    assert isinstance(route, LateRoute)
    app = FastAPI()
    assert not is_read(route)
    app.router.routes.append(route)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://plant") as client:
        assert (await client.post("/parts/7")).status_code == 405
        assert not is_read(route)
        assert (await client.get("/parts/7")).json() == 7
        assert (await client.get("/parts/seven")).status_code == 422
    assert is_read(route)


def test_those_who_ask_at_the_same_time_get_the_same() -> None:
    router = screen_router()
    router.get("/parts")(lambda: None)
    [route] = router.routes
    assert isinstance(route, LateRoute)
    together = Barrier(ASKING)

    def ask(_: int) -> object:
        together.wait()
        return route.dependant

    with ThreadPoolExecutor(ASKING) as threads:
        assert len({id(found) for found in threads.map(ask, range(ASKING))}) == 1


def test_what_a_route_never_has_is_an_attribute_error_and_a_wrong_one_says_why() -> None:
    router = screen_router()
    router.get("/parts")(lambda: None)
    with pytest.raises(AttributeError, match="nothing"):
        _ = router.routes[0].nothing  # type: ignore[attr-defined]

    def wrong() -> Barrier:
        raise NotImplementedError

    router.get("/wrong")(wrong)
    with pytest.raises(FastAPIError, match="Barrier"):
        _ = router.routes[1].app  # type: ignore[attr-defined]
