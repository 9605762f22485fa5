"""The server's disk takes no more, or nothing at all: it says so, the bridge keeps everything, and when the disk takes
writes again, nothing is missing and nobody has touched anything."""

from __future__ import annotations

import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterator
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


def set_room(box: Box, *, fault: bool) -> None:
    """How long the server's files may become: a disk that is full, for this one process."""
    assert box.server.process is not None
    most = NOTHING_MORE if fault else resource.RLIM_INFINITY
    resource.prlimit(box.server.process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


def set_read_only(box: Box, *, fault: bool) -> None:
    """Folders and databases that the file system lets nobody write to, also those who have them open.

    But `-shm`: where `chattr +i` is on a mapped file the process is ended by SIGBUS, which a disk that the kernel makes
    read-only does not do (tests/mes/kernel/test_read_only_disk.py has a real one).
    """
    files = [path for pattern in ("**/*.sqlite", "**/*-wal") for path in box.files.data.glob(pattern)]
    folders = sorted({path.parent for path in files})
    subprocess.run(["chattr", "+i" if fault else "-i", *files, *folders], check=True)


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder on a disk: files in memory know no `chattr +i`."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


@pytest.mark.parametrize("disturb", [set_room, set_read_only])
async def test_with_a_disk_that_takes_nothing_nothing_is_lost(disk: Path, disturb: Callable[..., None]) -> None:
    if disturb is set_read_only and not may_lock_files(disk):
        pytest.fail("Files nobody may write need root and `chattr +i`: run `make test-long` where they are.")
    async with (
        factory_in_a_box(disk / "box", seed=41, speed=20, database_url=None, disturbances=0) as box,
        box.person(Role.supervisor) as desk,
    ):
        await box.order("PO-1")
        await box.release(desk, "PO-1")
        await box.job_in("PO-1", SMT, "Running")
        server = box.server.process
        disturb(box, fault=True)
        try:
            await until(lambda: refused(box), "the server says that it cannot write")
            assert (await desk.get("/board")).status_code == 200, "what is there is shown"
            await until(lambda: made(box), "the machines go on", holds=lambda pieces: pieces > 0)
            await until(lambda: waiting(box), "the bridge keeps what the server cannot take")
        finally:
            disturb(box, fault=False)
        for machine in MACHINES:
            await box.job_in("PO-1", machine, "Ended")
        await Accounts(box).agree()
        assert box.server.process is server, "it went on by itself"
        assert box.server.starts == 1
        assert set(await box.jobs()) == {"PO-1-SMT", "PO-1-DEPANEL", "PO-1-TEST", "PO-1-PACK"}


def may_lock_files(folder: Path) -> bool:
    """Whether a file that is open for writing can be made one that takes nothing."""
    with (folder / "probe").open("wb", buffering=0) as probe:
        subprocess.run(["chattr", "+i", probe.name], capture_output=True, check=False)
        try:
            probe.write(b"?")
        except PermissionError:
            return True
        finally:
            subprocess.run(["chattr", "-i", probe.name], capture_output=True, check=False)
    return False


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
