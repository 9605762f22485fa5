"""ERP connections: what is linked to what, and how each order stands; lots and what they used are found by job"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_DUE = sa.text("due_at_us IS NOT NULL")
_MADE = sa.text("job_pk IS NOT NULL")
_ACTS = sa.text("job_pk IS NOT NULL AND kind <> 1")


def upgrade() -> None:
    _connections()
    _links()
    _orders()
    op.create_index("ix_material_lot_job_pk", "material_lot", ["job_pk"], sqlite_where=_MADE, postgresql_where=_MADE)
    op.create_index("ix_genealogy_act_job_pk", "genealogy_act", ["job_pk"], sqlite_where=_ACTS, postgresql_where=_ACTS)


def _connections() -> None:
    op.create_table(
        "erp_connection",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("url", sa.String(2000), nullable=False),
        sa.Column("database_name", sa.String(100), nullable=False),
        sa.Column("user_name", sa.String(100), nullable=False),
        sa.Column("sealed_password", sa.LargeBinary(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("plain_http", sa.Boolean(), nullable=False),
        sa.Column("place", sa.String(100), nullable=False),
        sa.Column("places", sa.JSON(), nullable=False),
        sa.Column("order_prefix", sa.String(20), nullable=False),
        sa.Column("poll_s", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("masters_at_us", sa.BigInteger(), nullable=False),
        sa.Column("remarks", sa.JSON(), nullable=False),
        sa.Column("next_at_us", sa.BigInteger(), nullable=False),
        sa.Column("busy_until_us", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since_us", sa.BigInteger(), nullable=True),
        sa.Column("last_ok_at_us", sa.BigInteger(), nullable=True),
        sa.Column("said", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_erp_connection")),
        sa.UniqueConstraint("id", name=op.f("uq_erp_connection_id")),
    )


def _links() -> None:
    op.create_table(
        "erp_link",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("connection_pk", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("local_id", sa.String(100), nullable=False),
        sa.Column("by_lot", sa.Boolean(), nullable=False),
        sa.Column("consumption", sa.String(10), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_pk"], ["erp_connection.pk"], name=op.f("fk_erp_link_connection_pk_erp_connection")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_erp_link")),
        sa.UniqueConstraint("connection_pk", "kind", "key", name=op.f("uq_erp_link_connection_pk_kind_key")),
    )
    op.create_index("ix_erp_link_local_id", "erp_link", ["local_id"])


def _orders() -> None:
    op.create_table(
        "erp_order",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("connection_pk", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(100), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("by_bill", sa.Boolean(), nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.Column("said", sa.String(500), nullable=False),
        sa.Column("due_at_us", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("told_sha256", sa.String(64), nullable=False),
        sa.Column("told_at_us", sa.BigInteger(), nullable=True),
        sa.Column("told_said", sa.String(500), nullable=False),
        sa.Column("reopening", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_pk"], ["erp_connection.pk"], name=op.f("fk_erp_order_connection_pk_erp_connection")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_erp_order")),
        sa.UniqueConstraint("connection_pk", "key", name=op.f("uq_erp_order_connection_pk_key")),
    )
    op.create_index("ix_erp_order_order_id", "erp_order", ["order_id"])
    op.create_index(
        "ix_erp_order_due", "erp_order", ["connection_pk", "due_at_us"], sqlite_where=_DUE, postgresql_where=_DUE
    )


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
