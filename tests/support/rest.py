"""The REST API without a plant: a test puts its own at `state.plants`."""

from __future__ import annotations

from functools import cache

from fastapi import FastAPI

from mes.api import router
from mes.orders.queries import list_paths
from web.problems import install_problem_handlers


@cache
def rest_api() -> FastAPI:
    """Made once a process: FastAPI prepares a router anew for each application, and that takes longer than a test."""
    app = FastAPI()
    install_problem_handlers(app)
    app.state.places = list_paths
    app.include_router(router)
    return app
