"""Alembic's entry: runs on the connection that ``schema.migrate`` hands over."""

from __future__ import annotations

from typing import Literal

from alembic import context
from sqlmodel import AutoString, SQLModel

from automation_engine.store import tables


def _render(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write SQLModel's text type as SQLAlchemy's: a migration imports no model."""
    return "sa.String()" if kind == "type" and isinstance(item, AutoString) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    render_item=_render,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()

__all__ = ["tables"]
