"""Devices at which a person has proven who they are: each has a budget of wrong PINs of its own for them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "known_device",
        sa.Column("principal_pk", sa.Integer(), nullable=False),
        sa.Column("device_key", sa.String(length=64), nullable=False),
        sa.Column("proven_at_us", sa.BigInteger(), nullable=False),
        sa.Column("failed_count", sa.Integer(), nullable=False),
        sa.Column("failed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("locked_until_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_pk"], ["principal.pk"], name=op.f("fk_known_device_principal_pk_principal")
        ),
        sa.PrimaryKeyConstraint("principal_pk", "device_key", name=op.f("pk_known_device")),
    )


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
