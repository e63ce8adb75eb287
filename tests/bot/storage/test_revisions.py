"""Migrations, and the messages for a database that cannot be used."""

import os
import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from bot.ids import CountingIds
from bot.ports.stores import StorageFault
from bot.storage.faults import (
    DatabaseBusy,
    DatabaseFull,
    DatabaseMissing,
    DatabaseNewer,
    DatabaseOlder,
    NotADatabase,
    clear_faults,
)
from bot.storage.file_lock import FileLock
from bot.storage.revisions import check_revision, current_revision, database_file, migrate
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage
from bot.storage.tables import metadata


def schema(file: Path) -> dict[str, list[str]]:
    """Name -> parts of the SQL of all there is; blanks, quotes and the order of constraints make no difference."""
    database = sqlite3.connect(file)
    rows = database.execute(
        "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND sql NOT NULL"
    )
    found = {
        name: sorted(re.split(", (?=CONSTRAINT )", " ".join(sql.replace('"', "").split()).removesuffix(" )")))
        for name, sql in rows
        if not name.startswith("sqlite_")
    }
    database.close()
    return found


def run(file: Path, sql: str) -> None:
    """Change something behind the software's back."""
    database = sqlite3.connect(file)
    with database:
        database.execute(sql)
    database.close()


def modes_of(folder: Path) -> dict[str, int]:
    """Who may do what with each file of the database."""
    return {file.name: file.stat().st_mode & 0o777 for file in folder.glob("own.db*")}


async def make_one(storage: SqliteStorage) -> None:
    """Write something, so that there is a write-ahead log."""
    async with storage.unit() as unit:
        await unit.seen.add(1, 1, datetime(2026, 1, 5, tzinfo=UTC))
        await unit.commit()


def test_migrations_make_the_tables_the_code_knows(database_url: str, tmp_path: Path) -> None:
    """The schema of the migrations equals that of the tables, to the letter: constraints, indexes, triggers."""
    engine = create_engine(f"sqlite:///{tmp_path / 'direct.db'}")
    metadata.create_all(engine)
    engine.dispose()
    assert schema(database_file(database_url)) == schema(tmp_path / "direct.db")


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    """A database that is up to date stays as it is."""
    before = schema(database_file(database_url))
    migrate(database_url)
    check_revision(database_url)
    assert schema(database_file(database_url)) == before
    assert current_revision(database_url) == "0004"


async def test_a_missing_database_is_said_to_be_missing(tmp_path: Path, keyring: Keyring) -> None:
    """A database that is not there is named with what to do, and is not made by looking."""
    url = f"sqlite:///{tmp_path / 'none.db'}"
    with pytest.raises(DatabaseMissing, match="vestibule migrate"):
        await SqliteStorage(url, keyring, CountingIds()).open()
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(DatabaseMissing, match="folder"):
        migrate(f"sqlite:///{tmp_path}/no/folder.db")


async def test_a_newer_database_is_left_alone(database_url: str, keyring: Keyring) -> None:
    """A database of a newer version is refused by start and by migrate, and stays as it is."""
    run(database_file(database_url), "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseNewer, match=r"9999.*nothing was changed"):
        await SqliteStorage(database_url, keyring, CountingIds()).open()
    with pytest.raises(DatabaseNewer):
        migrate(database_url)
    assert current_revision(database_url) == "9999"


def test_an_older_database_asks_to_be_migrated(tmp_path: Path) -> None:
    """A database that is still empty asks for `vestibule migrate`."""
    (tmp_path / "old.db").touch()
    with pytest.raises(DatabaseOlder, match="vestibule migrate"):
        check_revision(f"sqlite:///{tmp_path / 'old.db'}")


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """A migration that cannot be finished leaves the database as it was, not half changed."""
    run(tmp_path / "half.db", "CREATE VIEW visits AS SELECT 1")
    before = schema(tmp_path / "half.db")
    with pytest.raises(Exception, match="already"):
        migrate(f"sqlite:///{tmp_path / 'half.db'}")
    assert schema(tmp_path / "half.db") == before
    assert current_revision(f"sqlite:///{tmp_path / 'half.db'}") is None


@pytest.mark.parametrize("revision", [False, True])
def test_another_programs_database_is_left_alone(tmp_path: Path, revision: bool) -> None:
    """A database that holds other tables and none of ours is refused, with a revision of its own or without."""
    file = tmp_path / "shop.db"
    run(file, "CREATE TABLE orders (id INTEGER)")
    if revision:
        run(file, "CREATE TABLE alembic_version (version_num TEXT)")
        run(file, "INSERT INTO alembic_version VALUES ('77ab')")
    before = file.read_bytes()
    for refused in (check_revision, migrate):
        with pytest.raises(NotADatabase, match=r"shop\.db holds another program's tables \(orders\)"):
            refused(f"sqlite:///{file}")
    assert file.read_bytes() == before


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
async def test_files_are_their_owners_alone(
    tmp_path: Path, keyring: Keyring, ids: CountingIds, umask: int
) -> None:
    """S-41: the database, its log and its index are made with mode 0600 whatever the umask."""
    before = os.umask(umask)
    try:
        migrate(f"sqlite:///{tmp_path / 'own.db'}")
        storage = SqliteStorage(f"sqlite:///{tmp_path / 'own.db'}", keyring, ids)
        await make_one(storage)
        modes = modes_of(tmp_path)
        await storage.close()
    finally:
        os.umask(before)
    assert {"own.db", "own.db-wal", "own.db-shm"} <= set(modes)
    assert all(mode & 0o077 == 0 for mode in modes.values()), modes
    assert {modes[f"own.db{end}"] for end in ("", "-wal", "-shm")} == {0o600}


def test_something_else_is_not_taken_for_a_database(tmp_path: Path) -> None:
    """A file that is no database is refused by check and by migrate, and stays as it is."""
    (tmp_path / "letter.db").write_text("dear reader, " * 100)
    url = f"sqlite:///{tmp_path / 'letter.db'}"
    for refused in (check_revision, migrate):
        with pytest.raises(NotADatabase, match=r"letter\.db: the file is not a database"):
            refused(url)
    assert (tmp_path / "letter.db").read_text() == "dear reader, " * 100


def test_a_locked_database_is_said_to_be_locked(database_url: str) -> None:
    """A database that another process holds is refused after a while, with a clear message."""
    with FileLock(database_file(database_url)).held(), pytest.raises(DatabaseBusy, match="another process"):
        migrate(database_url, lock_timeout=0.05)


def test_full_is_said_to_be_full(tmp_path: Path) -> None:
    """SQLite's word for a full disk becomes a clear fault."""
    database = sqlite3.connect(tmp_path / "small.db")
    database.execute("PRAGMA max_page_count = 2")
    database.execute("CREATE TABLE t1 (a)")
    with pytest.raises(DatabaseFull, match="no room"), clear_faults():
        database.execute("CREATE TABLE t2 (a)")
    with pytest.raises(sqlite3.OperationalError), clear_faults():
        database.execute("SELECT nonsense")
    database.close()


@pytest.mark.parametrize(
    "url", ["", "nonsense", "postgresql://u:hidden@h/d", "sqlite://", "sqlite:///:memory:"]
)
def test_other_addresses_are_refused_without_being_shown(url: str) -> None:
    """S-20: an address that cannot be used is refused with a right one as example, its password unshown."""
    with pytest.raises(StorageFault, match="sqlite:////path") as caught:
        database_file(url)
    assert "hidden" not in str(caught.value)
