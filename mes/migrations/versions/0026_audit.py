"""Audit: from where each act came, what it changed in documents; what is kept and told of people"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "act_origin",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("credential", sa.String(length=100), nullable=False),
        sa.Column("place", sa.String(length=100), nullable=False),
        sa.Column("address", sa.String(length=100), nullable=True),
        sa.Column("salt", sa.String(length=32), nullable=True),
        sa.Column("first_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_act_origin")),
    )
    op.create_index(op.f("ix_act_origin_first_at_us"), "act_origin", ["first_at_us"])
    op.create_table(
        "privacy_policy",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("performance_by_person", sa.String(length=10), nullable=False),
        sa.Column("keep_days", sa.Integer(), nullable=True),
        sa.Column("pseudonym_key", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_privacy_policy")),
        sa.UniqueConstraint("id", name=op.f("uq_privacy_policy_id")),
    )
    op.add_column("outbox_event", sa.Column("origin_id", sa.String(length=32), nullable=True))
    op.add_column("outbox_event", sa.Column("changes", sa.Text(), nullable=True))


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
