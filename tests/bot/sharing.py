"""A database that several processes share, in memory: leases, and a list of what was written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bot.ports.replicas import Lease
from bot.ports.stores import StorageFault


class MemoryLeases:
    """As bot.storage.leases; that one is held to the same promises in tests/bot/storage/test_leases.py."""

    def __init__(self, rows: dict[str, Lease]) -> None:
        self._rows = rows

    async def seen(self, name: str) -> Lease | None:
        return self._rows.get(name)

    async def take(self, lease: Lease) -> bool:
        stands = self._rows.get(lease.name)
        if stands is not None and stands.token != lease.token - 1:
            return False
        self._rows[lease.name] = lease
        return True

    async def renew(self, lease: Lease) -> bool:
        if not await self.holds(lease):
            return False
        self._rows[lease.name] = lease
        return True

    async def holds(self, lease: Lease) -> bool:
        stands = self._rows.get(lease.name)
        return stands is not None and (stands.holder, stands.token) == (lease.holder, lease.token)


class SharedUnit:
    """`wrote` is what this unit adds to the database's."""

    def __init__(self, database: SharedDatabase) -> None:
        self._database = database
        self.rows = dict(database.rows)
        self.wrote: list[str] = []
        self.leases = MemoryLeases(self.rows)

    async def commit(self) -> None:
        self._database.refuse_when_away()
        self._database.rows = self.rows
        self._database.written += self.wrote


class SharedDatabase:
    """One transaction after the other. `away`: nothing works; `hangs`: nothing comes back until it is set free."""

    def __init__(self) -> None:
        self.rows: dict[str, Lease] = {}
        self.written: list[str] = []
        self.away = False
        self.free = asyncio.Event()
        self.free.set()
        self._turn = asyncio.Lock()

    @property
    def lease(self) -> Lease | None:
        return self.rows.get("leader")

    def refuse_when_away(self) -> None:
        if self.away:
            raise StorageFault("connection lost")

    @asynccontextmanager
    async def unit(self, *, beside: bool = False) -> AsyncIterator[Any]:
        await self.free.wait()
        self.refuse_when_away()
        async with self._turn:
            yield SharedUnit(self)

    apart = unit

    async def ring(self) -> None:
        return None

    async def rings(self) -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield

    async def empty_journal(self) -> None:
        return None

    async def close(self) -> None:
        return None
