"""What a clock gone wrong must not do: hold anything up when it is set back (R-05), or delete when it leaps ahead (S-42)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from bot.ports.records import Way
from bot.ports.stores import Storage
from bot.usecases.desk import Desk

log = structlog.get_logger(__name__)

CLOCK = "clock"
KEPT_EVERY = timedelta(minutes=1)
SET_BACK = timedelta(seconds=1)
"""Less than this is the clock being kept right."""
LEAPT = "clock-leapt"
LEAP = timedelta(days=14)
"""A longer time in which nothing ran may be a clock gone wrong: what cannot be undone then waits (S-42)."""
WAYS: tuple[Way, ...] = ("telegram", "email")


class Timekeeper:
    """Keeps what time it is in the database, once a minute, so that a clock set back is noticed."""

    def __init__(self, storage: Storage, desk: Desk, wake_sender: Callable[[], None]) -> None:
        self._storage = storage
        self._desk = desk
        self._wake_sender = wake_sender
        self._kept_at: datetime | None = None

    async def __call__(self) -> None:
        """What was due by the old time is due by the new one, in the transaction that keeps the new. Raises StorageFault."""
        now = self._desk.now()
        if self._kept_at is not None and timedelta() <= now - self._kept_at < KEPT_EVERY:
            return
        async with self._storage.unit() as unit:
            was = await unit.pulses.last(CLOCK)
            if was is not None and was - now >= SET_BACK:
                log.warning("clock.set_back", seconds=int((was - now).total_seconds()))
                for way in WAYS:
                    # Up to a minute may have passed since the old time was kept.
                    await unit.outbox.clock_set_back(was + KEPT_EVERY, now, way)
                await unit.people.plan_anew()
                await unit.sessions.plan_anew(now)
                self._wake_sender()  # its next unit comes after this one
            if was is not None and now - was >= LEAP:
                log.warning("clock.leapt", seconds=int((now - was).total_seconds()))
                await unit.pulses.beat(LEAPT, now)
            await unit.pulses.beat(CLOCK, now)
            await unit.commit()
        self._kept_at = now
