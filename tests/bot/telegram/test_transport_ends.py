"""How calls end from without: cancelled, shut down, or with the process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from telegram.error import TelegramError, TimedOut

from bot.telegram.transport import READ_SECONDS, AiohttpRequest
from tests.bot.telegram.raw import answer, hangs, pool, post, raw, says_good

ROOT = Path(__file__).parents[3]


async def cancelled(task: asyncio.Task[tuple[int, bytes]]) -> bool:
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=2)
    return task in done and task.cancelled()


async def test_a_cancelled_call_ends() -> None:
    """A call that is cancelled ends at once, and the pool serves the next one."""
    async with pool() as request, raw(hangs) as server, raw(says_good) as good:
        task = asyncio.create_task(post(request, server.url))
        while not server.bodies:
            await asyncio.sleep(0.01)
        began = time.monotonic()
        assert await cancelled(task)
        assert time.monotonic() - began < 2
        assert (await post(request, good.url))[0] == 200
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await post(request, server.url)


async def test_who_waited_is_not_sent() -> None:
    """R-10 A call that is cancelled while it waits for a free connection is never written."""
    async with pool(connections=1, read_seconds=0.5) as request, raw(hangs) as server:
        first = asyncio.create_task(post(request, server.url, 1))
        second = asyncio.create_task(post(request, server.url, 2))
        while not server.bodies:
            await asyncio.sleep(0.01)
        assert await cancelled(second)
        with pytest.raises(TelegramError):
            await first
        await asyncio.sleep(0.3)
        assert server.bodies == [{"number": 1}]


async def test_what_is_left_of_a_cancelled_call() -> None:
    """Nothing: its connection is closed at once."""
    async with pool() as request, raw(hangs) as server:
        task = asyncio.create_task(post(request, server.url))
        while not server.bodies:
            await asyncio.sleep(0.01)
        assert await cancelled(task)
        await asyncio.wait_for(server.left.wait(), 2)


class Beside:
    """A server in threads, which answers a good or a bad word as soon as `may`, also while the loop stands still."""

    def __init__(self, port: socket.socket) -> None:
        self._port = port
        self.url = f"http://127.0.0.1:{port.getsockname()[1]}/bot1:x/sendMessage"
        self.asked, self.may = threading.Event(), threading.Event()
        self.word = answer()

    def listen(self) -> None:
        while True:
            try:
                one, _ = self._port.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(one,), daemon=True).start()

    def _serve(self, one: socket.socket) -> None:
        with one, contextlib.suppress(ConnectionError):
            while b"number" in one.recv(65536):
                self.asked.set()
                self.may.wait(5)
                one.sendall(self.word)


@pytest.fixture
def beside() -> Iterator[Beside]:
    with socket.create_server(("127.0.0.1", 0)) as port:
        one = Beside(port)
        threading.Thread(target=one.listen, daemon=True).start()
        yield one
        one.may.set()
        port.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("end", ["good", "bad", "too late"])
async def test_an_end_is_not_lost(beside: Beside, end: str) -> None:
    """A call that is cancelled just as it comes to its own end is cancelled nevertheless: no task goes on for ever."""
    caught = 0
    beside.word = answer() if end == "good" else b"nonsense\r\n\r\n"
    async with pool(read_seconds=0.2 if end == "too late" else 5) as request:
        for turns in range(12):
            beside.asked.clear()
            beside.may.clear()
            task = asyncio.create_task(post(request, beside.url))
            while not beside.asked.is_set():
                await asyncio.sleep(0)
            if end != "too late":
                beside.may.set()
            time.sleep(0.3)  # noqa: ASYNC251  # its end is there, and the loop has not seen it
            for _ in range(turns):
                await asyncio.sleep(0)
            if task.done():
                task.exception()
                break
            caught += 1
            assert await cancelled(task)
    assert 2 <= caught < 12  # before the loop saw its end, and after


async def test_a_last_call_of_a_cancelled_task() -> None:
    """What a task does on its way out is not cancelled once more, and has its times as ever."""

    async def leaving(request: AiohttpRequest) -> tuple[int, bytes]:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        with pytest.raises(TimedOut):
            await post(request, silent.url)
        return await post(request, good.url)

    async with pool(read_seconds=0.3) as request, raw(hangs) as silent, raw(says_good) as good:
        task = asyncio.create_task(leaving(request))
        await asyncio.sleep(0)
        task.cancel()
        assert (await task)[0] == 200


async def test_shutting_down_ends_calls() -> None:
    """Who still waits when the pool is closed learns so, and a pool can be opened anew."""
    request = AiohttpRequest()
    with pytest.raises(RuntimeError):
        await post(request, "http://127.0.0.1:1/")
    await request.initialize()
    await request.initialize()
    async with raw(hangs) as server, raw(says_good) as good:
        task = asyncio.create_task(post(request, server.url))
        while not server.bodies:
            await asyncio.sleep(0.01)
        await request.shutdown()
        await request.shutdown()
        with pytest.raises(TelegramError):
            await asyncio.wait_for(task, 2)
        await request.initialize()
        assert (await post(request, good.url))[0] == 200
        await request.shutdown()


PROGRAM = """
import asyncio, sys
from tests.bot.telegram.raw import hangs, pool, post, raw
async def main():
    async with pool() as request, raw(hangs) as server:
        calls = [asyncio.ensure_future(post(request, server.url, n)) for n in range(5)]
        while len(server.bodies) < 5:
            await asyncio.sleep(0.01)
        {then}
asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize(("then", "code"), [("return", 0), ("raise SystemExit(3)", 3)])
def test_the_process_ends(then: str, code: int) -> None:
    """Calls on their way keep no process from ending, it ends as it would without them, and names no address."""
    began = time.monotonic()
    program = subprocess.run(
        [sys.executable, "-X", "dev", "-c", PROGRAM.format(then=then)],
        cwd=ROOT, capture_output=True, timeout=60,
    )  # fmt: skip
    assert time.monotonic() - began < READ_SECONDS - 5
    assert program.returncode == code
    assert b"simulated-token" not in program.stdout + program.stderr
