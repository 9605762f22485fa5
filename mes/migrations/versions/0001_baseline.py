"""Baseline"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import mes.kernel.sqltypes

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bridge",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("last_seen_at_us", sa.BigInteger(), nullable=True),
        sa.Column("silent_since_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_bridge")),
        sa.UniqueConstraint("id", name=op.f("uq_bridge_id")),
    )
    op.create_table(
        "consumer_cursor",
        sa.Column("consumer", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", name=op.f("pk_consumer_cursor")),
    )
    op.create_table(
        "device_lock",
        sa.Column("device_key", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("failed_count", sa.Integer(), nullable=False),
        sa.Column("failed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("locked_until_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device_key", name=op.f("pk_device_lock")),
    )
    with op.batch_alter_table("device_lock", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_device_lock_failed_at_us"), ["failed_at_us"], unique=False)

    op.create_table(
        "equipment",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("level", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("parent_pk", sa.Integer(), nullable=True),
        sa.Column("work_center_pk", sa.Integer(), nullable=True),
        sa.Column("area_pk", sa.Integer(), nullable=True),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("confirmation", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=True),
        sa.Column("nominal_cycle_s", mes.kernel.sqltypes.ExactQuantity(), nullable=True),
        sa.ForeignKeyConstraint(["area_pk"], ["equipment.pk"], name=op.f("fk_equipment_area_pk_equipment")),
        sa.ForeignKeyConstraint(["parent_pk"], ["equipment.pk"], name=op.f("fk_equipment_parent_pk_equipment")),
        sa.ForeignKeyConstraint(
            ["work_center_pk"], ["equipment.pk"], name=op.f("fk_equipment_work_center_pk_equipment")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_equipment")),
        sa.UniqueConstraint("id", name=op.f("uq_equipment_id")),
    )
    with op.batch_alter_table("equipment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_equipment_area_pk"), ["area_pk"], unique=False)
        batch_op.create_index(batch_op.f("ix_equipment_parent_pk"), ["parent_pk"], unique=False)

    op.create_table(
        "history_sample",
        sa.Column("tag_pk", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tag_pk", "at_us", name=op.f("pk_history_sample")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "idempotency_key",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("principal_pk", sa.Integer(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("fingerprint", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_idempotency_key")),
        sa.UniqueConstraint("principal_pk", "key", name=op.f("uq_idempotency_key_principal_pk_key")),
    )
    with op.batch_alter_table("idempotency_key", schema=None) as batch_op:
        batch_op.create_index("ix_idempotency_key_created_at_us", ["created_at_us"], unique=False)

    op.create_table(
        "material_definition",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("unit", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_material_definition")),
        sa.UniqueConstraint("id", name=op.f("uq_material_definition_id")),
    )
    op.create_table(
        "outbox_event",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sqlmodel.sql.sqltypes.AutoString(length=36), nullable=False),
        sa.Column("type", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("topics", sa.Text(), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("actor", sa.Integer(), nullable=True),
        sa.Column("correlation_id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("occurred_at_us", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at_us", sa.BigInteger(), nullable=False),
        sa.Column("chain_sha256", sa.LargeBinary(length=32), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox_event")),
    )
    with op.batch_alter_table("outbox_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outbox_event_subject"), ["subject"], unique=False)

    op.create_table(
        "personnel_class",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_personnel_class")),
        sa.UniqueConstraint("id", name=op.f("uq_personnel_class_id")),
    )
    op.create_table(
        "physical_asset",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("vendor", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("model", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("serial_number", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_physical_asset")),
        sa.UniqueConstraint("id", name=op.f("uq_physical_asset_id")),
    )
    op.create_table(
        "plant_calendar",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("time_zone", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("production_day_start", sqlmodel.sql.sqltypes.AutoString(length=5), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_plant_calendar")),
        sa.UniqueConstraint("id", name=op.f("uq_plant_calendar_id")),
    )
    op.create_table(
        "principal",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("role", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("display_name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("language", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("disabled_at", mes.kernel.sqltypes.UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('person', 'bridge', 'integration')", name=op.f("ck_principal_kind")),
        sa.CheckConstraint(
            "role IN ('operator', 'supervisor', 'engineer', 'administrator', 'integration', 'bridge')",
            name=op.f("ck_principal_role"),
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_principal")),
        sa.UniqueConstraint("id", name=op.f("uq_principal_id")),
    )
    op.create_table(
        "scrap_reason",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_scrap_reason")),
        sa.UniqueConstraint("id", name=op.f("uq_scrap_reason_id")),
    )
    op.create_table(
        "work_master",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("version_label", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_work_master")),
        sa.UniqueConstraint("id", "version_label", name=op.f("uq_work_master_id_version_label")),
    )
    op.create_table(
        "alarm",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("equipment_pk", sa.Integer(), nullable=False),
        sa.Column("event_id", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("event_type", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("message", sqlmodel.sql.sqltypes.AutoString(length=1000), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["equipment_pk"], ["equipment.pk"], name=op.f("fk_alarm_equipment_pk_equipment")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_alarm")),
    )
    with op.batch_alter_table("alarm", schema=None) as batch_op:
        batch_op.create_index("ix_alarm_equipment_at", ["equipment_pk", "at_us"], unique=False)

    op.create_table(
        "api_token",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("principal_pk", sa.Integer(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("label", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_us", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at_us", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["principal_pk"], ["principal.pk"], name=op.f("fk_api_token_principal_pk_principal")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_api_token_token_sha256")),
    )
    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_token_principal_pk"), ["principal_pk"], unique=False)

    op.create_table(
        "bridge_command",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=36), nullable=False),
        sa.Column("bridge_pk", sa.Integer(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_us", sa.BigInteger(), nullable=False),
        sa.Column("finished_at_us", sa.BigInteger(), nullable=True),
        sa.Column("code", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["bridge_pk"], ["bridge.pk"], name=op.f("fk_bridge_command_bridge_pk_bridge")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_bridge_command")),
        sa.UniqueConstraint("id", name=op.f("uq_bridge_command_id")),
    )
    with op.batch_alter_table("bridge_command", schema=None) as batch_op:
        batch_op.create_index("ix_bridge_command_waiting", ["bridge_pk", "state", "pk"], unique=False)

    op.create_table(
        "calendar_exception",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("calendar_pk", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("shifts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_pk"], ["plant_calendar.pk"], name=op.f("fk_calendar_exception_calendar_pk_plant_calendar")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_calendar_exception")),
        sa.UniqueConstraint("calendar_pk", "day", name=op.f("uq_calendar_exception_calendar_pk_day")),
    )
    op.create_table(
        "equipment_asset_mapping",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("equipment_pk", sa.Integer(), nullable=False),
        sa.Column("physical_asset_pk", sa.Integer(), nullable=False),
        sa.Column("from_at_us", sa.BigInteger(), nullable=False),
        sa.Column("to_at_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["equipment_pk"], ["equipment.pk"], name=op.f("fk_equipment_asset_mapping_equipment_pk_equipment")
        ),
        sa.ForeignKeyConstraint(
            ["physical_asset_pk"],
            ["physical_asset.pk"],
            name=op.f("fk_equipment_asset_mapping_physical_asset_pk_physical_asset"),
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_equipment_asset_mapping")),
        sa.UniqueConstraint(
            "equipment_pk", "from_at_us", name=op.f("uq_equipment_asset_mapping_equipment_pk_from_at_us")
        ),
    )
    with op.batch_alter_table("equipment_asset_mapping", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_equipment_asset_mapping_physical_asset_pk"), ["physical_asset_pk"], unique=False
        )
        batch_op.create_index(
            "uq_equipment_asset_mapping_open_asset",
            ["physical_asset_pk"],
            unique=True,
            sqlite_where=sa.text("to_at_us IS NULL"),
            postgresql_where=sa.text("to_at_us IS NULL"),
        )
        batch_op.create_index(
            "uq_equipment_asset_mapping_open_equipment",
            ["equipment_pk"],
            unique=True,
            sqlite_where=sa.text("to_at_us IS NULL"),
            postgresql_where=sa.text("to_at_us IS NULL"),
        )

    op.create_table(
        "equipment_state_interval",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("equipment_pk", sa.Integer(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("from_at_us", sa.BigInteger(), nullable=False),
        sa.Column("to_at_us", sa.BigInteger(), nullable=True),
        sa.Column("told_at_us", sa.BigInteger(), nullable=False),
        sa.Column("cause", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("alarm_text", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.ForeignKeyConstraint(
            ["equipment_pk"], ["equipment.pk"], name=op.f("fk_equipment_state_interval_equipment_pk_equipment")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_equipment_state_interval")),
        sa.UniqueConstraint(
            "equipment_pk", "from_at_us", name=op.f("uq_equipment_state_interval_equipment_pk_from_at_us")
        ),
    )
    with op.batch_alter_table("equipment_state_interval", schema=None) as batch_op:
        batch_op.create_index(
            "uq_equipment_state_interval_open",
            ["equipment_pk"],
            unique=True,
            sqlite_where=sa.text("to_at_us IS NULL"),
            postgresql_where=sa.text("to_at_us IS NULL"),
        )

    op.create_table(
        "equipment_status",
        sa.Column("equipment_pk", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=True),
        sa.Column("mode", sa.Integer(), nullable=True),
        sa.Column("mode_at_us", sa.BigInteger(), nullable=True),
        sa.Column("remote", sa.Boolean(), nullable=True),
        sa.Column("remote_at_us", sa.BigInteger(), nullable=True),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("known_at_us", sa.BigInteger(), nullable=True),
        sa.Column("unknown_reason", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("unknown_since_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["equipment_pk"], ["equipment.pk"], name=op.f("fk_equipment_status_equipment_pk_equipment")
        ),
        sa.PrimaryKeyConstraint("equipment_pk", name=op.f("pk_equipment_status")),
    )
    op.create_table(
        "gap",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("bridge_pk", sa.Integer(), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("from_at_us", sa.BigInteger(), nullable=False),
        sa.Column("to_at_us", sa.BigInteger(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("lost", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["bridge_pk"], ["bridge.pk"], name=op.f("fk_gap_bridge_pk_bridge")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_gap")),
    )
    with op.batch_alter_table("gap", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gap_bridge_pk"), ["bridge_pk"], unique=False)

    op.create_table(
        "ingest_cursor",
        sa.Column("bridge_pk", sa.Integer(), nullable=False),
        sa.Column("journal_id", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["bridge_pk"], ["bridge.pk"], name=op.f("fk_ingest_cursor_bridge_pk_bridge")),
        sa.PrimaryKeyConstraint("bridge_pk", "journal_id", name=op.f("pk_ingest_cursor")),
    )
    op.create_table(
        "material_lot",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("material_pk", sa.Integer(), nullable=False),
        sa.Column("quantity", mes.kernel.sqltypes.ExactQuantity(), nullable=False),
        sa.Column("unit", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("disposition", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["material_pk"], ["material_definition.pk"], name=op.f("fk_material_lot_material_pk_material_definition")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_material_lot")),
        sa.UniqueConstraint("id", name=op.f("uq_material_lot_id")),
    )
    with op.batch_alter_table("material_lot", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_material_lot_material_pk"), ["material_pk"], unique=False)

    op.create_table(
        "operations_definition",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("version_label", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("material_pk", sa.Integer(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=False),
        sa.ForeignKeyConstraint(
            ["material_pk"],
            ["material_definition.pk"],
            name=op.f("fk_operations_definition_material_pk_material_definition"),
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_operations_definition")),
        sa.UniqueConstraint("id", "version_label", name=op.f("uq_operations_definition_id_version_label")),
    )
    with op.batch_alter_table("operations_definition", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_operations_definition_material_pk"), ["material_pk"], unique=False)

    op.create_table(
        "person",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("language", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("principal_pk", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["principal_pk"], ["principal.pk"], name=op.f("fk_person_principal_pk_principal")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_person")),
        sa.UniqueConstraint("id", name=op.f("uq_person_id")),
        sa.UniqueConstraint("principal_pk", name=op.f("uq_person_principal_pk")),
    )
    op.create_table(
        "pin_credential",
        sa.Column("principal_pk", sa.Integer(), nullable=False),
        sa.Column("pin_hash", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("failed_count", sa.Integer(), nullable=False),
        sa.Column("failed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("locked_until_us", sa.BigInteger(), nullable=False),
        sa.Column("changed_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_pk"], ["principal.pk"], name=op.f("fk_pin_credential_principal_pk_principal")
        ),
        sa.PrimaryKeyConstraint("principal_pk", name=op.f("pk_pin_credential")),
    )
    op.create_table(
        "quarantine",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("bridge_pk", sa.Integer(), nullable=False),
        sa.Column("journal_id", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("tag", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("recorded_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["bridge_pk"], ["bridge.pk"], name=op.f("fk_quarantine_bridge_pk_bridge")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_quarantine")),
    )
    op.create_table(
        "session",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("principal_pk", sa.Integer(), nullable=False),
        sa.Column("work_unit_id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at_us", sa.BigInteger(), nullable=False),
        sa.Column("idle_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["principal_pk"], ["principal.pk"], name=op.f("fk_session_principal_pk_principal")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_session")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_session_token_sha256")),
    )
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_session_principal_pk"), ["principal_pk"], unique=False)
        batch_op.create_index("ix_session_work_unit", ["work_unit_id", "principal_pk", "created_at_us"], unique=False)

    op.create_table(
        "shift_pattern",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("calendar_pk", sa.Integer(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("days", sqlmodel.sql.sqltypes.AutoString(length=30), nullable=False),
        sa.Column("shift", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_pk"], ["plant_calendar.pk"], name=op.f("fk_shift_pattern_calendar_pk_plant_calendar")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_shift_pattern")),
        sa.UniqueConstraint("calendar_pk", "id", name=op.f("uq_shift_pattern_calendar_pk_id")),
    )
    op.create_table(
        "tag_binding",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("bridge_pk", sa.Integer(), nullable=False),
        sa.Column("tag", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("signal", sqlmodel.sql.sqltypes.AutoString(length=30), nullable=False),
        sa.Column("equipment_pk", sa.Integer(), nullable=False),
        sa.Column("counts", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=False),
        sa.Column("reason_id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("units_per_count_e6", sa.BigInteger(), nullable=False),
        sa.Column("modulus", sa.BigInteger(), nullable=True),
        sa.Column("counting_point_of_pk", sa.Integer(), nullable=True),
        sa.Column("max_per_s", sa.Float(), nullable=True),
        sa.Column("retentive", sa.Boolean(), nullable=False),
        sa.Column("state_map", sqlmodel.sql.sqltypes.AutoString(length=30), nullable=False),
        sa.Column("what", sqlmodel.sql.sqltypes.AutoString(length=30), nullable=False),
        sa.Column("unit", sqlmodel.sql.sqltypes.AutoString(length=30), nullable=False),
        sa.ForeignKeyConstraint(["bridge_pk"], ["bridge.pk"], name=op.f("fk_tag_binding_bridge_pk_bridge")),
        sa.ForeignKeyConstraint(
            ["counting_point_of_pk"], ["equipment.pk"], name=op.f("fk_tag_binding_counting_point_of_pk_equipment")
        ),
        sa.ForeignKeyConstraint(["equipment_pk"], ["equipment.pk"], name=op.f("fk_tag_binding_equipment_pk_equipment")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_tag_binding")),
        sa.UniqueConstraint("bridge_pk", "tag", name=op.f("uq_tag_binding_bridge_pk_tag")),
    )
    with op.batch_alter_table("tag_binding", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tag_binding_equipment_pk"), ["equipment_pk"], unique=False)

    op.create_table(
        "unit_conversion",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("material_pk", sa.Integer(), nullable=False),
        sa.Column("unit", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("numerator", sa.BigInteger(), nullable=False),
        sa.Column("denominator", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["material_pk"], ["material_definition.pk"], name=op.f("fk_unit_conversion_material_pk_material_definition")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_unit_conversion")),
        sa.UniqueConstraint("material_pk", "unit", name=op.f("uq_unit_conversion_material_pk_unit")),
    )
    op.create_table(
        "counter_baseline",
        sa.Column("binding_pk", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("asset_pk", sa.Integer(), nullable=True),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("marker", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("suspect_value", sa.BigInteger(), nullable=True),
        sa.Column("suspect_at_us", sa.BigInteger(), nullable=True),
        sa.Column("gap_from_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["binding_pk"], ["tag_binding.pk"], name=op.f("fk_counter_baseline_binding_pk_tag_binding")
        ),
        sa.PrimaryKeyConstraint("binding_pk", name=op.f("pk_counter_baseline")),
    )
    op.create_table(
        "operations_request",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("version_label", sqlmodel.sql.sqltypes.AutoString(length=30), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("content_sha256", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("material_pk", sa.Integer(), nullable=False),
        sa.Column("definition_pk", sa.Integer(), nullable=False),
        sa.Column("quantity_e6", sa.BigInteger(), nullable=False),
        sa.Column("unit", sqlmodel.sql.sqltypes.AutoString(length=30), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("due_at_us", sa.BigInteger(), nullable=True),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["definition_pk"],
            ["operations_definition.pk"],
            name=op.f("fk_operations_request_definition_pk_operations_definition"),
        ),
        sa.ForeignKeyConstraint(
            ["material_pk"],
            ["material_definition.pk"],
            name=op.f("fk_operations_request_material_pk_material_definition"),
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_operations_request")),
        sa.UniqueConstraint("id", "version_label", name=op.f("uq_operations_request_id_version_label")),
    )
    with op.batch_alter_table("operations_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_operations_request_state"), ["state"], unique=False)

    op.create_table(
        "operations_segment",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("definition_pk", sa.Integer(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("work_master_pk", sa.Integer(), nullable=False),
        sa.Column("equipment_pk", sa.Integer(), nullable=False),
        sa.Column("quantity_per_cycle", mes.kernel.sqltypes.ExactQuantity(), nullable=False),
        sa.Column("cycle_unit", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("nominal_cycle_s", mes.kernel.sqltypes.ExactQuantity(), nullable=True),
        sa.ForeignKeyConstraint(
            ["definition_pk"],
            ["operations_definition.pk"],
            name=op.f("fk_operations_segment_definition_pk_operations_definition"),
        ),
        sa.ForeignKeyConstraint(
            ["equipment_pk"], ["equipment.pk"], name=op.f("fk_operations_segment_equipment_pk_equipment")
        ),
        sa.ForeignKeyConstraint(
            ["work_master_pk"], ["work_master.pk"], name=op.f("fk_operations_segment_work_master_pk_work_master")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_operations_segment")),
        sa.UniqueConstraint("definition_pk", "id", name=op.f("uq_operations_segment_definition_pk_id")),
    )
    op.create_table(
        "qualification",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("person_pk", sa.Integer(), nullable=False),
        sa.Column("personnel_class_pk", sa.Integer(), nullable=False),
        sa.Column("valid_from", mes.kernel.sqltypes.UtcDateTime(timezone=True), nullable=True),
        sa.Column("valid_until", mes.kernel.sqltypes.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_pk"], ["person.pk"], name=op.f("fk_qualification_person_pk_person")),
        sa.ForeignKeyConstraint(
            ["personnel_class_pk"],
            ["personnel_class.pk"],
            name=op.f("fk_qualification_personnel_class_pk_personnel_class"),
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_qualification")),
    )
    with op.batch_alter_table("qualification", schema=None) as batch_op:
        batch_op.create_index("ix_qualification_class", ["personnel_class_pk", "person_pk"], unique=False)
        batch_op.create_index(batch_op.f("ix_qualification_person_pk"), ["person_pk"], unique=False)

    op.create_table(
        "signal_value",
        sa.Column("binding_pk", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("quality", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("observed_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["binding_pk"], ["tag_binding.pk"], name=op.f("fk_signal_value_binding_pk_tag_binding")
        ),
        sa.PrimaryKeyConstraint("binding_pk", name=op.f("pk_signal_value")),
    )
    op.create_table(
        "segment_dependency",
        sa.Column("segment_pk", sa.Integer(), nullable=False),
        sa.Column("after_segment_pk", sa.Integer(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["after_segment_pk"],
            ["operations_segment.pk"],
            name=op.f("fk_segment_dependency_after_segment_pk_operations_segment"),
        ),
        sa.ForeignKeyConstraint(
            ["segment_pk"], ["operations_segment.pk"], name=op.f("fk_segment_dependency_segment_pk_operations_segment")
        ),
        sa.PrimaryKeyConstraint("segment_pk", "after_segment_pk", name=op.f("pk_segment_dependency")),
    )
    op.create_table(
        "segment_material",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("segment_pk", sa.Integer(), nullable=False),
        sa.Column("material_pk", sa.Integer(), nullable=False),
        sa.Column("use", sqlmodel.sql.sqltypes.AutoString(length=30), nullable=False),
        sa.Column("quantity", mes.kernel.sqltypes.ExactQuantity(), nullable=False),
        sa.ForeignKeyConstraint(
            ["material_pk"],
            ["material_definition.pk"],
            name=op.f("fk_segment_material_material_pk_material_definition"),
        ),
        sa.ForeignKeyConstraint(
            ["segment_pk"], ["operations_segment.pk"], name=op.f("fk_segment_material_segment_pk_operations_segment")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_segment_material")),
        sa.UniqueConstraint(
            "segment_pk", "material_pk", "use", name=op.f("uq_segment_material_segment_pk_material_pk_use")
        ),
    )
    op.create_table(
        "work_request",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=140), nullable=False),
        sa.Column("operations_request_pk", sa.Integer(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["operations_request_pk"],
            ["operations_request.pk"],
            name=op.f("fk_work_request_operations_request_pk_operations_request"),
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_work_request")),
        sa.UniqueConstraint("id", name=op.f("uq_work_request_id")),
    )
    with op.batch_alter_table("work_request", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_work_request_operations_request_pk"), ["operations_request_pk"], unique=False
        )

    op.create_table(
        "job_order",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=250), nullable=False),
        sa.Column("work_request_pk", sa.Integer(), nullable=False),
        sa.Column("segment_id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("material_pk", sa.Integer(), nullable=False),
        sa.Column("work_master_pk", sa.Integer(), nullable=False),
        sa.Column("work_master_id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("work_master_version", sqlmodel.sql.sqltypes.AutoString(length=30), nullable=False),
        sa.Column("equipment_pk", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("due_at_us", sa.BigInteger(), nullable=True),
        sa.Column("quantity_e6", sa.BigInteger(), nullable=False),
        sa.Column("unit", sqlmodel.sql.sqltypes.AutoString(length=30), nullable=False),
        sa.Column("cycles", sa.Integer(), nullable=False),
        sa.Column("cycle_unit", sqlmodel.sql.sqltypes.AutoString(length=30), nullable=False),
        sa.Column("quantity_per_cycle_e6", sa.BigInteger(), nullable=False),
        sa.Column("nominal_cycle_us", sa.BigInteger(), nullable=True),
        sa.Column("manual", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("substate", sa.Integer(), nullable=False),
        sa.Column("dispatch_status", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("released_at_us", sa.BigInteger(), nullable=True),
        sa.Column("note", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("note_text", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("command_id", sqlmodel.sql.sqltypes.AutoString(length=36), nullable=True),
        sa.Column("retry_at_us", sa.BigInteger(), nullable=True),
        sa.Column("started_at_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_by", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("undo_until_us", sa.BigInteger(), nullable=True),
        sa.Column("good_low_e6", sa.BigInteger(), nullable=False),
        sa.Column("good_high_e6", sa.BigInteger(), nullable=True),
        sa.Column("scrap_low_e6", sa.BigInteger(), nullable=False),
        sa.Column("scrap_high_e6", sa.BigInteger(), nullable=True),
        sa.Column("report_version", sa.Integer(), nullable=False),
        sa.Column("report_due_at_us", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["equipment_pk"], ["equipment.pk"], name=op.f("fk_job_order_equipment_pk_equipment")),
        sa.ForeignKeyConstraint(
            ["material_pk"], ["material_definition.pk"], name=op.f("fk_job_order_material_pk_material_definition")
        ),
        sa.ForeignKeyConstraint(
            ["work_master_pk"], ["work_master.pk"], name=op.f("fk_job_order_work_master_pk_work_master")
        ),
        sa.ForeignKeyConstraint(
            ["work_request_pk"], ["work_request.pk"], name=op.f("fk_job_order_work_request_pk_work_request")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_job_order")),
        sa.UniqueConstraint("id", name=op.f("uq_job_order_id")),
    )
    with op.batch_alter_table("job_order", schema=None) as batch_op:
        batch_op.create_index("ix_job_order_ended", ["ended_at_us"], unique=False)
        batch_op.create_index("ix_job_order_equipment_ended", ["equipment_pk", "ended_at_us"], unique=False)
        batch_op.create_index(
            "ix_job_order_report_due",
            ["report_due_at_us"],
            unique=False,
            sqlite_where=sa.text("report_due_at_us IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_job_order_work_request_pk"), ["work_request_pk"], unique=False)

    op.create_table(
        "count_fact",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("job_pk", sa.Integer(), nullable=True),
        sa.Column("equipment_pk", sa.Integer(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=False),
        sa.Column("reason_id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("low_e6", sa.BigInteger(), nullable=False),
        sa.Column("high_e6", sa.BigInteger(), nullable=True),
        sa.Column("from_at_us", sa.BigInteger(), nullable=False),
        sa.Column("source_at_us", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at_us", sa.BigInteger(), nullable=False),
        sa.Column("cause", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=False),
        sa.Column("unassigned", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("tag", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("request_id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=True),
        sa.Column("actor", sa.Integer(), nullable=True),
        sa.Column("undone", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["equipment_pk"], ["equipment.pk"], name=op.f("fk_count_fact_equipment_pk_equipment")),
        sa.ForeignKeyConstraint(["job_pk"], ["job_order.pk"], name=op.f("fk_count_fact_job_pk_job_order")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_count_fact")),
    )
    with op.batch_alter_table("count_fact", schema=None) as batch_op:
        batch_op.create_index("ix_count_fact_equipment", ["equipment_pk", "source_at_us"], unique=False)
        batch_op.create_index("ix_count_fact_job", ["job_pk"], unique=False)
        batch_op.create_index("ix_count_fact_request", ["request_id"], unique=False)
        batch_op.create_index(
            "ix_count_fact_unassigned",
            ["source_at_us"],
            unique=False,
            sqlite_where=sa.text("job_pk IS NULL"),
            postgresql_where=sa.text("job_pk IS NULL"),
        )

    op.create_table(
        "job_act",
        sa.Column("request_id", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("job_pk", sa.Integer(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("undone", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["job_pk"], ["job_order.pk"], name=op.f("fk_job_act_job_pk_job_order")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_job_act")),
    )
    with op.batch_alter_table("job_act", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_job_act_job_pk"), ["job_pk"], unique=False)

    op.create_table(
        "job_dependency",
        sa.Column("job_pk", sa.Integer(), nullable=False),
        sa.Column("after_job_pk", sa.Integer(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["after_job_pk"], ["job_order.pk"], name=op.f("fk_job_dependency_after_job_pk_job_order")
        ),
        sa.ForeignKeyConstraint(["job_pk"], ["job_order.pk"], name=op.f("fk_job_dependency_job_pk_job_order")),
        sa.PrimaryKeyConstraint("job_pk", "after_job_pk", name=op.f("pk_job_dependency")),
    )
    with op.batch_alter_table("job_dependency", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_job_dependency_after_job_pk"), ["after_job_pk"], unique=False)

    op.create_table(
        "job_report",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("job_pk", sa.Integer(), nullable=False),
        sa.Column("operations_request_pk", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_sha256", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job_pk"], ["job_order.pk"], name=op.f("fk_job_report_job_pk_job_order")),
        sa.ForeignKeyConstraint(
            ["operations_request_pk"],
            ["operations_request.pk"],
            name=op.f("fk_job_report_operations_request_pk_operations_request"),
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_job_report")),
        sa.UniqueConstraint("job_pk", "version", name=op.f("uq_job_report_job_pk_version")),
    )
    with op.batch_alter_table("job_report", schema=None) as batch_op:
        batch_op.create_index("ix_job_report_request", ["operations_request_pk"], unique=False)

    op.create_table(
        "job_run",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("job_pk", sa.Integer(), nullable=False),
        sa.Column("equipment_pk", sa.Integer(), nullable=False),
        sa.Column("started_at_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["equipment_pk"], ["equipment.pk"], name=op.f("fk_job_run_equipment_pk_equipment")),
        sa.ForeignKeyConstraint(["job_pk"], ["job_order.pk"], name=op.f("fk_job_run_job_pk_job_order")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_job_run")),
    )
    with op.batch_alter_table("job_run", schema=None) as batch_op:
        batch_op.create_index("ix_job_run_equipment", ["equipment_pk", "started_at_us"], unique=False)
        batch_op.create_index(batch_op.f("ix_job_run_job_pk"), ["job_pk"], unique=False)


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
