"""Orders complete: holds, roles of jobs and links between them, sequences, tolerances, what goes to rework"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _request()
    _jobs()
    op.create_table(
        "job_link",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("from_job_pk", sa.Integer(), nullable=False),
        sa.Column("to_job_pk", sa.Integer(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=False),
        sa.Column("quantity_e6", sa.BigInteger(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["from_job_pk"], ["job_order.pk"], name=op.f("fk_job_link_from_job_pk_job_order")),
        sa.ForeignKeyConstraint(["to_job_pk"], ["job_order.pk"], name=op.f("fk_job_link_to_job_pk_job_order")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_job_link")),
    )
    op.create_index(op.f("ix_job_link_from_job_pk"), "job_link", ["from_job_pk"], unique=False)
    op.create_index(op.f("ix_job_link_to_job_pk"), "job_link", ["to_job_pk"], unique=False)


def _request() -> None:
    table = "operations_request"
    op.add_column(table, sa.Column("revision", sa.Integer(), server_default="1", nullable=False))
    op.add_column(table, sa.Column("under_tolerance_bp", sa.Integer(), nullable=True))
    op.add_column(table, sa.Column("over_tolerance_bp", sa.Integer(), nullable=True))
    op.add_column(table, sa.Column("cancelled", sa.Boolean(), server_default=sa.false(), nullable=False))


def _jobs() -> None:
    table = "job_order"
    op.add_column(
        table, sa.Column("role", sqlmodel.sql.sqltypes.AutoString(length=10), server_default="", nullable=False)
    )
    op.add_column(
        table,
        sa.Column("setup_family", sqlmodel.sql.sqltypes.AutoString(length=100), server_default="", nullable=False),
    )
    op.add_column(table, sa.Column("rank", sa.Integer(), nullable=True))
    op.add_column(
        table, sa.Column("hold_reason", sqlmodel.sql.sqltypes.AutoString(length=500), server_default="", nullable=False)
    )
    op.add_column(table, sa.Column("rework_e6", sa.BigInteger(), server_default="0", nullable=False))
    op.execute(sa.text("UPDATE job_order SET setup_family = work_master_id"))


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
