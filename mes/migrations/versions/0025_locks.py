"""Locks: tokens and sessions limited to some permissions, badges, how people prove who they are"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_token", sa.Column("scope", sa.String(length=1_000), nullable=True))
    op.add_column("session", sa.Column("scope", sa.String(length=1_000), nullable=True))
    op.create_table(
        "badge",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("principal_pk", sa.Integer(), nullable=False),
        sa.Column("badge_hmac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("given_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["principal_pk"], ["principal.pk"], name=op.f("fk_badge_principal_pk_principal")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_badge")),
        sa.UniqueConstraint("badge_hmac", name=op.f("uq_badge_badge_hmac")),
    )
    op.create_index(op.f("ix_badge_principal_pk"), "badge", ["principal_pk"])
    op.create_table(
        "access_policy",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("badge", sa.String(length=10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_access_policy")),
        sa.UniqueConstraint("id", name=op.f("uq_access_policy_id")),
    )


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
