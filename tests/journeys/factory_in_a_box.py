"""Simulator, bridge and server as three real processes, with a cable that can be pulled and places to kill at."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx

from mes.access.types import Role
from tests.support.ports import free_port
from web.demo.cable import Cable
from web.demo.erp import erp_client
from web.demo.folder import clear_folder
from web.demo.options import DemoOptions, Files, Ports
from web.demo.prepare import Prepared, prepare
from web.demo.processes import Program
from web.demo.supervisor import programs_of

T = TypeVar("T")
KILLED: Final = -9
CRASHED: Final = 137
"""What a process answers that ended itself at a marked place."""
LONG_S: Final = 180.0
"""An upper bound for what takes seconds on an idle machine."""
POLL_S: Final = 0.15
BACKLOG: Final = 200
"""Items: less than a second's, while machines run."""
TAIL: Final = 2_000
CRASH_AT: Final = "LINESIDE_CRASH_AT"


async def until(
    look: Callable[[], Awaitable[T]], what: str, *, holds: Callable[[T], object] = bool, within_s: float = LONG_S
) -> T:
    """The first look that `holds`. AssertionError with the last one if none does in time; weather counts as a no."""
    deadline, seen = time.monotonic() + within_s, "nothing"
    while True:
        try:
            found = await look()
            if holds(found):
                return found
            seen = repr(found)
        except (httpx.TransportError, httpx.HTTPStatusError, OSError) as error:
            seen = repr(error)
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}; last seen: {seen[:TAIL]}"
        await asyncio.sleep(POLL_S)


@dataclass
class Watched(Program):
    """A program that is started again at once, however it ended; `ends` are its exit statuses."""

    environment: dict[str, str] = field(default_factory=dict)
    ends: list[int] = field(default_factory=list)

    async def run_for_ever(self) -> None:
        while True:
            await self._run_once()
            assert self.process is not None
            self.ends.append(self.process.returncode or 0)
            await asyncio.sleep(0.05)

    async def killed(self) -> None:
        """`kill -9`, and it runs again."""
        starts = self.starts
        self.kill()
        await until(self._started, f"{self.name} starts again", holds=lambda n: n > starts)

    async def crashed_at(self, point: str, provoke: Callable[[], Awaitable[object]] | None = None) -> None:
        """Let it come to `point` (`name#3`: for the third time) and end there; then a sound one runs."""
        await self.armed(point)
        if provoke is not None:
            await provoke()
        await self.came_to_it(point)

    async def armed(self, point: str) -> None:
        """Started again, and going to end itself at `point`; who comes after it is sound."""
        self.environment[CRASH_AT] = point
        await self.killed()
        del self.environment[CRASH_AT]

    async def came_to_it(self, point: str) -> None:
        """It has ended at its point, and the next one runs."""
        starts, ends = self.starts, len(self.ends)

        async def ended() -> list[int]:
            return self.ends[ends:]

        if self.ends[-1] != CRASHED:
            assert await until(ended, f"{self.name} comes to {point}") == [CRASHED]
            await until(self._started, f"{self.name} starts again", holds=lambda n: n > starts)

    async def _started(self) -> int:
        return self.starts if self.is_running else 0

    @property
    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-TAIL:] if self.log.exists() else ""


