"""What a copy needs of either of its two databases."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import Table
from sqlalchemy.engine import Dialect

from bot.storage.copy_tables import Key
from bot.storage.statements import Row


class End(Protocol):
    """One of the two databases, by a connection of its own. Its faults are StorageFaults."""

    name: str
    """As it may be shown."""
    dialect: Dialect

    def held(self) -> AbstractContextManager[None]:
        """Connected, and nobody else at work on it. All else needs this."""
        ...

    def refuse_others(self) -> None:
        """Return if nobody came meanwhile who had looked for the mark before it was there. Raises DatabaseBusy."""
        ...

    def fetch(self, text: str, values: Row) -> Sequence[Sequence[Any]]:
        """The rows a query finds."""
        ...

    def run(self, text: str, values: Row) -> None:
        """Run a change; `:name` is a place."""
        ...

    def tables(self) -> set[str]:
        """The names of the tables there are."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Durable when it ends; nothing of it if it ends by an error."""
        ...

    def window(self, table: Table, after: Key | None) -> Sequence[Sequence[Any]]:
        """The next rows by key, as they are stored; booleans as 0 and 1, JSON as text."""
        ...

    def put(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        """Add rows. Raises StorageFault for what the table refuses."""
        ...

    def without(self, trigger: str, table: Table) -> AbstractContextManager[None]:
        """A trigger is put aside, within the transaction under way."""
        ...

    def highest(self, table: Table) -> int:
        """The highest number the database gave a row of the table, though that row may be gone."""
        ...

    def go_on_after(self, table: Table, number: int) -> None:
        """The next row's number is higher than this."""
        ...

    def misfits(self) -> list[str]:
        """A line for each column in which a value stands that PostgreSQL would not take."""
        ...

    def settle(self) -> None:
        """What is good after many rows came at once."""
        ...


class Looking:
    """Implements bot.storage.work.Driver for looking only."""

    beside = False

    def __init__(self, end: End) -> None:
        self._end = end
        self.dialect = end.dialect

    async def fetch(self, text: str, values: Row) -> Sequence[Sequence[Any]]:
        """The rows a query finds."""
        return self._end.fetch(text, values)

    async def run(self, text: str, values: Row) -> int:
        """Never: it only looks."""
        raise NotImplementedError(text)

    async def run_all(self, changes: Sequence[tuple[str, Sequence[Row]]]) -> list[int]:
        """Never: it only looks."""
        raise NotImplementedError(changes[0][0])

    async def alone(self, name: str) -> None:
        """Nobody else is there."""
