"""Verdicts that are taken back; acts on what was on hold; where tools stood; parameters of one job"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("unit_verdict", sa.Column("ended_by_pk", sa.BigInteger(), nullable=True))
    op.add_column("genealogy_act", sa.Column("flag", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=True))
    op.add_column("job_order", sa.Column("parameters", sa.JSON(none_as_null=True), nullable=True))
    op.create_index("ix_tool_act_equipment_pk", "tool_act", ["equipment_pk"])
    flagged = sa.text("flag IS NOT NULL")
    op.create_index(
        "ix_genealogy_act_flagged", "genealogy_act", ["lot_pk"], sqlite_where=flagged, postgresql_where=flagged
    )


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
