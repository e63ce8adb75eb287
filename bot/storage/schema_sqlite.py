"""The way to the tables of a SQLite file, for looking at their version and for changing them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from bot.storage.address import database_file
from bot.storage.faults import DatabaseMissing, NotADatabase, fault_of
from bot.storage.file_lock import FileLock


class SqliteSchema:
    """Implements bot.storage.revisions.Schema."""

    replicas = False

    def __init__(self, url: str) -> None:
        self._file = database_file(url)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection under the writer lock. Raises DatabaseMissing rather than make a file by looking."""
        if not self._file.exists():
            raise DatabaseMissing(f"there is no database at {self._file}; make it with: vestibule migrate")
        with FileLock(self._file).held(), self._connected() as connection:
            yield connection

    @contextmanager
    def changing(self, lock_timeout: float) -> Iterator[Connection]:
        """A connection in a transaction under the writer lock, committed at the end. A new file is its owner's alone."""
        if not self._file.parent.is_dir():
            raise DatabaseMissing(f"the folder {self._file.parent} for the database is not there")
        with FileLock(self._file, timeout=lock_timeout).held():
            if not self._file.exists():
                _make_private(self._file)
            with self._connected() as connection:
                # The driver would begin no transaction for CREATE TABLE, and half a migration could stay.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
                connection.commit()
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        engine = create_engine(
            f"sqlite:///{self._file.as_posix()}",
            poolclass=NullPool,
            connect_args={"timeout": 5, "isolation_level": None},
        )
        try:
            with engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            fault = fault_of(error.orig) if isinstance(error.orig, sqlite3.Error) else None
            if fault is None:
                raise
            raise (
                NotADatabase(f"{self._file}: {fault}") if isinstance(fault, NotADatabase) else fault
            ) from error
        finally:
            engine.dispose()


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
