"""Which chats are swept when, and what administrators are told of what stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

import pytest

from bot.ports.inbound import Command, Text
from bot.ports.records import Chat, Lane, LedgerEntry, OutboxRow, StaffRole
from bot.storage.sealing import Keyring
from bot.usecases.tidy import KEPT, PERHAPS, UNREACHABLE, tell_left_behind, tidy
from flows.library import Library
from flows.read import load_library
from tests.bot.desks import START, Room, open_room


@pytest.fixture(scope="module")
def library() -> Library:
    """The scripts, read once."""
    return load_library()


@pytest.fixture
async def room(database_url: str, keyring: Keyring, library: Library) -> AsyncIterator[Room]:
    """A desk with everybody in place."""
    async with open_room(database_url, keyring, library) as room:
        yield room


async def chat_of(room: Room, person: str = "") -> Chat:
    """The chat of somebody, the participant's unless told."""
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(person or room.participant)
    assert chat is not None
    return chat


async def stands(room: Room, chat: Chat, **more: object) -> None:
    """A sensitive message of the bot stands there."""
    entry = LedgerEntry(room.desk.ids.new(), chat.id, 5, "bot", "question", True, room.clock.now())
    async with room.storage.unit() as unit:
        await unit.ledger.add(replace(entry, **more))  # type: ignore[arg-type]  # fields of the entry
        await unit.commit()


async def swept(room: Room, chat: Chat, **later: float) -> list[OutboxRow]:
    """Time goes by, one look: the sweeps that wait then."""
    room.clock.advance(timedelta(**later))
    await tidy(room.storage, room.desk, room.clock.now())
    return [row for row in await waiting(room, chat) if row.op == "sweep"]


async def begun(room: Room) -> None:
    """The self-test is open, and all that came of it was sent."""
    await room.begin()
    chat = await chat_of(room)
    async with room.storage.unit() as unit:
        for row in await unit.outbox.waiting(chat.id):
            await unit.outbox.save(replace(row, state="sent"))
        await unit.commit()


async def waiting(room: Room, chat: Chat) -> list[OutboxRow]:
    """What waits for the chat."""
    async with room.storage.unit() as unit:
        return await unit.outbox.waiting(chat.id)


async def test_a_chat_at_rest_is_swept_after_the_doors_minutes(room: Room) -> None:
    """S-43: once, ten minutes after the last sensitive message, if no question is open."""
    chat = await chat_of(room)
    await stands(room, chat)
    assert await swept(room, chat, minutes=9) == []
    [row] = await swept(room, chat, minutes=1)
    assert (row.lane, row.slot, row.due_at) == (Lane.TIDY, "sensitive", START + timedelta(minutes=10))
    assert len(await swept(room, chat, minutes=5)) == 1


async def test_an_open_question_stays_until_the_next_day(room: Room) -> None:
    """S-43: a chat with a question open is swept when its oldest sensitive message is 23 hours old, the newest stay."""
    await begun(room)
    chat = await chat_of(room)
    await stands(room, chat)
    assert await swept(room, chat, hours=22, minutes=59) == []
    await stands(room, chat, id=room.desk.ids.new(), message_id=6)
    [row] = await swept(room, chat, minutes=1)
    assert row.due_at == room.clock.now() - timedelta(hours=1)


async def touched(room: Room, status: Literal["open", "done"]) -> None:
    """An answer was taken now, and the visit is so since."""
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
        visit = await unit.visits.get(person.visit_id) if person and person.visit_id else None
        assert visit is not None
        await unit.visits.save(replace(visit, status=status, touched_at=room.clock.now()))
        await unit.commit()


async def test_a_sweep_waits_until_what_goes_first_was_sent(room: Room) -> None:
    """S-43, R-10: while a message for the chat waits, no sweep is staged that could not go, and none is lost by it."""
    await begun(room)
    chat = await chat_of(room)
    await stands(room, chat)
    async with room.storage.unit() as unit:
        await unit.outbox.add(OutboxRow(chat.id, Lane.REPLY, "notice", "say", START, "x"))
        await unit.commit()
    assert await swept(room, chat, hours=23) == []
    async with room.storage.unit() as unit:
        for row in await unit.outbox.waiting(chat.id):
            await unit.outbox.save(replace(row, state="sent"))
        await unit.commit()
    assert len(await swept(room, chat, minutes=1)) == 1


async def upto(room: Room, chat: Chat) -> datetime:
    """One look now; up to when the one sweep that comes of it takes what stands."""
    [row] = await swept(room, chat)
    return row.due_at


