"""Ports that a test may give up and take again: nobody else gets them in between.

The system gives out ports by itself from 32,768 on (Linux; 49,152 elsewhere): to whoever connects, and to whoever
listens at port 0. One of those that a killed server had may be another's before the server is back.
"""

from __future__ import annotations

import itertools
import os
import random
import socket
from typing import Final

FIRST: Final = 15_000
EACH: Final = 1_000
"""Ports of each of at most 17 workers."""


def _places() -> itertools.cycle[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 17
    begin = random.randrange(EACH)
    return itertools.cycle(FIRST + worker * EACH + (begin + step) % EACH for step in range(EACH))


_OURS: Final = _places()


def free_port() -> int:
    """One that nobody listens at, of this worker's own; not one it gave lately. OSError where none is free."""
    for port in itertools.islice(_OURS, EACH):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("No port of this worker is free.")
