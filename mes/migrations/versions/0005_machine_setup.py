"""Who asked a bridge; machines set up on screen, and templates of like ones; keys of bindings are used once"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("bridge_command") as table:
        table.add_column(sa.Column("asked_by_pk", sa.Integer(), nullable=True))
        table.create_foreign_key(op.f("fk_bridge_command_asked_by_pk_principal"), "principal", ["asked_by_pk"], ["pk"])
        table.create_index("ix_bridge_command_kind", ["bridge_pk", "kind", "pk"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        _never_use_a_key_twice()
    _create_machine_setup()


def _never_use_a_key_twice() -> None:
    """What PostgreSQL does anyway. SQLite can only make the table anew."""
    with op.batch_alter_table("tag_binding", recreate="always", table_kwargs={"sqlite_autoincrement": True}):
        pass


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sqlmodel.sql.sqltypes.AutoString(length=length), nullable=False)


def _create_machine_setup() -> None:
    op.create_table(
        "machine_setup",
        sa.Column("pk", sa.Integer(), nullable=False),
        _text("id", 36),
        sa.Column("bridge_pk", sa.Integer(), nullable=False),
        sa.Column("equipment_pk", sa.Integer(), nullable=False),
        _text("name", 100),
        _text("url", 300),
        _text("state", 10),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("begun_by_pk", sa.Integer(), nullable=True),
        sa.Column("begun_at_us", sa.BigInteger(), nullable=False),
        sa.Column("changed_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["begun_by_pk"], ["principal.pk"], name=op.f("fk_machine_setup_begun_by_pk_principal")),
        sa.ForeignKeyConstraint(["bridge_pk"], ["bridge.pk"], name=op.f("fk_machine_setup_bridge_pk_bridge")),
        sa.ForeignKeyConstraint(
            ["equipment_pk"], ["equipment.pk"], name=op.f("fk_machine_setup_equipment_pk_equipment")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_machine_setup")),
        sa.UniqueConstraint("id", name=op.f("uq_machine_setup_id")),
    )
    op.create_table(
        "machine_setup_step",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("setup_pk", sa.Integer(), nullable=False),
        _text("what", 10),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("command_pk", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["command_pk"], ["bridge_command.pk"], name=op.f("fk_machine_setup_step_command_pk_bridge_command")
        ),
        sa.ForeignKeyConstraint(
            ["setup_pk"], ["machine_setup.pk"], name=op.f("fk_machine_setup_step_setup_pk_machine_setup")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_machine_setup_step")),
    )
    op.create_index(op.f("ix_machine_setup_step_setup_pk"), "machine_setup_step", ["setup_pk"], unique=False)
    op.create_index(op.f("ix_machine_setup_step_command_pk"), "machine_setup_step", ["command_pk"], unique=False)
    op.create_table(
        "machine_template",
        sa.Column("pk", sa.Integer(), nullable=False),
        _text("id", 100),
        sa.Column("choices", sa.Text(), nullable=False),
        sa.Column("saved_by_pk", sa.Integer(), nullable=True),
        sa.Column("saved_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["saved_by_pk"], ["principal.pk"], name=op.f("fk_machine_template_saved_by_pk_principal")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_machine_template")),
        sa.UniqueConstraint("id", name=op.f("uq_machine_template_id")),
    )


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
