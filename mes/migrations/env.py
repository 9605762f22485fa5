"""Alembic's way in. The connection comes from `upgrade.py`; there is no offline mode."""

from __future__ import annotations

from alembic import context

from mes.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