@dataclass
class Box:
    """What a journey may see and do."""

    ports: Ports
    files: Files
    simulator: Watched
    bridge: Watched
    server: Watched
    cable: Cable
    prepared: Prepared
    erp: httpx.AsyncClient

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.ports.server}"

    def pin_of(self, role: Role) -> tuple[str, str]:
        """Id and PIN of the first person with a role."""
        who = next(person for person in self.prepared.people if person.role is role)
        return who.principal_id, who.pin

    @asynccontextmanager
    async def person(self, role: Role) -> AsyncIterator[httpx.AsyncClient]:
        """Somebody's browser without JavaScript, signed in."""
        person, pin = self.pin_of(role)
        headers = {"Origin": self.address, "Accept-Language": "en"}
        async with httpx.AsyncClient(base_url=self.address, headers=headers, timeout=30) as client:

            async def sign_in() -> int:
                return (await client.post("/signin", data={"person": person, "pin": pin})).status_code

            await until(sign_in, f"{person} signs in", holds=lambda status: status == 303)
            yield client

    # -- looking

    async def is_ready(self) -> bool:
        return (await self.erp.get("/readyz")).is_success

    async def bridge_status(self) -> dict[str, Any]:
        """The bridge's own word about itself; only of the one that runs now."""
        path = self.files.journal.with_name(self.files.journal.name + ".status.json")
        status: dict[str, Any] = json.loads(path.read_text())
        assert self.bridge.process is not None
        return status if status["pid"] == self.bridge.process.pid else {}

    async def bridge_is_well(self) -> bool:
        """Connected to both sides, with no backlog."""
        status = await self.bridge_status()
        return (
            bool(status)
            and all(endpoint["state"] == "connected" for endpoint in status["health"]["endpoints"])
            and not status["health"]["uplink"].get("error")
            and status["health"]["journal"].get("depth", 0) < BACKLOG
        )

    async def jobs(self, order_id: str | None = None) -> dict[str, dict[str, Any]]:
        """Jobs by equipment, of one order, or all by id."""
        params = {"limit": "1000", **({"operations_request_id": order_id} if order_id else {})}
        answer = await self.erp.get("/api/v1/job-orders", params=params)
        answer.raise_for_status()
        return {job["equipment_id" if order_id else "id"]: job for job in answer.json()["items"]}

    async def job_in(self, order_id: str, equipment: str, *states: str, within_s: float = LONG_S) -> dict[str, Any]:
        """The job of an order at a station, once it is in one of the states."""

        async def look() -> dict[str, Any]:
            return (await self.jobs(order_id))[equipment]

        return await until(
            look, f"{order_id} at {equipment} is {states}", holds=lambda j: j["job_state"] in states, within_s=within_s
        )

    # -- doing

    async def control(self, **request: Any) -> dict[str, Any]:
        """Ask the simulator's control port."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports.simulator_control)
        try:
            writer.write(json.dumps(request).encode() + b"\n")
            await writer.drain()
            answer: dict[str, Any] = json.loads(await reader.readline())
        finally:
            writer.close()
        assert answer["ok"], answer
        return answer

    async def order(self, order_id: str, quantity: int = 50, material: str = "CB-100") -> httpx.Response:
        """The ERP posts, again and again with the same key until it has an answer."""
        body = {"id": order_id, "material_id": material, "quantity": str(quantity)}

        async def post() -> httpx.Response:
            headers = {"Idempotency-Key": order_id}
            return await self.erp.post("/api/v1/operations-requests", json=body, headers=headers)

        answer = await until(post, f"{order_id} is answered", holds=lambda a: a.status_code < 500)
        assert answer.status_code == 201, answer.text
        return answer

    async def release(self, desk: httpx.AsyncClient, order_id: str) -> None:
        """The supervisor releases, and again if nobody answered; the second tap is told so."""

        async def tap() -> bool:
            jobs = [j for j in (await self.jobs(order_id)).values() if j["job_state"] == "NotAllowedToStart"]
            if jobs:
                form = {"order_id": order_id, "show": "open", "job": [f"{j['version']}:{j['id']}" for j in jobs]}
                answer = await desk.post("/board/release", data=form)
                assert answer.status_code in (303, 409, 503), answer.text
            return not jobs

        await until(tap, f"{order_id} is released")

    async def act(self, client: httpx.AsyncClient, order_id: str, equipment: str, act: str, *seen: str) -> None:
        """A transition at a station, until the job is in one of the states; each tap with the version it saw."""

        async def tap() -> str:
            job = (await self.jobs(order_id))[equipment]
            if job["job_state"] not in seen:
                form = {"job_id": job["id"], "version": str(job["version"])}
                answer = await client.post(f"/s/{equipment}/{act}", data=form)
                assert answer.status_code in (303, 409, 503), answer.text
            return str(job["job_state"])

        await until(tap, f"{order_id} at {equipment}: {act}", holds=lambda state: state in seen)


@asynccontextmanager
async def factory_in_a_box(
    folder: Path, *, seed: int, speed: float, database_url: str | None, disturbances: float = 1.0, asks: bool = False
) -> AsyncIterator[Box]:
    """The three processes while the block lasts, ready and connected. What they said last is added to a failure."""
    ports = Ports(*(free_port() for _ in fields(Ports)))
    options = DemoOptions(
        data_dir=folder,
        port=ports.server,
        control_port=ports.control,
        seed=seed,
        speed=speed,
        disturbances=disturbances,
        database_url=database_url,
        no_history=True,
        asks=asks,
    )
    files = Files(folder)
    clear_folder(files, keep=False)
    programs = tuple(_watched(program) for program in programs_of(options, files, ports))
    cable, failure = Cable(ports.simulator), None
    async with cable.laid(ports.cable), asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(program.run_for_ever()) for program in programs]
        try:
            prepared = await asyncio.to_thread(prepare, options, files, ports)
            files.go.touch()
            async with erp_client(ports.server, prepared.erp_token) as erp:
                erp.timeout = httpx.Timeout(30)
                box = Box(ports, files, *programs, cable, prepared, erp)
                await until(box.is_ready, "the server is ready")
                await until(box.bridge_is_well, "the bridge is connected to both sides")
                yield box
        except Exception as error:
            failure = error  # raised below: a task group would wrap it
            for program in programs:
                error.add_note(f"{program.name}, started {program.starts} times, ends {program.ends}: {program.said}")
        finally:
            for task in running:
                task.cancel()
    if failure is not None:
        raise failure


def _watched(program: Program) -> Watched:
    """Nothing of what the caller's shell sets for Lineside may steer the journey."""
    foreign = dict.fromkeys((name for name in os.environ if name == "LINESIDE_DATABASE_URL"), "")
    environment = {**foreign, **program.environment, "LINESIDE_ENVIRONMENT": "test"}
    return Watched(program.name, program.arguments, program.log, environment)
