"""The schedule of a desk alone, minute by minute, and what it has done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from bot.ports.inbound import Command
from bot.ports.plan import Fate, Reminder, ReminderKind
from bot.ports.records import OutboxRow, Session, StaffRole
from bot.schedule.cycle import Schedule
from flows.library import Library
from flows.read import load_library
from tests.bot.desks import STAFF, START, Room

AT = START + timedelta(minutes=90)  # the start of the room's session, 18:30
FIRST = ("ST-07:usual_room", "ST-08:nobody", "ST-08:done", "ST-13:calm", "ST-13:done", "ST-12:none")
REST = (
    "ST-02:mine", "ST-01:laptop", "ST-03:yes", "ST-04:steady", "ST-05:work", "ST-06:both", "ST-14:chair",
    "ST-14:dressed", "ST-14:no_food_smoke", "ST-14:real_background", "ST-14:done", "ST-15:nothing",
)  # fmt: skip
READY = (*FIRST, *REST, "ST-16:continue")


@cache
def published() -> Library:
    """The scripts as they are."""
    return load_library()


class Watch:
    """The schedule, and what it has done."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.schedule = Schedule(room.storage, room.desk, lambda: None)

    async def at(self, when: datetime) -> None:
        """Move the clock there in one step, and look."""
        self.room.clock.advance(when - self.room.clock.now())
        await self.schedule.look()

    async def until(self, when: datetime, step: timedelta = timedelta(minutes=1)) -> None:
        """Minute by minute."""
        while self.room.clock.now() < when:
            await self.at(min(when, self.room.clock.now() + step))

    async def rows(self) -> list[Reminder]:
        """Every reminder there is."""
        async with self.room.storage.unit() as unit:
            return await unit.reminders.between(
                self.room.programme, datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
            )

    async def fates(self, person: str = "") -> dict[ReminderKind, tuple[Fate, str]]:
        """What became of the newest of each kind for the participant (or the session)."""
        wanted = person or self.room.participant
        return {r.kind: (r.fate, r.reason) for r in await self.rows() if r.person_id in (wanted, None)}

    async def lines(self) -> list[OutboxRow]:
        """What waits in the participant's chat in the slot for reminders."""
        async with self.room.storage.unit() as unit:
            chat = await unit.chats.of_person(self.room.participant)
            assert chat is not None
            return [row for row in await unit.outbox.waiting(chat.id) if row.slot == "reminder"]

    async def session(self) -> Session:
        """The room's session as it stands."""
        async with self.room.storage.unit() as unit:
            [found] = await unit.sessions.of_programme(self.room.programme, START, START + timedelta(days=9))
        return found

    async def put(self, session: Session) -> None:
        """Write it."""
        async with self.room.storage.unit() as unit:
            await unit.sessions.save(session)
            await unit.commit()

    async def details(self, number: int) -> str:
        """What a facilitator reads who opens the case."""
        chat_id = STAFF[StaffRole.FACILITATOR]
        await self.room.ask(self.room.update(Command("details", f"K-{number}"), chat_id))
        async with self.room.storage.unit() as unit:
            chat = await unit.chats.of_person(self.room.people[StaffRole.FACILITATOR])
            assert chat is not None
            return "\n".join(
                r.text for r in await unit.outbox.waiting(chat.id) if r.slot.startswith("details")
            )


async def concerns(room: Room) -> list[tuple[str, str]]:
    """Every concern raised, with its step."""
    return [(r.concern, r.step) for case in await room.cases() for r in case.raised]
