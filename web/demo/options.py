"""What a demo is asked to be, and where its files are."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """`speed`: simulated seconds a second; `port` 0 takes a free one, `control_port` None the one after it."""

    data_dir: Path = Path(".lineside/demo")
    port: int = 8080
    control_port: int | None = None
    database_url: str | None = None
    speed: float = 1.0
    seed: int = 42
    disturbances: float = 1.0
    no_history: bool = False
    keep: bool = False
    asks: bool = True
    """The tester asks before it works on a board."""


@dataclass(frozen=True)
class Ports:
    """Where each part listens, all on loopback."""

    server: int
    control: int
    simulator: int
    simulator_control: int
    cable: int


@dataclass(frozen=True)
class Files:
    """Where each part keeps what it keeps."""

    folder: Path

    @property
    def data(self) -> Path:
        """The server's data directory."""
        return self.folder / "server"

    @property
    def ledger(self) -> Path:
        """What truly happened, written by the simulator."""
        return self.folder / "factory-ledger.jsonl"

    @property
    def journal(self) -> Path:
        """The bridge's journal."""
        return self.folder / "bridge" / "journal.sqlite"

    @property
    def tag_map(self) -> Path:
        """The bridge's tag map."""
        return self.folder / "bridge" / "tag_map.toml"

    @property
    def bridge_token(self) -> Path:
        """The bridge's token."""
        return self.folder / "bridge" / "token"

    @property
    def go(self) -> Path:
        """Made when the plant is ready and the server may open it."""
        return self.folder / "plant-is-ready"

    @property
    def logs(self) -> Path:
        """What the processes say."""
        return self.folder / "logs"


def choose_ports(options: DemoOptions) -> Ports:
    """The ports asked for, and free ones for the rest. OSError if one that was asked for is taken."""
    wished = options.control_port
    control = wished if wished is not None else (options.port + 1 if options.port else 0)
    with ExitStack() as held:  # until all are chosen: a free one may be chosen twice
        return Ports(
            *(held.enter_context(_listening(port)).getsockname()[1] for port in (options.port, control, 0, 0, 0))
        )


def _listening(port: int) -> socket.socket:
    probe = socket.socket()
    try:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        probe.listen()
    except OSError:
        probe.close()
        raise
    return probe
