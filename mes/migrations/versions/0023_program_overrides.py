"""Programs that a supervisor lets a job be made with, though it asks for another"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sqlmodel.sql.sqltypes.AutoString(length=length), nullable=False)


def upgrade() -> None:
    op.create_table(
        "program_override",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("job_pk", sa.Integer(), nullable=False),
        _text("program", 100),
        _text("program_revision", 100),
        _text("reason", 500),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Integer(), nullable=True),
        _text("request_id", 100),
        sa.Column("content_hash", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job_pk"], ["job_order.pk"], name=op.f("fk_program_override_job_pk_job_order")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_program_override")),
        sa.UniqueConstraint("request_id", name=op.f("uq_program_override_request_id")),
    )
    op.create_index(op.f("ix_program_override_job_pk"), "program_override", ["job_pk"])


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
