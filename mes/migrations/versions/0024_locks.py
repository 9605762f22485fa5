"""Locks: tokens and sessions limited to some permissions, badges, second factors, how people prove who they are"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
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
        sa.Column("second_factor_roles", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_access_policy")),
        sa.UniqueConstraint("id", name=op.f("uq_access_policy_id")),
    )
    op.create_table(
        "second_factor",
        sa.Column("principal_pk", sa.Integer(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_at_us", sa.BigInteger(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_pk"], ["principal.pk"], name=op.f("fk_second_factor_principal_pk_principal")
        ),
        sa.PrimaryKeyConstraint("principal_pk", name=op.f("pk_second_factor")),
    )
    op.create_table(
        "recovery_code",
        sa.Column("code_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("principal_pk", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_pk"], ["principal.pk"], name=op.f("fk_recovery_code_principal_pk_principal")
        ),
        sa.PrimaryKeyConstraint("code_sha256", name=op.f("pk_recovery_code")),
    )
    op.create_index(op.f("ix_recovery_code_principal_pk"), "recovery_code", ["principal_pk"])


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
