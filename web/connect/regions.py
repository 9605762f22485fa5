"""Live regions of a machine that is set up. Parameters: `setup_id`, and of the tree `root`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mes.edge.queries import get_setup, get_tree_level
from mes.kernel.db import ReadSession
from mes.kernel.sqltypes import to_us
from web.connect.views import MachineSetup, MachineTree, machine_setup, machine_tree
from web.live.region import Region

Params = Mapping[str, str]


def build_setup(session: ReadSession, *, now: datetime, params: Params) -> MachineSetup:
    return machine_setup(get_setup(session, setup_id=params["setup_id"], now_us=to_us(now)), now)


def build_tree(session: ReadSession, *, now: datetime, params: Params) -> MachineTree:
    setup = get_setup(session, setup_id=params["setup_id"], now_us=to_us(now))
    level = get_tree_level(session, setup_id=setup.id, root=params.get("root", ""), now_us=to_us(now))
    return machine_tree(setup, level, now)


def _topics(params: Params) -> tuple[str, ...]:
    return (f"bridge/{params['bridge_id']}",)


SETUP = Region("machine-setup", "connect/_machine_setup.html", _topics, build_setup, "outerMorph")
TREE = Region("machine-tree", "connect/_machine_tree.html", _topics, build_tree, "outerMorph")
REGIONS: tuple[Region, ...] = (SETUP, TREE)
