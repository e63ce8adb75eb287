"""A whole house for a story: strict Bot API over HTTP, the real bot with the real python-telegram-bot, phones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bot import wiring
from bot.clock import MovableClock
from bot.ids import SystemIds
from bot.ports.records import Chat, Group, Invitation, Person, Programme, Session, StaffRole
from bot.ports.stores import Storage
from bot.settings import Settings
from bot.simulator.phone import Phone
from bot.simulator.records import Message
from bot.simulator.server import serve
from bot.simulator.world import World
from bot.storage.sealing import Keyring
from flows.library import Library
from tests.acceptance.looking import Looking
from tests.acceptance.stories import ALIAS, EMERGENCY, LINK, SERVICE, STAFF, START, WELCOME, asked, published

Wrap = Callable[[Storage], Storage]


@dataclass
class House(Looking):
    """The running parts of a story. `bot` can be stopped and started again on the same data."""

    world: World
    clock: MovableClock
    settings: Settings
    file: Path
    stack: AsyncExitStack
    programme: Programme
    group: Group
    session: Session | None = None
    people: dict[int, str] = field(default_factory=dict)
    ids: SystemIds = field(default_factory=SystemIds)
    _bot: wiring.Vestibule | None = None
    _running: asyncio.Task[None] | None = None

    @property
    def bot(self) -> wiring.Vestibule:
        """The bot that runs."""
        assert self._bot is not None, "the bot is stopped"
        return self._bot

    # The bot itself

    async def start(self, *, library: Library | None = None, wrap: Wrap | None = None) -> None:
        """Open and run a bot on the data there are, as `vestibule run` does."""
        storage: Storage = wiring.make_storage(self.settings, self.ids)
        self.stack.push_async_callback(storage.close)
        with patch.object(wiring, "load_library", return_value=library or published()):
            opened = wiring.open_bot(
                self.settings, clock=self.clock, ids=self.ids, storage=wrap(storage) if wrap else storage
            )
            self._bot = await self.stack.enter_async_context(opened)
        self._running = asyncio.create_task(self._bot.run())

    async def stop(self) -> None:
        """Stop the bot and close its data."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self.stack.aclose()
        self._bot = self._running = None

    async def crashed(self) -> None:
        """Wait until the bot has ended by itself, then close what it left open."""
        assert self._running is not None
        await asyncio.wait([self._running], timeout=5)
        assert self._running.done(), "the bot did not end"
        await self.stop()

    async def quiet(self, seconds: float = 10.0) -> None:
        """Return when every update is handled and everything due is delivered."""
        async with asyncio.timeout(seconds):
            while not await self._is_quiet():
                await asyncio.sleep(0.003)

    async def _is_quiet(self) -> bool:
        assert self._running is not None
        if self._running.done():
            self._running.result()
        if len(self.world.updates):
            return False
        async with self.bot.storage.unit() as unit:
            due = await unit.outbox.next_due_at()
        return due is None or due > self.clock.now()

    async def later(self, **by: float) -> None:
        """Move the clock on and let what became due happen."""
        self.clock.advance(timedelta(**by))
        await asyncio.sleep(0.05)
        await self.bot.schedule.look()
        await self.bot.cycle.look()
        self.bot.sender.wake()
        await self.quiet()

    # Who and what there is

    async def plan_session(self, within: timedelta = timedelta(minutes=90)) -> Session:
        """A group session that begins after `within`."""
        session = Session(
            self.ids.new(), self.programme.id, self.ids.new(), self.group.id, None,
            self.clock.now() + within, 90, "zoom", LINK,
        )  # fmt: skip
        async with self.bot.storage.unit() as unit:
            await unit.sessions.save(session)
            await unit.commit()
        self.session = session
        return session

    async def invite(
        self, role: str, alias: str, language: str = "en", expires: timedelta = timedelta(days=14)
    ) -> str:
        """A fresh invitation's token."""
        token = self.ids.token()
        group = self.group.id if role in ("participant", "facilitator") else None
        invitation = Invitation(
            self.ids.new(), self.programme.id, group, role, alias, language, "Europe/London",
            self.clock.now() + expires,
        )  # fmt: skip
        async with self.bot.storage.unit() as unit:
            await unit.invitations.add(invitation, token)
            await unit.commit()
        return token

    async def staff(self, *roles: str) -> dict[str, Phone]:
        """Phones of staff of these roles (all, if none is named) who were enrolled some time ago."""
        return {role: await self._settled(role, f"{role} one", "active") for role in roles or STAFF}

    async def member(self, alias: str = ALIAS, state: str = "orientation") -> Phone:
        """The phone of a participant who was enrolled some time ago and whose agreement stands."""
        return await self._settled("participant", alias, state)

    async def _settled(self, role: str, alias: str, state: str) -> Phone:
        phone = Phone(self.world, role, role=role)
        self.world.chats[phone.id].open = True
        is_staff = role != "participant"
        grouped = role in ("participant", "facilitator")
        person = Person(
            self.ids.new(), self.programme.id, self.group.id if grouped and not is_staff else None,
            "staff" if is_staff else "participant", alias, "en", "Europe/London", state,
            created_at=self.clock.now(),
        )  # fmt: skip
        async with self.bot.storage.unit() as unit:
            await unit.people.add(person)
            if is_staff:
                await unit.people.add_role(person.id, StaffRole(role), self.group.id if grouped else None)
            await unit.chats.add(Chat(self.ids.new(), self.world.bot["id"], phone.id, person.id))
            await unit.commit()
        self.people[phone.id] = person.id
        return phone

    async def participant(self, choices: dict[str, tuple[str, ...]] | None = None) -> Phone:
        """A participant who opens an invitation and goes through the welcome, over HTTP from the first line."""
        phone = Phone(self.world, "participant")
        await phone.start(await self.invite("participant", ALIAS))
        await self.quiet()
        if phone.shows("LANG:en"):
            await self.press(phone, "LANG:en")
        await self.press(phone, "DOOR:yes")
        await self.walk(phone, WELCOME | (choices or {}))
        return phone

    # Doing

    async def press(self, phone: Phone, needle: str) -> Message:
        """Press a button that is there, and let everything happen."""
        message = await phone.tap(needle)
        await self.quiet()
        return message

    async def write(self, phone: Phone, text: str) -> None:
        """Write, and let everything happen."""
        phone.write(text)
        await self.quiet()

    async def selftest(self, phone: Phone) -> None:
        """Begin the self-test; the door is passed."""
        await self.write(phone, "/selftest")
        await self.press(phone, "DOOR:yes")

    async def walk(
        self, phone: Phone, choices: dict[str, tuple[str, ...]], *, until: str = "", limit: int = 150
    ) -> list[str]:
        """Answer what is asked until nothing is (or the step `until` is); gives the steps in order.

        `choices` names the presses of a step, `=text` to write one; other steps get their plain answer.
        """
        passed: list[str] = []
        left: dict[str, list[str]] = {}
        for _ in range(limit):
            data = asked(phone)
            step = data[0].split(":")[0] if data else ""
            if not step or step == until:
                return passed
            if not passed or passed[-1] != step:
                passed.append(step)
            if not left.get(step):
                left[step] = list(choices.get(step) or self._plain(step, data))
            choice = left[step].pop(0)
            if choice.startswith("="):
                await self.write(phone, choice[1:])
            else:
                await self.press(phone, f"{step}:{choice}")
        raise AssertionError(f"no end in sight:\n{phone.screen()}")

    def _plain(self, step: str, data: list[str]) -> tuple[str, ...]:
        offered = [d.split(":")[1] for d in data]
        library = self.bot.desk.library
        steps = [p.find(step) for p in library.scripts.values()]
        right = [c.id for s in steps if s is not None for c in s.choices if c.right and c.id in offered]
        for choice in (*right, "continue", "agree", "skip_text"):
            if choice in offered:
                return (choice,)
        found = next(s for s in steps if s is not None)
        if found.kind == "many":
            alone = [c.id for c in found.choices if c.alone and c.id in offered]
            return (*(alone or offered)[:1], "done")
        return (offered[0],) if found.kind != "text" else ("=Something short.",)


