"""Quality: defect codes, what steps ask of units, verdicts with their measurements and defects"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OPEN = sa.text("repaired_by_pk IS NULL")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_master_data()
    _create_verdicts()
    _create_findings()


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sqlmodel.sql.sqltypes.AutoString(length=length), nullable=False)


def _create_master_data() -> None:
    op.create_table(
        "defect_code",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pk", sa.Integer(), nullable=False),
        _text("id", 100),
        _text("description", 500),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_defect_code")),
        sa.UniqueConstraint("id", name=op.f("uq_defect_code_id")),
    )
    op.create_table(
        "quality_requirement",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pk", sa.Integer(), nullable=False),
        _text("id", 100),
        _text("unit_check", 10),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_quality_requirement")),
        sa.UniqueConstraint("id", name=op.f("uq_quality_requirement_id")),
    )


def _create_verdicts() -> None:
    op.create_table(
        "unit_verdict",
        sa.Column("pk", KEY, nullable=False),
        _text("source", 100),
        _text("result_id", 100),
        sa.Column("content_hash", sa.BigInteger(), nullable=False),
        _text("unit_id", 100),
        sa.Column("verdict", sa.SmallInteger(), nullable=False),
        _text("segment_id", 100),
        sa.Column("job_pk", sa.Integer(), nullable=True),
        sa.Column("equipment_pk", sa.Integer(), nullable=True),
        _text("program", 100),
        _text("program_revision", 100),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Integer(), nullable=True),
        _text("note", 500),
        _text("flag", 40),
        sa.ForeignKeyConstraint(
            ["equipment_pk"], ["equipment.pk"], name=op.f("fk_unit_verdict_equipment_pk_equipment")
        ),
        sa.ForeignKeyConstraint(["job_pk"], ["job_order.pk"], name=op.f("fk_unit_verdict_job_pk_job_order")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_unit_verdict")),
        sa.UniqueConstraint("source", "result_id", name=op.f("uq_unit_verdict_source_result_id")),
    )
    op.create_index("ix_unit_verdict_unit_id", "unit_verdict", ["unit_id", "at_us"])
    op.create_index("ix_unit_verdict_job_pk", "unit_verdict", ["job_pk"])
    op.create_index("ix_unit_verdict_equipment_pk", "unit_verdict", ["equipment_pk", "at_us"])


def _create_findings() -> None:
    op.create_table(
        "measured_value",
        sa.Column("verdict_pk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.SmallInteger(), autoincrement=False, nullable=False),
        _text("name", 100),
        _text("value", 40),
        _text("unit", 20),
        _text("low", 40),
        _text("high", 40),
        _text("verdict", 10),
        sa.PrimaryKeyConstraint("verdict_pk", "place", name=op.f("pk_measured_value")),
    )
    op.create_table(
        "defect",
        sa.Column("pk", KEY, nullable=False),
        sa.Column("verdict_pk", sa.BigInteger(), nullable=False),
        _text("unit_id", 100),
        sa.Column("code_pk", sa.Integer(), nullable=False),
        _text("position", 100),
        _text("note", 500),
        sa.Column("repaired_by_pk", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["code_pk"], ["defect_code.pk"], name=op.f("fk_defect_code_pk_defect_code")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_defect")),
    )
    op.create_index("ix_defect_unit_id", "defect", ["unit_id"])
    op.create_index("ix_defect_verdict_pk", "defect", ["verdict_pk"])
    op.create_index("ix_defect_open_code_pk", "defect", ["code_pk"], sqlite_where=OPEN, postgresql_where=OPEN)


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
