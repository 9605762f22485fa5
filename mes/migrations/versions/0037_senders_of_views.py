"""Whose a view is that was handed in"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0037"
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


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
