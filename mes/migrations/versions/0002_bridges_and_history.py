"""History as a log of columns; what bridges say of themselves; counters know their data type"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROWS = 5_000
"""Samples in one row of the log."""
GOOD, NOT_KNOWN = 0, 2


def upgrade() -> None:
    _create_history()
    if op.get_bind().dialect.name == "postgresql":
        _create_sealed_history()
    _move_samples()
    with op.batch_alter_table("bridge") as table:
        table.add_column(_text("bindings_mark", 36))
    with op.batch_alter_table("counter_baseline") as table:
        table.add_column(_text("data_type", 40))
    op.create_table(
        "bridge_health",
        sa.Column("bridge_pk", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("signature", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("received_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["bridge_pk"], ["bridge.pk"], name=op.f("fk_bridge_health_bridge_pk_bridge")),
        sa.PrimaryKeyConstraint("bridge_pk", name=op.f("pk_bridge_health")),
    )
    _allow_monitors()


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sqlmodel.sql.sqltypes.AutoString(length=length), nullable=False, server_default="")


def _create_history() -> None:
    op.create_table(
        "history_last",
        sa.Column("tag_pk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=True),
        sa.Column("quality", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tag_pk", name=op.f("pk_history_last")),
    )
    op.create_table(
        "history_log",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=False),
        sa.Column("tag_pk", sa.LargeBinary(), nullable=False),
        sa.Column("at_us", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("quality", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_history_log")),
    )
    op.create_table(
        "history_retention",
        sa.Column("pk", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("samples_days", sa.Integer(), nullable=False),
        sa.Column("rollups_days", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_history_retention")),
    )
    op.create_table(
        "history_text",
        sa.Column("tag_pk", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tag_pk", "at_us", name=op.f("pk_history_text")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_history_text_at_us", "history_text", ["at_us"], unique=False)


def _create_sealed_history() -> None:
    """Pieces, chunks by the day, roll-ups by the month (on SQLite: files). Not to be packed once more."""
    op.execute(
        "CREATE TABLE history_piece (seq BIGSERIAL, tag_pk BIGINT NOT NULL, hour INTEGER NOT NULL, n INTEGER NOT NULL, "
        "data BYTEA NOT NULL, CONSTRAINT pk_history_piece PRIMARY KEY (seq))"
    )
    op.execute("CREATE INDEX ix_history_piece ON history_piece (hour, tag_pk)")
    op.execute(
        "CREATE TABLE history_chunk (tag_pk BIGINT NOT NULL, hour INTEGER NOT NULL, n INTEGER NOT NULL, "
        "data BYTEA NOT NULL, CONSTRAINT pk_history_chunk PRIMARY KEY (tag_pk, hour)) PARTITION BY RANGE (hour)"
    )
    op.execute(
        "CREATE TABLE history_rollup (tag_pk BIGINT NOT NULL, hour INTEGER NOT NULL, data BYTEA NOT NULL, "
        "CONSTRAINT pk_history_rollup PRIMARY KEY (tag_pk, hour)) PARTITION BY RANGE (hour)"
    )
    for table, column in (
        ("history_piece", "data"),
        ("history_chunk", "data"),
        ("history_rollup", "data"),
        ("history_log", "tag_pk"),
        ("history_log", "at_us"),
        ("history_log", "value"),
        ("history_log", "quality"),
    ):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")


def _move_samples() -> None:
    """Texts stay rows; numbers go into the log, from where they are sealed like any others."""
    op.execute(
        "INSERT INTO history_text (tag_pk, at_us, text) SELECT tag_pk, at_us, text FROM history_sample "
        "WHERE text IS NOT NULL"
    )
    log = sa.text(
        "INSERT INTO history_log (n, from_us, to_us, tag_pk, at_us, value, quality) "
        "VALUES (:n, :from_us, :to_us, :tag_pk, :at_us, :value, :quality)"
    )
    for rows in _numbers():
        op.get_bind().execute(log, _packed(rows))
    op.drop_table("history_sample")


def _numbers() -> Iterator[Sequence[Any]]:
    page = sa.text(
        "SELECT tag_pk, at_us, value FROM history_sample WHERE text IS NULL AND (tag_pk, at_us) > (:tag_pk, :at_us) "
        "ORDER BY tag_pk, at_us LIMIT :rows"
    )
    tag_pk, at_us = -1, -1
    while rows := op.get_bind().execute(page, {"tag_pk": tag_pk, "at_us": at_us, "rows": ROWS}).all():
        yield rows
        tag_pk, at_us, _ = rows[-1]


def _packed(rows: Sequence[Any]) -> dict[str, Any]:
    """Columns as little-endian uint32, int64, float64 and uint8; what is not known is NaN."""
    tags, times, values = zip(*rows, strict=True)
    count = len(rows)
    return {
        "n": count,
        "from_us": min(times),
        "to_us": max(times),
        "tag_pk": struct.pack(f"<{count}I", *tags),
        "at_us": struct.pack(f"<{count}q", *times),
        "value": struct.pack(f"<{count}d", *(math.nan if value is None else value for value in values)),
        "quality": bytes(NOT_KNOWN if value is None else GOOD for value in values),
    }


def _allow_monitors() -> None:
    name = op.f("ck_principal_role")
    roles = "'operator', 'supervisor', 'engineer', 'administrator', 'integration', 'bridge', 'monitor'"
    with op.batch_alter_table("principal", schema=None) as batch_op:
        batch_op.drop_constraint(name, type_="check")
        batch_op.create_check_constraint(name, sa.text(f"role IN ({roles})"))


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
