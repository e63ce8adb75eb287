"""A database that keeps nothing for a while is an outage like a network that is down (R-11)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.ports.stores import Storage, StorageFault
from bot.usecases import neutral
from tests.acceptance.house import open_house
from tests.acceptance.stories import asked, reads, words


class Sick:
    """A storage that can be made to keep nothing."""

    def __init__(self, inner: Storage) -> None:
        self._inner, self.down = inner, False

    def unit(self, *, beside: bool = False) -> Any:
        """As the storage beneath, unless it is down."""
        if self.down:
            raise StorageFault("disk full")
        return self._inner.unit()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


async def test_a_database_that_kept_nothing(database: Path) -> None:
    """R-11: a press lost while the database kept nothing for 250 s: staff are told, and the question is asked again."""
    storages: list[Sick] = []

    def wrap(inner: Storage) -> Storage:
        storages.append(Sick(inner))
        return storages[0]

    async with open_house(database, wrap=wrap) as house:
        await house.plan_session()
        duty = (await house.staff("facilitator", "duty"))["duty"]
        phone, other = await house.member(), await house.member("Other-1")
        await house.selftest(phone)
        await house.later(seconds=61)
        since = len(phone.log)
        storages[0].down = True
        other.command("/help")  # comes in, and cannot be kept
        await asyncio.sleep(0.1)
        phone.press("ST-07:car")  # waits at Telegram meanwhile
        for _ in range(5):
            house.clock.advance(timedelta(seconds=50))
            await asyncio.sleep(0.02)
        storages[0].down = False
        async with asyncio.timeout(10):
            while not duty.shows("The assistant was away"):
                await asyncio.sleep(0.05)
                house.bot.sender.wake()
                await house.bot.cycle.look()
                await house.bot.schedule.look()
                house.clock.advance(timedelta(seconds=1))
        assert "The assistant was away from Mon 1 Mar, 17:01 to Mon 1 Mar, 17:0" in duty.screen()
        async with asyncio.timeout(5):  # what goes to the phone may be a moment later
            while words(phone, since)[-2:] != [reads(neutral.BACK_AGAIN), reads(neutral.DOOR)]:
                await asyncio.sleep(0.05)
        await house.press(phone, "DOOR:yes")
        assert asked(phone)[0].startswith("ST-07")
        await house.press(phone, "ST-07:car")
        assert await house.concerns()
