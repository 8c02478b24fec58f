"""Bring a database to the schema of this version, and tell whether it is there."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection
from sqlmodel import SQLModel

from automation_engine.store.database import Database, begin


async def migrate(database: Database) -> None:
    """Apply every migration that is missing, each in a transaction."""
    async with database.engine.connect() as connection:
        await connection.run_sync(_upgrade)


async def differences(database: Database) -> list[str]:
    """Return what the database lacks, or has too much, against the tables of this version."""
    async with database.engine.connect() as connection:
        return await connection.run_sync(_compare)


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration, on a connection that is open."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    begin(connection, writes=True)
    command.upgrade(alembic_config(connection), "head")
    connection.commit()


def _compare(connection: Connection) -> list[str]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return [str(difference) for difference in compare_metadata(context, SQLModel.metadata)]
