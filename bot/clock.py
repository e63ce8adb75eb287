"""The system's clock, and one that can be moved (demo, tests)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class SystemClock:
    """Real time."""

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)

    async def sleep_until(self, when: datetime) -> None:
        """Sleep in real time until `when` has come."""
        while (left := (when - self.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left, 3600.0))


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
        """Return once `now() >= when`, by time passing (if running) or by being moved."""
        while (left := (when - self.now()).total_seconds()) > 0:
            moved = self._moved
            timeout = left if self._frozen is None else None
            try:
                async with asyncio.timeout(timeout):
                    await moved.wait()
            except TimeoutError:
                continue
