"""Reports name lots used; those written before stay as they are"""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "INSERT INTO consumer_cursor (consumer, seq) "
        "SELECT 'reporting.consumption', coalesce(max(pk), 0) FROM genealogy_act"
    )


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
