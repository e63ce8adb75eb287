"""The loops themselves, run beside a clock that moves second by second: how soon what is due is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from bot.escalation.cycle import Cycle
from bot.ports.plan import Fate, Reminder, ReminderKind
from bot.schedule.cycle import Schedule
from bot.storage.sealing import Keyring
from flows.read import load_library
from tests.bot.desks import START, Room, open_room

SECOND = timedelta(seconds=1)
WITHIN = 10


@pytest.fixture
async def room(database_url: str, keyring: Keyring) -> AsyncIterator[Room]:
    """A desk with everybody in place."""
    async with open_room(database_url, keyring, load_library()) as room:
        yield room


class Loop:
    """A loop that runs, and says when it has looked."""

    def __init__(self, room: Room, make: Callable[..., Cycle | Schedule]) -> None:
        self.room = room
        self.looks = 0
        self._loop = make(room.storage, room.desk, lambda: None, turned=self._turned)
        self._task = asyncio.create_task(self._loop.run())

    def _turned(self, well: bool) -> None:
        assert well
        self.looks += 1

    async def seconds(self, most: int, done: Callable[[], Awaitable[bool]]) -> int:
        """How many seconds of the clock pass until it is done, at most so many."""
        for passed in range(most + 1):
            await self._rests()
            if await done():
                return passed
            self.room.clock.advance(SECOND)
        return most + 1

    async def _rests(self) -> None:
        """Until a look that has begun is over: no look ends for a while."""
        before = -1
        while before != self.looks or not self.looks:
            before = self.looks
            await asyncio.sleep(0.05)

    async def ends(self) -> None:
        """Stop it."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


@pytest.mark.parametrize("offset", [0, 1, 3])
async def test_a_rung_that_is_due_is_asked_within_ten_seconds(room: Room, offset: int) -> None:
    """R-05: the escalation's loop asks the next rung within 10 seconds of its time, wherever in its turn that falls."""
    await room.begin()
    await room.play("ST-07:car")
    async with room.storage.unit() as unit:
        [first] = [
            found.part for found in await unit.cases.open_parts() if found.part and found.part.role == "F"
        ]
    assert first.next_due_at is not None
    room.clock.advance(first.next_due_at - room.clock.now() - offset * SECOND)
    loop = Loop(room, Cycle)

    async def asked() -> bool:
        async with room.storage.unit() as unit:
            parts = [found.part for found in await unit.cases.open_parts() if found.part]
        return next(part.rung for part in parts if part.role == "F") > first.rung

    passed = await loop.seconds(60, asked)
    await loop.ends()
    assert offset <= passed <= offset + WITHIN


@pytest.mark.parametrize("offset", [1, 3])
async def test_a_reminder_that_is_due_is_staged_within_ten_seconds(room: Room, offset: int) -> None:
    """R-05: the schedule's loop does what is due within 10 seconds of its time, wherever in its turn that falls."""
    due = START + timedelta(minutes=-60) + offset * SECOND
    room.clock.advance(timedelta(minutes=-60))
    async with room.storage.unit() as unit:
        await unit.reminders.add(
            Reminder("r", "r", room.programme, ReminderKind.CHECK_IN, due, due + timedelta(hours=1), None, room.participant)
        )  # fmt: skip
        await unit.commit()
    loop = Loop(room, Schedule)

    async def staged() -> bool:
        async with room.storage.unit() as unit:
            [row] = [one for one in await unit.reminders.of_person(room.participant) if one.id == "r"]
        return row.fate is Fate.SENT

    passed = await loop.seconds(60, staged)
    await loop.ends()
    assert offset <= passed <= offset + WITHIN
