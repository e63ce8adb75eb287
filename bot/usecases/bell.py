"""The bell between the processes on one database: who commits rings, and the leader's senders look at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from bot.ports.replicas import Shared
from bot.ports.stores import StorageFault

_AGAIN_AFTER: Final = 1.0
"""Real seconds until the database is asked again after a fault; the senders look every few seconds anyway."""

log = structlog.get_logger(__name__)


class SharedBell:
    """Implements bot.ports.replicas.Bell over the database.

    `heard` is called for each ring. The leader's own rings stay in its process; the others' go out, those that come
    close together as one.
    """

    def __init__(self, storage: Shared, heard: Callable[[], None], leads: Callable[[], bool]) -> None:
        self._storage = storage
        self._heard = heard
        self._leads = leads
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Heard in this process now if it leads, elsewhere soon if it does not."""
        if self._leads():
            self._heard()
        else:
            self._rung.set()

    async def run(self) -> None:
        """Carry rings both ways until cancelled. While the database is away none is carried, and nothing is lost by it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._carry())
            group.create_task(self._listen())

    async def _carry(self) -> None:
        while True:
            await self._rung.wait()
            self._rung.clear()
            try:
                await self._storage.ring()
            except StorageFault as fault:
                await _rest(fault)

    async def _listen(self) -> None:
        while True:
            try:
                async for _ in self._storage.rings():
                    self._heard()
            except StorageFault as fault:
                await _rest(fault)
            else:
                await asyncio.sleep(_AGAIN_AFTER)


async def _rest(fault: StorageFault) -> None:
    log.warning("bell.storage_fault", fault=type(fault).__name__)
    await asyncio.sleep(_AGAIN_AFTER)
