"""PostgreSQL's errors, said so that an operator knows what to do. None of them repeats a password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from bot.ports.stores import StorageFault
from bot.storage.faults import (
    Collided,
    DatabaseAway,
    DatabaseBusy,
    DatabaseFull,
    DatabaseMissing,
    NotADatabase,
)

_Kind = tuple[type[StorageFault], str]
_LOST: _Kind = (DatabaseAway, "the connection to the database was lost")
_NOT_READY: _Kind = (DatabaseAway, "the database's server is starting, stopping or recovering")
_COLLIDED: _Kind = (Collided, "another transaction stood in the way; nothing was kept")
_DAMAGED: _Kind = (NotADatabase, "the database is damaged: restore it from a backup")
_DISK: _Kind = (StorageFault, "reading or writing the database failed; nothing was kept: look at its disk")
_MISSING: _Kind = (DatabaseMissing, "the server has no such database: make it with createdb")
_REFUSED: _Kind = (
    DatabaseMissing,
    "the server does not let this role in: look at role and password in VESTIBULE_DATABASE_URL",
)
_AWAY: _Kind = (DatabaseAway, "the database's server cannot be reached")
_NO_TLS: _Kind = (
    DatabaseMissing,
    "the way to the database's server cannot be kept closed (TLS): look at sslmode and sslrootcert in the address, "
    "and at the server's certificate",
)
_MANY: _Kind = (DatabaseBusy, "the database's server has no connection left: look at its max_connections")

# https://www.postgresql.org/docs/15/errcodes-appendix.html
_KINDS: dict[str, _Kind] = {
    "25006": (StorageFault, "the database cannot be written to: it is read-only, a standby perhaps"),
    "25P03": _LOST,
    "28000": _REFUSED,
    "28P01": _REFUSED,
    "3D000": _MISSING,
    "40001": _COLLIDED,
    "40003": _LOST,
    "40P01": _COLLIDED,
    "42501": (StorageFault, "the database's role may not do this: it should own the tables"),
    "53100": (DatabaseFull, "no room is left for the database; nothing was kept: free some disk space"),
    "53200": (StorageFault, "no memory is left for the database; nothing was kept"),
    "53300": _MANY,
    "55P03": (DatabaseBusy, "the database is locked by another process; nothing was kept"),
    "57014": (StorageFault, "the work on the database was interrupted; nothing was kept"),
    "57P01": _LOST,
    "57P02": _LOST,
    "57P03": _NOT_READY,
    "57P04": _MISSING,
    "57P05": _LOST,
    "58030": _DISK,
    "58P01": _DISK,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
}
# A connection that never came about has no code, only words: libpq's own, and the server's if it answered.
_WORDS: tuple[tuple[str, _Kind], ...] = (
    ("SSL", _NO_TLS),
    ("sslmode", _NO_TLS),
    ("certificate", _NO_TLS),
    ("password authentication failed", _REFUSED),
    ("no password supplied", _REFUSED),
    ("authentication failed", _REFUSED),
    ("no pg_hba.conf entry", _REFUSED),
    ("database system is", _NOT_READY),  # ... starting up, shutting down, in recovery mode
    ("too many clients", _MANY),
    ("remaining connection slots", _MANY),
    ("too many connections", _MANY),
    ('FATAL:  database "', _MISSING),  # ... does not exist, is not currently accepting connections
    ('FATAL:  role "', _REFUSED),
    ("connection is closed", _LOST),
    ("connection is lost", _LOST),
    ("closed the connection", _LOST),
    ("consuming input failed", _LOST),
)


def fault_of(error: psycopg.Error) -> StorageFault | None:
    """The fault a PostgreSQL error stands for; None if it is a mistake in the program (to be raised as it is).

    Of `DatabaseAway` raised by a COMMIT nobody knows whether it was kept: look, or do what is harmless twice.
    """
    code = error.sqlstate
    if code is None:
        if not isinstance(error, psycopg.OperationalError):
            return None
        said = str(error)
        kind, says = next((kind for words, kind in _WORDS if words in said), _AWAY)
        return kind(says)
    found = _KINDS.get(code) or (_LOST if code.startswith("08") else None)
    return found[0](f"{found[1]} ({code})") if found else None


@contextmanager
def clear_faults() -> Iterator[None]:
    """Turn psycopg's errors about the database's condition into `StorageFault`s; let mistakes through."""
    try:
        yield
    except psycopg.Error as error:
        fault = fault_of(error)
        if fault is None:
            raise
        raise fault from error
