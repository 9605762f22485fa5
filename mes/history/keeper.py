"""The thread of a server that keeps a plant's history."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from mes.history.sealer import Breath, Sealer
from mes.kernel.db import Database
from mes.kernel.errors import Unavailable
from mes.kernel.writer import weather

_LOG = logging.getLogger(__name__)
SEAL_S: Final = 60.0
"""How long measurements wait in the log."""
FORGET_S: Final = 3_600.0


class Keeper:
    """Seals one plant again and again until it is stopped. What fails is tried again the next time."""

    def __init__(self, database: Database, *, every_s: float = SEAL_S) -> None:
        self._database = database
        self._every_s = every_s
        self._stopped = threading.Event()
        self._breath = Breath()
        self._thread = threading.Thread(target=self._run, name=f"history-{database.plant_id}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End at the next place where that loses nothing."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        sealer = Sealer(self._database, breathe=self._breathe)
        forget_at = time.monotonic()
        while not self._stopped.wait(self._every_s):
            try:
                sealer.turn()
                if time.monotonic() >= forget_at:
                    sealer.forget()
                    forget_at = time.monotonic() + FORGET_S
            except _Stopped:
                break
            except Exception as error:  # noqa: BLE001 (a supervisor goes on: the log keeps what could not be sealed)
                self._note(error)
        sealer.close()

    def _note(self, error: Exception) -> None:
        if isinstance(error, Unavailable) or isinstance(weather(error), Unavailable):
            _LOG.warning("the history of %s waits: %s", self._database.plant_id, error)
        else:
            _LOG.error("the history of %s could not be sealed", self._database.plant_id, exc_info=error)

    def _breathe(self) -> None:
        if self._stopped.is_set():
            raise _Stopped
        self._breath()


class _Stopped(Exception):
    """What is being sealed stays in the log, what is being merged stays in pieces."""
