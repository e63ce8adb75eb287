"""What tests of two processes on one PostgreSQL share (docs/decisions/0013-units-alone-or-beside.md)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.ids import SystemIds
from bot.ports.inbound import Command, Inbound, Press
from bot.ports.records import Chat, LedgerEntry, OutboxRow, Person, StaffRole
from bot.ports.stores import Storage, Unit
from bot.storage.sealing import Keyring
from bot.storage.unit_of_work import StoredUnit
from bot.usecases import roster, staff_desk
from bot.usecases.take_updates import TakeUpdates
from flows.library import Library
from flows.read import load_library
from tests.bot.conftest import storage_at
from tests.bot.desks import BOT, PARTICIPANT, STAFF, Room, open_room

SECOND = 1001
"""Telegram chat of a second participant, of the same group."""


@pytest.fixture
def backend() -> str:
    """What stands here is about PostgreSQL."""
    return "postgresql"


@pytest.fixture(scope="module")
def library() -> Library:
    """The scripts, read once."""
    return load_library()


@pytest.fixture
async def room(database_url: str, keyring: Keyring, library: Library) -> AsyncIterator[Room]:
    """A desk with everybody in place, and a second participant; the first process."""
    async with open_room(database_url, keyring, library) as room:
        await settle(room)
        yield room


@pytest.fixture
async def other(database_url: str, keyring: Keyring) -> AsyncIterator[Storage]:
    """The storage of a second process."""
    storage = storage_at(database_url, keyring, SystemIds())
    yield storage
    await storage.close()


@pytest.fixture
def one_by_one(tmp_path: Path, empty_database: bytes) -> str:
    """Another database, where all is taken one after the other by one process: what it comes to is what counts."""
    (tmp_path / "one_by_one.db").write_bytes(empty_database)
    return f"sqlite:///{tmp_path / 'one_by_one.db'}"


class Held:
    """A storage whose units read and write all they will, and wait before their COMMIT until they may go on."""

    def __init__(self, inner: Storage) -> None:
        self._inner = inner
        self.there, self.go = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def unit(self, *, beside: bool = False) -> AsyncIterator[Any]:
        async with self._inner.unit(beside=beside) as unit:
            assert isinstance(unit, StoredUnit)
            commit = unit._committing

            async def late() -> None:
                self.there.set()
                await self.go.wait()
                await commit()

            unit._committing = late
            yield unit

    async def empty_journal(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """The one beneath is closed by whoever opened it."""


async def settle(room: Room) -> None:
    """Write the second participant."""
    async with room.storage.unit() as unit:
        first = await unit.people.get(room.participant)
        assert first is not None
        second = replace(first, id=room.desk.ids.new(), alias=f"alias {SECOND}", visit_id=None)
        await unit.people.add(second)
        await unit.chats.add(Chat(room.desk.ids.new(), BOT, SECOND, second.id))
        await unit.commit()


async def waits(room: Room, task: asyncio.Task[Any]) -> bool:
    """Whether somebody waits for a lock, looked at until the task is done."""
    asked = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'vestibule' AND wait_event_type = 'Lock'"
    )
    async with await psycopg.AsyncConnection.connect(room.url, autocommit=True) as connection:
        async with asyncio.timeout(5):
            while not task.done():
                if await (await connection.execute(asked)).fetchone():
                    return True
                await asyncio.sleep(0.005)
    return False


def taking(room: Room, storage: Storage) -> TakeUpdates:
    """The intake of the process with that storage."""
    return TakeUpdates(storage, room.desk, staff_desk.handle)


async def stands(room: Room) -> dict[str, Any]:
    """What it came to for the first participant."""
    async with room.storage.unit() as unit:
        person, chat = await of_chat(unit, PARTICIPANT)
    return {**await room.state(), "person": (person.state, person.open_until, person.pending, chat.state)}


async def begin(room: Room, chat: int = PARTICIPANT) -> None:
    """The self-test of that chat is open at its first question."""
    await room.ask(room.update(Command("selftest"), chat))
    await room.ask(room.update(Press("DOOR", "yes", "", "cb"), chat))


async def of_chat(unit: Unit, chat: int) -> tuple[Person, Chat]:
    """Whose it is."""
    found = await unit.chats.by_telegram(BOT, chat)
    person = await unit.people.get(found.person_id) if found else None
    assert found is not None
    assert person is not None
    return person, found


async def pressed(room: Room, choice: str, chat: int = PARTICIPANT, message_id: int | None = None) -> Inbound:
    """A press on the first question as it stands in that chat."""
    async with room.storage.unit() as unit:
        person, _ = await of_chat(unit, chat)
    made = await replace(room, participant=person.id).pressed("ST-07", choice)
    update = room.update(made.what, chat)
    return replace(update, message_id=message_id or update.message_id)


async def alerts(room: Room, role: StaffRole) -> list[OutboxRow]:
    """What waits for them that is about a case."""
    async with room.storage.unit() as unit:
        _, chat = await of_chat(unit, STAFF[role])
        return [row for row in await unit.outbox.waiting(chat.id) if row.case_id and row.op == "say"]


async def the_roster(room: Room) -> list[OutboxRow]:
    """What waits to be said of it in the facilitator's chat."""
    async with room.storage.unit() as unit:
        _, chat = await of_chat(unit, STAFF[StaffRole.FACILITATOR])
        rows = await unit.outbox.waiting(chat.id)
    return [row for row in rows if row.slot.startswith("roster-") and row.op == "say"]


async def opened(room: Room) -> OutboxRow:
    """The session's roster, on its way."""
    async with room.storage.unit() as unit:
        session = await unit.sessions.by_key(room.programme, "s")
        assert session is not None
        await roster.open_roster(unit, room.desk, session)
        await unit.commit()
    (row,) = await the_roster(room)
    return row


async def settled(room: Room, other: Storage, row: OutboxRow, message_id: int) -> None:
    """The sender of the other process notes that it was delivered."""
    async with other.unit(beside=True) as unit:
        await unit.outbox.save(replace(row, state="sent"))
        entry = LedgerEntry(
            room.desk.ids.new(), row.chat_id, message_id, "bot", row.slot, True, room.clock.now()
        )
        await unit.ledger.add(entry)
        await unit.commit()