@asynccontextmanager
async def open_house(
    file: Path,
    *,
    library: Library | None = None,
    languages: Sequence[str] = ("en",),
    wrap: Wrap | None = None,
    more: Mapping[str, Any] | None = None,
) -> AsyncIterator[House]:
    """The house with nobody in it yet, on a migrated database file. `more`: what else is set."""
    clock = MovableClock(START)
    world = World(clock, limits=False, seed=1)
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serve(world))
        settings = Settings(
            _env_file=None,
            bot_token=world.token,
            bot_api_url=address.base_url,
            database_url=f"sqlite:///{file}",
            keys=Keyring.generate(),
            send_limits="off",
            drafts="yes",
            long_poll_seconds=5,
            heartbeat_file=file.with_name("heartbeat"),
            **(more or {}),
        )
        programme = Programme(
            SystemIds().new(), "example", "Example Service", "zoom", "Europe/London", tuple(languages),
            SERVICE, EMERGENCY, settings={"test_any_time": True, "reminders": {"test_opens": 45}},
        )  # fmt: skip
        group = Group(SystemIds().new(), programme.id, "mon", "Monday group", "Europe/London")
        house = House(world, clock, settings, file, AsyncExitStack(), programme, group)
        await house.start(library=library, wrap=wrap)
        async with house.bot.storage.unit() as unit:
            await unit.programmes.save(programme)
            await unit.programmes.save_group(group)
            await unit.commit()
        try:
            yield house
        finally:
            await house.stop()
