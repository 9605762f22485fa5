"""`/plants/north/api/…`: programs may name their plant in the path, where they have no host name of its own."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from mes.access.door import API_PREFIX, B2MML_PATH, METRICS_PATH, PLANT_IN_PATH
from mes.kernel.plants import PLANT_ID

PREFIX: Final = "/plants/"


class PlantPath:
    """Takes the plant off the path of what a token opens, and leaves it for the door. Screens have host names."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (plant_id := _plant_in(scope)):
            root = f"{scope.get('root_path', '')}{PREFIX}{plant_id}"
            scope = {**scope, "root_path": root, PLANT_IN_PATH: plant_id}
        await self.app(scope, receive, send)


def _plant_in(scope: Scope) -> str | None:
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    if not path.startswith(PREFIX):
        return None
    plant_id, _, rest = path.removeprefix(PREFIX).partition("/")
    opened = f"/{rest}"
    is_by_token = opened.startswith(API_PREFIX) or opened in (METRICS_PATH, B2MML_PATH)
    return plant_id if is_by_token and PLANT_ID.fullmatch(plant_id) else None
