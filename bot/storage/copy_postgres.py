"""One end of a copy: a PostgreSQL database that nobody else uses meanwhile."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any, Final

import psycopg
from psycopg.adapt import Buffer, Loader
from psycopg.types.string import TextLoader
from sqlalchemy import Table

from bot.ports.stores import StorageFault
from bot.storage import copy_tables
from bot.storage.address import postgres_conninfo, shown
from bot.storage.copy_tables import Key
from bot.storage.faults import DatabaseBusy
from bot.storage.postgres import WHOLE
from bot.storage.postgres_faults import clear_faults
from bot.storage.statements import POSTGRES, Row

_SETTINGS = {
    "lock_timeout": "10s",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "synchronous_commit": "on",
}
_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'vestibule' AND pid <> pg_backend_pid()"
)
_GIVEN = (
    "SELECT last_value FROM pg_sequences WHERE last_value IS NOT NULL AND quote_ident(schemaname) || '.' ||"
    " quote_ident(sequencename) = pg_get_serial_sequence(%(table)s, 'id')"
)
_MEETING: Final = WHOLE[0] + 2
_PLACE = re.compile(r":(\w+)")


def is_one(address: str, other: str) -> bool:
    """Whether both addresses lead into one database, by whatever names. Raises StorageFault where one leads nowhere."""
    # A lock holds for one database, whoever asks, and nobody else takes one of this number.
    lock = {"house": _MEETING, "number": secrets.randbits(31)}
    with clear_faults(), closing(_connect(address)) as first, closing(_connect(other)) as second:
        first.execute("SELECT pg_advisory_lock(%(house)s, %(number)s)", lock)
        got = second.execute("SELECT pg_try_advisory_lock(%(house)s, %(number)s)", lock).fetchone()
        return got == (False,)


def _connect(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(
        postgres_conninfo(url), autocommit=True, application_name="vestibule copy", connect_timeout=10
    )


class _AsNumber(Loader):
    """A boolean as SQLite keeps it."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data) == b"t")


class PostgresEnd:
    """Implements bot.storage.copy_end.End."""

    dialect = POSTGRES

    def __init__(self, url: str) -> None:
        self.name = shown(url)
        self._url = url
        self._open: psycopg.Connection[tuple[Any, ...]] | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Connected, and no unit of work of anybody else begins until it ends. Raises DatabaseBusy where the bot runs."""
        with ExitStack() as held:
            try:
                with clear_faults():
                    self._open = held.enter_context(closing(self._connect()))
                held.callback(self._forget)
                for name, value in _SETTINGS.items():
                    self.run(f"SET {name} = '{value}'", {})
                self.fetch(
                    "SELECT pg_advisory_lock(%(house)s, %(all)s)",
                    dict(zip(("house", "all"), WHOLE, strict=True)),
                )
                self._refuse_connected()
            except DatabaseBusy as busy:
                raise DatabaseBusy(f"{self.name}: {busy}") from busy
            yield

    def _forget(self) -> None:
        self._open = None

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        connection = _connect(self._url)
        # Values as they are stored: see bot.storage.statements.
        connection.adapters.register_loader("json", TextLoader)
        connection.adapters.register_loader("bool", _AsNumber)
        return connection

    def refuse_others(self) -> None:
        """Return if no process of the bot has connected meanwhile: one that looked before the mark was there."""
        try:
            self._refuse_connected()
        except DatabaseBusy as busy:
            raise DatabaseBusy(f"{self.name}: {busy}; then run it again") from busy

    def _refuse_connected(self) -> None:
        others = self.fetch(_OTHERS, {})[0][0]
        if others == 0 and "leases" in self.tables():
            now = int(time.time() * 1_000_000)
            others = self.fetch("SELECT count(*) FROM leases WHERE until > %(now)s", {"now": now})[0][0]
        if others:
            raise DatabaseBusy(
                "the bot runs on this database; stop all of its processes first, and wait 5 seconds"
            )

    @property
    def _connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        assert self._open is not None, "it is used while it is held"
        return self._open

    def fetch(self, text: str, values: Row) -> Sequence[Sequence[Any]]:
        """The rows a query finds."""
        with clear_faults():
            return self._connection.execute(text.encode(), values).fetchall()

    def run(self, text: str, values: Row) -> None:
        """Run a change; `:name` is a place."""
        with clear_faults():
            self._connection.execute(_PLACE.sub(r"%(\1)s", text).encode(), values)

    def tables(self) -> set[str]:
        """The names of the tables there are."""
        found = self.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()", {})
        return {row[0] for row in found}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """On the server's disk when it ends; nothing of it if it ends by an error."""
        with clear_faults(), self._connection.transaction():
            yield

    def window(self, table: Table, after: Key | None) -> Sequence[Sequence[Any]]:
        """The next rows by key, as they are stored."""
        return copy_tables.window(self, table, after)

    def put(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        """Add rows. Raises StorageFault for what the table refuses."""
        names = ", ".join(POSTGRES.identifier_preparer.quote(name) for name in table.columns.keys())  # noqa: SIM118 - no dict
        command = f"COPY {table.name} ({names}) FROM STDIN"
        try:
            with clear_faults(), self._connection.cursor().copy(command.encode()) as into:
                for row in rows:
                    into.write_row(row)
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            # The error's own words hold the row.
            refused = error.diag.constraint_name or error.sqlstate or type(error).__name__
            raise StorageFault(f"{table.name}: {self.name} refuses a row of it ({refused})") from None

    @contextmanager
    def without(self, trigger: str, table: Table) -> Iterator[None]:
        """A trigger is put aside, within the transaction under way."""
        self.run(f"ALTER TABLE {table.name} DISABLE TRIGGER {trigger}", {})
        yield
        self.run(f"ALTER TABLE {table.name} ENABLE TRIGGER {trigger}", {})

    def highest(self, table: Table) -> int:
        """The highest number the database gave a row of the table, though that row may be gone."""
        kept = copy_tables.highest(self, table)
        given = self.fetch(_GIVEN, {"table": table.name})
        return max([kept, *(int(row[0]) for row in given)])

    def go_on_after(self, table: Table, number: int) -> None:
        """The next row's number is higher than this."""
        values = {"table": table.name, "number": number}
        if number > 0:
            self.fetch("SELECT setval(pg_get_serial_sequence(%(table)s, 'id'), %(number)s)", values)

    def misfits(self) -> list[str]:
        """Nothing that stands here is refused elsewhere."""
        return []

    def settle(self) -> None:
        """Let the server see what it has, or it would plan its first queries for empty tables."""
        self.run("ANALYZE", {})
