"""A person counts the pieces of a job whose machines leave an interval"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COUNTABLE_US = 7 * 86_400 * 1_000_000
"""Pieces of jobs that ended a week before the last one are nowhere to be counted."""


def upgrade() -> None:
    op.add_column("job_order", sa.Column("counted_at_us", sa.BigInteger(), nullable=True))
    op.add_column("job_order", sa.Column("awaits_count", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(
        sa.text(
            "UPDATE job_order SET awaits_count = true WHERE report_version > 0 AND "
            "ended_at_us >= (SELECT max(ended_at_us) FROM job_order) - :countable_us AND "
            "(good_high_e6 IS NULL OR good_high_e6 <> good_low_e6 "
            "OR scrap_high_e6 IS NULL OR scrap_high_e6 <> scrap_low_e6)"
        ).bindparams(countable_us=COUNTABLE_US)
    )
    op.create_index(
        "ix_job_order_awaits_count",
        "job_order",
        ["equipment_pk"],
        sqlite_where=sa.text("awaits_count = 1"),
        postgresql_where=sa.text("awaits_count"),
    )


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
