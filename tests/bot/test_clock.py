"""The clocks: sleepers wake in time, whatever becomes of the time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.clock import MovableClock, SystemClock

START = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)


class SetBack(SystemClock):
    """A system's clock that is set back an hour after it was read once."""

    def __init__(self) -> None:
        self.reads = 0

    def now(self) -> datetime:
        self.reads += 1
        return super().now() - (timedelta(hours=1) if self.reads > 1 else timedelta())


async def test_a_system_clock_set_back_prolongs_no_sleep() -> None:
    """R-05 A cycle that sleeps a moment goes on after it, though the clock was set back an hour meanwhile."""
    clock = SetBack()
    async with asyncio.timeout(5):
        await clock.sleep_until(datetime.now(UTC) + timedelta(seconds=0.05))


@pytest.mark.parametrize("running", [True, False])
async def test_a_clock_moved_back_wakes_its_sleepers(running: bool) -> None:
    """R-05 Whoever sleeps looks again when the clock is moved back, rather than waiting for the old time."""
    clock = MovableClock(START, running=running)
    sleeper = asyncio.create_task(clock.sleep_until(clock.now() + timedelta(seconds=5)))
    await asyncio.sleep(0)
    clock.advance(timedelta(hours=-1))
    async with asyncio.timeout(5):
        await sleeper


async def test_moved_on_but_not_far_enough() -> None:
    """A sleeper moved on sleeps until its time has come."""
    clock = MovableClock(START)
    sleeper = asyncio.create_task(clock.sleep_until(START + timedelta(seconds=10)))
    await asyncio.sleep(0)
    clock.advance(timedelta(seconds=4))
    await asyncio.sleep(0.01)
    assert not sleeper.done()
    clock.advance(timedelta(seconds=6))
    async with asyncio.timeout(5):
        await sleeper
