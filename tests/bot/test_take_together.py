"""What a batch of ordinary presses asks the database: counted, not timed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot.ports.inbound import Command, Inbound, Press
from bot.ports.records import Chat, LedgerEntry, Person, StaffRole
from bot.ports.services import SendLimits
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteDriver
from bot.storage.statements import Row
from bot.usecases import roster, staff_desk
from bot.usecases.pace import Pace
from bot.usecases.pick import Picker
from bot.usecases.render import tail
from bot.usecases.roster_text import text_of
from bot.usecases.take_updates import TakeUpdates
from flows.library import Library
from flows.read import load_library
from flows.visit import from_json
from tests.bot.desks import BOT, STAFF, START, Room, open_room

FIRST = 5000
QUESTION = 77
"""Message id of the question that stands in each chat."""


@pytest.fixture(scope="module")
def library() -> Library:
    """The scripts, read once."""
    return load_library()


@pytest.fixture
async def room(database_url: str, keyring: Keyring, library: Library) -> AsyncIterator[Room]:
    """A desk with everybody in place, and twenty whose test is open at its first question."""
    async with open_room(database_url, keyring, library) as room:
        await settle(room, 20)
        yield room


async def settle(room: Room, number: int) -> None:
    """So many participants of the group, each at the first question."""
    async with room.storage.unit() as unit:
        session = await unit.sessions.by_key(room.programme, "s")
        assert session is not None
        for chat in range(FIRST, FIRST + number):
            person = Person(
                room.desk.ids.new(), room.programme, session.group_id, "participant", f"alias {chat}", "en",
                "Europe/London", "active", created_at=START,
            )  # fmt: skip
            await unit.people.add(person)
            await unit.chats.add(Chat(room.desk.ids.new(), BOT, chat, person.id))
        await unit.commit()
    chats = range(FIRST, FIRST + number)
    await room.ask(*(room.update(Command("selftest"), chat) for chat in chats))
    await room.ask(*(room.update(Press("DOOR", "yes", "", "cb"), chat) for chat in chats))


async def presses(room: Room, step: str, choice: str, chats: range) -> list[Inbound]:
    """Each of them presses that button of the question in front of them, which stands in the chat."""
    made = []
    async with room.storage.unit() as unit:
        for number in chats:
            chat = await unit.chats.by_telegram(BOT, number)
            person = await unit.people.get(chat.person_id) if chat else None
            row = await unit.visits.get(person.visit_id) if person and person.visit_id else None
            assert chat is not None
            assert row is not None
            entry = LedgerEntry(
                room.desk.ids.new(), chat.id, QUESTION, "bot", "question", True, room.clock.now()
            )
            await unit.ledger.add(entry)
            data = tail(row.id, from_json(row.body).asking)
            press = room.update(Press(step, choice, data, "cb"), number)
            made.append(replace(press, message_id=QUESTION))
        await unit.commit()
    return made


async def unheard(*_: object) -> None:
    """Nobody is told."""


class Counted:
    """What went to the database: every query, and every change that was staged, by its text."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: Counter[str] = Counter()
        self.written: Counter[str] = Counter()
        self.at_once: Counter[str] = Counter()
        for name, into in (("fetch", self.asked), ("run", self.at_once)):
            self._count(monkeypatch, name, into)
        write = SqliteDriver.run_all

        async def counted(driver: SqliteDriver, changes: Sequence[tuple[str, Sequence[Row]]]) -> list[int]:
            self.written.update(" ".join(text.split()) for text, _ in changes)
            return await write(driver, changes)

        monkeypatch.setattr(SqliteDriver, "run_all", counted)

    def _count(self, monkeypatch: pytest.MonkeyPatch, name: str, into: Counter[str]) -> None:
        method = getattr(SqliteDriver, name)

        async def counted(driver: SqliteDriver, text: str, values: object) -> object:
            into[" ".join(text.split())] += 1
            return await method(driver, text, values)

        monkeypatch.setattr(SqliteDriver, name, counted)

    def clear(self) -> None:
        """Begin anew."""
        for counter in (self.asked, self.written, self.at_once):
            counter.clear()


