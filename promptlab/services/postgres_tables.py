"""The tables of a run log in PostgreSQL: whose they are, and how they are made and migrated."""

from collections import defaultdict
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from promptlab.core.errors import StorageError
from promptlab.core.frozen import frozen
from promptlab.services.upgrade import alembic_config, migrations_folder, refuse_newer

_OURS = "the run log of promptlab"  # the comment on alembic's table
_LOOK = text("""
    SELECT schema.name, current_setting('server_encoding'),
           (SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE nspname = schema.name AND relkind IN ('r', 'p')),
           obj_description(to_regclass(quote_ident(schema.name) || '.alembic_version'), 'pg_class')
    FROM (SELECT current_schema() AS name) AS schema
""")
_REVISION = text("SELECT version_num FROM alembic_version")
_COLUMNS = text("""
    SELECT table_name, column_name, data_type FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name <> 'alembic_version'
      AND (data_type = 'integer'
           OR (data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'))
    ORDER BY table_name, ordinal_position
""")
_TYPES = {"integer": "bigint", "text": 'text COLLATE "C"', "character varying": 'text COLLATE "C"'}
_OPEN_ATTEMPTS = "CREATE INDEX IF NOT EXISTS ix_attempts_open ON attempts (run_id) WHERE state = 'intent'"


@frozen
class Found:
    """What the schema that a connection looks at holds."""

    schema: str | None
    encoding: str
    has_tables: bool
    is_ours: bool
    revision: str | None

    def revision_of_ours(self, name: str) -> str | None:
        """Give the revision, None where there is nothing yet; raises StorageError for what is not ours."""
        if self.schema is None or self.encoding != "UTF8":
            fault = (
                "it has no schema to make tables in" if self.schema is None else "its encoding is not UTF8"
            )
            raise StorageError(f"{name}: the run log cannot be used: {fault}", hint="name another database")
        if self.has_tables and not self.is_ours:
            raise StorageError(
                f"{name}: the tables in its schema '{self.schema}' belong to another program; "
                "they were left untouched",
                hint="make a database of its own for the run log, and name that by PROMPTLAB_DATABASE_URL",
            )
        refuse_newer(self.revision, migrations_folder(), name)
        return self.revision


def look(connection: Connection) -> Found:
    """Say what is there; changes nothing."""
    schema, encoding, tables, mark = connection.execute(_LOOK).one()
    is_ours = mark == _OURS
    revision = connection.execute(_REVISION).scalar() if is_ours else None
    return Found(schema, encoding, bool(tables), is_ours, revision)


def bring_up(engine: Engine, name: str, *, folder: Path | None = None) -> None:
    """Run the migrations that lack, in one transaction that keeps other writers waiting."""
    from alembic import command  # noqa: PLC0415 (slow to import, seldom needed)

    folder = folder or migrations_folder()
    config = alembic_config(folder)
    with engine.begin() as connection:
        look(connection).revision_of_ours(name)  # another process may have been quicker
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        settle(connection)


def settle(connection: Connection) -> None:
    """Give columns the room and the order that they have in SQLite, and mark the tables as ours."""
    changes = defaultdict[str, list[str]](list)
    for table, column, kind in connection.execute(_COLUMNS):
        changes[table].append(f'ALTER "{column}" TYPE {_TYPES[kind]}')
    for table, altered in changes.items():
        connection.exec_driver_sql(f'ALTER TABLE "{table}" {", ".join(altered)}')
    connection.exec_driver_sql(_OPEN_ATTEMPTS)
    connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS '{_OURS}'")
