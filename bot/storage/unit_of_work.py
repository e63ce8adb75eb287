"""Units of work on SQLite: one connection per process, one unit at a time, one writer among processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiosqlite

from bot.ports import stores
from bot.ports.audit import Audit, Requests
from bot.ports.everything import Everything, Restored
from bot.ports.expiry import Expiry
from bot.ports.plan import Allowances, Pulses, Reminders, Shifts
from bot.ports.sealed import Sealed
from bot.ports.services import Ids
from bot.ports.stores import StorageFault, Unit
from bot.storage.audit import AuditStore
from bot.storage.cases import CaseStore
from bot.storage.everything import EverythingStore
from bot.storage.expiry import ExpiryStore
from bot.storage.faults import clear_faults
from bot.storage.file_lock import FileLock
from bot.storage.key_check import check_keys
from bot.storage.outbox import OutboxStore
from bot.storage.people import ChatStore, InvitationStore, PersonStore
from bot.storage.plan import AllowanceStore, PulseStore, ReminderStore, ShiftStore
from bot.storage.programmes import ProgrammeStore, SessionStore
from bot.storage.requests import RequestStore
from bot.storage.restored import RestoredRows
from bot.storage.revisions import check_revision, database_file
from bot.storage.sealed_values import SealedValues
from bot.storage.sealing import Keyring
from bot.storage.traces import LedgerStore, SeenStore
from bot.storage.visits import AgreementStore, AnswerStore, ReadinessRows, VisitStore
from bot.storage.work import Work

_FULL = 2
# Set on opening, and read back: SQLite keeps silent about a PRAGMA it does not follow.
_PRAGMAS: dict[str, tuple[str, Any]] = {
    "journal_mode": ("WAL", "wal"),
    "synchronous": ("FULL", _FULL),
    "foreign_keys": ("ON", 1),
    "busy_timeout": ("5000", 5000),
    # What is deleted is overwritten, not only forgotten (S-42).
    "secure_delete": ("ON", 1),
}


class SqliteUnit:
    """Implements bot.ports.stores.Unit."""

    def __init__(self, connection: aiosqlite.Connection, keys: Keyring, ids: Ids) -> None:
        self._connection = connection
        self._work = work = Work(connection)
        visits = VisitStore(work, keys)
        self.seen: stores.Seen = SeenStore(work)
        self.programmes: stores.Programmes = ProgrammeStore(work)
        self.sessions: stores.Sessions = SessionStore(work, keys)
        self.visits: stores.Visits = visits
        people = PersonStore(work, keys, visits)
        self.people: stores.People = people
        self.invitations: stores.Invitations = InvitationStore(work, keys)
        self.chats: stores.Chats = ChatStore(work, keys)
        self.answers: stores.Answers = AnswerStore(work, keys)
        self.readiness: stores.ReadinessStore = ReadinessRows(work, keys)
        self.agreements: stores.Agreements = AgreementStore(work, keys)
        cases = CaseStore(work, keys)
        self.cases: stores.Cases = cases
        self.outbox: stores.Outbox = OutboxStore(work, keys, ids)
        self.ledger: stores.Ledger = LedgerStore(work)
        self.audit: Audit = AuditStore(work)
        self.requests: Requests = RequestStore(work)
        self.expiry: Expiry = ExpiryStore(work, keys, ids)
        self.sealed: Sealed = SealedValues(work, keys)
        self.reminders: Reminders = ReminderStore(work)
        self.shifts: Shifts = ShiftStore(work)
        self.allowances: Allowances = AllowanceStore(work)
        self.pulses: Pulses = PulseStore(work)
        self.restored: Restored = RestoredRows(work)
        self.everything: Everything = EverythingStore(work, keys, people, cases)

    async def commit(self) -> None:
        """Durable on disk when this returns. The unit is over then: what follows needs a new one."""
        await self._work.flush()
        with clear_faults():
            await self._connection.commit()
        self.end()

    def end(self) -> None:
        """Refuse what still comes: the connection is the next unit's."""
        self._work.end()


RUNS_ALREADY = (
    "another process runs the bot on this database; stop it first, as both would send every message"
)


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
        self._connection: aiosqlite.Connection | None = None

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

    def unit(self) -> AbstractAsyncContextManager[Unit]:
        """A new transaction under the writer lock, rolled back unless `commit` was called. Raises StorageFault."""
        return self._unit()

    @asynccontextmanager
    async def _unit(self) -> AsyncIterator[Unit]:
        async with self._turn:
            connection = await self._opened()
            await self._writer.take()
            try:
                with clear_faults():
                    await connection.execute("BEGIN IMMEDIATE")
                unit = SqliteUnit(connection, self._keys, self._ids)
                try:
                    yield unit
                finally:
                    unit.end()
            finally:
                # Harmless after a commit; needed after everything else, a cancelled task included.
                await _to_its_end(self._rolled_back(connection))

    async def empty_journal(self) -> None:
        """Checkpoint and truncate the WAL: what was deleted is overwritten in the file, and older pages are gone.

        Left for the next time while another process reads.
        """
        async with self._turn:
            connection = await self._opened()
            await self._writer.take()
            try:
                with clear_faults():
                    await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                self._writer.release()

    async def close(self) -> None:
        """Checkpoint and close, under the writer lock. Closing twice is harmless."""
        async with self._turn:
            if self._connection is None:
                return
            connection, self._connection = self._connection, None
            try:
                await self._writer.take()
            finally:
                # Without the lock it is closed all the same: a process must be able to end.
                await _to_its_end(connection.close())
                self._writer.close()
                self._runs.close()

    async def _opened(self) -> aiosqlite.Connection:
        if self._connection is None:
            await asyncio.to_thread(check_revision, self._url)
            await self._writer.take()
            try:
                self._connection = await _connect(self._file.as_posix(), self._keys)
            finally:
                self._writer.release()
        return self._connection

    async def _rolled_back(self, connection: aiosqlite.Connection) -> None:
        try:
            with clear_faults():
                await connection.rollback()
        finally:
            self._writer.release()


async def _connect(file: str, keys: Keyring) -> aiosqlite.Connection:
    # isolation_level None: nobody begins a transaction but us.
    connection = aiosqlite.connect(file, isolation_level=None, cached_statements=256)
    # Its thread would keep a process alive that ends with a traceback before it could close the storage.
    connection._thread.daemon = True
    with clear_faults():
        await connection
    try:
        for pragma, (value, reads) in _PRAGMAS.items():
            with clear_faults():
                await connection.execute(f"PRAGMA {pragma} = {value}")
                found = next(iter(await connection.execute_fetchall(f"PRAGMA {pragma}")))[0]
            if found != reads:
                raise StorageFault(f"SQLite does not follow PRAGMA {pragma} = {value}: it says {found}")
        await check_keys(connection, keys)
    except BaseException:
        await _to_its_end(connection.close())
        raise
    return connection


async def _to_its_end(work: Awaitable[None]) -> None:
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
