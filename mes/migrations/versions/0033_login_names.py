"""A person's login name elsewhere; on SQLite the number of a session is given once, as on PostgreSQL"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_GO_ON_AFTER = (
    "INSERT INTO sqlite_sequence (name, seq) SELECT 'session', max("
    "(SELECT coalesce(max(pk), 0) FROM session), "
    "(SELECT coalesce(max(CAST(substr(credential, 9) AS INTEGER)), 0) FROM act_origin "
    "WHERE credential LIKE 'session/%'))"
)
"""Sessions that were erased have left their numbers where acts came from."""


def upgrade() -> None:
    op.add_column("principal", sa.Column("login_name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=True))
    op.create_index("ix_principal_login_name", "principal", ["login_name"], unique=True)
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("session", recreate="always", table_kwargs={"sqlite_autoincrement": True}):
            pass
        op.execute("DELETE FROM sqlite_sequence WHERE name = 'session'")
        op.execute(_GO_ON_AFTER)


def downgrade() -> None:
    """Lineside goes forward only; restore the backup made before the upgrade."""
    raise NotImplementedError
