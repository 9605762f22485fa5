"""Effectivity, alternatives, limits, substitutes, qualifications and instructions of routings; what a job follows"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _widen_versions()
    _create_details()
    _create_instructions()
    _remember_what_jobs_follow()


def _widen_versions() -> None:
    for table in ("work_master", "operations_definition"):
        op.add_column(table, sa.Column("effective_from_us", sa.BigInteger(), nullable=True))
        op.add_column(table, sa.Column("effective_until_us", sa.BigInteger(), nullable=True))
    op.add_column("work_master", sa.Column("limits", sa.JSON(), server_default=sa.text("'{}'"), nullable=False))
    op.add_column("work_master", sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.add_column("operations_definition", sa.Column("released_at_us", sa.BigInteger(), nullable=True))
    # what an order may have followed was released at some time before this
    op.execute("UPDATE operations_definition SET released_at_us = 0")
    op.add_column(
        "operations_segment", sa.Column("parameters", sa.JSON(), server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column(
        "segment_material", sa.Column("scrap_allowance", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )


def _key(name: str, table: str, target: str, pk: str = "pk") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([name], [f"{target}.{pk}"], name=op.f(f"fk_{table}_{name}_{target}"))


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sqlmodel.sql.sqltypes.AutoString(length=length), nullable=nullable)


def _create_details() -> None:
    op.create_table(
        "segment_equipment",
        _integer("segment_pk"),
        _integer("equipment_pk"),
        _integer("rank"),
        _key("segment_pk", "segment_equipment", "operations_segment"),
        _key("equipment_pk", "segment_equipment", "equipment"),
        sa.PrimaryKeyConstraint("segment_pk", "equipment_pk", name=op.f("pk_segment_equipment")),
    )
    op.create_table(
        "segment_qualification",
        _integer("segment_pk"),
        _integer("personnel_class_pk"),
        _key("segment_pk", "segment_qualification", "operations_segment"),
        _key("personnel_class_pk", "segment_qualification", "personnel_class"),
        sa.PrimaryKeyConstraint("segment_pk", "personnel_class_pk", name=op.f("pk_segment_qualification")),
    )
    op.create_table(
        "material_substitute",
        _integer("segment_material_pk"),
        _integer("material_pk"),
        _integer("rank"),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        _key("segment_material_pk", "material_substitute", "segment_material"),
        _key("material_pk", "material_substitute", "material_definition"),
        sa.PrimaryKeyConstraint("segment_material_pk", "material_pk", name=op.f("pk_material_substitute")),
    )


def _create_instructions() -> None:
    op.create_table(
        "instruction_document",
        _text("sha256", 64),
        _text("media_type", 40),
        _integer("size"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("added_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_instruction_document")),
    )
    op.create_table(
        "segment_instruction",
        _integer("pk"),
        _integer("segment_pk"),
        _integer("sequence"),
        _text("title", 200),
        _text("text", 4_000),
        _text("document_sha256", 64, nullable=True),
        _key("segment_pk", "segment_instruction", "operations_segment"),
        _key("document_sha256", "segment_instruction", "instruction_document", "sha256"),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_segment_instruction")),
        sa.UniqueConstraint("segment_pk", "sequence", name=op.f("uq_segment_instruction_segment_pk_sequence")),
    )
    op.create_table(
        "instruction_acknowledgement",
        _integer("job_pk"),
        _integer("instruction_pk"),
        _integer("principal_pk"),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        _key("job_pk", "instruction_acknowledgement", "job_order"),
        _key("instruction_pk", "instruction_acknowledgement", "segment_instruction"),
        _key("principal_pk", "instruction_acknowledgement", "principal"),
        sa.PrimaryKeyConstraint(
            "job_pk", "instruction_pk", "principal_pk", name=op.f("pk_instruction_acknowledgement")
        ),
    )
    op.create_index(
        op.f("ix_instruction_acknowledgement_instruction_pk"), "instruction_acknowledgement", ["instruction_pk"]
    )


def _remember_what_jobs_follow() -> None:
    """By the definition their order was resolved with; both were recorded from the first version on."""
    step = sa.ForeignKey("operations_segment.pk", name=op.f("fk_job_order_segment_pk_operations_segment"))
    op.add_column("job_order", sa.Column("segment_pk", sa.Integer(), step, nullable=True), inline_references=True)
    op.create_index(op.f("ix_job_order_segment_pk"), "job_order", ["segment_pk"], unique=False)
    op.execute(
        "UPDATE job_order SET segment_pk = (SELECT s.pk FROM operations_segment s "
        "JOIN operations_request r ON r.definition_pk = s.definition_pk "
        "JOIN work_request w ON w.operations_request_pk = r.pk "
        "WHERE w.pk = job_order.work_request_pk AND s.id = job_order.segment_id)"
    )


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
