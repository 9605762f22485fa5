"""What pieces took of mounted lots is counted and kept with the lot"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_DUE = sa.text("recount_at_us IS NOT NULL")
_COUNT_ALL = "UPDATE slot_mount SET recount_at_us = 0 WHERE quantity_per_e6 > 0 AND ended_by_pk IS NULL"


def upgrade() -> None:
    op.add_column("slot_mount", sa.Column("taken_e6", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("slot_mount", sa.Column("recount_at_us", sa.BigInteger(), nullable=True))
    op.create_index("ix_slot_mount_recount", "slot_mount", ["recount_at_us"], sqlite_where=_DUE, postgresql_where=_DUE)
    op.execute(_COUNT_ALL)


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
