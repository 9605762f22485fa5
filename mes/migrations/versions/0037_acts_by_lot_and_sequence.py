"""Acts by lot and sequence: that a lot passed no station is seen without reading its acts"""

from __future__ import annotations

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_genealogy_act_lot_pk", table_name="genealogy_act")
    op.create_index("ix_genealogy_act_lot", "genealogy_act", ["lot_pk", "seq"])


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
