"""Time stays aware and decimals stay exact, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, DateTime, MetaData, Numeric, Table, insert, select
from sqlalchemy.exc import StatementError

from mes.kernel.db import Database, ReadSession
from mes.kernel.sqltypes import ExactQuantity, UtcDateTime, from_us, to_us
from mes.kernel.uow import UnitOfWork

_metadata = MetaData()
_ours = Table("ours", _metadata, Column("at", UtcDateTime), Column("amount", ExactQuantity))
_naive = Table("naive", _metadata, Column("at", DateTime(timezone=True)), Column("amount", Numeric(24, 6)))


def create(uow: UnitOfWork) -> None:
    _metadata.create_all(uow.connection)


def put(uow: UnitOfWork, *, table: Table, at: datetime, amount: Decimal) -> None:
    uow.execute(insert(table).values(at=at, amount=amount))


def get(session: ReadSession, *, table: Table) -> tuple[datetime, Decimal]:
    row = session.execute(select(table)).one()
    return row.at, row.amount


AT = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
AMOUNT = Decimal("987654321012.123459")


def test_ours_keep_what_was_put(database: Database) -> None:
    database.write_now(create, actor=None)
    database.write_now(put, actor=None, table=_ours, at=AT, amount=AMOUNT)
    at, amount = database.read_now(get, table=_ours)
    assert (at, at.utcoffset(), amount) == (AT, timedelta(0), AMOUNT)


@pytest.mark.filterwarnings("ignore:.*does \\*not\\* support Decimal.*")
def test_the_naive_columns_lose_it_on_sqlite(sqlite_database: Database) -> None:
    sqlite_database.write_now(create, actor=None)
    sqlite_database.write_now(put, actor=None, table=_naive, at=AT, amount=AMOUNT)
    at, amount = sqlite_database.read_now(get, table=_naive)
    assert at.tzinfo is None
    assert amount != AMOUNT


def test_a_naive_datetime_is_refused(database: Database) -> None:
    database.write_now(create, actor=None)
    with pytest.raises((StatementError, ValueError)):
        database.write_now(put, actor=None, table=_ours, at=datetime(2026, 1, 1), amount=AMOUNT)  # noqa: DTZ001
    with pytest.raises(ValueError, match="naive"):
        to_us(datetime(2026, 1, 1))  # noqa: DTZ001


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda at: at.year >= 1970))
def test_microseconds_and_back(at: datetime) -> None:
    assert from_us(to_us(at)) == at
