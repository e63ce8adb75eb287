"""The bots under test: how each is prepared and started, as a process of its own, and what is missing for it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import town
from benchmarks.peers.dialogue import TOKEN

ROOT = Path(__file__).parents[1]
PEERS_PYTHON = ROOT / ".venv" / "peers" / "bin" / "python"
_TICKS = os.sysconf("SC_CLK_TCK")


class Ended(Exception):
    """The bot's process ended by itself; with the end of what it wrote."""


def _nothing() -> str:
    return ""


def _no_aiogram() -> str:
    return "" if PEERS_PYTHON.exists() else "aiogram is missing; make bench installs it"


def _no_redis() -> str:
    return _no_aiogram() or (
        "" if redis_server() else "redis-server is missing; apt-get install redis-server"
    )


def redis_server() -> str:
    """The Redis to start: VESTIBULE_BENCH_REDIS, or the one on the path."""
    return os.environ.get("VESTIBULE_BENCH_REDIS") or shutil.which("redis-server") or ""


@dataclass(frozen=True, slots=True)
class Bot:
    """One line of the table. `module` and `argument`: the program; None is Vestibule itself."""

    key: str
    name: str
    module: str | None
    argument: str = ""
    opening: str = "/start"
    missing: Callable[[], str] = _nothing


VESTIBULE = Bot("vestibule", "Vestibule, fsync before each answer", None, opening="/selftest")
BOTS = {
    bot.key: bot
    for bot in (
        VESTIBULE,
        Bot("ptb", "python-telegram-bot, ConversationHandler, PicklePersistence", "ptb_conversation"),
        Bot("aiogram", "aiogram, FSM in memory", "aiogram_fsm", "memory", missing=_no_aiogram),
        Bot("aiogram-redis", "aiogram, FSM in Redis", "aiogram_fsm", "redis", missing=_no_redis),
        Bot("echo", "python-telegram-bot, bare echo, its own transport", "ptb_echo", "default"),
        Bot("echo-aiohttp", "python-telegram-bot, bare echo, our transport", "ptb_echo", "aiohttp"),
    )
}


class Running:
    """A bot's process."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        """Of the process, for a profiler."""
        return self._process.pid

    def check(self) -> None:
        """Raises Ended if it has."""
        if self._process.returncode is not None:
            raise Ended(
                f"exit code {self._process.returncode}\n{self._log.read_text(errors='replace')[-2000:]}"
            )

    def cpu_seconds(self) -> float:
        """Processor time used so far, user and system."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def megabytes(self) -> float:
        """Most memory held so far."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024


@asynccontextmanager
async def process(command: list[str], folder: Path, env: dict[str, str]) -> AsyncIterator[Running]:
    """The program, ended when the context ends."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("VESTIBULE_")}
    log = folder / "output.txt"
    with log.open("ab") as output:
        started = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=own | env | {"PYTHONPATH": str(ROOT)}, stdout=output, stderr=output
        )
    try:
        yield Running(started, log)
    finally:
        await _end(started)


async def _end(started: asyncio.subprocess.Process) -> None:
    if started.returncode is None:
        started.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(started.wait(), 10)
        except TimeoutError:
            started.kill()
            await started.wait()


@asynccontextmanager
async def vestibule(
    address: str, folder: Path, database: Path, *, limits: str = "off"
) -> AsyncIterator[Running]:
    """Vestibule on a database that is settled already."""
    given = {
        "VESTIBULE_BOT_TOKEN": TOKEN,
        "VESTIBULE_BOT_API_URL": address,
        "VESTIBULE_KEYS": town.KEYS,
        "VESTIBULE_DATABASE_URL": f"sqlite:///{database}",
        "VESTIBULE_SEND_LIMITS": limits,
        "VESTIBULE_LOG_LEVEL": "warning",
    }
    async with process([sys.executable, "-m", "bot", "run"], folder, given) as running:
        yield running


@asynccontextmanager
async def run(bot: Bot, address: str, folder: Path, participants: int) -> AsyncIterator[Running]:
    """The bot on that server, with so many participants it knows already."""
    async with AsyncExitStack() as stack:
        if bot.module is None:
            database = folder / "vestibule.db"
            await town.settle(database, participants)
            yield await stack.enter_async_context(vestibule(address, folder, database))
            return
        argument = bot.argument
        if argument == "redis":
            argument = await stack.enter_async_context(_redis(folder))
        python = str(PEERS_PYTHON) if bot.module == "aiogram_fsm" else sys.executable
        command = [python, "-m", f"benchmarks.peers.{bot.module}", address, str(folder), argument]
        yield await stack.enter_async_context(process(command, folder, {}))


@asynccontextmanager
async def _redis(folder: Path) -> AsyncIterator[str]:
    """A Redis of our own that writes nothing to the disk: the fastest there is; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        str(folder),
    ]
    async with process([redis_server(), *options], folder, {}) as running:
        await _open(port, running)
        yield f"redis://127.0.0.1:{port}/0"


async def _open(port: int, running: Running) -> None:
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            running.check()
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise Ended("redis-server does not answer")
