"""Bringing a database to this software's tables, and refusing one that is not there yet or is ahead."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from bot.ports.stores import StorageFault
from bot.storage.faults import (
    DatabaseMissing,
    DatabaseNewer,
    DatabaseOlder,
    NotADatabase,
    clear_faults,
    fault_of,
)
from bot.storage.file_lock import FileLock
from bot.storage.tables import metadata

_MIGRATIONS = Path(__file__).with_name("migrations")


def database_file(url: str) -> Path:
    """The file of `sqlite:///path` (or `sqlite+aiosqlite:///path`). Raises StorageFault for another address."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        # The address is not repeated: it may hold a password.
        raise StorageFault("the database address should look like sqlite:////path/to/vestibule.db") from None
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        raise StorageFault("the database address should be a SQLite file, as sqlite:////path/to/vestibule.db")
    assert parsed.database is not None
    return Path(parsed.database)


def migrate(url: str, *, lock_timeout: float = 10.0) -> None:
    """Make the database, or bring it to this software's tables: all of it or nothing.

    A new file is its owner's alone. Blocks; from a coroutine run it in a thread. Raises StorageFault, DatabaseNewer among them.
    """
    file = database_file(url)
    if not file.parent.is_dir():
        raise DatabaseMissing(f"the folder {file.parent} for the database is not there")
    with FileLock(file, timeout=lock_timeout).held():
        if file.exists():
            _refuse_foreign(file)
            _refuse_newer(_revision(file))
        else:
            _make_private(file)
        with _connected(file) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        _upgrade(file)


def current_revision(url: str) -> str | None:
    """The revision of the database's tables; None before the first migration. Raises StorageFault."""
    file = database_file(url)
    if not file.exists():
        raise DatabaseMissing(f"there is no database at {file}; make it with: vestibule migrate")
    with FileLock(file).held():
        _refuse_foreign(file)
        return _revision(file)


def check_revision(url: str) -> None:
    """Return if the tables are this software's; raise a StorageFault that says what to do if not."""
    revision = current_revision(url)
    _refuse_newer(revision)
    if revision != _scripts().get_current_head():
        raise DatabaseOlder(
            f"the database is at revision {revision or 'none'}, older than this software; nothing was changed. "
            "Bring it up to date with: vestibule migrate"
        )


def _make_private(file: Path) -> None:
    """0600 whatever the umask; SQLite gives -wal and -shm the permissions of the file they belong to."""
    try:
        made = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseMissing(f"{file} cannot be made: {error.strerror}") from error
    try:
        os.fchmod(made, 0o600)
    finally:
        os.close(made)


def _refuse_foreign(file: Path) -> None:
    """Another program's tables, and none of ours: the address is wrong, and nothing is to be put there."""
    with _connected(file) as connection:
        found = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    others = sorted(name for name in found if not name.startswith(("sqlite_", "alembic_")))
    if others and ("alembic_version" not in found or not found & set(metadata.tables)):
        raise NotADatabase(
            f"{file} holds another program's tables ({', '.join(others[:3])}); nothing was changed. "
            "Look at VESTIBULE_DATABASE_URL"
        )


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and revision not in {known.revision for known in _scripts().walk_revisions()}:
        raise DatabaseNewer(
            f"the database is at revision {revision}, newer than this software; nothing was changed. "
            "Install the version that made it, or a later one"
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


@contextmanager
def _connected(file: Path) -> Iterator[sqlite3.Connection]:
    try:
        with clear_faults(), closing(sqlite3.connect(file, timeout=5, isolation_level=None)) as connection:
            yield connection
    except NotADatabase as fault:
        raise fault if str(file) in str(fault) else NotADatabase(f"{file}: {fault}") from fault


def _revision(file: Path) -> str | None:
    with _connected(file) as connection:
        tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'")
        if not tables.fetchone()[0]:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return row[0] if row else None


def _upgrade(file: Path) -> None:
    engine = create_engine(
        f"sqlite:///{file.as_posix()}",
        poolclass=NullPool,
        connect_args={"timeout": 5, "isolation_level": None},
    )
    config = _config()
    try:
        with engine.connect() as connection:
            # The driver would begin no transaction for CREATE TABLE, and half a migration could stay.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    except DBAPIError as error:
        fault = fault_of(error.orig) if isinstance(error.orig, sqlite3.Error) else None
        if fault is None:
            raise
        raise fault from error
    finally:
        engine.dispose()
