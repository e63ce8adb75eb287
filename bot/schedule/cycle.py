"""The loop over what falls due by the clock alone. It keeps nothing: what is due stands in rows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from bot.ports.stores import Storage, StorageFault, Unit
from bot.usecases import erase_person, lapse, remind
from bot.usecases.desk import Desk
from bot.usecases.expire import Expirer
from bot.usecases.plan import plan
from bot.usecases.tidy import tidy

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=5)
PLANNED_EVERY = timedelta(minutes=1)
CATCH_UP = 60.0
Pass = Callable[[Unit, Desk, datetime], Awaitable[int]]


class Schedule:
    """Looks every five seconds of the clock. `wake_sender` is called after each commit."""

    def __init__(
        self,
        storage: Storage,
        desk: Desk,
        wake_sender: Callable[[], None],
        caught_up: Callable[[], Awaitable[object]] | None = None,
        pulse: Callable[[], Awaitable[bool]] | None = None,
        turned: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._storage = storage
        self._desk = desk
        self._wake_sender = wake_sender
        self._caught_up = caught_up
        self._pulse = pulse
        self._turned = turned
        self._planned_at: datetime | None = None
        self._more = False
        self._expirer = Expirer(storage, desk)

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
            goes_on = looks_back = False
            try:
                if self._pulse is not None:
                    looks_back = await self._pulse()
                await self.look()
            except StorageFault as fault:
                log.warning("schedule.storage_fault", fault=type(fault).__name__)
                self._turned(False)
            else:
                self._turned(True)
                goes_on = self._more or looks_back
            if not goes_on:
                await self._desk.clock.sleep_until(self._desk.now() + EVERY)

    async def look(self) -> int:
        """One pass over everything due now; gives how much that was. Each minute the plan is written first."""
        await self._plan()
        lapsed = await self._all(lapse.lapse, lapse.AT_ONCE)
        done = lapsed + await self._all(remind.remind, remind.AT_ONCE)
        await self._expirer.look()
        return done

    async def _plan(self) -> None:
        """Once a minute, in memory only because twice does no harm; what was left of it at the next look."""
        now = self._desk.now()
        early = self._planned_at is not None and timedelta() <= now - self._planned_at < PLANNED_EVERY
        if early and not self._more:
            return
        done = await plan(self._storage, self._desk, now)
        self._more = not done.all
        for person_id in done.erased:
            async with self._storage.unit() as unit:
                if await erase_person.go_on(unit, self._desk, person_id):
                    await unit.commit()
        if not early:
            if await tidy(self._storage, self._desk, now):
                self._wake_sender()
            self._planned_at = now

    async def _all(self, one_pass: Pass, at_once: int) -> int:
        total = 0
        while True:
            async with self._storage.unit() as unit:
                found = await one_pass(unit, self._desk, self._desk.now())
                if found:
                    await unit.commit()
            if found:
                self._wake_sender()
            total += found
            await asyncio.sleep(0)  # everybody else's turn
            if found < at_once:
                return total
