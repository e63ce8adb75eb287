"""The loop over what falls due by the clock alone. It keeps nothing: what is due stands in rows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import structlog

from bot.ports.stores import Storage, StorageFault
from bot.usecases.desk import Desk
from bot.usecases.lapse import AT_ONCE, lapse

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=5)
CATCH_UP = 60.0


class Schedule:
    """Looks every five seconds of the clock. `wake_sender` is called after each commit."""

    def __init__(
        self,
        storage: Storage,
        desk: Desk,
        wake_sender: Callable[[], None],
        caught_up: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._storage = storage
        self._desk = desk
        self._wake_sender = wake_sender
        self._caught_up = caught_up

    async def run(self) -> None:
        """Look for ever; ends by being cancelled. A storage fault is logged by name and tried again.

        After an outage what people sent meanwhile is taken first (`caught_up`), for at most some real
        seconds: an answer that waits belongs to the visit that would otherwise lapse before it.
        """
        if self._caught_up is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(CATCH_UP):
                    await self._caught_up()
        while True:
            try:
                await self.look()
            except StorageFault as fault:
                log.warning("schedule.storage_fault", fault=type(fault).__name__)
            await self._desk.clock.sleep_until(self._desk.now() + EVERY)

    async def look(self) -> int:
        """One pass over everything due now; gives how much that was."""
        total = 0
        while True:
            async with self._storage.unit() as unit:
                found = await lapse(unit, self._desk, self._desk.now())
                if found:
                    await unit.commit()
            if found:
                self._wake_sender()
            total += found
            if found < AT_ONCE:
                return total
