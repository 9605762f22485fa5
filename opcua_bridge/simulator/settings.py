"""How a simulator is started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SimulatorSettings:
    """`speed` is simulated seconds per second, up to 500. Port 0, in the endpoint or for control, takes a free one."""

    endpoint: str = "opc.tcp://127.0.0.1:48400/lineside/"
    ledger: Path = Path("simulator-ledger.jsonl")
    seed: int = 42
    speed: float = 1.0
    disturbances: float = 1.0
    """Scales breakdowns, micro-stops, set-up pieces, dry cycles and local switches; 0 is a calm factory."""
    asks: bool = False
    """The tester asks before it works on a board, and waits for the answer."""
    control_port: int | None = None
    """Loopback port for JSON-line commands; None for none."""
    ready_file: Path | None = None
    """Written when clients may connect: {"endpoint": …, "control_port": …}."""
    certificates: Path | None = None
    """Folder of certificates: then only secured connections, of clients that are known. None: no security."""
    begin_file: Path | None = None
    """Nothing happens before this file is there, and the ledger is not touched; the OPC UA server is made meanwhile."""

    def __post_init__(self) -> None:
        if not 0 < self.speed <= 500:
            raise ValueError(f"speed must be above 0 and at most 500, not {self.speed}")
        if self.disturbances < 0:
            raise ValueError(f"disturbances must not be negative, not {self.disturbances}")
