"""Alembic's folder; ``jiyu.store.migrate`` runs it."""
