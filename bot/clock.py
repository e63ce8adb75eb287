"""The system's clock, and one that can be moved (demo, tests)."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

LOOK_AGAIN = 60.0


def ticking() -> float:
    """Seconds that only go forward, and go on while the machine sleeps where the system counts these."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SystemClock:
    """Real time."""

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)

    async def sleep_until(self, when: datetime) -> None:
        """Sleep until `when` has come, for as many real seconds as it was away at most (R-05)."""
        loop = asyncio.get_running_loop()
        longest = loop.time() + (when - self.now()).total_seconds()
        while (left := min((when - self.now()).total_seconds(), longest - loop.time())) > 0:
            await asyncio.sleep(min(left, LOOK_AGAIN))  # a clock set forward is noticed soon


class MovableClock:
    """A clock that stands still, or runs with real time when `running`, and can be moved.

    Moving it wakes every sleeper, so that what became due fires at once.
    """

    def __init__(self, start: datetime, *, running: bool = False) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be an aware datetime; use UTC")
        self._offset = start - datetime.now(UTC) if running else timedelta()
        self._frozen = None if running else start
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        """Aware UTC."""
        return (self._frozen or datetime.now(UTC)) + self._offset

    def advance(self, by: timedelta) -> None:
        """Move the clock (also back) and wake the sleepers."""
        self._offset += by
        self._moved.set()
        self._moved = asyncio.Event()

    async def sleep_until(self, when: datetime) -> None:
        """Return once `now() >= when`, by time passing (if running) or by being moved, or once it is moved back."""
        before = self._offset
        while (left := (when - self.now()).total_seconds()) > 0 and self._offset >= before:
            before, moved = self._offset, self._moved
            timeout = left if self._frozen is None else None
            try:
                async with asyncio.timeout(timeout):
                    await moved.wait()
            except TimeoutError:
                continue
