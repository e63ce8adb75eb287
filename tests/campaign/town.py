"""A service with its people on a database, and the bot's parts on it, which can be killed and started again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from bot.clock import MovableClock
from bot.escalation.cycle import Cycle
from bot.ids import CountingIds
from bot.ports.inbound import Command, Inbound, Press, What
from bot.ports.records import Chat, Group, OutboxRow, Person, Programme, Session, StaffRole
from bot.ports.services import SendLimits
from bot.ports.stores import Unit
from bot.schedule.cycle import Schedule
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage
from bot.telegram.messenger import TelegramMessenger
from bot.texts import GettextTexts
from bot.usecases import staff_desk
from bot.usecases.deliver import Sender
from bot.usecases.desk import Desk
from bot.usecases.outage import Pulse
from bot.usecases.take_updates import TakeUpdates
from bot.usecases.undelivered import on_fault
from flows.library import Library
from flows.read import load_library
from tests.campaign.telegram import BOT, Telegram
from tests.campaign.wire import Fuse, Noted, Watched

KEYS = "new:" + "A" * 43 + " old:" + "E" * 43


@cache
def published() -> Library:
    """The scripts as they are, read once."""
    return load_library()


class Intake:
    """Updates always come in, as far as the pulse is concerned."""

    def is_away(self) -> bool:
        """Never."""
        return False

    def was_away(self) -> None:
        """Never."""


@dataclass
class Member:
    """Somebody with a chat."""

    id: str
    chat: int
    role: StaffRole | None
    group: str
    name: str


@dataclass
class Town:
    """What outlasts a process: the file, the clock, Telegram with the updates it keeps, and the people."""

    file: Path
    clock: MovableClock
    telegram: Telegram = field(default_factory=Telegram)
    ids: CountingIds = field(default_factory=CountingIds)
    noted: Noted = field(default_factory=Noted)
    members: dict[int, Member] = field(default_factory=dict)
    programme: str = ""
    groups: dict[str, str] = field(default_factory=dict)
    queue: list[Inbound] = field(default_factory=list)
    confirmed: list[Inbound] = field(default_factory=list)
    last_update: int = 0
    lives: int = 0

    def life(self, fuse: Fuse | None = None, *, away: bool = True) -> Life:
        """The process started (again); `away`: whether it notices that it was away."""
        self.lives += 1
        return Life(self, fuse or Fuse(), away=away)

    @property
    def participants(self) -> list[Member]:
        """Those the service is for."""
        return [member for member in self.members.values() if member.role is None]

    @property
    def staff(self) -> list[Member]:
        """Those who work there."""
        return [member for member in self.members.values() if member.role is not None]

    def time_passes(self, by: timedelta) -> None:
        """Telegram forgets after a day what nobody has taken; the bot forgets after two that it has taken it."""
        self.clock.advance(by)
        self.queue[:] = [one for one in self.queue if self.clock.now() - one.at < timedelta(days=1)]

    def sends(self, chat: int, what: What) -> Inbound:
        """Somebody presses or writes; Telegram keeps it until it is confirmed."""
        self.last_update += 1
        update = Inbound(
            BOT, self.last_update, chat, True, "en", what, 500_000 + self.last_update, self.clock.now()
        )
        self.queue.append(update)
        return update

    def presses(self, chat: int, data: str) -> Inbound:
        """A button with this data."""
        step, choice, *rest = data.split(":", 2)
        return self.sends(chat, Press(step, choice, "".join(rest), "cb", data))

    def writes(self, chat: int, command: str) -> Inbound:
        """`/name argument`, without the slash."""
        name, _, argument = command.partition(" ")
        return self.sends(chat, Command(name, argument))

    async def settle(self, unit: Unit, programme: Programme, zones: dict[str, str]) -> None:
        """The programme with a group for each key of `zones`."""
        self.programme = programme.id
        await unit.programmes.save(programme)
        for key, zone in zones.items():
            self.groups[key] = self.ids.new()
            await unit.programmes.save_group(Group(self.groups[key], programme.id, key, key, zone))

    async def enrol(
        self, unit: Unit, name: str, role: StaffRole | None, group: str, zone: str, chat: int
    ) -> Member:
        """Somebody whose agreement stands, or who works there."""
        member = Member(self.ids.new(), chat, role, group, name)
        await unit.people.add(
            Person(
                member.id, self.programme, None if role else self.groups[group],
                "staff" if role else "participant", name, "en", zone, "active", created_at=self.clock.now(),
            )
        )  # fmt: skip
        if role is not None:
            own = self.groups[group] if role is StaffRole.FACILITATOR else None
            await unit.people.add_role(member.id, role, own)
        await unit.chats.add(Chat(self.ids.new(), BOT, chat, member.id))
        self.members[chat] = member
        return member

    def session(self, key: str, group: str, starts_at: datetime) -> Session:
        """A session of the group, not yet stored."""
        return Session(
            self.ids.new(), self.programme, key, self.groups[group], None, starts_at.astimezone(UTC), 90, "zoom",
            "https://m.example",
        )  # fmt: skip


class Life:
    """One life of the process: everything `vestibule run` has in memory, stepped by hand."""

    def __init__(self, town: Town, fuse: Fuse, *, away: bool) -> None:
        self.town, self.fuse = town, fuse
        self.plain = SqliteStorage(f"sqlite:///{town.file}", Keyring(KEYS), town.ids)
        self.storage = Watched(self.plain, fuse, town.noted)
        self.desk = Desk(town.clock, town.ids, GettextTexts(), published())
        town.telegram.step = fuse.step
        self.sender = Sender(
            self.storage, TelegramMessenger(town.telegram.bot()), town.clock, town.ids, SendLimits(off=True),
            self._faulty,
        )  # fmt: skip
        pulse = Pulse(self.storage, self.desk, lambda: None, Intake()) if away else None
        self.pulse = pulse
        self.cycle = Cycle(self.storage, self.desk, lambda: None)
        self.schedule = Schedule(self.storage, self.desk, lambda: None)

    async def _faulty(self, unit: Unit, row: OutboxRow, why: str) -> None:
        await on_fault(unit, self.desk, row, why)

    async def take(self) -> None:
        """A batch of what waits at Telegram, which is confirmed once it is kept."""
        batch = list(self.town.queue)
        if batch:
            await TakeUpdates(self.storage, self.desk, staff_desk.handle)(batch)
            self.fuse.step("confirm before")
            self.town.confirmed += batch
            del self.town.queue[: len(batch)]
            self.fuse.step("confirm after")

    async def look(self) -> None:
        """The escalation's look."""
        await self.cycle.look()

    async def plan(self) -> None:
        """The schedule's look, with the sign of life before it."""
        if self.pulse is not None:
            await self.pulse()
        await self.schedule.look()

    async def deliver(self) -> None:
        """Rounds of the sender until nothing goes."""
        for _ in range(60):
            if not self.sender._flying:
                self.town.telegram.in_flight.clear()
            if not await self.sender.step() and not self.sender._results:
                return

    async def round(self) -> None:
        """Everything once, in the order of things."""
        for work in (self.take, self.look, self.plan, self.deliver):
            await work()

    async def rounds(self, seconds: float, times: int) -> None:
        """Everything so often, with time between."""
        for _ in range(times):
            await self.round()
            self.town.clock.advance(timedelta(seconds=seconds))

    async def end(self) -> None:
        """Let go of what a process would have let go of by dying."""
        self.fuse.dead = True
        flying = list(self.sender._flying.values())
        for task in flying:
            task.cancel()
        await asyncio.gather(*flying, return_exceptions=True)
        await self.plain.close()
