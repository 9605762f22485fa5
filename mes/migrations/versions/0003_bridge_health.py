"""What each bridge last said of itself; the role of a monitoring system"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0003"
down_revision = "0002_counter_data_type"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bridge_health",
        sa.Column("bridge_pk", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("signature", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("received_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["bridge_pk"], ["bridge.pk"], name=op.f("fk_bridge_health_bridge_pk_bridge")),
        sa.PrimaryKeyConstraint("bridge_pk", name=op.f("pk_bridge_health")),
    )
    _allow_monitors()


def _allow_monitors() -> None:
    name = op.f("ck_principal_role")
    roles = "'operator', 'supervisor', 'engineer', 'administrator', 'integration', 'bridge', 'monitor'"
    with op.batch_alter_table("principal", schema=None) as batch_op:
        batch_op.drop_constraint(name, type_="check")
        batch_op.create_check_constraint(name, sa.text(f"role IN ({roles})"))


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
