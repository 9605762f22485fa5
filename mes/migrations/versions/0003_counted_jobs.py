"""A person counts the pieces of a job whose machines leave an interval"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

AWAITS_COUNT = sa.text(
    "ended_at_us IS NOT NULL AND (good_high_e6 IS NULL OR good_high_e6 <> good_low_e6 "
    "OR scrap_high_e6 IS NULL OR scrap_high_e6 <> scrap_low_e6)"
)


def upgrade() -> None:
    op.add_column("job_order", sa.Column("counted_at_us", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_job_order_awaits_count",
        "job_order",
        ["equipment_pk"],
        sqlite_where=AWAITS_COUNT,
        postgresql_where=AWAITS_COUNT,
    )


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
