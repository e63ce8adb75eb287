"""One end of a copy: a SQLite file that nobody else uses meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.dialects import sqlite

from bot.ports.stores import StorageFault
from bot.storage import copy_tables
from bot.storage.address import database_file, shown
from bot.storage.copy_tables import Key
from bot.storage.faults import DatabaseBusy, clear_faults
from bot.storage.file_lock import FileLock
from bot.storage.sqlite import RUNS_ALREADY
from bot.storage.statements import SQLITE, Row

_SECONDS = 1.0
_PLACES = sqlite.dialect(paramstyle="qmark")


class SqliteEnd:
    """Implements bot.storage.copy_end.End."""

    dialect = SQLITE

    def __init__(self, url: str) -> None:
        self.name = shown(url)
        self._file = database_file(url)
        self._open: sqlite3.Connection | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Connected, and neither the bot nor a command on it. Raises DatabaseBusy."""
        running = FileLock(self._file, timeout=_SECONDS, suffix=".running", taken=RUNS_ALREADY)
        with ExitStack() as held:
            try:
                held.enter_context(running.held())
                held.enter_context(FileLock(self._file).held())
            except DatabaseBusy as busy:
                raise DatabaseBusy(f"{self.name}: {busy}") from busy
            with clear_faults():
                self._open = held.enter_context(closing(sqlite3.connect(self._file, isolation_level=None)))
            held.callback(self._forget)
            for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
                self.run(f"PRAGMA {pragma}", {})
            yield

    def _forget(self) -> None:
        self._open = None

    def refuse_others(self) -> None:
        """Nobody can have come: SqliteStorage looks for the mark under a lock that is held here."""

    @property
    def _connection(self) -> sqlite3.Connection:
        assert self._open is not None, "it is used while it is held"
        return self._open

    def fetch(self, text: str, values: Row) -> Sequence[Sequence[Any]]:
        """The rows a query finds."""
        with clear_faults():
            return self._connection.execute(text, values).fetchall()

    def run(self, text: str, values: Row) -> None:
        """Run a change."""
        with clear_faults():
            self._connection.execute(text, values)

    def tables(self) -> set[str]:
        """The names of the tables there are."""
        return {row[0] for row in self.fetch("SELECT name FROM sqlite_master WHERE type = 'table'", {})}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """On disk when it ends; nothing of it if it ends by an error."""
        self.run("BEGIN IMMEDIATE", {})
        try:
            yield
            self.run("COMMIT", {})
        except BaseException:
            if self._connection.in_transaction:
                self._connection.rollback()
            raise

    def window(self, table: Table, after: Key | None) -> Sequence[Sequence[Any]]:
        """The next rows by key, as they are stored. Raises StorageFault for a text that is none."""
        try:
            return copy_tables.window(self, table, after)
        except sqlite3.OperationalError as error:
            where = "among its first rows" if after is None else f"after {_key(after)}"
            raise StorageFault(
                f"{self.name}: {table.name} holds a text that cannot be read, {where}"
            ) from error

    def put(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        """Add rows. Raises StorageFault for what the table refuses."""
        try:
            with clear_faults():
                self._connection.executemany(str(insert(table).compile(dialect=_PLACES)), rows)
        except sqlite3.IntegrityError as error:
            refused = getattr(error, "sqlite_errorname", "")
            raise StorageFault(f"{table.name}: {self.name} refuses a row of it ({refused})") from error

    @contextmanager
    def without(self, trigger: str, table: Table) -> Iterator[None]:
        """A trigger is put aside, within the transaction under way."""
        found = self.fetch(
            "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = :name AND tbl_name = :of",
            {"name": trigger, "of": table.name},
        )
        self.run(f"DROP TRIGGER {trigger}", {})
        yield
        self.run(found[0][0], {})

    def highest(self, table: Table) -> int:
        """The highest number the database gave a row of the table, though that row may be gone."""
        kept = copy_tables.highest(self, table)
        given = self.fetch("SELECT seq FROM sqlite_sequence WHERE name = :name", {"name": table.name})
        return max([kept, *(int(row[0]) for row in given)])

    def go_on_after(self, table: Table, number: int) -> None:
        """The next row's number is higher than this."""
        if not table.dialect_kwargs.get("sqlite_autoincrement"):
            return  # numbered after what stands there
        self.run("DELETE FROM sqlite_sequence WHERE name = :name", {"name": table.name})
        values = {"name": table.name, "seq": number}
        self.run("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)", values)

    def misfits(self) -> list[str]:
        """A line for each column in which a value stands that PostgreSQL would not take."""
        return [line for table in copy_tables.copied() for line in copy_tables.misfits(self, table)]

    def settle(self) -> None:
        """What is good after many rows came at once: nothing, here."""


def _key(key: Sequence[Any]) -> str:
    return ", ".join(str(part) for part in key)
