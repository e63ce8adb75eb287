"""The statements of one transaction: run at once, or staged and written together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiosqlite

from bot.ports.stores import Stale
from bot.storage.faults import clear_faults
from bot.storage.statements import Row, Statement


class Work:
    """Runs statements on the connection, inside the transaction somebody else begins and ends.

    What is staged is written with one `executemany` per statement: at the commit, or before a statement
    that touches one of its tables. Staged statements must not depend on each other's order, except those staged `first`.
    """

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._staged: dict[Statement, list[Row]] = {}
        self._one_each: set[Statement] = set()
        self._busy_tables: set[str] = set()
        self._over = False

    async def rows(self, statement: Statement, *, as_written: bool = False, **values: Any) -> list[Row]:
        """The rows a query finds. `as_written`: the caller knows what is staged, so it need not be written first."""
        self._must_run()
        if not as_written:
            await self._write_staged_of(statement)
        with clear_faults():
            found = await self._connection.execute_fetchall(statement.text, statement.bind(values))
        return [statement.read(tuple(raw)) for raw in found]

    async def row(self, statement: Statement, *, as_written: bool = False, **values: Any) -> Row | None:
        """The first row a query finds."""
        found = await self.rows(statement, as_written=as_written, **values)
        return found[0] if found else None

    async def run(self, statement: Statement, values: Mapping[str, Any]) -> int:
        """Run a change at once; how many rows it changed."""
        self._must_run()
        await self._write_staged_of(statement)
        with clear_faults():
            cursor = await self._connection.execute(statement.text, statement.bind(values))
        return cursor.rowcount

    def stage(
        self,
        statement: Statement,
        values: Mapping[str, Any],
        *,
        changes_one: bool = False,
        first: bool = False,
    ) -> None:
        """Leave a change for later.

        `changes_one`: `Stale` is raised if it then finds no row. `first`: it is written before the others.
        """
        self._must_run()
        if first and statement not in self._staged:
            self._staged = {statement: [], **self._staged}
        self._staged.setdefault(statement, []).append(statement.bind(values))
        self._busy_tables |= statement.tables
        if changes_one:
            self._one_each.add(statement)

    def staged(self, statement: Statement) -> list[Row]:
        """The bound values still waiting to be written with this statement; they may still be changed."""
        return self._staged.get(statement, [])

    async def flush(self) -> None:
        """Write what is staged."""
        staged, self._staged, self._busy_tables = self._staged, {}, set()
        for statement, bound in staged.items():
            with clear_faults():
                cursor = await self._connection.executemany(statement.text, bound)
            if statement in self._one_each and cursor.rowcount != len(bound):
                raise Stale(f"a row of {', '.join(statement.tables)} is gone or was changed")

    def end(self) -> None:
        """Refuse everything from now on: the transaction is over, and the next belongs to somebody else."""
        self._over = True

    def _must_run(self) -> None:
        if self._over:
            raise RuntimeError("this unit of work is over; open another one")

    async def _write_staged_of(self, statement: Statement) -> None:
        if self._busy_tables and not self._busy_tables.isdisjoint(statement.tables):
            await self.flush()
