"""`python -m opcua_bridge.simulator`."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from .server import run
from .settings import SimulatorSettings


def settings_from(arguments: Sequence[str] | None = None) -> SimulatorSettings:
    """Read the command line. SystemExit on what it does not know."""
    defaults = SimulatorSettings()
    parser = argparse.ArgumentParser(prog="simulator", description="A seeded factory as an OPC UA server.")
    parser.add_argument("--endpoint", default=defaults.endpoint)
    parser.add_argument("--ledger", type=Path, default=defaults.ledger)
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--speed", type=float, default=defaults.speed)
    parser.add_argument("--disturbances", type=float, default=defaults.disturbances)
    parser.add_argument("--asks", action="store_true", help="the tester asks before it works on a board")
    parser.add_argument("--control-port", type=int, default=None)
    parser.add_argument("--ready-file", type=Path, default=None)
    parser.add_argument("--certificates", type=Path, default=None, help="folder; secured connections only")
    parser.add_argument("--begin-file", type=Path, default=None)
    return SimulatorSettings(**vars(parser.parse_args(arguments)))


def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    run(settings_from())


if __name__ == "__main__":
    main()
