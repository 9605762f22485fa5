"""Genealogy: what was told with an act, so that something else under a used request id is refused"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("genealogy_act", sa.Column("content_hash", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
