"""Connections to PostgreSQL that are cut while they rest, as by a server that was restarted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg

from mes.kernel.db import Database, ReadSession
from mes.kernel.limits import READER_THREADS
from web.live.wakeup import conninfo


def cut_all_connections(plant: Database) -> set[int]:
    """Have all readers connect, and cut what they rest on; the numbers of those backends."""
    together = Barrier(READER_THREADS)

    def connect(session: ReadSession) -> int:
        number: int = session.driver_query("SELECT pg_backend_pid()")[0][0]
        together.wait(10)
        return number

    with ThreadPoolExecutor(READER_THREADS) as threads:
        numbers = set(threads.map(lambda _: plant.read_now(connect), range(READER_THREADS)))
    with psycopg.connect(conninfo(plant), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) pid", (list(numbers),))
    return numbers
