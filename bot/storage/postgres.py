"""PostgreSQL: several processes on one database, each with a few connections.

A unit of work is alone in the database, as on SQLite, unless it asks to run beside others of its kind: an
advisory lock, shared or not, is the first thing each transaction takes (decision 0013).
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Final

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.string import TextLoader

from bot.ports.replicas import LeaseUnit
from bot.ports.services import Ids
from bot.ports.stores import StorageFault, Unit
from bot.storage.address import postgres_conninfo
from bot.storage.key_check import check_keys
from bot.storage.postgres_faults import clear_faults
from bot.storage.revisions import check_revision
from bot.storage.sealing import Keyring
from bot.storage.statements import POSTGRES, Row
from bot.storage.unit_of_work import StoredUnit
from bot.storage.work import Work, to_its_end

CONNECTIONS: Final = 3
"""Per process: the intake, the cycles and the sender may each be in a unit of work."""
_HOUSE: Final = 0x56455354
"""The first half of our advisory locks' keys; nothing else on this database uses such locks."""
_NAMED: Final = _HOUSE + 1
_ALONE = f"BEGIN; SELECT pg_advisory_xact_lock({_HOUSE}, 0)"
_BESIDE = f"BEGIN; SELECT pg_advisory_xact_lock_shared({_HOUSE}, 0)"
_APART = "BEGIN"
_CHANNEL = "vestibule"
_PREPARED = 500
# Asked for at each connection; a process that was stopped in mid-transaction must not hold the others up.
_SETTINGS = {
    "synchronous_commit": "on",
    "idle_in_transaction_session_timeout": "5s",
    "statement_timeout": "60s",
    "default_transaction_isolation": "read committed",
}
# A server that is gone without a word is noticed within some seconds.
_LIVELINESS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}

WHOLE: Final = (_HOUSE, 0)
"""The lock that every unit of work takes, shared or not: whoever holds it keeps all of them away."""


class PostgresDriver:
    """Implements bot.storage.work.Driver on one connection."""

    dialect = POSTGRES
    beside = False

    def __init__(self, connection: psycopg.AsyncConnection[tuple[Any, ...]]) -> None:
        self.connection = connection

    async def fetch(self, text: str, values: Row) -> Sequence[Sequence[Any]]:
        """The rows a query finds."""
        with clear_faults():
            return await (await self.connection.execute(text, values)).fetchall()

    async def run(self, text: str, values: Row) -> int:
        """Run a change; how many rows it changed."""
        with clear_faults():
            return (await self.connection.execute(text, values)).rowcount

    async def run_all(self, changes: Sequence[tuple[str, Sequence[Row]]]) -> list[int]:
        """Run each change once for each of its values, all of them without waiting in between."""
        with clear_faults():
            async with self.connection.pipeline():
                cursors = []
                for text, values in changes:
                    cursors.append(self.connection.cursor())
                    await cursors[-1].executemany(text, values)
            return [cursor.rowcount for cursor in cursors]

    async def alone(self, name: str) -> None:
        """Until the transaction ends nobody else gets past this with the same name."""
        if not self.beside:
            return
        key = zlib.crc32(name.encode()) - 2**31
        await self.run(f"SELECT pg_advisory_xact_lock({_NAMED}, %(key)s::integer)", {"key": key})

    async def begin(self, *, beside: bool) -> None:
        """Begin, and wait for those that have to end first."""
        with clear_faults():
            await self.connection.execute(_BESIDE if beside else _ALONE)
        self.beside = beside

    async def commit(self) -> None:
        """On the server's disk when this returns. If the connection breaks meanwhile nobody knows: a StorageFault."""
        with clear_faults():
            await self.connection.execute("COMMIT")

    async def end(self) -> bool:
        """Undo what is not committed; whether the connection can serve again."""
        try:
            if self.connection.info.transaction_status is not TransactionStatus.IDLE:
                await self.connection.execute("ROLLBACK")
        except psycopg.Error:
            return False  # whatever there was to undo went with the connection
        return not self.connection.closed

    async def close(self) -> None:
        """Close the connection; the server undoes what was not committed."""
        await self.connection.close()


