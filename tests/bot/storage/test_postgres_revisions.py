"""Migrating on PostgreSQL, and the messages for a database or a server that cannot be used."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from bot.ports.stores import StorageFault
from bot.storage.address import is_postgres, postgres_conninfo, shown
from bot.storage.faults import DatabaseAway, DatabaseBusy, DatabaseMissing, DatabaseOlder, NotADatabase
from bot.storage.revisions import check_revision, current_revision, migrate
from bot.storage.schema_postgres import MIGRATING
from tests.bot.storage.test_postgres_schema import schema
from tests.postgres import GUARDED, Databases


def run(url: str, *commands: str) -> None:
    """Change something behind the software's back."""
    with psycopg.connect(url, autocommit=True) as connection:
        for command in commands:
            connection.execute(command)


def test_migrating_twice_changes_nothing(postgres_url: str) -> None:
    """A database that is up to date stays as it is, by either way to write its address."""
    before = schema(postgres_url)
    assert migrate(postgres_url.replace("postgresql:", "postgresql+psycopg:")) == ()
    check_revision(postgres_url)
    assert schema(postgres_url) == before


def test_many_may_migrate_at_once(bare_postgres: str) -> None:
    """Replicas that start together and all migrate take turns: one makes the tables, the others find them."""
    together = threading.Barrier(4)

    def start() -> None:
        together.wait()
        migrate(bare_postgres)

    with ThreadPoolExecutor(4) as replicas:
        for replica in [replicas.submit(start) for _ in range(4)]:
            replica.result()
    check_revision(bare_postgres)


def test_another_who_migrates_is_waited_for_and_then_a_fault(bare_postgres: str) -> None:
    """A migration waits for another one for as long as it is told, and then gives up with a clear message."""
    with psycopg.connect(bare_postgres) as other:
        other.execute(f"SELECT pg_advisory_xact_lock({MIGRATING})")
        with pytest.raises(DatabaseBusy, match="another process"):
            migrate(bare_postgres, lock_timeout=0.05)
    assert current_revision(bare_postgres) is None


def test_a_table_in_use_holds_no_migration_up_for_ever(postgres_url: str) -> None:
    """A table that somebody uses in a long transaction ends a migration with a clear message, and changes nothing."""
    run(postgres_url, "DROP TABLE leases, works_with", "UPDATE alembic_version SET version_num = '0003'")
    before = schema(postgres_url)
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT count(*) FROM people")
        with pytest.raises(DatabaseBusy, match="another process"):
            migrate(postgres_url, lock_timeout=0.2)
    assert schema(postgres_url) == before


def test_a_migration_that_fails_leaves_nothing(bare_postgres: str) -> None:
    """A migration that cannot be finished leaves the database as it was, not half changed."""
    run(bare_postgres, "CREATE VIEW visits AS SELECT 1")
    before = schema(bare_postgres)
    with pytest.raises(Exception, match="already exists"):
        migrate(bare_postgres)
    assert schema(bare_postgres) == before
    assert current_revision(bare_postgres) is None


@pytest.mark.parametrize("revision", [False, True])
def test_another_programs_database_is_left_alone(bare_postgres: str, revision: bool) -> None:
    """A database that holds other tables and none of ours is refused, with a revision of its own or without."""
    run(bare_postgres, "CREATE TABLE orders (id INTEGER)")
    if revision:
        run(bare_postgres, "CREATE TABLE alembic_version (version_num TEXT)")
        run(bare_postgres, "INSERT INTO alembic_version VALUES ('77ab')")
    before = schema(bare_postgres)
    for refused in (check_revision, migrate):
        with pytest.raises(NotADatabase, match=r"holds another program's tables \(orders\)"):
            refused(bare_postgres)
    assert schema(bare_postgres) == before


def test_an_empty_database_asks_to_be_migrated(bare_postgres: str) -> None:
    """A database without tables asks for `vestibule migrate`."""
    with pytest.raises(DatabaseOlder, match="vestibule migrate"):
        check_revision(bare_postgres)


def test_text_that_has_no_place_is_refused(postgres_server: Databases) -> None:
    """A database that cannot keep every language's letters is refused before anything is written, with what to do."""
    options = "ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'"
    url = postgres_server.make("latin", "template0", options)
    with pytest.raises(StorageFault, match=r"LATIN1.*nothing was changed.*createdb --encoding UTF8"):
        migrate(url)
    postgres_server.drop("latin")


@pytest.mark.parametrize(
    ("role", "database", "fault", "says"),
    [
        ("vestibule", "none", DatabaseMissing, "createdb"),
        ("nobody-here", "postgres", DatabaseMissing, "role and password"),
        (GUARDED, "postgres", DatabaseMissing, "role and password"),
        (f"{GUARDED}:hidden", "postgres", DatabaseMissing, "role and password"),
    ],
)
def test_who_is_not_let_in_is_told_why(
    postgres_server: Databases, role: str, database: str, fault: type[StorageFault], says: str
) -> None:
    """S-20: a missing database, a missing role, a missing or wrong password: what to look at, the password unshown."""
    postgres_server.run(
        sql.SQL(
            f"DO $$ BEGIN CREATE ROLE {GUARDED} LOGIN PASSWORD 'right';"
            " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
    )
    url = postgres_server.address(database, role)
    for refused in (check_revision, migrate):
        with pytest.raises(fault, match=f"the database {database} at .*{says}") as caught:
            refused(url)
        assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["postgresql://u:hidden@127.0.0.1:1/d", "postgresql://u:hidden@no.such.host.invalid/d"]
)
def test_a_server_that_is_not_there_is_said_to_be_away(url: str) -> None:
    """A server that does not answer, or has no address, is away; the password is not shown, not even in a traceback."""
    with pytest.raises(DatabaseAway, match=r"the database d at .* cannot be reached") as caught:
        check_revision(url)
    told: BaseException | None = caught.value
    while told is not None:
        assert "hidden" not in str(told)
        told = told.__cause__ or told.__context__


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:hidden@h/d", "postgresql://", "postgresql://u:hidden@h", "postgresql://u:hid:den@h:port/d",
        "postgresql+asyncpg://u:hidden@h/d", "postgresql://u:hidden@h/d?no_such_option=hidden",
    ],
)  # fmt: skip
def test_other_addresses_are_refused_without_being_shown(url: str) -> None:
    """S-20: an address that cannot be used is refused in one line that shows nothing of it."""
    with pytest.raises(StorageFault, match="the database address") as caught:
        check_revision(url)
    assert "hid" not in str(caught.value)


def test_an_address_says_what_libpq_needs() -> None:
    """Every letter of a password and every option of an address arrives; what is shown of it has neither."""
    url = "postgresql+psycopg://us%20er:p%40s%20s%27%5C@/d?host=/a/socket&connect_timeout=3"
    assert psycopg.conninfo.conninfo_to_dict(postgres_conninfo(url)) == {
        "user": "us er",
        "password": "p@s s'\\",
        "dbname": "d",
        "host": "/a/socket",
        "connect_timeout": "3",
    }
    assert shown(url) == "the database d at /a/socket"
    assert shown("postgresql://u:hidden@h:5/d?password=hidden") == "the database d at h"
    assert is_postgres(url)
    assert not is_postgres("sqlite:///x.db")
