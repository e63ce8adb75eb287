"""Another time zone for a participant: who may set it, and what is planned anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.ports.inbound import Command
from bot.ports.plan import Fate, Reminder, ReminderKind
from bot.ports.records import StaffRole
from bot.storage.sealing import Keyring
from bot.usecases import zone
from bot.usecases.plan import plan
from flows.effects import Line
from flows.read import load_library
from tests.bot.desks import STAFF, START, Room, open_room

FAR = "Asia/Tokyo"


@pytest.fixture
async def room(database_url: str, keyring: Keyring) -> AsyncIterator[Room]:
    """A desk with everybody in place, and a session in two days."""
    async with open_room(database_url, keyring, load_library()) as room:
        async with room.storage.unit() as unit:
            session = await unit.sessions.by_key(room.programme, "s")
            assert session is not None
            await unit.sessions.save(replace(session, starts_at=START + timedelta(days=2)))
            await unit.commit()
        await planned(room)
        yield room


async def planned(room: Room) -> int:
    """The plan is written once more; how many rows were new."""
    return (await plan(room.storage, room.desk, room.clock.now())).written


async def rows(room: Room) -> list[Reminder]:
    """All the participant's reminders."""
    async with room.storage.unit() as unit:
        return await unit.reminders.of_person(room.participant)


def due(found: list[Reminder]) -> dict[str, str]:
    """What is still to be sent, and when (UTC)."""
    return {f"{r.kind}": f"{r.due_at:%d %H:%M}" for r in found if r.fate is Fate.DUE and r.session_id}


async def write(room: Room, argument: str, role: StaffRole = StaffRole.FACILITATOR) -> str:
    """`/zone ...`; gives the answer."""
    await room.ask(room.update(Command("zone", argument), STAFF[role]))
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.people[role])
        assert chat is not None
        return [row.text for row in await unit.outbox.waiting(chat.id) if row.op == "say"][-1]


async def kept(room: Room) -> str:
    """The participant's zone."""
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
    assert person is not None
    return person.timezone


@pytest.mark.parametrize("role", [StaffRole.FACILITATOR, StaffRole.MANAGER])
async def test_staff_set_it(room: Room, role: StaffRole) -> None:
    """R-16: what WE-TZ promises: staff set the zone by alias, however its letters are written; audited, by id."""
    answer = await write(room, "Alias 1000 asia/tokyo", role)
    assert FAR in answer
    assert "alias" not in answer
    assert await kept(room) == FAR
    async with room.storage.unit() as unit:
        [entry] = await unit.audit.of_subject(room.participant)
    assert (entry.action, entry.actor, entry.detail) == ("zone.set", room.people[role], {})


@pytest.mark.parametrize(
    ("argument", "answer"),
    [
        ("", zone.HOW),
        ("alias", zone.HOW),
        ("alias 1000 Mars/Base", zone.NO_ZONE),
        ("alias 1000 ../etc/passwd", zone.NO_ZONE),
        ("somebody Europe/Paris", zone.NOBODY),
    ],
)
async def test_what_cannot_be_meant_gets_an_example(room: Room, argument: str, answer: Line) -> None:
    """S-22: only an alias that is there and a zone of the list; whatever else is answered with an example."""
    assert await write(room, argument) == answer.msgid
    assert "/zone P-07 Europe/London" in answer.msgid
    assert await kept(room) == "Europe/London"


async def test_it_is_not_open_to_others(room: Room) -> None:
    """S-21: tech, duty and partner support set nobody's zone."""
    for role in (StaffRole.TECH, StaffRole.DUTY, StaffRole.PARTNER_SUPPORT):
        assert "not open to you" in await write(room, f"alias 1000 {FAR}", role)
    assert await kept(room) == "Europe/London"


async def test_what_was_not_sent_is_planned_anew(room: Room) -> None:
    """R-18: reminders to come keep to the new zone; the old rows say why they went, and planning adds none again."""
    before = await rows(room)
    sent = next(row for row in before if row.kind is ReminderKind.DAY_BEFORE and row.fate is Fate.DUE)
    await write(room, f"alias 1000 {FAR}")
    after = await rows(room)
    old = next(row for row in after if row.id == sent.id)
    assert (old.fate, old.reason) == (Fate.CANCELLED, "zone_changed")
    assert due(after) != due(before)
    assert due(after)["hold_stands"] == due(before)["hold_stands"], "the session has not moved"
    await planned(room)  # as each minute
    assert due(await rows(room)) == due(after)
    standing = [r for r in await rows(room) if r.fate is Fate.DUE]
    occasions = [(r.kind, r.session_id or r.key.split(":")[1]) for r in standing]
    assert len(set(occasions)) == len(occasions)
    await write(room, "alias 1000 Europe/London")
    assert due(await rows(room)) == due(before)
    await write(room, f"alias 1000 {FAR}")
    assert due(await rows(room)) == due(after)


async def test_what_was_sent_is_not_said_again(room: Room) -> None:
    """R-18: a line that went stays the only one of its kind for the session."""
    sent = next(row for row in await rows(room) if row.kind is ReminderKind.DAY_BEFORE)
    async with room.storage.unit() as unit:
        await unit.reminders.save(replace(sent, fate=Fate.SENT, done_at=START))
        await unit.commit()
    await write(room, f"alias 1000 {FAR}")
    assert [r.fate for r in await rows(room) if r.kind is ReminderKind.DAY_BEFORE] == [Fate.SENT]
