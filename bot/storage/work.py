"""The statements of one transaction: run at once, or staged and written together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy.engine import Dialect

from bot.ports.stores import Stale
from bot.storage.statements import Row, Statement


class Driver(Protocol):
    """One connection, in a transaction that somebody else begins and ends. Its faults are StorageFaults."""

    dialect: Dialect
    beside: bool
    """Whether other units of work can be under way at the same time."""

    async def fetch(self, text: str, values: Row) -> Sequence[Sequence[Any]]:
        """The rows a query finds."""
        ...

    async def run(self, text: str, values: Row) -> int:
        """Run a change; how many rows it changed."""
        ...

    async def run_all(self, changes: Sequence[tuple[str, Sequence[Row]]]) -> list[int]:
        """Run each change once for each of its values, in this order; how many rows each of the changes changed."""
        ...

    async def alone(self, name: str) -> None:
        """Until the transaction ends nobody else gets past this with the same name."""
        ...


class Work:
    """Runs statements on the driver.

    What is staged is written together, each statement once for all its values: at the commit, or before a statement
    that touches one of its tables. Staged statements must not depend on each other's order, except those staged `first`.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._dialect = driver.dialect
        self.beside = driver.beside
        """Whether other units of work can be under way at the same time."""
        self._staged: dict[Statement, list[Row]] = {}
        self._one_each: set[Statement] = set()
        self._busy_tables: set[str] = set()
        self._over = False

    async def rows(self, statement: Statement, *, as_written: bool = False, **values: Any) -> list[Row]:
        """The rows a query finds. `as_written`: the caller knows what is staged, so it need not be written first."""
        self._must_run()
        if not as_written:
            await self._write_staged_of(statement)
        compiled = statement.on(self._dialect)
        found = await self._driver.fetch(compiled.text, compiled.bind(values))
        return [compiled.read(raw) for raw in found]

    async def row(self, statement: Statement, *, as_written: bool = False, **values: Any) -> Row | None:
        """The first row a query finds."""
        found = await self.rows(statement, as_written=as_written, **values)
        return found[0] if found else None

    async def run(self, statement: Statement, values: Mapping[str, Any]) -> int:
        """Run a change at once; how many rows it changed."""
        self._must_run()
        await self._write_staged_of(statement)
        compiled = statement.on(self._dialect)
        return await self._driver.run(compiled.text, compiled.bind(values))

    async def alone(self, name: str) -> None:
        """Wait until no other unit is past this with the same name, and keep others from it until this one ends.

        For what units that run beside each other must do one after the other; see Storage.unit.
        """
        self._must_run()
        await self._driver.alone(name)

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
        self._staged.setdefault(statement, []).append(statement.on(self._dialect).bind(values))
        self._busy_tables |= statement.tables
        if changes_one:
            self._one_each.add(statement)

    def staged(self, statement: Statement) -> list[Row]:
        """The bound values still waiting to be written with this statement; they may still be changed."""
        return self._staged.get(statement, [])

    async def flush(self) -> None:
        """Write what is staged."""
        if not self._staged:
            return
        staged, self._staged, self._busy_tables = self._staged, {}, set()
        changes = [(statement.on(self._dialect).text, bound) for statement, bound in staged.items()]
        counts = await self._driver.run_all(changes)
        for (statement, bound), changed in zip(staged.items(), counts, strict=True):
            if statement in self._one_each and changed != len(bound):
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


async def to_its_end(work: Awaitable[None]) -> None:
    """Await it even while being cancelled; the cancellation goes on afterwards."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()
