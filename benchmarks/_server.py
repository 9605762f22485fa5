"""The servers that benchmarks ask over HTTP, one worker each: the product, and a bare FastAPI endpoint as the floor.

python benchmarks/_server.py product|floor PORT DATABASE_URL DATA_DIR
"""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg
import uvicorn
from fastapi import FastAPI

from web.security import NO_TELEMETRY
from web.server import SWITCH_S, server_config
from web.settings import Settings

BODY = "x" * 200


def floor(url: str) -> FastAPI:
    """One endpoint, one autocommitted insert, the same sync; a body is read and thrown away."""
    app = FastAPI(openapi_url=None, telemetry=NO_TELEMETRY)
    insert = _sqlite(url) if url.startswith("sqlite") else _postgres(url)

    @app.post("/raw", status_code=204)
    def raw(_body: dict[str, object]) -> None:
        insert()

    return app


def _sqlite(url: str) -> Callable[[], None]:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS raw (pk INTEGER PRIMARY KEY, body TEXT)")
    lock = threading.Lock()

    def insert() -> None:
        with lock:
            connection.execute("INSERT INTO raw (body) VALUES (?)", (BODY,))

    return insert


def _postgres(url: str) -> Callable[[], None]:
    plain = url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(plain, autocommit=True) as first:
        first.execute("CREATE TABLE IF NOT EXISTS raw (pk BIGSERIAL PRIMARY KEY, body TEXT)")
    own = threading.local()

    def insert() -> None:
        if not hasattr(own, "connection"):
            own.connection = psycopg.connect(plain, autocommit=True)
        own.connection.execute("INSERT INTO raw (body) VALUES (%s)", (BODY,))

    return insert


def main() -> None:
    what, port, url, data_dir = sys.argv[1:]
    if what == "floor":
        uvicorn.run(floor(url), host="127.0.0.1", port=int(port), log_level="warning", access_log=False)
        return
    address = None if url.startswith("sqlite") else url
    settings = Settings(data_dir=Path(data_dir), database_url=address, port=int(port), log_level="warning")
    sys.setswitchinterval(SWITCH_S)
    uvicorn.Server(server_config(settings)).run()


if __name__ == "__main__":
    main()
