"""A session whose row does not open stops no other's plan, and administrators hear of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from bot.ports.records import StaffRole
from bot.storage.sealing import Keyring
from bot.usecases.plan import UNREADABLE, plan
from flows.read import load_library
from tests.bot.damage import damage
from tests.bot.desks import Room, open_room


@pytest.fixture
async def room(database_url: str, keyring: Keyring) -> AsyncIterator[Room]:
    """A programme with all its staff, and one session."""
    async with open_room(database_url, keyring, load_library()) as room:
        yield room


async def planned(room: Room) -> int:
    """Write the plan; gives how many notices of it wait for the administrator, who has read all before."""
    await plan(room.storage, room.desk, room.clock.now())
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.people[StaffRole.ADMINISTRATOR])
        assert chat is not None
        said = room.desk.texts.line("en", UNREADABLE)
        found = [row for row in await unit.outbox.waiting(chat.id) if row.text == said]
        for row in found:
            await unit.outbox.save(replace(row, state="sent"))
        await unit.commit()
    return len(found)


async def test_a_session_that_cannot_be_read_stops_no_other(room: Room) -> None:
    """S-32, S-41: it is left out and logged by its id; the others of its programme are planned; told once a day."""
    async with room.storage.unit() as unit:
        bad = await unit.sessions.by_key(room.programme, "s")
        assert bad is not None
        good = replace(bad, id=room.desk.ids.new(), key="good", starts_at=bad.starts_at + timedelta(days=1))
        await unit.sessions.save(good)
        await unit.commit()
    damage(room.url, "sessions", "sealed_link", "id = ?", bad.id)
    with capture_logs() as logs:
        assert await planned(room) == 1
    warned = [one for one in logs if one["event"] == "session.unreadable"]
    assert warned
    assert all(bad.id in one["error"] and bad.link not in str(one) for one in warned)
    async with room.storage.unit() as unit:
        assert await unit.reminders.of_session(good.id)
        assert not await unit.reminders.of_session(bad.id)
        span = (room.clock.now(), room.clock.now() + timedelta(days=3))
        assert await unit.sessions.of_programme(room.programme, *span) == [good]
        assert await unit.sessions.unreadable(room.programme, *span) == [bad.id]
    room.clock.advance(timedelta(minutes=1))
    assert await planned(room) == 0


async def test_a_session_that_is_damaged_later_is_said_too(room: Room) -> None:
    """S-32, S-41: one that was planned and does not open any more is noticed within two hours, days before it starts."""
    async with room.storage.unit() as unit:
        session = await unit.sessions.by_key(room.programme, "s")
        assert session is not None
        await unit.sessions.save(replace(session, starts_at=room.clock.now() + timedelta(days=2)))
        await unit.commit()
    assert await planned(room) == 0
    damage(room.url, "sessions", "sealed_link", "id = ?", session.id)
    room.clock.advance(timedelta(hours=2))
    assert await planned(room) == 1