async def test_a_question_being_thought_about_is_not_taken(room: Room) -> None:
    """S-43: in an open visit a question of eleven minutes ago stays when something else has become too old."""
    await begun(room)
    chat = await chat_of(room)
    await stands(room, chat)
    room.clock.advance(timedelta(hours=22, minutes=49))
    asked = room.clock.now()
    await stands(room, chat, id=room.desk.ids.new(), message_id=6)
    room.clock.advance(timedelta(minutes=11))
    assert await upto(room, chat) < asked


async def test_a_question_that_was_edited_of_late_is_not_taken(room: Room) -> None:
    """S-43: the ledger has the time of the first sending; what was answered a moment ago counts as new."""
    await begun(room)
    chat = await chat_of(room)
    await stands(room, chat, slot="lead")
    room.clock.advance(timedelta(hours=20))
    asked = room.clock.now()
    await stands(room, chat, id=room.desk.ids.new(), message_id=6)
    room.clock.advance(timedelta(hours=2, minutes=50))
    await touched(room, "open")
    room.clock.advance(timedelta(minutes=11))
    assert START < await upto(room, chat) < asked


async def test_a_closing_line_in_place_has_its_ten_minutes(room: Room) -> None:
    """S-43: a chat at rest is swept ten minutes after the last answer, not after the message's first sending."""
    await begun(room)
    chat = await chat_of(room)
    await stands(room, chat)
    room.clock.advance(timedelta(minutes=30))
    await touched(room, "done")
    assert await swept(room, chat, minutes=9) == []
    assert len(await swept(room, chat, minutes=1)) == 1


async def test_staffs_chats_are_swept_the_next_day(room: Room) -> None:
    """S-43: details and rosters go at their own times; what is left of them goes within the day."""
    chat = await chat_of(room, room.people[StaffRole.MANAGER])
    await stands(room, chat, slot="details-K-101")
    assert await swept(room, chat, hours=22) == []
    assert len(await swept(room, chat, hours=1)) == 1


async def test_what_nobody_can_delete_is_given_up_and_counted(room: Room) -> None:
    """S-43: in a closed chat it is tried again every half hour, and after 48 hours counted, by number only."""
    chat, admin = await chat_of(room), await chat_of(room, room.people[StaffRole.ADMINISTRATOR])
    await stands(room, chat)
    async with room.storage.unit() as unit:
        await unit.chats.set_state(chat.id, "blocked")
        await unit.commit()
    [row] = await swept(room, chat, hours=23)
    assert row.due_at == room.clock.now() + timedelta(minutes=30)
    async with room.storage.unit() as unit:
        await unit.outbox.save(replace(row, state="failed"))
        await unit.commit()
    assert await swept(room, chat, hours=25) == []
    room.clock.advance(timedelta(minutes=1))
    for told in (1, 0):  # a second time there is nothing new
        async with room.storage.unit() as unit:
            assert await unit.ledger.standing(chat.id) == []
            assert await unit.ledger.undeletable() == 1
            assert (await tell_left_behind(unit, room.desk, room.programme)).people == told
            await unit.commit()
    async with room.storage.unit() as unit:
        said = [row.text for row in await unit.outbox.waiting(admin.id)]
        [kept] = [e.kept for e in [await unit.ledger.by_message(chat.id, 5)] if e]
    assert said == [KEPT.msgid.format(number=1)]
    assert kept == UNREACHABLE


async def test_what_may_have_been_sent_twice_is_told(room: Room) -> None:
    """S-43: rows under way at a kill and sends without an answer are told by number, sensitive ones only."""
    chat, admin = await chat_of(room), await chat_of(room, room.people[StaffRole.ADMINISTRATOR])
    async with room.storage.unit() as unit:
        for slot, sensitive in (("question", True), ("lead", True), ("notice", False)):
            await unit.outbox.add(
                OutboxRow(chat.id, Lane.REPLY, slot, "say", START, "x", sensitive=sensitive)
            )
        await unit.commit()
    async with room.storage.unit() as unit:
        for row in await unit.outbox.waiting(chat.id):
            await unit.outbox.save(replace(row, state="sent", ambiguous=True, next_try_at=START))
        await unit.commit()
    room.clock.advance(timedelta(hours=1))
    async with room.storage.unit() as unit:
        assert (await tell_left_behind(unit, room.desk, room.programme)).people == 1
        await unit.commit()
    said = [row.text for row in await waiting(room, admin)]
    assert said == [PERHAPS.plural.format(number=2)]


async def test_a_person_s_own_words_are_noted_as_sensitive(room: Room) -> None:
    """S-43: texts, and commands with words behind them, are deleted too; also a bare command, which shows that there is something."""
    for what in (Text("my words"), Command("menu"), Command("menu", "my words")):
        await room.ask(room.update(what))
    chat = await chat_of(room)
    async with room.storage.unit() as unit:
        found = [e.sensitive for e in await unit.ledger.standing(chat.id) if e.side == "person"]
    assert found == [True, True, True]
