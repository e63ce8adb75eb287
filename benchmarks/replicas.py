"""Taps a second of one, two and three processes on one PostgreSQL, and where the processor time of a tap goes.

The load is Telegram and load balancer in one: it posts each update straight to the next process in turn, over
connections that stay open, so that no proxy takes its share of the machine.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from benchmarks import bots, town
from benchmarks.api import Api, served
from benchmarks.bots import Running
from benchmarks.crowd import Crowd
from benchmarks.figures import median, quantile, table
from benchmarks.peers.dialogue import TOKEN
from benchmarks.taps import START_SECONDS, Load, polled
from bot.ids import SystemIds
from bot.storage.postgres import PostgresStorage
from bot.storage.revisions import migrate
from bot.storage.sealing import Keyring
from tests.acceptance.front import free_port
from tests.postgres import Databases, Server

COUNTS: Final = (1, 2, 3)
POLLING: Final = 0
"""In the place of a count of replicas: one process that asks Telegram for updates."""
SECRET: Final = "the-bench-looks-not-at-it"
PATH: Final = "/telegram"
AT_ONCE: Final = 100
"""Requests that Telegram makes at a time, at most."""
_AGAIN_AFTER: Final = 0.1


@dataclass(slots=True)
class Shares:
    """A value for each round. Processor time in milliseconds a tap, over all processes of a kind."""

    taps_per_second: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    bot: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    load: list[float] = field(default_factory=list)


class HookApi(Api):
    """A Bot API that brings updates to `ports` in turn, again and again until one is answered with 200."""

    def __init__(self, crowd: Crowd, ports: list[int]) -> None:
        super().__init__(crowd)
        self.hooked = asyncio.Event()
        self._crowd = crowd
        self._last_number = 1000
        self._url = f"http://127.0.0.1:{ports[0]}{PATH}"
        self._turn = cycle(ports)
        self._open: dict[int, list[_Line]] = {port: [] for port in ports}
        self._room = asyncio.Semaphore(AT_ONCE)
        self._bringing: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """What the processes have to name as their webhook."""
        return self._url

    def add(self, body: dict[str, Any]) -> int:
        """An update is on its way to the next process; its id."""
        self._last_number += 1
        raw = json.dumps({"update_id": self._last_number, **body}).encode()
        task = asyncio.create_task(self._bring(self._last_number, raw))
        self._bringing.add(task)
        task.add_done_callback(self._bringing.discard)
        return self._last_number

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One call."""
        method = request.path.rpartition("/")[2]
        if method == "setWebhook":
            self.hooked.set()
        if method != "getWebhookInfo":
            return await super().answer(request)
        info = {"url": self._url, "pending_update_count": 0, "has_custom_certificate": False}
        return web.json_response({"ok": True, "result": info})

    async def _bring(self, number: int, raw: bytes) -> None:
        async with self._room:
            self._crowd.handed([number])
            while not await self._post(next(self._turn), raw):
                await asyncio.sleep(_AGAIN_AFTER)

    async def _post(self, port: int, raw: bytes) -> bool:
        free = self._open[port]
        try:
            line = free.pop() if free else await _Line.to(port)
            status = await line.post(raw)
        except (OSError, EOFError):
            return False
        free.append(line)
        return status == 200

    async def hang_up(self) -> None:
        """Close all connections."""
        for line in [line for free in self._open.values() for line in free]:
            line.close()


class _Line:
    """A connection that stays open: as little HTTP as uvicorn's answers need, which all have a Content-Length."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, port: int) -> _Line:
        """Raises OSError where nobody listens."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def post(self, raw: bytes) -> int:
        """The status of the answer. Raises OSError or EOFError where the connection breaks."""
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nX-Telegram-Bot-Api-Secret-Token: {SECRET}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
        )
        self._writer.write(head.encode() + raw)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(answer.partition(b"content-length:")[2].partition(b"\r")[0])
        await self._reader.readexactly(length)
        return int(answer[9:12])

    def close(self) -> None:
        """At once."""
        self._writer.close()


