"""The desk alone: updates in, rows out, on a real database; and storage that fails when it is told to."""

from __future__ import annotations

import inspect
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.clock import MovableClock
from bot.ids import SystemIds
from bot.ports.inbound import Command, Inbound, Press, What
from bot.ports.records import Case, Chat, Group, OutboxRow, Person, Programme, Session, StaffRole
from bot.ports.stores import Storage, StorageFault, Unit
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage
from bot.texts import GettextTexts
from bot.usecases import staff_desk
from bot.usecases.desk import Desk
from bot.usecases.render import tail
from bot.usecases.take_updates import Taken, TakeUpdates
from flows.library import Library
from flows.visit import from_json

START = datetime(2027, 3, 1, 17, 0, tzinfo=UTC)
BOT, PARTICIPANT = 7, 1000
STAFF = {role: 2000 + number for number, role in enumerate(StaffRole)}
STORES = ("seen", "programmes", "sessions", "people", "invitations", "chats", "visits", "answers", "readiness",
          "agreements", "cases", "outbox", "ledger", "audit", "reminders", "shifts", "allowances", "pulses",
          "requests", "expiry", "everything", "restored", "sealed", "leases")  # fmt: skip


@dataclass
class Room:
    """A desk with a programme, all staff, and one participant whose agreement stands."""

    storage: Storage
    file: Path
    desk: Desk
    clock: MovableClock
    participant: str = ""
    programme: str = ""
    people: dict[StaffRole, str] = field(default_factory=dict)
    last_update: int = 500

    @property
    def take(self) -> TakeUpdates:
        """The use case, on the storage as it is now."""
        return TakeUpdates(self.storage, self.desk, staff_desk.handle)

    async def settle(self) -> None:
        """Write everybody."""
        new = self.desk.ids.new
        programme = Programme(new(), "p", "P", "zoom", "Europe/London", ("en",), "0300", "999")
        group = Group(new(), programme.id, "g", "G", "Europe/London")
        self.programme, self.participant = programme.id, new()
        async with self.storage.unit() as unit:
            await unit.programmes.save(programme)
            await unit.programmes.save_group(group)
            starts = START + timedelta(minutes=90)
            await unit.sessions.save(
                Session(new(), programme.id, "s", group.id, None, starts, 90, "zoom", "https://m.example")
            )
            await self._add(unit, self.participant, PARTICIPANT, None, group.id)
            for role, chat in STAFF.items():
                self.people[role] = new()
                await self._add(unit, self.people[role], chat, role, group.id)
            await unit.commit()

    async def _add(self, unit: Unit, person_id: str, chat: int, role: StaffRole | None, group: str) -> None:
        await unit.people.add(
            Person(
                person_id, self.programme, None if role else group, "staff" if role else "participant",
                f"alias {chat}", "en", "Europe/London", "active", created_at=START,
            )
        )  # fmt: skip
        if role is not None:
            await unit.people.add_role(person_id, role, group if role is StaffRole.FACILITATOR else None)
        await unit.chats.add(Chat(self.desk.ids.new(), BOT, chat, person_id))

    def update(self, what: What, chat: int = PARTICIPANT) -> Inbound:
        """A fresh update of this chat."""
        self.last_update += 1
        return Inbound(BOT, self.last_update, chat, True, "en", what, self.last_update, self.clock.now())

    async def pressed(self, step: str, choice: str) -> Inbound:
        """The update of a script's button as it stands now."""
        async with self.storage.unit() as unit:
            person = await unit.people.get(self.participant)
            row = await unit.visits.get(person.visit_id) if person and person.visit_id else None
        if row is None:
            return self.update(Press(step, choice, "", "cb"))
        visit = from_json(row.body)
        return self.update(Press(step, choice, tail(row.id, visit.asking), "cb"))

    async def play(self, *presses: str) -> list[Inbound]:
        """Take these presses (`ST-07:car`) one by one, each with the data of the moment; gives the updates."""
        made = []
        for press in presses:
            step, _, choice = press.partition(":")
            made.append(await self.pressed(step, choice))
            await self.take(made[-1:])
        return made

    async def begin(self) -> None:
        """The self-test is open at its first question."""
        await self.take([self.update(Command("selftest"))])
        await self.play("DOOR:yes")

    async def ask(self, *batch: Inbound) -> Taken:
        """Take them in one batch."""
        return await self.take(list(batch))

    async def state(self) -> dict[str, Any]:
        """What the desk came to, opened and without what differs by chance."""
        async with self.storage.unit() as unit:
            answers = await unit.answers.of_person(self.participant)
            visits = await unit.visits.of_person(self.participant)
            cases = await unit.cases.open_in(self.programme)
            parts = [await unit.cases.roles(case.id) for case in cases]
            rows = await self._rows(unit)
        return {
            "answers": sorted((a.step, a.version, a.kind, a.choices, a.text) for a in answers),
            "visits": [v.body for v in visits],
            "cases": [
                (c.number, c.urgency, [(r.concern, r.step) for r in c.raised], c.unasked) for c in cases
            ],
            "parts": [
                sorted((p.role, p.state, p.rung, p.next_due_at is not None) for p in ps) for ps in parts
            ],
            "outbox": [(row.lane, row.slot, row.op, row.text) for row in rows],
        }

    async def _rows(self, unit: Unit) -> list[OutboxRow]:
        found = []
        for person in (self.participant, *self.people.values()):
            chat = await unit.chats.of_person(person)
            found += await unit.outbox.waiting(chat.id) if chat else []
        return found

    async def cases(self) -> list[Case]:
        """The open cases."""
        async with self.storage.unit() as unit:
            return await unit.cases.open_in(self.programme)

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table as it lies on the disk."""
        with sqlite3.connect(f"file:{self.file}?mode=ro", uri=True) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            found = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in names}
        connection.close()
        return found


@asynccontextmanager
async def open_room(url: str, keys: Keyring, library: Library) -> AsyncIterator[Room]:
    """A room on a migrated database."""
    clock, ids = MovableClock(START), SystemIds()
    storage = SqliteStorage(url, keys, ids)
    desk = Desk(clock, ids, GettextTexts(), library)
    room = Room(storage, Path(url.removeprefix("sqlite:///")), desk, clock)
    await room.settle()
    yield room
    await storage.close()


Fault = Callable[[], BaseException]


def broken() -> BaseException:
    """The database cannot do it now."""
    return StorageFault("as the test asks")


@dataclass
class Tripwire:
    """A storage that fails at its `at`-th call (from 1), counting every store's methods and both ends of a commit.

    `named`: fail at every call of this method instead, such as `cases.add`. `names` lists the calls made.
    """

    inner: Storage
    at: int = 0
    fault: Fault = broken
    named: str = ""
    names: list[str] = field(default_factory=list)

    def step(self, name: str) -> None:
        """Count a call; raise if it is the one."""
        self.names.append(name)
        if len(self.names) == self.at or name == self.named:
            raise self.fault()

    @asynccontextmanager
    async def unit(self, *, beside: bool = False) -> AsyncIterator[Any]:
        """A unit whose calls are counted."""
        self.step("begin")
        async with self.inner.unit() as unit:
            yield _Unit(self, unit)

    async def empty_journal(self) -> None:
        """As the storage beneath."""
        await self.inner.empty_journal()

    async def close(self) -> None:
        """As the storage beneath."""
        await self.inner.close()


class _Unit:
    def __init__(self, wire: Tripwire, unit: Unit) -> None:
        self._wire, self._unit = wire, unit
        for name in STORES:
            setattr(self, name, _Store(wire, name, getattr(unit, name)))
        self.at_the_end = unit.at_the_end

    async def commit(self) -> None:
        self._wire.step("before commit")
        await self._unit.commit()
        self._wire.step("after commit")


class _Store:
    def __init__(self, wire: Tripwire, name: str, store: Any) -> None:
        self._wire, self._name, self._store = wire, name, store

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if not inspect.iscoroutinefunction(method):
            return method  # it asks the database nothing

        async def counted(*args: Any, **more: Any) -> Any:
            self._wire.step(f"{self._name}.{name}")
            return await method(*args, **more)

        return counted


def texts(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """The texts of a state's outbox."""
    return [row[3] for row in rows]
