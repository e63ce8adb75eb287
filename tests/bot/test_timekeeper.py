"""What a clock that is set back or leaps ahead does to what waits, and to what expires."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.ports.records import Lane, OutboxRow
from bot.storage.sealing import Keyring
from bot.usecases.expire import Expirer
from bot.usecases.timekeeper import Timekeeper
from flows.read import load_library
from tests.bot.desks import Room, open_room


@pytest.fixture
async def room(database_url: str, keyring: Keyring) -> AsyncIterator[Room]:
    """A desk with a database of its own."""
    async with open_room(database_url, keyring, load_library()) as room:
        yield room


def keeper(room: Room) -> Timekeeper:
    """As after a start: it remembers nothing."""
    return Timekeeper(room.storage, room.desk, lambda: None)


async def due(room: Room) -> list[str]:
    """The texts that may go now."""
    async with room.storage.unit() as unit:
        return sorted(row.text for row in await unit.outbox.due(room.clock.now(), Lane.ALERT, 10))


async def add(room: Room, text: str, **later: float) -> None:
    """An alert, due now or later; each in a slot of its own."""
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.participant)
        assert chat is not None
        when = room.clock.now() + timedelta(**later)
        await unit.outbox.add(OutboxRow(chat.id, Lane.ALERT, text.replace(" ", "-"), "say", when, text))
        await unit.commit()


@pytest.mark.parametrize("stopped", [False, True])
async def test_a_clock_set_back_holds_nothing_up(room: Room, stopped: bool) -> None:
    """R-05: what was due before the clock was set back an hour is due at once, also if that happened while it was stopped."""
    keep = keeper(room)
    await keep()
    room.clock.advance(timedelta(seconds=20))
    await add(room, "decided just before")
    await add(room, "for the evening", hours=3)
    room.clock.advance(timedelta(hours=-1))
    assert await due(room) == []
    keep = keeper(room) if stopped else keep
    await keep()
    assert await due(room) == ["decided just before"]
    await add(room, "in ten minutes", minutes=10)
    await keeper(room)()
    assert await due(room) == ["decided just before"]


async def test_a_clock_kept_right_hastens_nothing(room: Room) -> None:
    """R-05: less than a second is the clock being kept right."""
    await keeper(room)()
    await add(room, "in a moment", milliseconds=300)
    room.clock.advance(timedelta(milliseconds=-500))
    await keeper(room)()
    assert await due(room) == []


async def test_nothing_expires_on_a_clock_that_leapt(room: Room) -> None:
    """S-42: a clock that is years ahead for a moment deletes nothing; after a day it counts."""
    await keeper(room)()
    expirer, years = Expirer(room.storage, room.desk), timedelta(days=9 * 365)
    room.clock.advance(years)
    await keeper(room)()
    assert await expirer.look() == 0
    room.clock.advance(-years)
    await keeper(room)()
    await expirer.look()
    async with room.storage.unit() as unit:
        assert await unit.people.get(room.participant) is not None
    room.clock.advance(years)
    await keeper(room)()
    room.clock.advance(timedelta(days=1))
    await keeper(room)()
    assert await expirer.look(windows=1000) > 0
