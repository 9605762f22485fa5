"""Where files lie in memory, for what has to outlive a process but not a power cut."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

SHARED_MEMORY: Final = Path("/dev/shm")
ENOUGH_BYTES: Final = 6 << 30
"""Six workers with a cluster each take 1 GB at most; the rest is for what else the machine does."""


def memory_folder() -> Path | None:
    """A folder in memory with room enough, else None."""
    try:
        room = shutil.disk_usage(SHARED_MEMORY).free
    except OSError:
        return None
    return SHARED_MEMORY if room >= ENOUGH_BYTES and os.access(SHARED_MEMORY, os.W_OK) else None
