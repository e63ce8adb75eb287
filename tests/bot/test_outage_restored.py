"""A backup that was put back is no time away by itself (R-11)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.ports.records import StaffRole
from bot.storage.sealing import Keyring
from bot.usecases.restored import settle
from tests.bot.desks import Room, open_room
from tests.bot.schedule.watching import published
from tests.bot.test_outage import DOOR, notices, said, sent, started


@pytest.fixture
async def room(database_url: str, keyring: Keyring) -> AsyncIterator[Room]:
    """At the self-test when the backup was made; put back three hours later."""
    async with open_room(database_url, keyring, published()) as room:
        await room.begin()
        await started(room)()
        await sent(room)
        made_at = room.clock.now()
        room.clock.advance(timedelta(hours=3))
        async with room.storage.unit() as unit:
            await settle(unit, room.desk, made_at)
            await unit.commit()
        await sent(room)
        yield room


@pytest.mark.parametrize("seconds", [0, 149])
async def test_the_time_before_it_is_no_outage(room: Room, seconds: int) -> None:
    """R-11: staff were told of the backup in its own words, and read of no outage; the open question is asked again."""
    room.clock.advance(timedelta(seconds=seconds))
    await started(room)()
    for role in StaffRole:
        assert await notices(room, role) == []
    assert await said(room) == DOOR


async def test_the_time_after_it_is_one(room: Room) -> None:
    """R-11: a bot that stays away 150 s after that is told of, from the moment when the backup was put back."""
    room.clock.advance(timedelta(seconds=150))
    await started(room)()
    [told] = await notices(room, StaffRole.DUTY)
    assert told.startswith("The assistant was away from Mon 1 Mar, 20:00 to Mon 1 Mar, 20:02.")
    assert await said(room) == DOOR
