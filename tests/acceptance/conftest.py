"""A whole house for a story: strict Bot API over HTTP, the real bot with the real python-telegram-bot, phones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import wiring
from bot.clock import MovableClock
from bot.ids import SystemIds
from bot.ports.records import Group, Invitation, Programme, Session
from bot.settings import Settings
from bot.simulator.phone import Phone
from bot.simulator.server import serve
from bot.simulator.world import World
from bot.storage.revisions import migrate
from bot.storage.sealing import Keyring

START = datetime(2027, 3, 1, 17, 0, tzinfo=UTC)


@dataclass
class House:
    """The running parts of a story."""

    world: World
    clock: MovableClock
    bot: wiring.Vestibule
    settings: Settings
    programme: Programme
    group: Group
    session: Session | None = None

    async def plan_session(self, within: timedelta = timedelta(minutes=90)) -> Session:
        """A group session that begins after `within`."""
        session = Session(
            SystemIds().new(), self.programme.id, "next", self.group.id, None,
            self.clock.now() + within, 90, "zoom", "https://meeting.example/room",
        )  # fmt: skip
        async with self.bot.storage.unit() as unit:
            await unit.sessions.save(session)
            await unit.commit()
        self.session = session
        return session

    async def invite(self, role: str, alias: str, language: str = "en") -> str:
        """A fresh invitation's token."""
        ids = SystemIds()
        token = ids.token()
        group = self.group.id if role in ("participant", "facilitator") else None
        invitation = Invitation(
            ids.new(), self.programme.id, group, role, alias, language, "Europe/London",
            self.clock.now() + timedelta(days=14),
        )  # fmt: skip
        async with self.bot.storage.unit() as unit:
            await unit.invitations.add(invitation, token)
            await unit.commit()
        return token

    async def staff(self, role: str) -> Phone:
        """The phone of an enrolled staff member."""
        phone = Phone(self.world, role, role=role)
        await phone.start(await self.invite(role, f"{role} one"))
        await phone.expect("enrolled as staff")
        return phone

    async def participant(self, *, agreed: bool = True) -> Phone:
        """The phone of a participant, by default one whose agreement stands."""
        phone = Phone(self.world, "participant")
        await phone.start(await self.invite("participant", "P-07"))
        await phone.expect(lambda m: any(b.data in ("LANG:en", "DOOR:yes") for b in m.buttons))
        if phone.shows("LANG:en"):
            phone.press("LANG:en")
        await phone.tap("DOOR:yes")
        if agreed:
            await walk(phone, WELCOME_CHOICES)
        return phone


WELCOME_CHOICES = ("mine", "agree", "right", "continue", "no", "any", "done")
READY = (
    "usual_room", "nobody", "calm", "none", "mine", "laptop", "yes", "steady", "work", "both", "chair", "dressed",
    "no_food_smoke", "real_background", "nothing", "done", "continue",
)  # fmt: skip


def asked(phone: Phone) -> list[str]:
    """The callback data of the question that stands, without Back, Pause and the like."""
    for message in reversed(phone.messages):
        data = [b.data for b in message.buttons if b.data and b.data.count(":") == 2]
        if data and not data[0].startswith(("DOOR", "LANG", "MENU", "CASE")):
            return data
    return []


async def walk(phone: Phone, choices: tuple[str, ...], *, until: str = "that is all", limit: int = 120) -> list[str]:
    """Press what is in `choices` at every question until the text shows; gives the steps passed."""
    passed: list[str] = []
    for _ in range(limit):
        if phone.shows(until):
            return passed
        data = await _next_question(phone, until)
        if not data:
            return passed
        ticked = {b.data for m in phone.messages for b in m.buttons if b.text.startswith("✓")}
        able = [d for c in choices for d in data if d.split(":")[1] == c and d not in ticked]
        assert able, f"none of {choices} is offered:\n{phone.screen()}"
        await _press_once(phone, able[0])
        passed.append(":".join(able[0].split(":")[:2]))
    raise AssertionError(f"no end in sight:\n{phone.screen()}")


async def _next_question(phone: Phone, until: str) -> list[str]:
    await phone.expect(lambda m: until in m.text or any(d in asked(phone) for d in [b.data for b in m.buttons]))
    return asked(phone)


async def _press_once(phone: Phone, data: str) -> None:
    """Press and wait until the chat has answered."""
    before = len(phone.log)
    phone.press(data)
    for _ in range(500):
        if len(phone.log) > before:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"no answer to {data}:\n{phone.screen()}")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """The house with nobody in it yet."""
    clock = MovableClock(START)
    world = World(clock, limits=False, seed=1)
    url = f"sqlite+aiosqlite:///{tmp_path / 'story.db'}"
    async with serve(world) as address:
        settings = Settings(
            _env_file=None,
            bot_token=world.token,
            bot_api_url=address.base_url,
            database_url=url,
            keys=Keyring.generate(),
            send_limits="off",
            long_poll_seconds=5,
        )
        await asyncio.to_thread(migrate, url)
        async with wiring.open_bot(settings, clock=clock) as bot:
            programme, group = await _programme(bot)
            running = asyncio.create_task(bot.run())
            yield House(world, clock, bot, settings, programme, group)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def _programme(bot: wiring.Vestibule) -> tuple[Programme, Group]:
    ids = SystemIds()
    programme = Programme(
        ids.new(), "example", "Example Service", "zoom", "Europe/London", ("en", "de"), "+44 1632 960000", "999"
    )
    group = Group(ids.new(), programme.id, "mon", "Monday group", "Europe/London")
    async with bot.storage.unit() as unit:
        await unit.programmes.save(programme)
        await unit.programmes.save_group(group)
        await unit.commit()
    return programme, group
