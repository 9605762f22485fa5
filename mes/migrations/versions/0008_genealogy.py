"""Genealogy: acts, links, slots and their mounts, shipments; lots have a kind"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ENDED = sa.text("ended_by_pk IS NOT NULL")
LIVE = sa.text("ended_by_pk IS NULL")
PASSES = sa.text("seq IS NOT NULL AND ended_by_pk IS NULL")
REQUESTED = sa.text("request_id IS NOT NULL")


def upgrade() -> None:
    op.add_column("material_lot", sa.Column("kind", sa.SmallInteger(), nullable=False, server_default="1"))
    op.add_column("material_lot", sa.Column("consumed_e6", sa.BigInteger(), nullable=False, server_default="0"))
    for name in ("job_pk", "place_pk", "shipment_pk"):
        op.add_column("material_lot", sa.Column(name, sa.Integer(), nullable=True))
    _create_places()
    _create_acts()
    _create_links()
    _create_mounts()


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sqlmodel.sql.sqltypes.AutoString(length=length), nullable=nullable)


def _create_places() -> None:
    op.create_table(
        "station_slot",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("equipment_pk", sa.Integer(), nullable=False),
        _text("id", 100),
        sa.Column("material_pk", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["equipment_pk"], ["equipment.pk"], name=op.f("fk_station_slot_equipment_pk_equipment")
        ),
        sa.ForeignKeyConstraint(
            ["material_pk"], ["material_definition.pk"], name=op.f("fk_station_slot_material_pk_material_definition")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_station_slot")),
        sa.UniqueConstraint("equipment_pk", "id", name=op.f("uq_station_slot_equipment_pk_id")),
    )
    op.create_table(
        "shipment",
        sa.Column("lot_pk", sa.Integer(), autoincrement=False, nullable=False),
        _text("customer_id", 100),
        _text("delivery_note", 100),
        sa.Column("shipped_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["lot_pk"], ["material_lot.pk"], name=op.f("fk_shipment_lot_pk_material_lot")),
        sa.PrimaryKeyConstraint("lot_pk", name=op.f("pk_shipment")),
    )
    op.create_index(op.f("ix_shipment_customer_id"), "shipment", ["customer_id"], unique=False)
    op.create_table(
        "act_context",
        sa.Column("pk", sa.Integer(), nullable=False),
        _text("sha256", 64),
        _text("program", 100),
        _text("tool", 100),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_act_context")),
        sa.UniqueConstraint("sha256", name=op.f("uq_act_context_sha256")),
    )
    op.create_index(op.f("ix_act_context_program"), "act_context", ["program"], unique=False)
    op.create_index(op.f("ix_act_context_tool"), "act_context", ["tool"], unique=False)


def _create_acts() -> None:
    op.create_table(
        "genealogy_act",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("ended_by_pk", sa.BigInteger(), nullable=True),
        sa.Column("lot_pk", sa.Integer(), nullable=False),
        sa.Column("equipment_pk", sa.Integer(), nullable=True),
        sa.Column("job_pk", sa.Integer(), nullable=True),
        sa.Column("actor", sa.Integer(), nullable=True),
        sa.Column("context_pk", sa.Integer(), nullable=True),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        _text("request_id", 100, nullable=True),
        _text("note", 500, nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_genealogy_act")),
    )
    op.create_index("ix_genealogy_act_lot_pk", "genealogy_act", ["lot_pk"])
    op.create_index(
        "ix_genealogy_act_pass",
        "genealogy_act",
        ["equipment_pk", "seq", "lot_pk"],
        sqlite_where=PASSES,
        postgresql_where=PASSES,
    )
    op.create_index(
        "uq_genealogy_act_request_id",
        "genealogy_act",
        ["request_id"],
        unique=True,
        sqlite_where=REQUESTED,
        postgresql_where=REQUESTED,
    )


def _create_links() -> None:
    op.create_table(
        "genealogy_link",
        sa.Column("child_pk", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("parent_pk", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("act_pk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("quantity_e6", sa.BigInteger(), nullable=False),
        sa.Column("ended_by_pk", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("child_pk", "parent_pk", "act_pk", name=op.f("pk_genealogy_link")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_genealogy_link_used",
        "genealogy_link",
        ["parent_pk", "child_pk", "ended_by_pk"],
        sqlite_where=LIVE,
        postgresql_where=LIVE,
    )
    op.create_index(
        "ix_genealogy_link_ended", "genealogy_link", ["ended_by_pk"], sqlite_where=ENDED, postgresql_where=ENDED
    )


def _create_mounts() -> None:
    op.create_table(
        "slot_mount",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("from_seq", sa.BigInteger(), nullable=False),
        sa.Column("to_seq", sa.BigInteger(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=True),
        sa.Column("quantity_per_e6", sa.BigInteger(), nullable=False),
        sa.Column("act_pk", sa.BigInteger(), nullable=False),
        sa.Column("closed_by_pk", sa.BigInteger(), nullable=True),
        sa.Column("ended_by_pk", sa.BigInteger(), nullable=True),
        sa.Column("slot_pk", sa.Integer(), nullable=False),
        sa.Column("equipment_pk", sa.Integer(), nullable=False),
        sa.Column("lot_pk", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["slot_pk"], ["station_slot.pk"], name=op.f("fk_slot_mount_slot_pk_station_slot")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_slot_mount")),
    )
    op.create_index(
        "ix_slot_mount_slot",
        "slot_mount",
        ["slot_pk", "from_seq", "to_seq"],
        sqlite_where=LIVE,
        postgresql_where=LIVE,
    )
    op.create_index(
        "ix_slot_mount_last", "slot_mount", ["equipment_pk", "to_seq"], sqlite_where=LIVE, postgresql_where=LIVE
    )
    for column in ("lot_pk", "act_pk", "closed_by_pk"):
        op.create_index(f"ix_slot_mount_{column}", "slot_mount", [column])


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
