"""Runs the migrations on the connection that promptlab hands over, else on the log that is named."""

import os
from pathlib import Path
from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.types import TypeDecorator

from promptlab.core.database import claim, default_path, open_engine, sqlite_path
from promptlab.models import Base


def render_plain(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """Migrations name the databases' own types, so that they do not change when ours do."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=render_plain,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def migrate_the_named_log() -> None:
    path = sqlite_path(os.environ.get("PROMPTLAB_DATABASE_URL") or default_path(Path.cwd()))
    claim(path)
    with open_engine(path).connect() as connection:
        migrate(connection)


handed_over = context.config.attributes.get("connection")
if handed_over is None:
    migrate_the_named_log()
else:
    migrate(handed_over)
