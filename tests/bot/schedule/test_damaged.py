"""The deadline and the roster over rows that do not open: nobody is hidden, and nobody hides others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.ports.inbound import Command
from bot.ports.plan import Fate, ReminderKind
from bot.ports.records import Chat, StaffRole
from bot.storage.sealing import Keyring
from bot.usecases import roster
from bot.usecases.remind import UNCHECKED
from tests.bot.damage import damage
from tests.bot.desks import BOT, STAFF, START, Room, open_room
from tests.bot.schedule.watching import AT, READY, Watch, concerns, published

K = ReminderKind
DEADLINE = AT - timedelta(minutes=15)


@pytest.fixture
async def room(database_url: str, keyring: Keyring) -> AsyncIterator[Room]:
    """A desk whose session begins in 90 minutes."""
    async with open_room(database_url, keyring, published()) as room:
        yield room


@pytest.fixture
def watch(room: Room) -> Watch:
    """The schedule of the room."""
    return Watch(room)


async def another(room: Room) -> str:
    """A second participant, who does nothing."""
    async with room.storage.unit() as unit:
        first = await unit.people.get(room.participant)
        assert first is not None
        other = replace(first, id=room.desk.ids.new(), alias="alias of another", visit_id=None)
        await unit.people.add(other)
        await unit.chats.add(Chat(room.desk.ids.new(), BOT, 5000, other.id))
        await unit.commit()
    return other.id


async def named(room: Room) -> list[str]:
    """Whom the session's case is about."""
    return [r.choices[0] for case in await room.cases() for r in case.raised if r.concern == "check_not_done"]


async def test_one_damaged_result_silences_nobodys_deadline(room: Room, watch: Watch) -> None:
    """S-32, S-23: whose result does not open counts as lacking, and the others of the group come to people too."""
    other = await another(room)
    await room.begin()
    await room.play(*READY)
    await watch.until(DEADLINE - timedelta(minutes=1))
    damage(room.url, "readiness", "sealed_body", "person_id = ?", room.participant)
    await watch.until(DEADLINE)
    assert sorted(await named(room)) == sorted([room.participant, other])
    looks = [row.fate for row in await watch.rows() if row.kind is K.DEADLINE and row.due_at <= DEADLINE]
    assert looks == [Fate.SENT]


async def test_whose_own_row_does_not_open_is_not_overlooked(room: Room, watch: Watch) -> None:
    """S-32 Somebody who cannot be read is unknown on the roster, and at the deadline staff are told, with a case to open."""
    await watch.at(START)
    damage(room.url, "people", "sealed_body", "id = ?", room.participant)
    session = await watch.session()
    async with room.storage.unit() as unit:
        entries = await roster._entries(unit, room.desk, session)
    assert [(e.alias, e.standing.value) for e in entries] == [(f"? {room.participant[-6:]}", "unknown")]
    await watch.until(DEADLINE)
    assert await concerns(room) == [("check_not_done", "DEADLINE")]
    [case] = await room.cases()
    await room.ask(room.update(Command("ack", case.ref), STAFF[StaffRole.FACILITATOR]))
    assert f"? {room.participant[-6:]}" in await watch.details(case.number)


async def test_a_look_that_fails_altogether_reaches_staff(room: Room, watch: Watch) -> None:
    """S-31, S-32: a session that does not open when its deadline comes is said to administrators, at the deadline."""
    await watch.until(DEADLINE - timedelta(minutes=1))
    damage(room.url, "sessions", "sealed_link", "id = ?", (await watch.session()).id)
    await watch.until(DEADLINE)
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.people[StaffRole.ADMINISTRATOR])
        assert chat is not None
        said = [row.text for row in await unit.outbox.waiting(chat.id)]
    assert UNCHECKED.msgid in said


async def test_nobody_to_tell_is_no_quiet_morning(room: Room, watch: Watch) -> None:
    """R-18 A list that could be given to nobody has failed; it does not count as nothing to say."""
    async with room.storage.unit() as unit:
        for person in room.people.values():
            chat = await unit.chats.of_person(person)
            assert chat is not None
            await unit.chats.set_state(chat.id, "blocked")
        await unit.commit()
    await watch.until(AT)
    await watch.at(START + timedelta(days=6))  # a Sunday, whose plan reaches into Monday
    await watch.at(START + timedelta(days=6, hours=16, minutes=1))
    assert (await watch.fates())[K.WEEKLY] == (Fate.FAILED, "nobody_to_tell")
    assert (await watch.fates())[K.ROSTER] == (Fate.FAILED, "nobody_to_tell")
