"""What the machine's own history had of a gap"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gap_filled",
        sa.Column("gap_pk", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("binding_pk", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("first_at_us", sa.BigInteger(), nullable=False),
        sa.Column("last_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["binding_pk"], ["tag_binding.pk"], name=op.f("fk_gap_filled_binding_pk_tag_binding")),
        sa.ForeignKeyConstraint(["gap_pk"], ["gap.pk"], name=op.f("fk_gap_filled_gap_pk_gap")),
        sa.PrimaryKeyConstraint("gap_pk", "binding_pk", name=op.f("pk_gap_filled")),
    )


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
