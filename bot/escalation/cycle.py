"""The loop that looks for unanswered cases. It keeps nothing: what is due stands in rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog

from bot.ports.stores import Storage, StorageFault
from bot.usecases.climb import AT_ONCE, climb
from bot.usecases.desk import Desk
from bot.usecases.timekeeper import Timekeeper

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=5)  # what is overdue fires within 10 seconds


class Cycle:
    """Climbs what is due every 5 seconds of the clock. `wake_sender` is called after each commit with alerts."""

    def __init__(
        self,
        storage: Storage,
        desk: Desk,
        wake_sender: Callable[[], None],
        turned: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._storage = storage
        self._desk = desk
        self._wake_sender = wake_sender
        self._turned = turned
        self._keep_time = Timekeeper(storage, desk, wake_sender)

    async def run(self) -> None:
        """Look for ever; ends by being cancelled. A storage fault is logged by name and tried again."""
        while True:
            try:
                await self.look()
            except StorageFault as fault:
                log.warning("escalation.storage_fault", fault=type(fault).__name__)
                self._turned(False)
            else:
                self._turned(True)
            await self._desk.clock.sleep_until(self._desk.now() + EVERY)

    async def look(self) -> int:
        """One pass over everything due now, each part once. Returns the number of parts looked at."""
        await self._keep_time()
        total, seen = 0, set[str]()
        while True:
            async with self._storage.unit() as unit:
                found = await climb(unit, self._desk, self._desk.now(), seen)
                if found:
                    await unit.commit()
            if found:
                self._wake_sender()
            total += found
            if found < AT_ONCE:
                return total
            await asyncio.sleep(0)  # everybody else's turn
