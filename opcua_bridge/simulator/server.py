"""The simulator process: an OPC UA server around the factory."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from asyncua import Server, ua

from .address_space import AddressSpace
from .control import open_control
from .factory import Factory
from .ledger import Ledger
from .security import secure
from .settings import SimulatorSettings
from .subscriptions import KeepingInternalServer

_log = logging.getLogger(__name__)
APPLICATION_URI = "urn:lineside:simulator:server"
LOOK_EVERY_S = 0.02
"""How often the begin file is looked for."""


async def run_simulator(
    settings: SimulatorSettings, *, ready: Callable[[], None] | None = None, stop: asyncio.Event | None = None
) -> None:
    """Run until `stop` is set (for ever without). `ready`: clients may connect. OSError: a port is taken."""
    async with running(settings):
        if ready is not None:
            ready()
        await (stop or asyncio.Event()).wait()


@asynccontextmanager
async def running(settings: SimulatorSettings) -> AsyncIterator[RunningSimulator]:
    """A simulator in this process, for as long as the block lasts."""
    server = await make_server(settings.endpoint, certificates=settings.certificates)
    await _may_begin(settings)
    with Ledger(settings.ledger) as ledger:
        if ledger.repaired_bytes:
            _log.warning("ledger: a torn last line of %d bytes was removed", ledger.repaired_bytes)
        factory = Factory(settings, ledger)
        await factory.open(AddressSpace(server))
        async with server, asyncio.TaskGroup() as group:
            life = group.create_task(factory.live())
            control = await open_control(factory, settings.control_port) if settings.control_port is not None else None
            simulator = RunningSimulator(factory, endpoint_of(server, settings.endpoint), _port_of(control))
            _tell_ready(settings, simulator)
            try:
                yield simulator
            finally:
                life.cancel()
                if control is not None:
                    control.close()


async def _may_begin(settings: SimulatorSettings) -> None:
    begin = settings.begin_file
    while begin is not None and not await asyncio.to_thread(begin.exists):  # noqa: ASYNC110 (nobody tells us)
        await asyncio.sleep(LOOK_EVERY_S)


class RunningSimulator:
    """What a caller may want to know of a simulator that runs."""

    def __init__(self, factory: Factory, endpoint: str, control_port: int | None) -> None:
        self.factory, self.endpoint, self.control_port = factory, endpoint, control_port


async def make_server(
    endpoint: str, internal: KeepingInternalServer | None = None, *, certificates: Path | None = None
) -> Server:
    """An OPC UA server that keeps sessions and queues through long silences. No security without a folder of
    certificates: loopback only by default."""
    for noisy in ("asyncua", "asyncua.server"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    server = Server(iserver=internal or KeepingInternalServer())
    await server.init()
    server.set_endpoint(endpoint)
    server.set_server_name("Lineside simulator")
    await server.set_application_uri(APPLICATION_URI)
    if certificates is None:
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    else:
        await secure(server, certificates, application_uri=APPLICATION_URI, endpoint=endpoint)
    server.set_identity_tokens([ua.AnonymousIdentityToken])
    return server


def endpoint_of(server: Server, endpoint: str) -> str:
    """The endpoint with the port that was really taken."""
    parts = urlsplit(endpoint)
    port = server.bserver.port if server.bserver is not None else parts.port
    return parts._replace(netloc=f"{parts.hostname}:{port}").geturl()


def _port_of(control: asyncio.Server | None) -> int | None:
    return int(control.sockets[0].getsockname()[1]) if control is not None else None


def _tell_ready(settings: SimulatorSettings, simulator: RunningSimulator) -> None:
    if settings.ready_file is None:
        return
    text = json.dumps({"endpoint": simulator.endpoint, "control_port": simulator.control_port, "pid": os.getpid()})
    partial = settings.ready_file.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(settings.ready_file)


def run(settings: SimulatorSettings) -> None:
    """Run in the foreground until SIGTERM or SIGINT; returns when everything is closed."""

    async def main() -> None:
        stop = asyncio.Event()
        with suppress(NotImplementedError):  # Windows: Ctrl-C ends asyncio.run by KeyboardInterrupt
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
        # What is there when clients may connect stays: no collection needs to look at it again.
        await run_simulator(settings, ready=gc.freeze, stop=stop)

    with suppress(KeyboardInterrupt):
        asyncio.run(main())
