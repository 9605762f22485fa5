"""Whose a view is that was handed in; properties of lots and people"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_ITS_SENDERS: Final = (
    "UPDATE erp_view SET source = '@' || coalesce((SELECT id FROM principal WHERE principal.pk = erp_view.actor "
    "AND principal.kind = 'integration'), '') WHERE source = ''"
)


def upgrade() -> None:
    with op.batch_alter_table("erp_view") as batch:
        batch.alter_column(
            "source",
            existing_type=sa.String(100),
            type_=sa.String(101),
            existing_nullable=False,
            existing_server_default="",
        )
    op.execute(_ITS_SENDERS)
    op.add_column("material_lot", sa.Column("properties", sa.JSON(), nullable=True))
    people = sa.Column("properties", sa.JSON(), server_default=sa.text("'[]'"), nullable=False)
    op.add_column("person", people)


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
