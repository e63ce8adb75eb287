"""What a house keeps, read through its storage."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot import wiring
from bot.ports.records import (
    AnswerRow,
    Case,
    CaseRole,
    OutboxRow,
    Person,
    Programme,
    Readiness,
    Session,
    VisitRow,
)
from bot.ports.stores import Unit
from bot.simulator.phone import Phone
from bot.simulator.world import World
from tests.acceptance.stories import rows_of


class Looking:
    """The looking half of a House."""

    world: World
    file: Path
    programme: Programme
    session: Session | None

    @property
    def bot(self) -> wiring.Vestibule:
        """The bot that runs."""
        raise NotImplementedError

    @asynccontextmanager
    async def unit(self, *, beside: bool = False) -> AsyncIterator[Unit]:
        """A unit of work to look with; rolled back."""
        async with self.bot.storage.unit() as unit:
            yield unit

    async def person(self, phone: Phone) -> Person:
        """Whose phone it is, as stored now."""
        async with self.unit() as unit:
            return await self.person_in(unit, phone)

    async def person_in(self, unit: Unit, phone: Phone) -> Person:
        """The same within a unit of work."""
        chat = await unit.chats.by_telegram(self.world.bot["id"], phone.id)
        person = await unit.people.get(chat.person_id) if chat else None
        assert person is not None
        return person

    async def answers(self, phone: Phone) -> list[AnswerRow]:
        """All that the person answered, in order."""
        person = await self.person(phone)
        async with self.unit() as unit:
            return sorted(await unit.answers.of_person(person.id), key=lambda row: row.id)

    async def visits(self, phone: Phone) -> list[VisitRow]:
        """The person's visits, newest first."""
        person = await self.person(phone)
        async with self.unit() as unit:
            return await unit.visits.of_person(person.id)

    async def readiness(self, phone: Phone) -> Readiness | None:
        """What the person's self-test for the planned session came to."""
        person = await self.person(phone)
        assert self.session is not None
        async with self.unit() as unit:
            return await unit.readiness.get(self.session.id, person.id)

    async def cases(self) -> list[Case]:
        """The open cases, oldest first."""
        async with self.unit() as unit:
            return sorted(await unit.cases.open_in(self.programme.id), key=lambda case: case.number)

    async def roles(self, case: Case) -> dict[str, CaseRole]:
        """The case's parts by the letter of their role."""
        async with self.unit() as unit:
            return {part.role.value: part for part in await unit.cases.roles(case.id)}

    async def concerns(self) -> list[str]:
        """All concerns of the open cases, in the order in which they were raised."""
        return [raised.concern for case in await self.cases() for raised in case.raised]

    async def waiting(self, phone: Phone) -> list[OutboxRow]:
        """What still waits to be sent to the phone."""
        async with self.unit() as unit:
            chat = await unit.chats.by_telegram(self.world.bot["id"], phone.id)
            return await unit.outbox.waiting(chat.id) if chat else []

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table, as it lies on the disk."""
        return rows_of(self.file)

    def on_disk(self) -> bytes:
        """Every byte of the database's files."""
        files = sorted(self.file.parent.glob(f"{self.file.name}*"))
        return b"".join(file.read_bytes() for file in files)
