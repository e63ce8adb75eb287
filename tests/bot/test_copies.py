"""A pressed message that the ledger does not know is a copy that a crash left: it goes (S-43)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.ports.inbound import Press
from bot.ports.records import Chat, Lane, LedgerEntry, OutboxRow
from bot.storage.sealing import Keyring
from bot.usecases.tidy import COPY, SLOT
from tests.bot.desks import Room, open_room
from tests.bot.schedule.watching import published

PRESSED = 77
"""The copy's message id."""


@pytest.fixture
async def room(database_url: str, keyring: Keyring) -> AsyncIterator[Room]:
    """The self-test is open at its first question, and all was sent."""
    async with open_room(database_url, keyring, published()) as room:
        await room.begin()
        await sent(room)
        yield room


async def chat_of(room: Room) -> Chat:
    """The participant's chat."""
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.participant)
    assert chat is not None
    return chat


async def waiting(room: Room) -> list[OutboxRow]:
    """What waits for the chat."""
    chat = await chat_of(room)
    async with room.storage.unit() as unit:
        return await unit.outbox.waiting(chat.id)


async def sent(room: Room) -> None:
    """All that waits was sent; the question stands, and the ledger knows it."""
    chat = await chat_of(room)
    async with room.storage.unit() as unit:
        for row in await unit.outbox.waiting(chat.id):
            await unit.outbox.save(replace(row, state="sent"))
        if await unit.ledger.by_message(chat.id, 1) is None:
            await unit.ledger.add(
                LedgerEntry(room.desk.ids.new(), chat.id, 1, "bot", SLOT, True, room.clock.now())
            )
        await unit.commit()


async def waits(room: Room, **later: float) -> None:
    """A message is on its way to the chat, due after that time."""
    chat = await chat_of(room)
    async with room.storage.unit() as unit:
        due = room.clock.now() + timedelta(**later)
        await unit.outbox.add(OutboxRow(chat.id, Lane.REPLY, "notice", "say", due, "x"))
        await unit.commit()


async def presses(room: Room, step: str, choice: str, tail: str = "") -> LedgerEntry | None:
    """That button of the copy is pressed; how the ledger has the copy then."""
    await room.ask(replace(room.update(Press(step, choice, tail, "cb")), message_id=PRESSED))
    chat = await chat_of(room)
    async with room.storage.unit() as unit:
        return await unit.ledger.by_message(chat.id, PRESSED)


async def taken_away(room: Room) -> bool:
    """Whether the copies' withdrawal is staged."""
    return any((row.op, row.slot) == ("retract", COPY) for row in await waiting(room))


@pytest.mark.parametrize(
    ("step", "choice", "sensitive"),
    [("MENU", "selftest", True), ("MENU", "after", True), ("MENU", "open", False), ("DOOR", "yes", False)],
)
async def test_a_copy_is_kept_as_what_it_shows(room: Room, step: str, choice: str, sensitive: bool) -> None:
    """S-43: the menu tells what there is, so that its copy is sensitive; the door and the way to the menu are not."""
    entry = await presses(room, step, choice)
    assert entry is not None
    assert (entry.slot, entry.side, entry.sensitive) == (COPY, "bot", sensitive)
    assert await taken_away(room)


async def question(room: Room) -> tuple[str, str, str]:
    """Step, choice and tail of a button of the question that stands."""
    what = (await room.pressed("ST-07", "usual_room")).what
    assert isinstance(what, Press)
    return what.step, what.choice, what.tail


async def test_a_copy_of_a_question_answered_before_goes(room: Room) -> None:
    """S-43: the copy of a question whose answer was given already is entered as sensitive and taken away."""
    old = await question(room)
    await room.play("ST-07:usual_room")
    await sent(room)
    entry = await presses(room, *old)
    assert entry is not None
    assert (entry.slot, entry.sensitive) == (COPY, True)
    assert await taken_away(room)


async def test_a_copy_of_the_question_that_stands_goes(room: Room) -> None:
    """S-43: the first press may be on the copy: it counts, and the copy goes while the next question takes its place."""
    entry = await presses(room, *await question(room))
    assert entry is not None
    assert (entry.slot, entry.sensitive) == (COPY, True)
    assert await taken_away(room)
    assert [row[0] for row in (await room.state())["answers"]] == ["ST-07"]


async def test_what_may_be_on_its_way_is_no_copy(room: Room) -> None:
    """S-43, R-10: while a message is due what was pressed may be that one, known in a moment: nothing is taken away."""
    await waits(room)
    assert await presses(room, "MENU", "selftest") is None
    assert not await taken_away(room)


async def test_what_waits_for_later_saves_no_copy(room: Room) -> None:
    """S-43: a reminder planned for next week is not what was pressed: the copy goes."""
    await waits(room, minutes=1)
    assert await presses(room, "MENU", "selftest") is not None
    assert await taken_away(room)
