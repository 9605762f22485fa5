"""Approved parts, how materials are kept, receipts, and how long lots may be used"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_handling()
    _create_moisture_levels()
    _create_lot_lives()
    _create_receipts()


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sqlmodel.sql.sqltypes.AutoString(length=length), nullable=False)


def _whole(*names: str, nullable: bool = True) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=nullable) for name in names]


def _big(*names: str, nullable: bool = True) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=nullable) for name in names]


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.pk"], name=op.f(f"fk_{table}_{column}_{other}"))


def _index(table: str, column: str) -> None:
    op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)


def _create_handling() -> None:
    op.create_table(
        "material_handling",
        *_whole("version", "material_pk", nullable=False),
        *_whole("shelf_life_days", "open_life_h", "warm_up_h"),
        _text("msl", 2),
        *_whole("floor_life_h", "bake_h"),
        _refers("material_handling", "material_pk", "material_definition"),
        sa.PrimaryKeyConstraint("material_pk", name=op.f("pk_material_handling")),
    )
    op.create_table(
        "approved_part",
        *_whole("pk", "material_pk", nullable=False),
        *(_text(name, 100) for name in ("manufacturer", "manufacturer_key", "part", "part_key")),
        _text("gtin", 14),
        _refers("approved_part", "material_pk", "material_definition"),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_approved_part")),
        sa.UniqueConstraint(
            "material_pk",
            "manufacturer_key",
            "part_key",
            name=op.f("uq_approved_part_material_pk_manufacturer_key_part_key"),
        ),
    )
    _index("approved_part", "part_key")
    _index("approved_part", "gtin")


def _create_moisture_levels() -> None:
    op.create_table(
        "moisture_level",
        *_whole("version", nullable=False),
        _text("level", 2),
        *_whole("floor_life_h", "dry_reset_factor"),
        *_whole("dry_reset_within_h", nullable=False),
        *_whole("bake_h"),
        sa.PrimaryKeyConstraint("level", name=op.f("pk_moisture_level")),
    )


def _create_lot_lives() -> None:
    op.create_table(
        "material_lot_life",
        *_whole("version", "lot_pk", nullable=False),
        _text("msl", 2),
        *_big("expires_at_us", "opened_at_us", "left_cold_at_us"),
        _text("storage", 12),
        *_big("since_us", "exposed_us", nullable=False),
        *_whole("told_expiry", "told_open_life", "told_floor_life", "told_most", nullable=False),
        *_big("next_alarm_at_us"),
        _refers("material_lot_life", "lot_pk", "material_lot"),
        sa.PrimaryKeyConstraint("lot_pk", name=op.f("pk_material_lot_life")),
    )
    _index("material_lot_life", "next_alarm_at_us")
    _index("material_lot_life", "told_most")
    op.create_table(
        "lot_storage_change",
        *_whole("pk", "lot_pk", nullable=False),
        *_big("at_us", nullable=False),
        _text("storage", 12),
        *_big("exposed_us", nullable=False),
        *_whole("by_pk"),
        _refers("lot_storage_change", "lot_pk", "material_lot"),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_lot_storage_change")),
    )
    _index("lot_storage_change", "lot_pk")


def _create_receipts() -> None:
    op.create_table(
        "material_receipt",
        *_whole("lot_pk", nullable=False),
        *(_text(name, 100) for name in ("request_id", "supplier", "supplier_lot", "manufacturer", "part")),
        _text("date_code", 20),
        sa.Column("label", sa.Text(), nullable=False),
        _text("label_key", 64),
        sa.Column("approved", sa.Boolean(), nullable=False),
        _text("override_reason", 500),
        *_big("received_at_us", nullable=False),
        *_whole("received_by_pk"),
        _refers("material_receipt", "lot_pk", "material_lot"),
        sa.PrimaryKeyConstraint("lot_pk", name=op.f("pk_material_receipt")),
        sa.UniqueConstraint("request_id", name=op.f("uq_material_receipt_request_id")),
    )
    _index("material_receipt", "received_at_us")
    _index("material_receipt", "label_key")
    op.create_table(
        "number_sequence",
        _text("name", 20),
        *_big("following", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_number_sequence")),
    )


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
