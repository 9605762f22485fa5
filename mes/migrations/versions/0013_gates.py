"""Gates: first articles of jobs, tolerances of routings, what the plant wants done where it has the choice"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import mes.kernel.sqltypes

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _add_to_definitions()
    _add_first_articles()
    _create_plant_policy()


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sqlmodel.sql.sqltypes.AutoString(length=length), nullable=False)


def _add_to_definitions() -> None:
    first_article = sa.Column(
        "first_article", mes.kernel.sqltypes.ExactQuantity(), server_default=sa.text("0"), nullable=False
    )
    op.add_column("operations_segment", first_article)
    for name in ("under_tolerance_bp", "over_tolerance_bp"):
        op.add_column("operations_definition", sa.Column(name, sa.Integer(), nullable=True))


def _add_first_articles() -> None:
    table = "job_order"
    op.add_column(table, sa.Column("first_article_e6", sa.BigInteger(), server_default="0", nullable=False))
    state = sa.Column("first_article", sqlmodel.sql.sqltypes.AutoString(length=10), server_default="", nullable=False)
    op.add_column(table, state)
    op.add_column(table, sa.Column("first_article_at_e6", sa.BigInteger(), nullable=True))
    op.create_table(
        "first_article_act",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("job_pk", sa.Integer(), nullable=False),
        sa.Column("segment_pk", sa.Integer(), nullable=True),
        sa.Column("equipment_pk", sa.Integer(), nullable=False),
        _text("act", 10),
        sa.Column("pieces_e6", sa.BigInteger(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Integer(), nullable=True),
        _text("note", 500),
        sa.Column("measurements", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_pk"], ["job_order.pk"], name=op.f("fk_first_article_act_job_pk_job_order")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_first_article_act")),
    )
    op.create_index("ix_first_article_act_job_pk", "first_article_act", ["job_pk"])
    op.create_index("ix_first_article_act_step", "first_article_act", ["segment_pk", "equipment_pk"])


def _create_plant_policy() -> None:
    op.create_table(
        "plant_policy",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pk", sa.Integer(), nullable=False),
        _text("id", 100),
        _text("when_away", 10),
        _text("first_article_for", 10),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_plant_policy")),
        sa.UniqueConstraint("id", name=op.f("uq_plant_policy_id")),
    )


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
