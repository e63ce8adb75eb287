"""A service straight in the database: its programme, groups with a session each, staff, participants who are let on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from benchmarks.crowd import FIRST_CHAT
from benchmarks.peers.dialogue import TOKEN
from bot.ids import SystemIds
from bot.ports.records import Chat, Group, Person, Programme, Session, StaffRole
from bot.ports.stores import Storage, Unit
from bot.storage.revisions import migrate
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage

KEYS: Final = "bench:" + "A" * 43
BOT: Final = int(TOKEN.partition(":")[0])
GROUP_OF: Final = 6
"""Participants in a group."""
FACILITATORS: Final = 90_000_001
"""Chat of the first group's facilitator; those of the others follow."""
WIDE: Final = 80_000_001
"""Chat of the first person of staff whose role is the programme's."""


def storage(database: Path) -> SqliteStorage:
    """The storage of that file."""
    return SqliteStorage(f"sqlite:///{database}", Keyring(KEYS), SystemIds())


async def settle(database: Path, participants: int, *, soon: int = 0) -> None:
    """Migrate and fill. Sessions are far enough away that no reminder falls into a run; the test is open already.

    `soon`: so many, the first, have theirs within a day, so that what worries goes out at any hour (R-12).
    """
    migrate(f"sqlite:///{database}")
    await fill(storage(database), participants, soon=soon)


async def fill(kept: Storage, participants: int, *, soon: int = 0) -> None:
    """The same on any storage whose tables are there; it is closed afterwards."""
    try:
        async with kept.unit() as unit:
            await _Town(unit, soon).build(participants)
            await unit.commit()
    finally:
        await kept.close()


class _Town:
    def __init__(self, unit: Unit, soon: int) -> None:
        self.unit, self.ids, self.now = unit, SystemIds(), datetime.now(UTC)
        self.soon = soon
        self.programme = Programme(
            self.ids.new(), "bench", "Bench", "zoom", "Europe/London", ("en",), "0800 1", "112",
            settings={"test_any_time": True},
        )  # fmt: skip

    async def build(self, participants: int) -> None:
        """Everybody."""
        await self.unit.programmes.save(self.programme)
        for place, role in enumerate(role for role in StaffRole if role is not StaffRole.FACILITATOR):
            await self._enrol(WIDE + place, None, role)
        group = ""
        for number in range(participants):
            if number % GROUP_OF == 0:
                group = await self._group(number // GROUP_OF)
            await self._enrol(FIRST_CHAT + number, group, None)

    async def _group(self, number: int) -> str:
        group = Group(self.ids.new(), self.programme.id, f"g{number}", f"Group {number}", "Europe/London")
        await self.unit.programmes.save_group(group)
        hours = 23 if number * GROUP_OF < self.soon else 30
        session = Session(
            self.ids.new(), self.programme.id, f"s{number}", group.id, None, self.now + timedelta(hours=hours), 90, "zoom",
            "https://meet.example/1",
        )  # fmt: skip
        await self.unit.sessions.save(session)
        await self._enrol(FACILITATORS + number, group.id, StaffRole.FACILITATOR)
        return group.id

    async def _enrol(self, chat: int, group: str | None, role: StaffRole | None) -> None:
        person = Person(
            self.ids.new(), self.programme.id, None if role else group, "staff" if role else "participant",
            f"alias {chat}", "en", "Europe/London", "active" if role else "orientation", created_at=self.now,
        )  # fmt: skip
        await self.unit.people.add(person)
        if role is not None:
            await self.unit.people.add_role(person.id, role, group)
        await self.unit.chats.add(Chat(self.ids.new(), BOT, chat, person.id))