async def test_a_batch_asks_and_writes_once(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-05 Many ordinary presses ask what one asks, nothing twice, and each kind of change is written once."""
    one = await presses(room, "ST-07", "usual_room", range(FIRST, FIRST + 1))
    counted = Counted(monkeypatch)
    await room.ask(*one)
    alone = sum(counted.asked.values())
    rest = await presses(room, "ST-07", "usual_room", range(FIRST + 1, FIRST + 20))
    counted.clear()
    await room.ask(*rest)
    assert sum(counted.asked.values()) == alone
    assert set(counted.asked.values()) == {1}
    assert set(counted.written.values()) == {1}
    assert not counted.at_once


async def test_a_roster_is_looked_after_once_a_batch(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-24, R-05 However many of a group answer in a batch, the roster that stands is edited once, and shows them all."""
    async with room.storage.unit() as unit:
        session = await unit.sessions.by_key(room.programme, "s")
        assert session is not None
        await roster.open_roster(unit, room.desk, session)
        await unit.commit()
    chats = range(FIRST, FIRST + 6)
    some = await presses(room, "ST-07", "shared_room", chats)
    made: list[str] = []

    def noted(*args: Any, **more: Any) -> str:
        made.append(text_of(*args, **more))
        return made[-1]

    monkeypatch.setattr(roster, "text_of", noted)
    await room.ask(*some)
    assert len(made) == 1
    assert "Hold (6)" in made[0]


async def test_the_sender_asks_once_for_all_chats(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-05 Whom twenty answers go to, and what stands in their chats, are one query each."""
    await room.ask(*await presses(room, "ST-07", "usual_room", range(FIRST, FIRST + 20)))
    limits = SendLimits(overall_per_second=1000.0)
    picker = Picker(Pace(room.clock, limits), room.clock, unheard)
    counted = Counted(monkeypatch)
    async with room.storage.unit() as unit:
        picked = await picker.pick(unit, set(), 0)
    assert len({errand.row.chat_id for errand in picked.errands}) == 20
    assert all(QUESTION in [one.message_id for one in errand.standing] for errand in picked.errands)
    for table in ("chats", "ledger"):
        assert sum(n for text, n in counted.asked.items() if f"FROM {table} " in text) == 1


async def test_nothing_is_done_at_the_end_of_what_is_given_up(room: Room) -> None:
    """R-02 What was left for the end of a unit is done once for all it is about, in order, and only if it is committed."""
    done: list[list[str]] = []

    async def work(about: Sequence[str]) -> None:
        done.append(list(about))

    async with room.storage.unit() as unit:
        unit.at_the_end(work, of="work", about="a")
    assert not done
    async with room.storage.unit() as unit:
        for about in ("b", "a", "b"):
            unit.at_the_end(work, of="work", about=about)
        await unit.commit()
    assert done == [["a", "b"]]


async def test_what_is_committed_first_is_told_first(room: Room) -> None:
    """R-12: an alert of a batch's first unit is not kept waiting until the units after it are committed, too."""
    press, staff = room.update(Command("menu")), room.update(Command("case"), STAFF[StaffRole.DUTY])

    async def seen() -> set[int]:
        async with room.storage.unit() as unit:
            return await unit.seen.known(BOT, [press.update_id, staff.update_id])

    looks: list[asyncio.Task[set[int]]] = []
    take = TakeUpdates(
        room.storage, room.desk, staff_desk.handle, lambda: looks.append(asyncio.ensure_future(seen()))
    )
    await take([staff, press])
    rung = list(await asyncio.gather(*looks))
    assert len(rung) == 2
    assert press.update_id in rung[0]
    assert rung[1] == {press.update_id, staff.update_id}
