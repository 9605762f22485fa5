"""A real server on a real little plant, with people who sign in by PIN: what routes and journeys of screens use."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final, cast

import httpx
import uvicorn
from fastapi import FastAPI

from mes.access.service import create_principal
from mes.access.sign_in import set_pin_now
from mes.access.types import Role
from mes.kernel.db import Database
from mes.kernel.plants import Plants
from mes.kernel.vault import Vault
from mes.migrations.upgrade import upgrade
from mes.orders.queries import list_station_jobs
from mes.orders.service import complete_job, release_jobs, start_job, submit_operations_request
from mes.orders.types import JobView
from standards.isa95.job_control import JobState
from tests.support.plants import BENCH, CELL, LINE, PRESS, Box, build_plant
from web.components.job import is_startable
from web.server import server_config
from web.settings import Settings

PINS: Final = {"ADA": "271828", "SVEN": "314159", "MIA": "161803"}
HTMX: Final = {"HX-Request": "true"}
TURN_WITHIN_S: Final = 30.0


@dataclass
class Site:
    """The plant of `tests.support.plants` behind a running server."""

    address: str
    database: Database
    box: Box
    vault: Vault
    folder: Path
    """Its data directory."""

    def order(self, order_id: str, quantity: int = 16) -> None:
        due = datetime.now(UTC) + timedelta(hours=4)
        self.database.write_now(
            submit_operations_request,
            actor=None,
            id=order_id,
            quantity=Decimal(quantity),
            material_id="BOARD",
            due_at=due,
        )

    def jobs(self, equipment_id: str) -> tuple[JobView, ...]:
        return self.database.read_now(list_station_jobs, equipment_id=equipment_id, now=datetime.now(UTC))

    def release(self, order_id: str) -> None:
        jobs = [job for place in (LINE, PRESS, BENCH) for job in self.jobs(place)]
        versions = {job.job_id: job.version for job in jobs if job.operations_request_id == order_id}
        self.database.write_now(release_jobs, actor=None, versions=versions)

    def run_machines(self, order_id: str, *, good: int) -> None:
        """LINE and PRESS do their part, so that the bench has its turn."""
        for target, counter in ((LINE, f"{CELL}.Good"), (PRESS, f"{PRESS}.Good")):
            job = next(job for job in self.jobs(target) if job.operations_request_id == order_id)
            self.box.say(self.box.sample(counter, 0))
            self.box.job(target, job.job_id, 3)
            self.box.say(self.box.sample(counter, good // (2 if target == PRESS else 1)))
            self.box.job(target, job.job_id, 5, substate=1)

    def clear_bench(self) -> None:
        """Nothing of an earlier test waits or runs there: a screen shows only the next few jobs."""
        active = (JobState.Running, JobState.Interrupted)
        while job := next((job for job in self.jobs(BENCH) if job.state in active or is_startable(job)), None):
            verb = complete_job if job.state in active else start_job
            self.database.write_now(verb, actor=None, job_id=job.job_id, version=job.version)

    def wait_for_its_turn(self, order_id: str) -> None:
        """Until the second's work has seen that the step before is done."""
        deadline = time.monotonic() + TURN_WITHIN_S
        while True:
            job = next(job for job in self.jobs(BENCH) if job.operations_request_id == order_id)
            if is_startable(job):
                return
            assert time.monotonic() < deadline, f"its turn has not come: {job}"
            time.sleep(0.02)

    @contextmanager
    def client(self, person: str | None) -> Iterator[httpx.Client]:
        """Somebody's browser without JavaScript, signed in; None: nobody."""
        headers = {"Origin": self.address, "Accept-Language": "en"}
        with httpx.Client(base_url=self.address, headers=headers, verify=trusted()) as client:
            if person:
                answer = client.post("/signin", data={"person": person, "pin": PINS[person]})
                assert answer.status_code == 303, answer.text
            yield client


def build_site(folder: Path) -> None:
    """The data directory of a server with the plant and its people; each site begins with a copy."""
    plants = Plants(data_dir=folder, migrate=upgrade)
    database = plants.default
    database.write_now(build_plant, actor=None)
    for person, role in (("ADA", Role.operator), ("SVEN", Role.supervisor), ("MIA", Role.engineer)):
        database.write_now(create_principal, actor=None, principal_id=person, role=role, display_name=person.title())
        set_pin_now(database, actor=None, principal_id=person, pin=PINS[person])
    plants.close()


@cache
def trusted() -> ssl.SSLContext:
    """Read once: it takes longer than most requests."""
    return ssl.create_default_context()


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """A server on a folder that `build_site` has filled."""
    config = server_config(Settings(data_dir=folder, environment="development"))
    config.port = 0
    app = cast(FastAPI, config.app)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            threading.Event().wait(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        database = app.state.plants.default
        box = Box(database)
        box.ready()
        yield Site(f"http://127.0.0.1:{port}", database, box, app.state.vault, folder)
    finally:
        server.should_exit = True
        thread.join()
