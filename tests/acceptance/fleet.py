"""Several `vestibule run` on one PostgreSQL, behind a front, with a simulated Telegram that brings updates to it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from bot.clock import SystemClock
from bot.ids import SystemIds
from bot.ports.records import Chat, Group, Person, Programme
from bot.simulator.phone import Phone
from bot.simulator.server import serve
from bot.simulator.world import World
from bot.storage.postgres import PostgresStorage
from bot.storage.sealing import Keyring
from tests.acceptance.front import SECRET, Front, free_port

ROOT = Path(__file__).parents[2]


@dataclass
class Fleet:
    """The processes by their port."""

    world: World
    front: Front
    given: dict[str, str]
    folder: Path
    own: dict[int, dict[str, str]] = field(default_factory=dict)  # settings of one of them alone
    processes: dict[int, asyncio.subprocess.Process] = field(default_factory=dict)

    async def start(self, port: int) -> None:
        """One more process, or one again."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("VESTIBULE_")}
        given = self.given | self.own.get(port, {}) | {
            "VESTIBULE_WEB_PORT": str(port),
            "VESTIBULE_HEARTBEAT_FILE": str(self.folder / f"heartbeat-{port}"),
        }  # fmt: skip
        with (self.folder / f"log-{port}").open("ab") as log:
            self.processes[port] = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", cwd=self.folder, env=own | given, stdout=log, stderr=log
            )

    def send(self, port: int, what: signal.Signals) -> None:
        """A signal to one of them."""
        self.processes[port].send_signal(what)

    async def roles(self) -> dict[int, str]:
        """What each says it is; who does not answer is left out."""
        found = {}
        timeout = aiohttp.ClientTimeout(total=1)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for port in self.processes:
                try:
                    async with session.get(f"http://127.0.0.1:{port}/healthz") as answer:
                        found[port] = (await answer.json())["role"]
                except (aiohttp.ClientError, TimeoutError):
                    continue
        return found

    async def leader(self, *, besides: int = 0, seconds: float = 30.0) -> int:
        """The port of the one that leads, once there is one besides that one."""
        async with asyncio.timeout(seconds):
            while True:
                leading = [port for port, role in (await self.roles()).items() if role == "leader"]
                if len(leading) == 1 and leading != [besides]:
                    return leading[0]
                await asyncio.sleep(0.1)

    def sent(self, phone: Phone) -> int:
        """How many messages the bot has sent to the phone so far."""
        return sum(
            method == "sendMessage" and call["chat_id"] == phone.id for _, method, call in self.world.calls
        )

    async def answered(self, phone: Phone, seconds: float = 30.0) -> None:
        """The phone asks for help and gets one message, and no second one."""
        before = self.sent(phone)
        phone.write("/help")
        async with asyncio.timeout(seconds):
            while self.sent(phone) == before:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        assert self.sent(phone) == before + 1


def logged(folder: Path) -> str:
    """All that the processes wrote."""
    return "".join(log.read_text() for log in folder.glob("log-*"))


async def _settle(url: str, keys: str, world: World) -> Phone:
    """A programme with one participant; gives the phone."""
    ids, now = SystemIds(), datetime.now(UTC)
    storage = PostgresStorage(url, Keyring(keys), ids)
    phone = Phone(world, "participant", role="participant")
    world.chats[phone.id].open = True
    programme = Programme(ids.new(), "p", "Example Service", "zoom", "Europe/London", ("en",), "0300", "999")
    group = Group(ids.new(), programme.id, "g", "G", "Europe/London")
    person = Person(
        ids.new(), programme.id, group.id, "participant", "P-07", "en", "Europe/London", "orientation", created_at=now
    )  # fmt: skip
    async with storage.unit() as unit:
        await unit.programmes.save(programme)
        await unit.programmes.save_group(group)
        await unit.people.add(person)
        await unit.chats.add(Chat(ids.new(), world.bot["id"], phone.id, person.id))
        await unit.commit()
    await storage.close()
    return phone


@asynccontextmanager
async def open_fleet(url: str, folder: Path, count: int) -> AsyncIterator[tuple[Fleet, Phone]]:
    """So many processes at work, one of them leading, and the phone of a participant."""
    world, keys = World(SystemClock(), seed=1), Keyring.generate()
    phone = await _settle(url, keys, world)
    async with at_work(world, keys, folder, [url] * count) as fleet:
        yield fleet, phone


@asynccontextmanager
async def at_work(
    world: World, keys: str, folder: Path, urls: Sequence[str], *, patience: float = 2.0, **more: str
) -> AsyncIterator[Fleet]:
    """A process for each of the addresses of one settled database; one of them leads. `more`: settings of all.

    `patience`: seconds after which the front asks the next process.
    """
    ports = [free_port() for _ in urls]
    own = {port: {"VESTIBULE_DATABASE_URL": url} for port, url in zip(ports, urls, strict=True)}
    async with serve(world) as address, Front(*ports, patience=patience).open() as front:
        given = {
            "VESTIBULE_BOT_TOKEN": world.token, "VESTIBULE_BOT_API_URL": address.base_url, "VESTIBULE_KEYS": keys,
            "VESTIBULE_WEBHOOK_URL": front.url, "VESTIBULE_WEBHOOK_SECRET": SECRET,
            "PYTHONPATH": str(ROOT), "VESTIBULE_DRAFTS": "yes", **more,
        }  # fmt: skip
        fleet = Fleet(world, front, given, folder, own)
        try:
            for port in ports:
                await fleet.start(port)
            await fleet.leader()
            yield fleet
        finally:
            for process in fleet.processes.values():
                if process.returncode is None:
                    process.send_signal(signal.SIGCONT)
                    process.kill()
                    await process.wait()
