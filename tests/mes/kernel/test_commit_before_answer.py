"""A 200 means that it is written. The widely copied pattern (commit after `yield`) answers before it knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy import create_engine, event, text
from sqlmodel import Session

from mes.kernel.db import Database
from mes.kernel.errors import Unavailable
from mes.kernel.uow import UnitOfWork


class DiskFull(OSError):
    pass


def fail_commits(engine: object) -> None:
    def refuse(_connection: object) -> None:
        raise DiskFull("no space left on device")

    event.listen(engine, "commit", refuse)


async def post(app: FastAPI) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://plant") as client:
        return await client.post("/count")


async def test_the_naive_pattern_answers_200_though_the_commit_failed(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'naive.sqlite'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE tally (value INT)"))
    fail_commits(engine)
    app = FastAPI()

    def opened() -> Iterator[Session]:
        with Session(engine) as session:
            yield session
            session.commit()

    @app.post("/count")
    def count(session: Session = Depends(opened)) -> dict[str, str]:
        session.execute(text("INSERT INTO tally VALUES (1)"))
        return {"said": "counted"}

    assert (await post(app)).status_code == 200
    engine.dispose()


async def test_ours_answers_only_what_is_committed(tally: Database) -> None:
    app = FastAPI()
    app.add_exception_handler(Unavailable, lambda _request, error: JSONResponse({}, status_code=error.status))

    def add(uow: UnitOfWork) -> None:
        uow.execute(text("UPDATE tally SET value = value + 1"))

    @app.post("/count")
    async def count() -> dict[str, str]:
        await tally.write(add, actor=None)
        return {"said": "counted"}

    assert (await post(app)).status_code == 200
    fail_commits(tally._writer_engine)
    assert (await post(app)).status_code == 503
    with pytest.raises(Unavailable, match="cannot be written"):
        await tally.write(add, actor=None)
