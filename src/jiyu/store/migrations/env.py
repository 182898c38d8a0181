"""Run by Alembic, on the connection that ``jiyu.store.migrate`` hands over."""

from __future__ import annotations

from alembic import context

from jiyu.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter a table; Alembic makes a new one and copies.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
