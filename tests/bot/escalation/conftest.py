"""A small programme with its staff, a participant with a session, and a desk to work at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from bot.clock import MovableClock
from bot.ids import CountingIds
from bot.ports.inbound import Command, Inbound, Press, What
from bot.ports.records import (
    Case,
    CaseRole,
    Chat,
    Group,
    OutboxRow,
    Person,
    Programme,
    Readiness,
    Session,
    StaffRole,
    VisitRow,
)
from bot.ports.stores import Storage, Unit
from bot.texts import GettextTexts
from bot.usecases.climb import climb
from bot.usecases.desk import Desk
from bot.usecases.open_case import raise_concerns
from bot.usecases.staff_desk import handle
from flows.effects import RaiseConcern
from flows.read import load_library
from flows.values import Level, Role, Urgency

# A Tuesday, 18:00 in the programme's zone.
START = datetime(2026, 6, 9, 17, 0, tzinfo=UTC)
STAFF: dict[str, tuple[StaffRole, str | None]] = {
    "facilitator": (StaffRole.FACILITATOR, "A"),
    "other facilitator": (StaffRole.FACILITATOR, "B"),
    "tech": (StaffRole.TECH, None),
    "partner support": (StaffRole.PARTNER_SUPPORT, None),
    "duty": (StaffRole.DUTY, None),
    "manager": (StaffRole.MANAGER, None),
}


@dataclass
class Town:
    """The programme under test, and short ways to say what happens in it."""

    storage: Storage
    clock: MovableClock
    desk: Desk
    ids: dict[str, str] = field(default_factory=dict)

    @asynccontextmanager
    async def unit(self, *, beside: bool = False) -> AsyncIterator[Unit]:
        """A unit of work that commits at the end."""
        async with self.storage.unit() as unit:
            yield unit
            await unit.commit()

    async def settle(self, staff: Sequence[str]) -> None:
        """Write the programme with these staff."""
        new = self.desk.ids.new
        self.ids |= {name: new() for name in ("programme", "A", "B", "participant", "session", *staff)}
        async with self.unit() as unit:
            await unit.programmes.save(
                Programme(
                    self.ids["programme"], "p", "P", "zoom", "Europe/London", ("en", "de"), "0300", "999"
                )
            )
            for group in ("A", "B"):
                await unit.programmes.save_group(
                    Group(self.ids[group], self.ids["programme"], group, group, "Europe/London")
                )
            await unit.sessions.save(
                Session(
                    self.ids["session"],
                    self.ids["programme"],
                    "s1",
                    self.ids["A"],
                    None,
                    START + timedelta(minutes=45),
                    120,
                    "zoom",
                    "https://example.org/s1",
                )
            )
            await self._add(unit, "participant", "participant", "A", ())
            for name in staff:
                role, group = STAFF[name]
                await self._add(unit, name, "staff", group, (role,))

    async def _add(
        self, unit: Unit, name: str, kind: str, group: str | None, roles: tuple[StaffRole, ...]
    ) -> None:
        group_id = self.ids[group] if group else None
        person = Person(
            id=self.ids[name],
            programme_id=self.ids["programme"],
            group_id=group_id,
            kind="staff" if kind == "staff" else "participant",
            alias=f"alias of {name}",
            language="en",
            timezone="Europe/London",
            state="active",
            roles=roles,
            created_at=START,
        )
        await unit.people.add(person)
        chat_id = self.desk.ids.new()
        self.ids[f"chat of {name}"] = chat_id
        await unit.chats.add(Chat(chat_id, 0, 1000 + len(self.ids), person.id))

    async def enrols(self, name: str) -> None:
        """One more participant of the group."""
        self.ids[name] = self.desk.ids.new()
        async with self.unit() as unit:
            await self._add(unit, name, "participant", "A", ())

    async def raises(
        self,
        *concerns: RaiseConcern,
        of: str = "participant",
        visit: str | None = None,
        session: bool = True,
        unasked: Sequence[str] = (),
        script: str = "self_test",
    ) -> Case | None:
        """A participant's answers raise these together."""
        async with self.unit() as unit:
            person = await unit.people.get(self.ids[of])
            assert person is not None
            found = await unit.sessions.get(self.ids["session"]) if session else None
            return await raise_concerns(
                unit,
                self.desk,
                person=person,
                visit_id=visit,
                session=found,
                script=script,
                raised=concerns,
                unasked=unasked,
                at=self.clock.now(),
            )

    async def sends(self, name: str, what: What) -> None:
        """A staff member presses or writes something."""
        async with self.unit() as unit:
            person = await unit.people.get(self.ids[name])
            chat = await unit.chats.get(self.ids[f"chat of {name}"])
            assert person is not None
            assert chat is not None
            inbound = Inbound(0, 1, chat.telegram_id, True, "en", what, None, self.clock.now())
            await handle(unit, self.desk, person, chat, inbound)

    async def presses(self, name: str, data: str) -> None:
        """A button, by its callback data."""
        step, choice, tail = data.split(":")
        await self.sends(name, Press(step, choice, tail, "callback", data))

    async def writes(self, name: str, text: str) -> None:
        """A command, as `/ack K-101`."""
        command, _, argument = text.removeprefix("/").partition(" ")
        await self.sends(name, Command(command, argument))

    async def waiting(self, name: str, slot: str = "") -> list[OutboxRow]:
        """What waits to be sent to somebody, in a slot or any."""
        async with self.storage.unit() as unit:
            rows = await unit.outbox.waiting(self.ids[f"chat of {name}"])
        return [row for row in rows if row.slot == slot or not slot]

    async def texts(self, name: str, slot: str = "") -> str:
        """All that waits to be said to somebody."""
        return "\n".join(row.text for row in await self.waiting(name, slot) if row.op == "say")

    async def delivered(self) -> None:
        """Everything waiting counts as sent."""
        from dataclasses import replace

        async with self.unit() as unit:
            for name in self.ids:
                if name.startswith("chat of"):
                    for row in await unit.outbox.waiting(self.ids[name]):
                        await unit.outbox.save(replace(row, state="sent"))

    async def alerted(self) -> set[str]:
        """Who has an alert waiting."""
        return {
            name
            for name in STAFF
            if name in self.ids and any(row.lane == "alert" for row in await self.waiting(name))
        }

    async def passes(self, **time: float) -> set[str]:
        """Everything waiting is sent, time goes by, and the ladder climbs once: who is alerted then."""
        await self.delivered()
        self.clock.advance(timedelta(**time))
        async with self.unit() as unit:
            await climb(unit, self.desk, self.clock.now())
        return await self.alerted()

    async def part(self, case: Case, role: Role) -> CaseRole:
        """The role's part as it is kept."""
        async with self.storage.unit() as unit:
            return next(part for part in await unit.cases.roles(case.id) if part.role is role)

    async def block(self, name: str) -> None:
        """Somebody blocked the bot."""
        async with self.unit() as unit:
            await unit.chats.set_state(self.ids[f"chat of {name}"], "blocked")

    async def audited(self, case: Case) -> list[str]:
        """The actions recorded about a case."""
        async with self.storage.unit() as unit:
            return [entry.action for entry in await unit.audit.of_subject(case.id)]


