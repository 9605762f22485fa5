"""Whose an ERP's view is; whether a connection may lead inside; properties of things and their classes"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_ITS_OWN: Final = (
    "UPDATE erp_view SET source = (SELECT id FROM erp_connection) "
    "WHERE actor IS NULL AND NOT complete AND (SELECT count(*) FROM erp_connection) = 1"
)
"""A view that was handed in has somebody who did, or, taken from a watched folder, is complete."""
_NOBODY_KNOWS_WHOSE: Final = "DELETE FROM erp_view WHERE actor IS NULL AND NOT complete AND source = ''"


def upgrade() -> None:
    op.add_column("erp_view", sa.Column("source", sa.String(100), nullable=False, server_default=""))
    op.drop_index("ix_erp_view_subject", "erp_view")
    op.create_index("ix_erp_view_source", "erp_view", ["subject", "source", "pk"])
    op.execute(_ITS_OWN)
    op.execute(_NOBODY_KNOWS_WHOSE)
    private = sa.Column("private_addresses", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("erp_connection", private)
    op.execute("UPDATE erp_connection SET private_addresses = true")  # as they were: what works goes on
    for table in ("equipment", "equipment_class", "material_class", "material_definition"):
        op.add_column(table, sa.Column("properties", sa.JSON(), server_default=sa.text("'[]'"), nullable=False))


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
