"""Receipts: what was told with them, so that another one under a used request id is refused"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("material_receipt", sa.Column("content_hash", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
