"""Runs the demo: three supervised processes, the cable between two of them, and a page that outlives the server."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

from web.demo.cable import Cable
from web.demo.folder import NotADemoFolder, clear_folder
from web.demo.options import DemoOptions, Files, Ports, choose_ports
from web.demo.processes import Program, later

if TYPE_CHECKING:
    from web.demo.erp import Erp
    from web.demo.prepare import Prepared

PULL_S: Final = 10.0
READY_WITHIN_S: Final = 60.0
RESTARTED_MACHINE: Final = "SMT-1-AOI"


@dataclass
class Demo:
    """What the demo's page may do."""

    ports: Ports
    files: Files
    simulator: Program
    bridge: Program
    server: Program
    cable: Cable
    erp: Erp
    tasks: asyncio.TaskGroup

    @property
    def address(self) -> str:
        """Of the server."""
        return f"http://127.0.0.1:{self.ports.server}"

    def pull_cable(self) -> None:
        """Silence between bridge and machines for PULL_S."""
        if self.cable.is_in:
            self.cable.pull()
            self.tasks.create_task(self._plug_in_later())

    async def _plug_in_later(self) -> None:
        await asyncio.sleep(PULL_S)
        self.cable.plug_in()

    async def restart_machine(self, equipment: str = RESTARTED_MACHINE) -> None:
        """Power-cycle a machine: its counters start again at nothing. OSError if the factory is away."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports.simulator_control)
        try:
            writer.write(json.dumps({"op": "restart-machine", "equipment": equipment}).encode() + b"\n")
            await writer.drain()
            await reader.readline()
        finally:
            writer.close()


async def run(options: DemoOptions) -> int:
    """Until Ctrl-C. The exit status: 0, or 1 with a sentence."""
    logging.basicConfig(level=logging.WARNING)
    files = Files(options.data_dir.absolute())
    stop = asyncio.Event()
    _stop_on_signals(stop)
    try:
        ports = choose_ports(options)
        clear_folder(files, keep=options.keep)
    except NotADemoFolder as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(f"a port is taken: {error}; choose another with --port")
    async with _running(options, files, ports):
        await stop.wait()
        _say("Stopping …")
    return 0


@asynccontextmanager
async def _running(options: DemoOptions, files: Files, ports: Ports) -> AsyncIterator[Demo]:
    """The plant is made while the programs load, which takes them seconds: the server first, the others when what makes
    the plant is loaded itself, so that two processors are enough. None runs before the plant is made.
    """
    started = time.monotonic()
    simulator, bridge, server = programs_of(options, files, ports)
    cable = Cable(ports.simulator)
    async with cable.laid(ports.cable), asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(server.run_for_ever())]
        _say("Lineside demo: making the plant …")
        await asyncio.to_thread(import_module, "web.demo.prepare")
        running += [tasks.create_task(program.run_for_ever()) for program in (simulator, bridge)]
        prepared = await asyncio.to_thread(_prepare, options, files, ports)
        from web.demo.erp import Erp, erp_client
        from web.demo.page import serve_page
        from web.demo.pieces import Witness

        async with (
            erp_client(ports.server, prepared.erp_token) as client,
            erp_client(ports.server, prepared.witness_token) as witness,
        ):
            demo = Demo(ports, files, simulator, bridge, server, cable, Erp(client), tasks)
            key, page = serve_page(demo, client, Witness(witness), tasks)
            running.append(page)
            await demo.erp.wait_until_ready(READY_WITHIN_S)
            _say(_how_to_sign_in(demo, prepared, key, time.monotonic() - started))
            try:
                yield demo
            finally:
                for task in running:
                    task.cancel()


def _prepare(options: DemoOptions, files: Files, ports: Ports) -> Prepared:
    from web.demo.prepare import prepare

    prepared = prepare(options, files, ports)
    files.go.touch()
    return prepared


def programs_of(options: DemoOptions, files: Files, ports: Ports) -> tuple[Program, Program, Program]:
    """Simulator, bridge and server, not yet started."""
    simulator = Program(
        "simulator",
        (
            *(sys.executable, "-m", "opcua_bridge.simulator"),
            *("--begin-file", str(files.go)),
            *("--endpoint", f"opc.tcp://127.0.0.1:{ports.simulator}/lineside/"),
            *("--ledger", str(files.ledger)),
            *("--seed", str(options.seed)),
            *("--speed", str(options.speed)),
            *("--disturbances", str(options.disturbances)),
            *("--control-port", str(ports.simulator_control)),
            *(("--asks",) if options.asks else ()),
        ),
        files.logs / "simulator.log",
    )
    bridge = Program(
        "bridge",
        later(files.go, "opcua_bridge.agent", "opcua_bridge", "run"),
        files.logs / "bridge.log",
        {
            "LINESIDE_BRIDGE_SERVER_URL": f"http://127.0.0.1:{ports.server}",
            "LINESIDE_BRIDGE_TOKEN_FILE": str(files.bridge_token),
            "LINESIDE_BRIDGE_TAG_MAP": str(files.tag_map),
            "LINESIDE_BRIDGE_JOURNAL": str(files.journal),
            "LINESIDE_BRIDGE_ENDPOINT_URLS": json.dumps({"simulator": f"opc.tcp://127.0.0.1:{ports.cable}/lineside/"}),
        },
    )
    database = {"LINESIDE_DATABASE_URL": options.database_url} if options.database_url else {}
    server = Program(
        "server",
        later(files.go, "web.server", "web", "serve", "--port", str(ports.server)),
        files.logs / "server.log",
        {"LINESIDE_DATA_DIR": str(files.data), **database},
    )
    return simulator, bridge, server


def _how_to_sign_in(demo: Demo, prepared: Prepared, key: str, seconds: float) -> str:
    lines = [
        "",
        f"  Lineside      {demo.address}",
        f"  Demo page     http://127.0.0.1:{demo.ports.control}/?key={key}",
        "",
        "  Sign in with one of these PINs, made for this run:",
        *(f"    {who.pin}  {who.name} ({who.role})" for who in prepared.people),
        "",
        "  The ERP's token, for curl:",
        f"    {prepared.erp_token}",
        "",
        f"  Ready after {seconds:.1f} s. Files and logs: {demo.files.folder}",
        "  Ctrl-C ends it.",
        "",
    ]
    return "\n".join(lines)


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _complain(text: str) -> int:
    sys.stderr.write(f"lineside demo: {text}\n")
    return 1
