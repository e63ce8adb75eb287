"""A story over tables with some thousand rows of other people: what is asked on the way is found by index."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bot.escalation.cycle import Cycle
from bot.ports.inbound import Command, Text
from bot.ports.records import Invitation, OutboxRow, StaffRole
from bot.ports.services import SendLimits
from bot.schedule.cycle import Schedule
from bot.storage.address import is_postgres
from bot.storage.sealing import Keyring
from bot.usecases import outage
from bot.usecases.deliver import Sender
from bot.usecases.expire import Expirer
from bot.usecases.rounds import Rounds
from bot.usecases.undelivered import on_fault
from bot.web.metrics import Metrics
from bot.web.watch import Watch
from bot.wiring import refuse_missing_scripts
from flows.read import load_library
from tests.bot.deliveries import FakeMessenger
from tests.bot.desks import STAFF, Room, open_room
from tests.bot.storage.filled import GROWING, Past
from tests.bot.storage.recorded import Recorded

pytestmark = pytest.mark.both_databases


@pytest.fixture
async def room(database_url: str, keyring: Keyring) -> AsyncIterator[Room]:
    """A desk with everybody in place, and a past."""
    async with open_room(database_url, keyring, load_library()) as room:
        async with room.storage.unit() as unit:
            chat = await unit.chats.of_person(room.participant)
        assert chat is not None
        await Past(room.programme, chat.id, keyring, room.clock.now()).fill(room.storage)
        yield room


class Story:
    """What goes on in a room, with all that a leader runs."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.rounds = Rounds(())
        self.metrics = Metrics(self.rounds)
        self.sender = Sender(
            room.storage, FakeMessenger(), room.clock, room.desk.ids, SendLimits(off=True), self._on_fault
        )
        self.schedule = Schedule(room.storage, room.desk, lambda: None, pulse=None)
        self.cycle = Cycle(room.storage, room.desk, lambda: None)
        self.watch = Watch(room.storage, room.desk, self.rounds, self.metrics, lambda: None)
        self.pulse = self.restarted()

    async def _on_fault(self, unit: Any, row: OutboxRow, why: str) -> None:
        await on_fault(unit, self.room.desk, row, why)

    async def deliver(self) -> None:
        while await self.sender.step():
            pass

    def restarted(self) -> outage.Pulse:
        """The pulse of a process that begins; what it missed it finds in the database."""
        return outage.Pulse(self.room.storage, self.room.desk, lambda: None, _Here())

    async def go_round(self, **later: float) -> None:
        """Time passes; each loop looks once, and somebody reads the figures."""
        self.room.clock.advance(timedelta(**later))
        await self.pulse()
        await self.schedule.look()
        await self.cycle.look()
        await self.watch.look(timedelta())
        async with self.room.storage.unit() as unit:
            await self.metrics.read(unit)
        await self.deliver()

    async def plays(self) -> None:
        """From the start of a process to the next days."""
        await refuse_missing_scripts(self.room.storage, self.room.desk)
        await self.go_round()
        await self.somebody_comes()
        await self.worries()
        self.pulse = self.restarted()
        await self.go_round(minutes=9)
        await self.answered()
        for minutes in (1, 14, 60, 20, 120, 600, 300):
            await self.go_round(minutes=minutes)
        await self.participant("menu", "help", "privacy", "stop")
        for days in (0, 1, 3):
            await self.go_round(days=days)
        await Expirer(self.room.storage, self.room.desk).run()

    async def somebody_comes(self) -> None:
        """A participant opens an invitation; a stranger writes."""
        room = self.room
        async with room.storage.unit() as unit:
            group = (await unit.people.get(room.participant)).group_id  # type: ignore[union-attr]  # is there
            invitation = Invitation(
                room.desk.ids.new(), room.programme, group, "participant", "Newcomer", "en", "Europe/London",
                room.clock.now() + timedelta(days=9),
            )  # fmt: skip
            await unit.invitations.add(invitation, "t" * 22)
            await unit.commit()
        await room.ask(room.update(Command("start", "t" * 22), 7777), room.update(Text("hello"), 8888))
        await self.deliver()

    async def worries(self) -> None:
        """A self-test with an answer that worries, up to its end."""
        await self.room.begin()
        await self.deliver()
        for press in ("ST-07:usual_room", "ST-08:partner", "ST-08:done", "ST-09:maybe"):
            await self.room.play(press)
            await self.deliver()

    async def answered(self) -> None:
        """Staff look at the case and at their lists, take it on and resolve it."""
        room, chat = self.room, STAFF[StaffRole.FACILITATOR]
        [case, *_] = await room.cases()
        lists = [
            Command(name)
            for name in ("menu", "roster", "release", "allow", "written", "duty", "help", "privacy")
        ]
        about = [Command(name, case.ref) for name in ("case", "details", "ack")]
        for what in (*lists, *about, Command("resolve", f"{case.ref} talked_to_them")):
            await room.ask(room.update(what, chat))
            await self.deliver()
        async with room.storage.unit() as unit:
            parts = await unit.cases.roles(case.id)
        assert "done" in {part.state for part in parts}

    async def participant(self, *commands: str) -> None:
        """The participant writes these commands."""
        for name in commands:
            await self.room.ask(self.room.update(Command(name)))
            await self.deliver()


class _Here:
    def is_away(self) -> bool:
        return False

    def was_away(self) -> None:
        return None


# Walked from one end, and only as far as one row.
_FIRST_ONLY = re.compile(r"FROM audit ORDER BY audit.seq DESC +LIMIT")
STEPS = 3000
"""Twice what a window of retention takes; looking at all rows of a table that grows takes twice as much again."""


async def test_a_story_finds_everything_by_index(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-12: what a self-test, staff, the sender, each cycle and the figures ask goes over no table that grows."""
    recorded = Recorded(monkeypatch)
    story = Story(room)
    await story.plays()
    asked = [" ".join(text.split()) for text in recorded.statements]
    assert len(asked) > 120, "the story has become shorter"
    whole = [
        (steps, text)
        for text, steps in recorded.plans(room.url)
        if any(step.split()[1] in GROWING for step in steps)
        and not _FIRST_ONLY.search(" ".join(text.split()))
    ]
    assert whole == []
    if not is_postgres(room.url):
        counted = [(steps, " ".join(text.split())) for text, steps in recorded.steps(room.url)]
        assert [one for one in counted if one[0] > STEPS] == []
