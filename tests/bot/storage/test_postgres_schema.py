"""Tables and triggers on PostgreSQL: the migrations make what the code knows, and the audit log only grows."""

import subprocess

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from bot.storage.tables import metadata
from tests import postgres


def schema(url: str) -> list[str]:
    """All there is besides Alembic's own table, as pg_dump writes it."""
    programs = postgres.programs()
    assert programs is not None
    dump = [programs / "pg_dump", "--schema-only", "--no-owner", "--exclude-table=alembic_version"]
    text = subprocess.run([*dump, url], capture_output=True, text=True, check=True).stdout
    return [line for line in text.splitlines() if line and not line.startswith(("--", "\\"))]


def made_directly(url: str) -> None:
    """The tables as the code knows them."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    metadata.create_all(engine)
    engine.dispose()


def test_migrations_make_the_tables_the_code_knows(postgres_url: str, bare_postgres: str) -> None:
    """The schema of the migrations on PostgreSQL equals that of the tables, to the letter: constraints, indexes, triggers."""
    made_directly(bare_postgres)
    assert schema(postgres_url) == schema(bare_postgres)


@pytest.mark.both_databases
def test_alembic_sees_no_difference(database_url: str) -> None:
    """On both databases Alembic finds nothing that a migration would still have to do."""
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()
