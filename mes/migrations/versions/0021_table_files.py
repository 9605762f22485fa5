"""Files of rows: mappings that are remembered, what was imported, and what ERPs say they think"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_mapping()
    _create_file()
    _create_view()


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sqlmodel.sql.sqltypes.AutoString(length=length), nullable=False)


def _create_mapping() -> None:
    op.create_table(
        "import_mapping",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pk", sa.Integer(), nullable=False),
        _text("id", 100),
        _text("kind", 40),
        _text("pattern", 200),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_import_mapping")),
        sa.UniqueConstraint("id", name=op.f("uq_import_mapping_id")),
    )


def _create_file() -> None:
    op.create_table(
        "import_file",
        sa.Column("pk", sa.Integer(), nullable=False),
        _text("id", 36),
        _text("kind", 40),
        _text("name", 200),
        sa.Column("mapping", sa.Text(), nullable=False),
        _text("mapping_name", 100),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("finished_at_us", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.Integer(), nullable=True),
        sa.Column("created", sa.Integer(), nullable=False),
        sa.Column("updated", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("refused_rows", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_import_file")),
        sa.UniqueConstraint("id", name=op.f("uq_import_file_id")),
    )
    op.create_index("ix_import_file_created_at_us", "import_file", ["created_at_us"])


def _create_view() -> None:
    op.create_table(
        "erp_view",
        sa.Column("pk", sa.Integer(), nullable=False),
        _text("subject", 20),
        sa.Column("taken_at_us", sa.BigInteger(), nullable=False),
        sa.Column("received_at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Integer(), nullable=True),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("performance_cursor", sa.BigInteger(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_erp_view")),
    )
    op.create_index("ix_erp_view_subject", "erp_view", ["subject", "pk"])


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
