"""What a clock gone wrong must not do: hold anything up when it is set back (R-05), or delete when it leaps ahead (S-42)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from bot.ports.records import Way
from bot.ports.stores import Storage, Unit
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


ANEW = "plan-anew"
ANEW_DONE = "plan-anew-done"
"""Since which time all is to be planned anew, and which such time that has been begun for everybody."""
AT_ONCE = 500
SLICES = 20
"""At most so many units of it at a look: alerts are not to wait (R-05)."""
LONGEST = timedelta(days=1)
"""No session is longer."""


class Timekeeper:
    """Keeps what time it is in the database, once a minute, so that a clock set back is noticed."""

    def __init__(self, storage: Storage, desk: Desk, wake_sender: Callable[[], None]) -> None:
        self._storage = storage
        self._desk = desk
        self._wake_sender = wake_sender
        self._kept_at: datetime | None = None
        self._anew: _Anew | None = None

    async def __call__(self) -> None:
        """What was due by the old time is due by the new one, in the transaction that keeps the new. Raises StorageFault.

        All is planned anew after that, a slice in a unit of its own; what is left when the process ends, at the next start.
        """
        now = self._desk.now()
        if self._kept_at is None or not timedelta() <= now - self._kept_at < KEPT_EVERY:
            await self._keep(now)
            self._kept_at = now
        for _ in range(SLICES):
            if self._anew is None:
                return
            async with self._storage.unit() as unit:
                left = await _slice(unit, self._anew)
                await unit.commit()
            self._anew = left
            await asyncio.sleep(0)  # everybody else's turn

    async def _keep(self, now: datetime) -> None:
        async with self._storage.unit() as unit:
            was = await unit.pulses.last(CLOCK)
            if was is not None and was - now >= SET_BACK:
                log.warning("clock.set_back", seconds=int((was - now).total_seconds()))
                for way in WAYS:
                    # Up to a minute may have passed since the old time was kept.
                    await unit.outbox.clock_set_back(was + KEPT_EVERY, now, way)
                await unit.pulses.beat(ANEW, now)
                self._wake_sender()  # its next unit comes after this one
            if was is not None and now - was >= LEAP:
                log.warning("clock.leapt", seconds=int((now - was).total_seconds()))
                await unit.pulses.beat(LEAPT, now)
            since = await unit.pulses.last(ANEW)
            done = await unit.pulses.last(ANEW_DONE)
            await unit.pulses.beat(CLOCK, now)
            await unit.commit()
        if since is not None and since != done and (self._anew is None or self._anew.since != since):
            self._anew = _Anew(since, since - LONGEST)


@dataclass(frozen=True, slots=True)
class _Anew:
    """How far it is that all is planned anew: up to which start of sessions, and then to which id of people."""

    since: datetime
    sessions: datetime | None
    people: str = ""


async def _slice(unit: Unit, anew: _Anew) -> _Anew | None:
    """Sessions first: nobody may go unchecked (S-32). What is left, if anything."""
    if anew.sessions is not None:
        return replace(anew, sessions=await unit.sessions.plan_all_anew(anew.since, anew.sessions, AT_ONCE))
    if last := await unit.people.plan_all_anew(anew.people, AT_ONCE):
        return replace(anew, people=last)
    await unit.pulses.beat(ANEW_DONE, anew.since)
    return None
