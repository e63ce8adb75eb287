"""The bot as a process of its own: killed at any moment, ended cleanly, on a server that knows little."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.ids import SystemIds
from bot.ports.records import (
    AnswerRow,
    Case,
    Chat,
    Group,
    Invitation,
    Person,
    Programme,
    Readiness,
    Session,
    StaffRole,
    VisitRow,
)
from bot.simulator.phone import Phone
from bot.simulator.records import Message
from bot.simulator.server import serve
from bot.simulator.world import World
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage
from tests.acceptance.processes import TOKEN, Runner, runner, small_api
from tests.acceptance.stories import ALONE, READY, asked

pytestmark = pytest.mark.slow
BOT = int(TOKEN.split(":")[0])


class Books:
    """The database between two lives of the process: filled before, read after."""

    def __init__(self, file: Path) -> None:
        self.file, self.keys, self.ids = file, Keyring.generate(), SystemIds()
        self.programme = Programme(
            self.ids.new(), "p", "Example Service", "zoom", "Europe/London", ("en",), "0300", "999"
        )
        self.group = Group(self.ids.new(), self.programme.id, "g", "G", "Europe/London")
        starts = datetime.now(UTC) + timedelta(minutes=90)
        self.session = Session(
            self.ids.new(),
            self.programme.id,
            "s",
            self.group.id,
            None,
            starts,
            90,
            "zoom",
            "https://m.example",
        )
        self.person = ""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SqliteStorage]:
        """The storage, while no process runs."""
        storage = SqliteStorage(f"sqlite:///{self.file}", Keyring(self.keys), self.ids)
        try:
            yield storage
        finally:
            await storage.close()

    async def fill(self, participant: int, staff: int | None = None) -> None:
        """A programme with a session, an enrolled participant, and a facilitator."""
        async with self.open() as storage, storage.unit() as unit:
            await unit.programmes.save(self.programme)
            await unit.programmes.save_group(self.group)
            await unit.sessions.save(self.session)
            for chat, kind in ((participant, "participant"), (staff, "staff")):
                if chat is None:
                    continue
                person = Person(
                    self.ids.new(), self.programme.id, self.group.id if kind == "participant" else None,
                    "staff" if kind == "staff" else "participant", "P-07", "en", "Europe/London", "orientation",
                    created_at=datetime.now(UTC),
                )  # fmt: skip
                await unit.people.add(person)
                await unit.chats.add(Chat(self.ids.new(), BOT, chat, person.id))
                if kind == "staff":
                    await unit.people.add_role(person.id, StaffRole.FACILITATOR, self.group.id)
                else:
                    self.person = person.id
            await unit.commit()

    async def invite(self) -> str:
        """A participant's invitation."""
        token = self.ids.token()
        invitation = Invitation(
            self.ids.new(), self.programme.id, self.group.id, "participant", "P-08", "en", "Europe/London",
            datetime.now(UTC) + timedelta(days=1),
        )  # fmt: skip
        async with self.open() as storage, storage.unit() as unit:
            await unit.invitations.add(invitation, token)
            await unit.commit()
        return token

    async def read(self) -> tuple[list[AnswerRow], Readiness | None, list[Case]]:
        """The person's answers in order, what the test came to, and the open cases."""
        async with self.open() as storage, storage.unit() as unit:
            answers = await unit.answers.of_person(self.person)
            readiness = await unit.readiness.get(self.session.id, self.person)
            return sorted(answers, key=lambda a: a.id), readiness, await unit.cases.open_in(self.programme.id)


@asynccontextmanager
async def town(database: Path) -> AsyncIterator[tuple[Phone, Phone, Books, Runner]]:
    """A simulated Telegram in real time with a participant and a facilitator, and the bot not yet started."""
    world = World(SystemClock(), limits=False, seed=3, token=TOKEN)
    phone, facilitator = Phone(world, "participant"), Phone(world, "facilitator", role="facilitator")
    for one in (phone, facilitator):
        world.chats[one.id].open = True
    books = Books(database)
    await books.fill(phone.id, facilitator.id)
    async with (
        serve(world) as address,
        runner(database.parent, address.base_url, database, books.keys) as bot,
    ):
        yield phone, facilitator, books, bot


def presses(choices: dict[str, tuple[str, ...]]) -> list[str]:
    """What is pressed from the first question to the last."""
    return [f"{step}:{choice}" for step in ALONE for choice in choices[step]]


