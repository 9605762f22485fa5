"""Runs of events that were archived and removed, with the link the chain goes on from"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outbox_removed",
        sa.Column("last_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("chain_sha256", sa.LargeBinary(length=32), nullable=True),
        sa.PrimaryKeyConstraint("last_seq", name=op.f("pk_outbox_removed")),
    )


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
