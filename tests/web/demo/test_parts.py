"""The parts of the demo: its line of truth, its cable, its folder, its tag map, its page's lock."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.live.served import until
from web.demo.cable import Cable
from web.demo.erp import Erp, NotSent, erp_client
from web.demo.folder import NotADemoFolder, clear_folder
from web.demo.options import DemoOptions, Files, Ports, choose_ports
from web.demo.page import Line, page_app
from web.demo.processes import Program
from web.demo.supervisor import Demo
from web.demo.truth import Counted, compare

PIECES = st.integers(0, 10_000).map(Decimal)


def exactly(pieces: int) -> Counted:
    return Counted(Decimal(pieces), Decimal(pieces))


def test_equal_accounts_agree() -> None:
    found = compare({"A": Decimal(56)}, {"A": exactly(56)}, {"A": Decimal(56)})
    assert (found.verdict, found.made, found.counted, found.told, found.ended_made) == ("equal", 56, 56, 56, 56)


def test_more_than_was_made_is_wrong_and_less_is_on_its_way() -> None:
    assert compare({"A": Decimal(56)}, {"A": exactly(57)}, {}).verdict == "wrong"
    assert compare({"A": Decimal(56)}, {"A": exactly(55)}, {}).verdict == "behind"
    assert compare({"A": Decimal(56)}, {}, {}).verdict == "behind"


def test_an_interval_is_said_to_be_one() -> None:
    assert compare({"A": Decimal(56)}, {"A": Counted(Decimal(50), None)}, {}).verdict == "interval"


@given(st.dictionaries(st.sampled_from("ABCDE"), st.tuples(PIECES, PIECES)))
def test_a_surplus_never_hides_behind_a_deficit(jobs: dict[str, tuple[Decimal, Decimal]]) -> None:
    made = {job: pieces for job, (pieces, _) in jobs.items()}
    counted = {job: Counted(pieces, pieces) for job, (_, pieces) in jobs.items()}
    surplus = any(counted[job].low > made[job] for job in made)
    assert (compare(made, counted, {}).verdict == "wrong") is surplus


async def test_a_pulled_cable_is_silent_and_loses_nothing() -> None:
    heard: list[bytes] = []
    gone: list[bool] = []

    async def machine(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            heard.append(data)
            writer.write(data.upper())
        writer.transport.abort()
        gone.append(True)

    server = await asyncio.start_server(machine, "127.0.0.1", 0)
    cable = Cable(server.sockets[0].getsockname()[1])
    async with cable.laid(0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"one")
        assert await reader.read(100) == b"ONE"
        cable.pull()
        writer.write(b"two")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.read(100)
        assert heard == [b"one"]
        cable.plug_in()
        async with asyncio.timeout(2):
            assert await reader.read(100) == b"TWO"
        writer.close()
    await until(lambda: gone == [True])
    server.close()


def test_only_its_own_folder_is_emptied(tmp_path: Path) -> None:
    files = Files(tmp_path / "demo")
    clear_folder(files, keep=False)
    (files.data / "old").touch()
    clear_folder(files, keep=True)
    assert (files.data / "old").exists()
    clear_folder(files, keep=False)
    assert not (files.data / "old").exists()
    (tmp_path / "precious.txt").touch()
    with pytest.raises(NotADemoFolder):
        clear_folder(Files(tmp_path), keep=False)
    assert (tmp_path / "precious.txt").exists()


def test_ports_are_free_and_different() -> None:
    for _ in range(10_000):  # chosen one after the other, two are the same once in some thousand times
        ports = choose_ports(DemoOptions(port=0))
        assert len(set(vars(ports).values())) == 5


async def test_a_program_that_dies_is_started_again_and_stopped_with_its_supervisor(tmp_path: Path) -> None:
    program = Program("sleeper", (sys.executable, "-c", "import time; time.sleep(60)"), tmp_path / "log")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(program.run_for_ever())
        await until(lambda: program.is_running)
        first = program.process
        program.kill()
        await until(lambda: program.starts == 2 and program.is_running, 10)
        second = program.process
        task.cancel()
    assert first is not None
    assert second is not None
    assert first.pid != second.pid
    assert second.returncode is not None


async def test_an_order_that_cannot_be_sent_says_why() -> None:
    async with erp_client(1, "x" * 40) as client:
        with pytest.raises(NotSent, match="does not answer"):
            await Erp(client).send_order()


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    def program(name: str) -> Program:
        return Program(name, (sys.executable, "-c", "0"), tmp_path / name)

    async with erp_client(1, "x" * 40) as client, asyncio.TaskGroup() as tasks:
        demo = Demo(
            Ports(1, 2, 3, 4, 5),
            Files(tmp_path),
            *(program(name) for name in ("simulator", "bridge", "server")),
            Cable(1),
            Erp(client),
            tasks,
        )
        transport = httpx.ASGITransport(page_app(demo, Line(), "the-key"))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081") as browser:
            yield browser


async def test_the_page_opens_only_with_the_key(page: httpx.AsyncClient) -> None:
    assert (await page.get("/")).status_code == 403
    assert (await page.get("/?key=guess")).status_code == 403
    assert (await page.post("/kill-server")).status_code == 403
    assert (await page.get("/?key=the-key")).status_code == 303
    opened = await page.get("/")
    assert opened.status_code == 200
    assert "The server is away" in opened.text
    assert opened.headers["content-security-policy"].startswith("default-src 'none'")


async def test_the_buttons_are_only_for_its_own_pages(page: httpx.AsyncClient) -> None:
    await page.get("/?key=the-key")
    assert (await page.post("/kill-server", headers={"Origin": "https://evil.example"})).status_code == 403
    assert (await page.post("/kill-server", headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    assert (await page.get("/", headers={"Host": "evil.example"})).status_code == 400
    at = time.monotonic()
    assert (await page.post("/send-order", headers={"Origin": "http://127.0.0.1:8081"})).status_code == 303
    assert time.monotonic() - at < 5
    assert "could not send the order" in (await page.get("/line")).text
