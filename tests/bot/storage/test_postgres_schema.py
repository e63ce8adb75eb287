"""Tables and triggers on PostgreSQL: the migrations make what the code knows, and the audit log only grows."""

import subprocess

import psycopg
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


def add(connection: psycopg.Connection[tuple[object, ...]], seq: int, at: int = 0) -> None:
    """An entry of the audit log."""
    connection.execute(
        "INSERT INTO audit VALUES (%s, %s, %s, 'clock', 'tick', 'x', '{}', '', %s)",
        [f"entry-{seq}", seq, at, f"hash-{seq}"],
    )


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit SET actor = 'x' WHERE seq = 1",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "INSERT INTO audit SELECT 'other', 1, 0, '', '', '', '{}', '', ''",
        "INSERT INTO audit SELECT 'entry-1', 9, 0, '', '', '', '{}', '', ''",
        "INSERT INTO audit SELECT 'entry-1', 9, 0, '', '', '', '{}', '', '' ON CONFLICT (id) DO UPDATE SET at = 5",
    ],
)
def test_the_audit_log_only_grows(postgres_url: str, sql: str) -> None:
    """R-16: the database itself refuses to change, empty or fill in the audit log, and counts what is added."""
    with psycopg.connect(postgres_url) as connection:
        add(connection, 1)
        add(connection, 2)
        connection.commit()
        counted = connection.execute("SELECT value FROM counters WHERE name = 'audit'").fetchone()
        assert counted == (2,)
        with pytest.raises(psycopg.IntegrityError, match="only grows"):
            connection.execute(sql)


YEAR = 365 * 86_400 * 1_000_000


def test_only_what_an_anchor_stands_for_leaves(postgres_url: str) -> None:
    """R-16: an anchor names a true entry and is a year younger than the end of its month; what is before it may leave."""
    anchor = "INSERT INTO audit_anchors VALUES (%s, %s, %s, %s, %s)"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for seq, at in ((1, 10), (2, 20), (3, 30)):
            add(connection, seq, at)
        for untrue in (
            ["a", 2, "hash-3", YEAR + 25, 25], ["a", 9, "hash-9", YEAR + 25, 25],
            ["a", 2, "hash-2", YEAR + 24, 25], ["a", 2, "hash-2", YEAR + 20, 20],
        ):  # fmt: skip
            with pytest.raises(psycopg.IntegrityError, match="an anchor names an entry"):
                connection.execute(anchor, untrue)
        connection.execute(anchor, ["a", 2, "hash-2", YEAR + 25, 25])
        for change in (
            "UPDATE audit_anchors SET at = 1",
            "DELETE FROM audit_anchors",
            "TRUNCATE audit_anchors",
        ):
            with pytest.raises(psycopg.IntegrityError, match="stays as it is"):
                connection.execute(change)
        connection.execute("DELETE FROM audit WHERE seq <= 2")
        with pytest.raises(psycopg.IntegrityError, match="only grows"):
            connection.execute("DELETE FROM audit")
        assert connection.execute("SELECT seq FROM audit").fetchall() == [(3,)]


def test_text_is_in_the_same_order_on_every_server(postgres_url: str) -> None:
    """Text is ordered by its letters' numbers whatever the server's locale, as on SQLite: an index outlives an upgrade of it."""
    with psycopg.connect(postgres_url) as connection:
        connection.execute("INSERT INTO pulses SELECT name, 0 FROM unnest('{a,B,-,é,z}'::text[]) AS name")
        ordered = connection.execute("SELECT name FROM pulses ORDER BY name").fetchall()
        assert [name for (name,) in ordered] == ["-", "B", "a", "z", "é"]
        servers = connection.execute("SELECT x FROM unnest('{a,B}'::text[]) AS x ORDER BY x").fetchall()
        assert servers == [("a",), ("B",)], "the server of the tests should have an order of its own"


def test_numbers_go_on_from_what_a_copy_brought(postgres_url: str) -> None:
    """R-12: ids of messages are given by the database, and a copy may bring its own."""
    with psycopg.connect(postgres_url) as connection:
        for table in ("outbox", "person_roles"):
            kept = connection.execute(
                "SELECT data_type, identity_generation FROM information_schema.columns"
                " WHERE table_name = %s AND column_name = 'id'",
                [table],
            ).fetchone()
            assert kept == ("bigint", "BY DEFAULT")


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("INSERT INTO chats VALUES ('c', 1, '', '', '', 'nowhere')", "ck_chats_state"),
        ("INSERT INTO case_roles VALUES ('r', 'c', 'D', 'asking', 0, '[]', NULL, 1, '[]', NULL, NULL, NULL, 1, false)",
         "ck_case_roles_asking_has_next"),
        ("INSERT INTO person_roles (person_id, role) VALUES ('nobody', 'duty')", "fk_person_roles_person_id"),
    ],
)  # fmt: skip
def test_what_no_row_may_hold_is_refused(postgres_url: str, sql: str, name: str) -> None:
    """R-04: the conditions on rows are the database's own, on PostgreSQL too."""
    with (
        psycopg.connect(postgres_url) as connection,
        pytest.raises(psycopg.IntegrityError, match=name),
    ):
        connection.execute(sql)
