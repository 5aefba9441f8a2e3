"""Alembic's scripts for the mart: each brings the schema one step further, and is never changed."""