async def test_killed_between_every_two_steps(database: Path) -> None:
    """R-01: killed by SIGKILL after every press and started again, the test ends ready, each answer once."""
    rng = random.Random(20270301)
    async with town(database) as (phone, _, books, bot):
        await bot.start()
        phone.command("/selftest")
        await phone.tap("DOOR:yes", 15)
        for press in presses(READY):
            await phone.expect(partial(_offers, press), 15)
            phone.press(press)
            # Somewhere between the moment it is fetched and the moment the next question stands.
            await asyncio.sleep(rng.choice((0.0, 0.003, 0.006, 0.01, 0.02)))
            bot.kill()
            code, _ = await bot.ended()
            assert code == -9
            await bot.start()
        await phone.expect("that is all", 15)
        code, _ = await bot.terminate()
        assert code == 0
        answers, readiness, cases = await books.read()
    expected = [(s, 1, tuple(c for c in READY[s] if c != "done")) for s in ALONE]
    assert [(a.step, a.version, a.choices) for a in answers] == expected
    assert readiness is not None
    assert (readiness.level, readiness.final) == ("ready", True)
    assert cases == []
    copies = Counter(e.message.text for e in phone.log if e.what == "sent" and e.message.from_bot)
    assert max(copies.values()) <= 2, "R-10: at most one extra copy of a message per crash"


def _offers(press: str, message: Message) -> bool:
    """Whether the button is there and not ticked yet."""
    return any((b.data or "").startswith(f"{press}:") and not b.text.startswith("✓") for b in message.buttons)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_killed_at_the_commit(database: Path, moment: str) -> None:
    """R-01, R-02: killed just before or just after the commit of a worrying answer, there is one answer and one case."""
    async with town(database) as (phone, facilitator, books, bot):
        await bot.start()
        phone.command("/selftest")
        await phone.tap("DOOR:yes", 15)
        await phone.expect("ST-07:car", 15)
        await bot.terminate()
        await bot.start(dies=moment)
        phone.press("ST-07:car")
        code, _ = await bot.ended()
        assert code == -9
        answers, _, cases = await books.read()
        assert len(answers) == len(cases) == (1 if moment == "after" else 0)
        await bot.start()
        await phone.expect("ST-08:nobody", 15)
        await facilitator.expect("CASE:take:K-101", 15)
        await bot.terminate()
        answers, readiness, cases = await books.read()
    assert [(a.step, a.choices) for a in answers] == [("ST-07", ("car",))]
    assert [[r.concern for r in case.raised] for case in cases] == [["in_public"]]
    assert readiness is not None
    assert readiness.level == "hold"
    alerts = [e for e in facilitator.log if e.what == "sent" and "K-101" in e.message.text]
    assert len(alerts) == 1


async def test_a_server_that_knows_six_methods(database: Path) -> None:
    """On a Bot API that knows six methods the bot enrols, asks and ends: SIGTERM within five seconds, cleanly."""
    books = Books(database)
    await books.fill(1)
    token = await books.invite()
    async with small_api() as (api, address), runner(database.parent, address, database, books.keys) as bot:
        await bot.start()
        api.say(5, f"/start {token}")
        await api.expect("DOOR:yes", 15)
        api.press(5, "DOOR:yes")
        await api.expect("WE-01:mine")
        api.press(5, "WE-01:mine")
        await api.expect("WE-02:continue")
        api.say(5, "/stop")
        await api.expect("Stopped. When it suits you, send /menu.")
        code, written = await bot.terminate()
    assert code == 0
    assert "Traceback" not in written
    assert set(api.calls) > {"getMe", "getUpdates", "sendMessage", "editMessageText", "answerCallbackQuery"}
    assert not any("WE-02" in str(message) for message in api.messages.values())


async def test_a_second_process_is_refused(database: Path) -> None:
    """R-15: a second `vestibule run` on the database ends with 1 and says why; the first goes on and answers."""
    async with town(database) as (phone, _, _, bot):
        await bot.start()
        phone.command("/selftest")
        await phone.expect("DOOR:yes", timeout=20)
        second = Runner(bot.folder, bot.address, bot.database, bot.keys)
        await second.start()
        code, written = await second.ended(40.0)
        assert (code, "another process runs the bot on this database" in written) == (1, True)
        phone.press("DOOR:yes")
        await phone.expect(lambda message: bool(asked(phone)), timeout=20)


async def test_no_start_without_a_version(database: Path) -> None:
    """S-34: `vestibule run` says in one line which script version is missing, and ends with 1."""
    async with town(database) as (_, _, books, bot):
        now = datetime.now(UTC)
        row = VisitRow(
            books.ids.new(), books.person, "self_test", 99, books.session.id, "open", "{}", now, now
        )  # fmt: skip
        async with books.open() as storage, storage.unit() as unit:
            await unit.visits.add(row)
            await unit.commit()
        await bot.start()
        code, written = await bot.ended()
    assert code == 1
    assert "self_test version 99" in written
    assert "Traceback" not in written
