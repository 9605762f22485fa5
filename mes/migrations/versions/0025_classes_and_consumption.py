"""Classes of materials and of equipment. Reports name lots used; those written before stay as they are"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sqlmodel.sql.sqltypes.AutoString(length=length), nullable=False)


def _create_classes(of: str, members: str) -> None:
    """`of` are the things that belong to classes, `members` is their table."""
    op.create_table(
        f"{of}_class",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pk", sa.Integer(), nullable=False),
        _text("id", 100),
        _text("description", 500),
        sa.PrimaryKeyConstraint("pk", name=op.f(f"pk_{of}_class")),
        sa.UniqueConstraint("id", name=op.f(f"uq_{of}_class_id")),
    )
    name = f"{of}_class_member"
    op.create_table(
        name,
        sa.Column(f"{of}_pk", sa.Integer(), nullable=False),
        sa.Column("class_pk", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint([f"{of}_pk"], [f"{members}.pk"], name=op.f(f"fk_{name}_{of}_pk_{members}")),
        sa.ForeignKeyConstraint(["class_pk"], [f"{of}_class.pk"], name=op.f(f"fk_{name}_class_pk_{of}_class")),
        sa.PrimaryKeyConstraint(f"{of}_pk", "class_pk", name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f(f"ix_{name}_class_pk"), name, ["class_pk"])


def upgrade() -> None:
    _create_classes("material", "material_definition")
    _create_classes("equipment", "equipment")
    live = sa.text("ended_by_pk IS NULL")
    op.create_index(
        "ix_slot_mount_until", "slot_mount", ["equipment_pk", "until_us"], sqlite_where=live, postgresql_where=live
    )
    op.execute(
        "INSERT INTO consumer_cursor (consumer, seq) "
        "SELECT 'reporting.consumption', coalesce(max(pk), 0) FROM genealogy_act"
    )


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
