"""SQLite: one connection per process, one unit of work at a time, one writer among processes."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from bot.ports.services import Ids
from bot.ports.stores import StorageFault, Unit
from bot.storage import copy_mark
from bot.storage.address import database_file
from bot.storage.faults import DatabaseBusy, clear_faults
from bot.storage.file_lock import FileLock
from bot.storage.key_check import check_keys
from bot.storage.revisions import check_revision
from bot.storage.sealing import Keyring
from bot.storage.statements import SQLITE, Row
from bot.storage.unit_of_work import StoredUnit
from bot.storage.work import Work, to_its_end

_FULL = 2
# Set on opening, and read back: SQLite keeps silent about a PRAGMA it does not follow.
_PRAGMAS: dict[str, tuple[str, Any]] = {
    "journal_mode": ("WAL", "wal"),
    "synchronous": ("FULL", _FULL),
    "foreign_keys": ("ON", 1),
    # Nothing is waited for inside SQLite, as nothing else would run meanwhile: `begin` asks again.
    "busy_timeout": ("0", 0),
    # What is deleted is overwritten, not only forgotten (S-42).
    "secure_delete": ("ON", 1),
}
_BUSY_SECONDS = 5.0
_BUSY_PAUSE = 0.01
_STATEMENTS_KEPT = 512

RUNS_ALREADY = (
    "another process runs the bot on this database; stop it first, as both would send every message"
)


class SqliteDriver:
    """Implements bot.storage.work.Driver, and begins and ends the transactions.

    Statements run on the event loop itself: one takes some microseconds, the way to a thread and back many
    more (decision 0012). What waits for the disk, a commit above all, runs in the connection's own thread.
    """

    dialect = SQLITE
    beside = False

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="sqlite")

    async def fetch(self, text: str, values: Row) -> Sequence[Sequence[Any]]:
        """The rows a query finds."""
        with clear_faults():
            return self.connection.execute(text, values).fetchall()

    async def run(self, text: str, values: Row) -> int:
        """Run a change; how many rows it changed."""
        with clear_faults():
            return self.connection.execute(text, values).rowcount

    async def run_all(self, changes: Sequence[tuple[str, Sequence[Row]]]) -> list[int]:
        """Run each change once for each of its values; how many rows each of the changes changed."""
        with clear_faults():
            return [self.connection.executemany(text, values).rowcount for text, values in changes]

    async def alone(self, name: str) -> None:
        """Every unit is alone here."""

    async def begin(self) -> None:
        """Begin to write. Raises DatabaseBusy if another program holds the database for seconds."""
        until = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                with clear_faults():
                    self.connection.execute("BEGIN IMMEDIATE")
            except DatabaseBusy:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(_BUSY_PAUSE)
            else:
                return

    async def commit(self) -> None:
        """On disk when this returns; once begun it is not left halfway, not even by a cancelled task."""
        await self.on_disk(self.connection.commit)

    def rollback(self) -> None:
        """Undo what is not committed; harmless after a commit."""
        with clear_faults():
            self.connection.rollback()

    async def on_disk(self, work: Callable[[], object]) -> None:
        """Run it in the connection's thread, to its end."""
        await to_its_end(asyncio.get_running_loop().run_in_executor(self._disk, _clearly, work))

    def close(self) -> None:
        """Close the connection; the last one checkpoints."""
        try:
            with clear_faults():
                self.connection.close()
        finally:
            self._disk.shutdown(wait=False)


class SqliteStorage:
    """Implements bot.ports.stores.Storage.

    `lock_timeout`: seconds to wait for another process before giving up with a StorageFault.
    """

    def __init__(self, url: str, keys: Keyring, ids: Ids, *, lock_timeout: float = 10.0) -> None:
        self._url = url
        self._file = database_file(url)
        self._keys = keys
        self._ids = ids
        self._turn = asyncio.Lock()
        self._writer = FileLock(self._file, timeout=lock_timeout)
        self._runs = FileLock(self._file, timeout=lock_timeout, suffix=".running", taken=RUNS_ALREADY)
        self._driver: SqliteDriver | None = None

    async def open(self, *, sole: bool = False) -> None:
        """Check the tables' version and connect; the first unit does it otherwise. Raises StorageFault, or BadKeys.

        `sole`: as the one process that runs cycles and senders on it, until it is closed (R-15); another is refused.
        """
        async with self._turn:
            await self._opened()
        if sole:
            try:
                await self._runs.take()
            except StorageFault:
                await self.close()
                raise

    def unit(self, *, beside: bool = False) -> AbstractAsyncContextManager[Unit]:
        """A new transaction under the writer lock, rolled back unless `commit` was called. Raises StorageFault.

        `beside` changes nothing here: there is one writer.
        """
        return self._unit()

    @asynccontextmanager
    async def _unit(self) -> AsyncIterator[Unit]:
        async with self._turn:
            driver = await self._opened()
            await self._writer.take()
            try:
                await driver.begin()
                unit = StoredUnit(Work(driver), self._keys, self._ids, driver.commit)
                try:
                    yield unit
                finally:
                    unit.end()
            finally:
                try:
                    # Harmless after a commit; needed after everything else, a cancelled task included.
                    driver.rollback()
                finally:
                    self._writer.release()

    async def empty_journal(self) -> None:
        """Checkpoint and truncate the WAL: what was deleted is overwritten in the file, and older pages are gone.

        Left for the next time while another process reads.
        """
        async with self._turn:
            driver = await self._opened()
            await self._writer.take()
            try:
                await driver.on_disk(
                    lambda: driver.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                )
            finally:
                self._writer.release()

    async def close(self) -> None:
        """Checkpoint and close, under the writer lock. Closing twice is harmless."""
        async with self._turn:
            if self._driver is None:
                return
            driver, self._driver = self._driver, None
            try:
                await self._writer.take()
            finally:
                # Without the lock it is closed all the same: a process must be able to end.
                try:
                    driver.close()
                finally:
                    self._writer.close()
                    self._runs.close()

    async def _opened(self) -> SqliteDriver:
        if self._driver is None:
            await asyncio.to_thread(check_revision, self._url)
            await self._writer.take()
            try:
                self._driver = await _connect(self._file.as_posix(), self._keys)
            finally:
                self._writer.release()
        return self._driver


async def _connect(file: str, keys: Keyring) -> SqliteDriver:
    # isolation_level None: nobody begins a transaction but us. Never used by two threads at a time: the
    # loop waits for the disk's thread.
    with clear_faults():
        connection = sqlite3.connect(
            file, isolation_level=None, check_same_thread=False, cached_statements=_STATEMENTS_KEPT
        )
    driver = SqliteDriver(connection)
    try:
        for pragma, (value, reads) in _PRAGMAS.items():
            with clear_faults():
                connection.execute(f"PRAGMA {pragma} = {value}")
                found = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
            if found != reads:
                raise StorageFault(f"SQLite does not follow PRAGMA {pragma} = {value}: it says {found}")
        _refuse_copied(connection)
        await check_keys(Work(driver), keys)
    except BaseException:
        driver.close()
        raise
    return driver


def _refuse_copied(connection: sqlite3.Connection) -> None:
    """Once more, now that the writer lock is held: a copy may have come between the first look and this."""
    with clear_faults():
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        copy_mark.refuse_marked({row[0] for row in found}, lambda sql: connection.execute(sql).fetchall())


def _clearly(work: Callable[[], object]) -> None:
    with clear_faults():
        work()
