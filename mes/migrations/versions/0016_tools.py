"""Tools with a life and a cleaning interval, and what was done with them"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "production_tool",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pk", sa.Integer(), nullable=False),
        _text("id", 100),
        _text("kind", 40),
        _text("description", 500),
        *(
            sa.Column(name, sa.Integer(), nullable=True)
            for name in ("life_cycles", "life_days", "clean_cycles", "clean_hours")
        ),
        sa.Column("cycles", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cleaned_at_cycles", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cleaned_at_us", sa.BigInteger(), nullable=True),
        sa.Column("first_used_at_us", sa.BigInteger(), nullable=True),
        sa.Column("prolonged_to_cycles", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("place_pk", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["place_pk"], ["equipment.pk"], name=op.f("fk_production_tool_place_pk_equipment")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_production_tool")),
        sa.UniqueConstraint("id", name=op.f("uq_production_tool_id")),
    )
    op.create_index("ix_production_tool_place_pk", "production_tool", ["place_pk"])
    op.create_table(
        "tool_act",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("tool_pk", sa.Integer(), nullable=False),
        _text("act", 10),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Integer(), nullable=True),
        sa.Column("equipment_pk", sa.Integer(), nullable=True),
        sa.Column("cycles", sa.BigInteger(), nullable=False),
        _text("reason", 500),
        _text("request_id", 100),
        sa.Column("content_hash", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["tool_pk"], ["production_tool.pk"], name=op.f("fk_tool_act_tool_pk_production_tool")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_tool_act")),
        sa.UniqueConstraint("request_id", name=op.f("uq_tool_act_request_id")),
    )
    op.create_index("ix_tool_act_tool_pk", "tool_act", ["tool_pk"])


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sqlmodel.sql.sqltypes.AutoString(length=length), nullable=False)


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
