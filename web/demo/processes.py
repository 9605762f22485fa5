"""A program that is started, watched, started again when it ends, and stopped with its supervisor."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 5.0
STEADY_AFTER_S: Final = 10.0
"""A program that ran so long is started again without a growing pause."""
STOP_WITHIN_S: Final = 6.0
_PR_SET_PDEATHSIG: Final = 1


@dataclass
class Program:
    """What is run. Its output is appended to `log`."""

    name: str
    arguments: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    starts: int = 0
    process: asyncio.subprocess.Process | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.returncode is None

    def kill(self) -> None:
        """End it without a word, as a power cut would."""
        if self.process is not None and self.is_running:
            self.process.kill()

    async def run_for_ever(self) -> None:
        """Start it, and again whenever it ends; cancelled, it is stopped."""
        pause_s = FIRST_PAUSE_S
        while True:
            started = time.monotonic()
            await self._run_once()
            steady = time.monotonic() - started > STEADY_AFTER_S
            pause_s = FIRST_PAUSE_S if steady else min(pause_s * 2, LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)

    async def _run_once(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                **_apart(),
            )
        self.starts += 1
        try:
            await self.process.wait()
        except asyncio.CancelledError:
            await self._stop(self.process)
            raise

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _apart() -> dict[str, Any]:
    """In a group of its own, so that Ctrl-C reaches the supervisor alone; on Linux it ends with its supervisor."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True, "preexec_fn": _ends_with_parent()}


def _ends_with_parent() -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def later(go: Path, preload: str, module: str, *arguments: str) -> tuple[str, ...]:
    """A module of ours as a program that loads `preload` and begins once `go` is there."""
    return (sys.executable, "-m", "web.demo.later", str(go), preload, module, *arguments)
