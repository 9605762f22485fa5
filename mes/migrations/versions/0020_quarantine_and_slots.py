"""Readings: the slot a tag tells of; what nobody could place is decided about"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tag_binding", sa.Column("slot_id", sa.String(100), nullable=False, server_default=""))
    op.add_column("quarantine", sa.Column("until_us", sa.BigInteger(), nullable=True))
    op.add_column("quarantine", sa.Column("decision", sa.String(10), nullable=False, server_default=""))
    op.add_column("quarantine", sa.Column("decided_at_us", sa.BigInteger(), nullable=True))
    op.add_column("quarantine", sa.Column("decided_by_pk", sa.Integer(), nullable=True))
    op.add_column("quarantine", sa.Column("note", sa.String(500), nullable=False, server_default=""))
    is_open = sa.text("decision = ''")
    op.create_index(
        "ix_quarantine_open", "quarantine", ["bridge_pk", "tag"], sqlite_where=is_open, postgresql_where=is_open
    )


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
