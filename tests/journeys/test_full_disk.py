"""The server's disk takes no more: it says so, the bridge keeps everything, and with room again nothing is missing."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Final

import httpx
import pytest

from mes.access.types import Role
from opcua_bridge.simulator.ledger import read_job_totals
from tests.journeys.accounts import Accounts
from tests.journeys.factory_in_a_box import Box, factory_in_a_box, until

pytestmark = [
    pytest.mark.journey,
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
SMT: Final = "SMT-1"
MACHINES: Final = (SMT, "DEPANEL-1", "TEST-1")
NOTHING_MORE: Final = 4096
"""Bytes a file may have: less than any database has already."""


async def test_with_a_full_disk_nothing_is_lost(tmp_path: Path) -> None:
    async with (
        factory_in_a_box(tmp_path / "box", seed=41, speed=20, database_url=None, disturbances=0) as box,
        box.person(Role.supervisor) as desk,
    ):
        await box.order("PO-1")
        await box.release(desk, "PO-1")
        await box.job_in("PO-1", SMT, "Running")
        server = box.server.process
        set_room(box, NOTHING_MORE)
        await until(lambda: refused(box), "the server says that it cannot write")
        await until(lambda: made(box), "the machines go on", holds=lambda pieces: pieces > 0)
        await until(lambda: waiting(box), "the bridge keeps what the server cannot take")
        set_room(box, resource.RLIM_INFINITY)
        for machine in MACHINES:
            await box.job_in("PO-1", machine, "Ended")
        await Accounts(box).agree()
        assert box.server.process is server, "it went on by itself"
        assert box.server.starts == 1
        assert set(await box.jobs()) == {"PO-1-SMT", "PO-1-DEPANEL", "PO-1-TEST", "PO-1-PACK"}


def set_room(box: Box, most: int) -> None:
    """How long the server's files may become: a disk that is full, for this one process."""
    assert box.server.process is not None
    resource.prlimit(box.server.process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


async def refused(box: Box) -> bool:
    """An order that is not kept is not confirmed: 503, and when to come again."""
    body = {"id": "PO-2", "material_id": "CB-100", "quantity": "50"}
    answer: httpx.Response = await box.erp.post("/api/v1/operations-requests", json=body)
    assert answer.status_code == 503, answer.text
    return "retry-after" in answer.headers


async def made(box: Box) -> int:
    return sum(pieces.good + pieces.scrap for pieces in read_job_totals(box.files.ledger).values())


async def waiting(box: Box) -> bool:
    """The bridge's journal grows, and it knows why."""
    status = await box.bridge_status()
    health = status["health"] if status else {}
    return health.get("journal", {}).get("depth", 0) > 0 and bool(health.get("uplink", {}).get("error"))
