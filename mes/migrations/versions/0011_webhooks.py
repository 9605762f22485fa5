"""Webhooks: who wants to hear of what, and each event on its way there"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WAITING = sa.text("state = 0")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_webhook()
    _create_delivery()


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sqlmodel.sql.sqltypes.AutoString(length=length), nullable=False)


def _create_webhook() -> None:
    op.create_table(
        "webhook",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pk", sa.Integer(), nullable=False),
        _text("id", 100),
        _text("url", 2000),
        sa.Column("event_types", sa.Text(), nullable=False),
        _text("description", 500),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("private_addresses", sa.Boolean(), nullable=False),
        _text("note", 200),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_old_secret", sa.LargeBinary(), nullable=True),
        sa.Column("old_secret_until_us", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since_us", sa.BigInteger(), nullable=True),
        sa.Column("blocked_until_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_webhook")),
        sa.UniqueConstraint("id", name=op.f("uq_webhook_id")),
    )


def _create_delivery() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("pk", KEY, nullable=False),
        sa.Column("webhook_pk", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        _text("event_type", 100),
        _text("subject", 200),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        _text("said", 200),
        sa.Column("queued_at_us", sa.BigInteger(), nullable=False),
        sa.Column("next_at_us", sa.BigInteger(), nullable=False),
        sa.Column("claimed_until_us", sa.BigInteger(), nullable=False),
        sa.Column("first_failed_at_us", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["webhook_pk"], ["webhook.pk"], name=op.f("fk_webhook_delivery_webhook_pk_webhook")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_webhook_delivery")),
        sa.UniqueConstraint("webhook_pk", "seq", name=op.f("uq_webhook_delivery_webhook_pk_seq")),
    )
    op.create_index(
        "ix_webhook_delivery_waiting",
        "webhook_delivery",
        ["webhook_pk", "subject", "seq"],
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
    op.create_index("ix_webhook_delivery_state", "webhook_delivery", ["webhook_pk", "state", "pk"])


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
