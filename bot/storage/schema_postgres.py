"""The way to the tables of a PostgreSQL database, for looking at their version and for changing them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from bot.ports.stores import StorageFault
from bot.storage.address import postgres_conninfo, shown
from bot.storage.postgres_faults import fault_of

MIGRATING = 0x7665737469626D  # any number will do, as long as nobody else on this database takes the same


class PostgresSchema:
    """Implements bot.storage.revisions.Schema."""

    replicas = True

    def __init__(self, url: str) -> None:
        self._conninfo = postgres_conninfo(url)
        self._name = shown(url)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection. Raises StorageFault, DatabaseMissing and DatabaseAway among them."""
        with self._connected() as connection:
            yield connection

    @contextmanager
    def changing(self, lock_timeout: float) -> Iterator[Connection]:
        """A connection in a transaction that one migration at a time gets, committed at the end.

        It waits `lock_timeout` seconds for that, and as long for each table that others use.
        """
        with self._connected() as connection:
            _refuse_other_encodings(connection, self._name)
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {max(1, round(lock_timeout * 1000))}")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATING})")
            yield connection
            connection.commit()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        engine = create_engine(
            "postgresql+psycopg://", creator=lambda: _connect(self._conninfo), poolclass=NullPool
        )
        try:
            with engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            fault = fault_of(error.orig) if isinstance(error.orig, psycopg.Error) else None
            if fault is None:
                raise
            raise type(fault)(f"{self._name}: {fault}") from error
        finally:
            engine.dispose()


def _connect(conninfo: str) -> psycopg.Connection[tuple[object, ...]]:
    try:
        return psycopg.connect(conninfo)
    except psycopg.ProgrammingError:  # nothing was asked of the server yet: it is the address
        raise StorageFault("the database address holds an option that PostgreSQL does not know") from None


def _refuse_other_encodings(connection: Connection, name: str) -> None:
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise StorageFault(
            f"{name} keeps text as {encoding}, where not every language has a place; nothing was changed. "
            "Make it anew with: createdb --encoding UTF8 --template template0"
        )
