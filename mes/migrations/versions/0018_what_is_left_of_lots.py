"""What links took is kept of every lot; an index of lots of which something is left, one of what was shipped"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_LEFT = sa.text("consumed_e6 < quantity AND shipment_pk IS NULL AND disposition <> 'Closed'")
_FILL = """
UPDATE material_lot SET consumed_e6 = taken.quantity_e6 FROM (
    SELECT parent_pk, sum(quantity_e6) AS quantity_e6 FROM genealogy_link WHERE ended_by_pk IS NULL GROUP BY parent_pk
) AS taken WHERE taken.parent_pk = material_lot.pk AND material_lot.kind <> 1
"""


def upgrade() -> None:
    op.execute(_FILL)
    op.create_index("ix_material_lot_left", "material_lot", ["material_pk"], sqlite_where=_LEFT, postgresql_where=_LEFT)
    shipped = sa.text("shipment_pk IS NOT NULL")
    op.create_index(
        "ix_material_lot_shipped", "material_lot", ["shipment_pk"], sqlite_where=shipped, postgresql_where=shipped
    )


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
