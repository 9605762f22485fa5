from __future__ import annotations

import pytest
from sqlalchemy import text

from mes.kernel.db import Database
from mes.kernel.uow import UnitOfWork


def _tally(uow: UnitOfWork) -> None:
    uow.execute(text("CREATE TABLE tally (name VARCHAR(20) PRIMARY KEY, value BIGINT NOT NULL)"))
    uow.execute(text("INSERT INTO tally VALUES ('a', 0)"))


@pytest.fixture
def tally(database: Database) -> Database:
    """A plant with one number to fight over."""
    database.write_now(_tally, actor=None)
    return database


def _wide(uow: UnitOfWork) -> None:
    uow.execute(text("CREATE TABLE tally (name VARCHAR(20) PRIMARY KEY, value BIGINT NOT NULL, moved INT NOT NULL)"))
    uow.execute(text("INSERT INTO tally VALUES ('a', 0, 0), ('b', 0, 0), ('c', 0, 0)"))


@pytest.fixture
def wide(database: Database) -> Database:
    """A plant with three numbers that may be written together."""
    database.write_now(_wide, actor=None)
    return database
