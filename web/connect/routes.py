"""Set up a machine: an address, what was proposed, a look at what it does, and into use. All of it is plain forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mes.access.door import Caller, caller
from mes.access.door.routing import screen_router
from mes.access.permissions import Permission
from mes.definitions.queries import list_scrap_reasons
from mes.edge.errors import SetupInvalid
from mes.edge.queries import get_setup, list_bridges, list_setups, list_templates
from mes.edge.service import (
    add_signal,
    apply_setup,
    ask_level,
    ask_look,
    ask_watch,
    begin_setup,
    give_up_setup,
    pick_signals,
    save_template,
)
from mes.edge.types import Pick
from mes.equipment.queries import list_equipment
from mes.kernel.db import ReadSession
from mes.kernel.paging import LIMIT_MAX
from mes.kernel.sqltypes import to_us
from mes.kernel.texts import NO_NUL
from standards.isa95.equipment_hierarchy import WORK_CENTER_LEVELS, WORK_UNIT_LEVELS
from web.components.plant_time import plant_zone
from web.connect.regions import REGIONS, SETUP, TREE, build_setup, build_tree
from web.connect.views import (
    ConnectPage,
    Option,
    SetupPage,
    SignalsPage,
    TreePage,
    base_of,
    connect_page,
    pick_of,
    root_query,
    signals_page,
)
from web.layouts.shell import shell_of
from web.live.region import live_url
from web.templating import region_routes, render

__all__ = ["REGIONS", "router"]
ROWS_MAX: Final = 400
router = screen_router()
Engineer = Annotated[Caller, Depends(caller(Permission.connect_machines))]


Text = Annotated[str, Form(max_length=300), NO_NUL]
Version = Annotated[int, Form(ge=0, le=2**31)]
Node = Annotated[str, Form(max_length=4_000), NO_NUL]
Act = Literal["look", "watch", "apply", "give-up"]
ASKING: Final[Mapping[str, Callable[..., None]]] = {"look": ask_look, "watch": ask_watch}
CHANGING: Final[Mapping[str, Callable[..., None]]] = {"apply": apply_setup, "give-up": give_up_setup}


@router.get("/connect")
async def connect(request: Request, who: Engineer) -> HTMLResponse:
    page, zone = await who.read(_connect, now=who.database.clock())
    shell = shell_of(request, who, zone=zone)
    return HTMLResponse(render("connect/page.html", page, language=who.language, shell=shell))


def _connect(session: ReadSession, *, now: datetime) -> tuple[ConnectPage, ZoneInfo]:
    levels = WORK_CENTER_LEVELS | WORK_UNIT_LEVELS
    known = list_equipment(session, limit=LIMIT_MAX).items
    places = [Option(e.equipment_id, e.description or e.equipment_id) for e in known if e.level in levels]
    page = connect_page(list_setups(session), list_bridges(session), places, list_templates(session), now)
    return page, plant_zone(session)


@router.post("/connect")
async def begin(
    bridge_id: Text, equipment_id: Text, name: Text, url: Text, who: Engineer, template_id: Text = ""
) -> Response:
    """Begin: the edge box looks at the machine at once."""
    asked = {"bridge_id": bridge_id, "equipment_id": equipment_id, "template_id": template_id}
    setup_id = await who.write(begin_setup, name=name.strip(), url=url.strip(), **asked)
    return RedirectResponse(base_of(setup_id), status_code=303)


@router.get("/connect/{setup_id}")
async def setup(request: Request, setup_id: str, who: Engineer) -> HTMLResponse:
    page, bridge_id, zone = await who.read(_setup, setup_id=setup_id, now=who.database.clock())
    live = live_url(SETUP.name, params={"setup_id": setup_id, "bridge_id": bridge_id})
    shell = shell_of(request, who, zone=zone, live=live)
    return HTMLResponse(render("connect/setup.html", page, language=who.language, shell=shell))


def _setup(session: ReadSession, *, setup_id: str, now: datetime) -> tuple[SetupPage, str, ZoneInfo]:
    found = get_setup(session, setup_id=setup_id, now_us=to_us(now))
    page = SetupPage(found.name, build_setup(session, now=now, params={"setup_id": setup_id}))
    return page, found.bridge.id, plant_zone(session)


@router.get("/connect/{setup_id}/signals")
async def signals(request: Request, setup_id: str, who: Engineer) -> HTMLResponse:
    """What to take. It does not follow live: nobody's choice is swept away."""
    page, zone = await who.read(_signals, setup_id=setup_id, now=who.database.clock())
    shell = shell_of(request, who, zone=zone)
    return HTMLResponse(render("connect/signals.html", page, language=who.language, shell=shell))


