"""What can be wrong with a database, said so that an operator knows what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from bot.ports.stores import StorageFault


class DatabaseMissing(StorageFault):
    """There is no database at the address, or not one of ours."""


class DatabaseOlder(StorageFault):
    """The tables are those of an earlier version."""


class DatabaseNewer(StorageFault):
    """The tables are those of a later version than this software."""


class NotADatabase(StorageFault):
    """The file is something else, or is damaged."""


class DatabaseCopied(StorageFault):
    """The database was copied into another one, or half a copy is in it."""


class DatabaseBusy(StorageFault):
    """Another process holds the database."""


class DatabaseFull(StorageFault):
    """No room is left where the database is."""


class DatabaseAway(StorageFault):
    """The database's server cannot be reached, is starting, or broke the connection. It may come back by itself."""


class Collided(StorageFault):
    """Two units of work stood in each other's way, and the server undid this one. Run again it can well succeed."""


_KINDS: dict[int, tuple[type[StorageFault], str]] = {
    sqlite3.SQLITE_BUSY: (DatabaseBusy, "the database is locked by another process; nothing was kept"),
    sqlite3.SQLITE_LOCKED: (DatabaseBusy, "the database is locked by another process; nothing was kept"),
    sqlite3.SQLITE_FULL: (
        DatabaseFull,
        "no room is left for the database; nothing was kept: free some disk space",
    ),
    sqlite3.SQLITE_IOERR: (
        StorageFault,
        "reading or writing the database failed; nothing was kept: look at the disk",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        DatabaseMissing,
        "the database cannot be opened: look at its folder and permissions",
    ),
    sqlite3.SQLITE_READONLY: (StorageFault, "the database cannot be written to: look at its permissions"),
    sqlite3.SQLITE_PERM: (StorageFault, "the database cannot be written to: look at its permissions"),
    sqlite3.SQLITE_NOTADB: (NotADatabase, "the file is not a database"),
    sqlite3.SQLITE_CORRUPT: (NotADatabase, "the database is damaged: restore it from a backup"),
    sqlite3.SQLITE_NOMEM: (StorageFault, "no memory is left for the database; nothing was kept"),
    sqlite3.SQLITE_PROTOCOL: (DatabaseBusy, "the database is locked by another process; nothing was kept"),
    sqlite3.SQLITE_INTERRUPT: (StorageFault, "the work on the database was interrupted; nothing was kept"),
}


def fault_of(error: sqlite3.Error) -> StorageFault | None:
    """The fault an SQLite error stands for; None if it is a mistake in the program (to be raised as it is)."""
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if primary not in _KINDS:
        return None
    kind, says = _KINDS[primary]
    return kind(f"{says} ({getattr(error, 'sqlite_errorname', 'SQLite')})")


@contextmanager
def clear_faults() -> Iterator[None]:
    """Turn SQLite's errors about the database's condition into `StorageFault`s; let mistakes through."""
    try:
        yield
    except sqlite3.Error as error:
        fault = fault_of(error)
        if fault is None:
            raise
        raise fault from error
