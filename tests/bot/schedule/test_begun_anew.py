"""A test begun anew and not finished: the former one is not confirmed any more (S-32)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.ports.inbound import Command
from bot.ports.plan import Fate, ReminderKind
from bot.storage.sealing import Keyring
from tests.bot.desks import Room, open_room
from tests.bot.schedule.watching import AT, READY, Watch, concerns, published


@pytest.fixture
async def room(database_url: str, keyring: Keyring) -> AsyncIterator[Room]:
    """A test done early is begun once more, and left at its first question."""
    async with open_room(database_url, keyring, published()) as room:
        await room.begin()
        await room.play(*READY)
        await Watch(room).until(AT - timedelta(minutes=40))
        await room.take([room.update(Command("selftest"))])
        await room.play("DOOR:yes")
        assert await in_front(room) == ("self_test", "open")
        yield room


async def in_front(room: Room) -> tuple[str, str]:
    """The visit that stands, and how."""
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
        row = await unit.visits.get(person.visit_id) if person and person.visit_id else None
    assert row is not None
    return row.script, row.status


async def scripts(room: Room) -> set[str]:
    """What was ever opened."""
    async with room.storage.unit() as unit:
        return {row.script for row in await unit.visits.of_person(room.participant)}


async def test_no_line_asks_to_confirm_the_former(room: Room) -> None:
    """S-32: the test under way asks all that a confirmation would; no line comes, and the reason is kept (R-18)."""
    watch = Watch(room)
    await watch.until(AT - timedelta(minutes=10))
    assert (await watch.fates())[ReminderKind.CONFIRM] == (Fate.SKIPPED, "under_way")


async def test_an_old_button_confirms_nothing(room: Room) -> None:
    """S-32: nor does an older *Go on* open the confirmation, with which the new test would be left behind."""
    await Watch(room).until(AT - timedelta(minutes=10))
    await room.play("MENU:confirm", "DOOR:yes")
    assert await scripts(room) == {"self_test"}
    assert await in_front(room) == ("self_test", "open")


async def test_staff_hear_of_it_before_the_start(room: Room) -> None:
    """S-32: the answers are old and were not confirmed: people are told five minutes before, as of anybody."""
    watch = Watch(room)
    await watch.until(AT - timedelta(minutes=6))
    assert await concerns(room) == []
    await watch.until(AT - timedelta(minutes=4))
    assert await concerns(room) == [("check_not_done", "LAST")]


async def test_once_it_is_done_it_counts(room: Room) -> None:
    """S-32: finished in time, the new test is fresh and nobody is told of anything."""
    await room.play(*READY)
    watch = Watch(room)
    await watch.until(AT + timedelta(minutes=1))
    assert (await watch.fates())[ReminderKind.CONFIRM][1] != "under_way"