async def measure(
    load: Load, tell: Callable[[str], None], counts: tuple[int, ...] = (POLLING, *COUNTS)
) -> dict[int, Shares]:
    """The figures by the count of replicas. Raises AssertionError without PostgreSQL."""
    found = {count: Shares() for count in counts}
    server = Server(durable=True)
    try:
        await asyncio.to_thread(server.start)
        for number in range(load.rounds):
            for count in counts:
                tell(f"round {number + 1} of {load.rounds}: {_name(count)}")
                await _one(count, load, server, found[count])
    finally:
        await asyncio.to_thread(server.remove)
    return found


async def _one(count: int, load: Load, server: Server, into: Shares) -> None:
    databases = Databases(server.folder)
    url = databases.make("bench")
    await asyncio.to_thread(migrate, url)
    await town.fill(PostgresStorage(url, Keyring(town.KEYS), SystemIds()), load.participants)
    async with _at_work(count, load.participants, url) as (crowd, processes):
        await crowd.closed(3 * load.participants)
        bot, database, own = _cpu(processes), server.cpu_seconds(), time.process_time()
        sample = await crowd.closed(load.taps)
        into.bot.append((_cpu(processes) - bot) / load.taps * 1000)
        into.database.append((server.cpu_seconds() - database) / load.taps * 1000)
        into.load.append((time.process_time() - own) / load.taps * 1000)
        into.taps_per_second.append(sample.taps_per_second)
        into.p50.append(quantile(sample.after_handing_over, 0.5) * 1000)
        into.p99.append(quantile(sample.after_handing_over, 0.99) * 1000)
        for process in processes:
            process.check()
    databases.drop("bench")


def _cpu(processes: list[Running]) -> float:
    return sum(process.cpu_seconds() for process in processes)


@asynccontextmanager
async def _at_work(count: int, participants: int, url: str) -> AsyncIterator[tuple[Crowd, list[Running]]]:
    """So many replicas, or one that polls, and everybody who is about to tap."""
    crowd = Crowd(participants, bots.VESTIBULE.opening)
    ports = [free_port() for _ in range(count or 1)]
    api = HookApi(crowd, ports) if count else Api(crowd)
    crowd.join(api)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        address = await stack.enter_async_context(served(api))
        given = {
            "VESTIBULE_BOT_TOKEN": TOKEN, "VESTIBULE_BOT_API_URL": address, "VESTIBULE_KEYS": town.KEYS,
            "VESTIBULE_DATABASE_URL": url, "VESTIBULE_SEND_LIMITS": "off", "VESTIBULE_LOG_LEVEL": "warning",
        }  # fmt: skip
        processes = []
        for port in ports:
            more = {
                "VESTIBULE_WEB_PORT": str(port), "VESTIBULE_WEBHOOK_URL": api.url, "VESTIBULE_WEBHOOK_SECRET": SECRET,
                "VESTIBULE_HEARTBEAT_FILE": str(folder / f"heartbeat-{port}"),
            } if isinstance(api, HookApi) else {}  # fmt: skip
            command = [sys.executable, "-m", "bot", "run"]
            processes.append(await stack.enter_async_context(bots.process(command, folder, given | more)))
        if isinstance(api, HookApi):
            await _listening(api, ports, processes)
            stack.push_async_callback(api.hang_up)
        else:
            await polled(api, processes[0])
        yield crowd, processes


async def _listening(api: HookApi, ports: list[int], processes: list[Running]) -> None:
    """Return when all are reached and one leads. Raises Ended, or TimeoutError."""
    async with asyncio.timeout(START_SECONDS):
        await api.hooked.wait()
        for port in ports:
            while True:
                try:
                    (await _Line.to(port)).close()
                except OSError:
                    for process in processes:
                        process.check()
                    await asyncio.sleep(0.05)
                else:
                    break


def _name(count: int) -> str:
    return f"webhook, {count} process{'es' if count > 1 else ''}" if count else "long polling, 1 process"


def told(found: dict[int, Shares]) -> str:
    """The table."""
    head = ["", "taps/s", "p50 ms", "p99 ms", "CPU ms a tap: bot", "PostgreSQL", "load"]
    rows = [
        [
            _name(count),
            f"{median(one.taps_per_second):.0f}",
            f"{median(one.p50):.0f}",
            f"{median(one.p99):.0f}",
        ]
        + [f"{median(times):.2f}" for times in (one.bot, one.database, one.load)]
        for count, one in found.items()
    ]
    return table(head, rows)