def concern(
    name: str,
    urgency: str = "session",
    route: str = "FP",
    step: str = "ST-01",
    choices: Sequence[str] = ("maybe",),
) -> RaiseConcern:
    """An effect, in short."""
    return RaiseConcern(name, Urgency(urgency), tuple(Role(r) for r in route), step, tuple(choices))


def data_of(rows: Sequence[OutboxRow]) -> list[str]:
    """The data of all their buttons."""
    return [data for row in rows for line in row.rows for _, data in line]


async def hold(town: Town, lifted: str | None = None) -> str:
    """The participant's self-test came to a hold; gives the visit."""
    async with town.unit() as unit:
        visit = town.desk.ids.new()
        person = town.ids["participant"]
        await unit.visits.add(
            VisitRow(visit, person, "self_test", 1, town.ids["session"], "open", "{}", START, START)
        )
        await unit.readiness.put(
            Readiness(
                town.desk.ids.new(), town.ids["session"], person, visit, Level.HOLD, True, (), START, lifted
            )
        )
    return visit


@pytest.fixture(scope="session")
def desk_parts() -> tuple[object, object]:
    """What is loaded once."""
    return GettextTexts(), load_library()


@pytest.fixture
def empty_town(storage: Storage, desk_parts: tuple[GettextTexts, object]) -> Town:
    """A desk without a programme; `settle` it with the staff the test needs."""
    clock = MovableClock(START)
    texts, library = desk_parts
    return Town(storage, clock, Desk(clock, CountingIds(), texts, library, languages=("en", "de")))  # type: ignore[arg-type]  # a double


@pytest.fixture
async def town(empty_town: Town) -> Town:
    """The programme with all its staff."""
    await empty_town.settle(list(STAFF))
    return empty_town