class PostgresStorage:
    """Implements bot.ports.stores.Storage, and carries a bell's ring between processes (bot.ports.replicas).

    `lock_timeout`: seconds to wait for other units of work before giving up with a StorageFault.
    """

    def __init__(
        self,
        url: str,
        keys: Keyring,
        ids: Ids,
        *,
        lock_timeout: float = 10.0,
        connections: int = CONNECTIONS,
    ) -> None:
        self._url = url
        self._conninfo = postgres_conninfo(url)
        self._keys = keys
        self._ids = ids
        self._settings = {**_SETTINGS, "lock_timeout": f"{int(lock_timeout * 1000)}ms"}
        self._room = asyncio.Semaphore(connections)
        self._free: list[PostgresDriver] = []
        self._leasing: PostgresDriver | None = None
        self._opening = asyncio.Lock()
        self._checked = False

    async def open(self, *, sole: bool = False) -> None:
        """Check the tables' version and the keys; the first unit does it otherwise. Raises StorageFault, or BadKeys.

        `sole` means nothing here: who leads is settled by a lease (R-15).
        """
        async with self._opening:
            if self._checked:
                return
            await asyncio.to_thread(check_revision, self._url)
            driver = await self._connect()
            try:
                await check_keys(Work(driver), self._keys)
            except BaseException:
                await driver.close()
                raise
            self._free.append(driver)
            self._checked = True

    def unit(self, *, beside: bool = False) -> AbstractAsyncContextManager[Unit]:
        """A new transaction, rolled back unless `commit` was called. Raises StorageFault."""
        return self._unit(beside=beside)

    @asynccontextmanager
    async def _unit(self, *, beside: bool) -> AsyncIterator[Unit]:
        if not self._checked:
            await self.open()
        async with self._room:
            driver = await self._begun(beside=beside)
            unit = StoredUnit(Work(driver), self._keys, self._ids, driver.commit)
            try:
                yield unit
            finally:
                unit.end()
                await to_its_end(self._given_back(driver))

    @asynccontextmanager
    async def apart(self) -> AsyncIterator[LeaseUnit]:
        """For leases alone (R-15): it waits for no unit of work, and on no connection that units use."""
        driver = self._leasing or await self._connect()
        self._leasing = None
        unit = StoredUnit(Work(driver), self._keys, self._ids, driver.commit)
        try:
            await driver.run(_APART, {})
            yield unit
        finally:
            unit.end()
            await to_its_end(self._kept_apart(driver))

    async def empty_journal(self) -> None:
        """Nothing to do: what was deleted leaves the server's files by its own vacuum (docs/privacy/retention.md)."""

    async def ring(self) -> None:
        """Heard by every process that listens, this one too. Raises StorageFault."""
        async with self._room:
            driver = self._free.pop() if self._free else await self._connect()
            try:
                with clear_faults():
                    await driver.connection.execute(f"NOTIFY {_CHANNEL}")
            finally:
                await to_its_end(self._given_back(driver))

    async def rings(self) -> AsyncIterator[None]:
        """One item for each ring heard, on a connection of its own. Raises StorageFault."""
        driver = await self._connect()
        try:
            with clear_faults():
                await driver.connection.execute(f"LISTEN {_CHANNEL}")
                async for _ in driver.connection.notifies():
                    yield
        finally:
            await driver.close()

    async def close(self) -> None:
        """Close what is free; closing twice is harmless. Units still under way end by their own."""
        free, self._free = self._free, []
        if self._leasing is not None:
            free.append(self._leasing)
            self._leasing = None
        for driver in free:
            await driver.close()

    async def _begun(self, *, beside: bool) -> PostgresDriver:
        """A connection in a new transaction. One that broke while nobody looked is replaced, once."""
        while True:
            kept = self._free.pop() if self._free else None
            driver = kept or await self._connect()
            try:
                await driver.begin(beside=beside)
            except BaseException as error:
                await to_its_end(self._given_back(driver))
                if kept is not None and driver.connection.closed and isinstance(error, StorageFault):
                    continue
                raise
            return driver

    async def _kept_apart(self, driver: PostgresDriver) -> None:
        if self._leasing is None and await driver.end():
            self._leasing = driver
        else:
            with suppress(psycopg.Error):  # it is broken already
                await driver.close()

    async def _given_back(self, driver: PostgresDriver) -> None:
        if await driver.end():
            self._free.append(driver)
        else:
            with suppress(psycopg.Error):  # it is broken already
                await driver.close()

    async def _connect(self) -> PostgresDriver:
        options = " ".join(
            f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in self._settings.items()
        )
        with clear_faults():
            connection = await psycopg.AsyncConnection.connect(
                self._conninfo,
                autocommit=True,  # we begin and end transactions ourselves
                prepare_threshold=1,
                options=options,
                application_name="vestibule",
                **_LIVELINESS,
            )
        connection.prepared_max = _PREPARED
        # As the text it is stored as: see bot.storage.statements.
        connection.adapters.register_loader("json", TextLoader)
        return PostgresDriver(connection)