def _signals(session: ReadSession, *, setup_id: str, now: datetime) -> tuple[SignalsPage, ZoneInfo]:
    reasons = [Option(r.reason_id, r.description or r.reason_id) for r in list_scrap_reasons(session)]
    found = get_setup(session, setup_id=setup_id, now_us=to_us(now))
    parts = list_equipment(session, parent_id=found.equipment_id, limit=LIMIT_MAX).items
    places = [Option(e.equipment_id, e.description or e.equipment_id) for e in parts]
    return signals_page(found, reasons, places), plant_zone(session)


@router.post("/connect/{setup_id}/signals")
async def choose(
    setup_id: str,
    version: Version,
    who: Engineer,
    key: Annotated[list[str], Form(max_length=ROWS_MAX)] = [],  # noqa: B006 (FastAPI copies it)
    slot: Annotated[list[str], Form(max_length=ROWS_MAX)] = [],  # noqa: B006
    place: Annotated[list[str], Form(max_length=ROWS_MAX)] = [],  # noqa: B006
) -> Response:
    """Take what was selected, leave out the rest. Without places all of it is the whole machine's."""
    picks = _picks(key, slot, place or [""] * len(key))
    await who.write(pick_signals, setup_id=setup_id, version=version, picks=picks)
    return RedirectResponse(base_of(setup_id), status_code=303)


def _picks(keys: list[str], options: list[str], places: list[str]) -> list[Pick]:
    try:
        found = [pick_of(key, option, place) for key, option, place in zip(keys, options, places, strict=True)]
    except ValueError as error:
        raise SetupInvalid("A signal is to be something that no signal can be.") from error
    return [pick for pick in found if pick is not None]


@router.get("/connect/{setup_id}/tree")
async def tree(
    request: Request,
    setup_id: str,
    who: Engineer,
    root: Annotated[str, Query(max_length=4_000), NO_NUL] = "",
) -> HTMLResponse:
    params = {"setup_id": setup_id, "root": root}
    page, bridge_id, zone = await who.read(_tree, params=params, now=who.database.clock())
    shell = shell_of(request, who, zone=zone, live=live_url(TREE.name, params={**params, "bridge_id": bridge_id}))
    return HTMLResponse(render("connect/tree.html", page, language=who.language, shell=shell))


def _tree(session: ReadSession, *, params: dict[str, str], now: datetime) -> tuple[TreePage, str, ZoneInfo]:
    found = get_setup(session, setup_id=params["setup_id"], now_us=to_us(now))
    page = TreePage(base_of(found.id), found.name, build_tree(session, now=now, params=params))
    return page, found.bridge.id, plant_zone(session)


@router.post("/connect/{setup_id}/tree")
async def look_below(setup_id: str, who: Engineer, root: Node = "") -> Response:
    """Have the edge box look at what is below a node."""
    await who.write(ask_level, setup_id=setup_id, root=root)
    return RedirectResponse(f"{base_of(setup_id)}/tree{root_query(root)}", status_code=303)


@router.post("/connect/{setup_id}/signal")
async def add(setup_id: str, key: Node, who: Engineer, root: Node = "") -> Response:
    """Add a variable of the tree to what is chosen."""
    await who.write(add_signal, setup_id=setup_id, root=root, key=key)
    return RedirectResponse(f"{base_of(setup_id)}/signals", status_code=303)


@router.post("/connect/{setup_id}/template")
async def template(setup_id: str, template_id: Text, who: Engineer) -> Response:
    """Keep what was chosen for machines like this one."""
    await who.write(save_template, setup_id=setup_id, template_id=template_id.strip())
    return RedirectResponse("/connect", status_code=303)


@router.post("/connect/{setup_id}/{act}")
async def do(setup_id: str, act: Act, version: Version, who: Engineer) -> Response:
    """Look again, watch, apply, give up."""
    more: dict[str, Any] = {"version": version} if act in CHANGING else {}
    await who.write(CHANGING.get(act) or ASKING[act], setup_id=setup_id, **more)
    return RedirectResponse(base_of(setup_id), status_code=303)


router.routes.extend(region_routes("/connect/{setup_id}", REGIONS, permission=Permission.connect_machines).routes)
