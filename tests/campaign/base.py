"""A small town to break things in: three participants, everybody of staff, one session in two hours."""

from __future__ import annotations

import copy
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.clock import MovableClock
from bot.ids import CountingIds
from bot.ports.records import Programme, StaffRole
from bot.storage.revisions import migrate
from tests.campaign.telegram import Telegram
from tests.campaign.town import Town
from tests.campaign.wire import Noted

START = datetime(2027, 3, 1, 17, 0, tzinfo=UTC)
SESSION = START + timedelta(minutes=95)
FIRST = 1001


def room() -> Path | None:
    """Memory, where there is some to write to: the disk's own speed is nothing to learn here."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else None


@dataclass
class Moment:
    """A town as it stood, to go on from as often as one likes."""

    town: Town
    data: bytes
    at: datetime

    def again(self, file: Path) -> Town:
        """The town as it stood then, on this file."""
        for old in file.parent.glob(f"{file.name}*"):
            old.unlink()
        file.write_bytes(self.data)
        was = self.town
        telegram = Telegram()
        for name in ("chats", "accepted", "edited", "unanswered", "refused", "blocked", "_last"):
            setattr(telegram, name, copy.deepcopy(getattr(was.telegram, name)))
        ids = CountingIds(was.ids._last)
        return replace(
            was, file=file, clock=MovableClock(self.at), telegram=telegram, ids=ids, noted=Noted([*was.noted.calls]),
            queue=[*was.queue], confirmed=[*was.confirmed],
        )  # fmt: skip


def moment(town: Town) -> Moment:
    """As it stands now; no process may be running."""
    return Moment(town, town.file.read_bytes(), town.clock.now())


async def settled(folder: Path) -> Moment:
    """The town with everybody in place, before anything happened."""
    file = folder / "base.db"
    migrate(f"sqlite:///{file}")
    town = Town(file, MovableClock(START))
    life = town.life(away=False)
    async with life.plain.unit() as unit:
        settings = {"reminders": {"quiet_from": 23}}
        programme = Programme(
            town.ids.new(), "p", "P", "zoom", "Europe/London", ("en",), "0300 900", "999", settings=settings
        )  # fmt: skip
        await town.settle(unit, programme, {"g": "Europe/London"})
        for number in range(3):
            await town.enrol(unit, f"participant {number}", None, "g", "Europe/London", FIRST + number)
        for number, role in enumerate(StaffRole):
            group = "g" if role is StaffRole.FACILITATOR else ""
            await town.enrol(unit, role.value, role, group, "Europe/London", 2001 + number)
        await town.enrol(unit, "facilitator two", StaffRole.FACILITATOR, "g", "Europe/London", 2010)
        await unit.sessions.save(town.session("s", "g", SESSION))
        await unit.commit()
    await life.end()
    return moment(town)


def folder() -> tempfile.TemporaryDirectory[str]:
    """A place of its own for a run's files."""
    return tempfile.TemporaryDirectory(prefix="vestibule-campaign-", dir=room())
