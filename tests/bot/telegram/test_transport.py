"""The transport against a server that does anything: what may have been written, and in what time a call ends."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from telegram.error import NetworkError, TelegramError, TimedOut

from bot.telegram import transport
from bot.telegram.transport import AiohttpRequest, Unsent
from tests.bot.telegram.raw import (
    GOOD,
    TOKEN,
    Act,
    answer,
    closed_port,
    closes,
    fault,
    hangs,
    pool,
    post,
    raw,
    resets,
    says,
    says_good,
)

pytestmark = pytest.mark.usefixtures("soon")

# Nothing was written


async def test_nobody_is_there(request_: AiohttpRequest) -> None:
    """R-10 A connection that is refused, and a name that nobody knows, wrote nothing."""
    assert type(await fault(request_, closed_port())) is Unsent
    assert type(await fault(request_, f"http://nowhere.invalid/bot{TOKEN}/x")) is Unsent


@pytest.fixture
def full() -> Iterator[str]:
    """A port whose queue is full: connections to it are neither taken nor refused."""
    with contextlib.ExitStack() as open_:
        port = open_.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(8):
            one = open_.enter_context(socket.socket())
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                one.connect(port.getsockname())
        yield f"http://127.0.0.1:{port.getsockname()[1]}/bot{TOKEN}/x"


async def test_nobody_opens(full: str) -> None:
    """R-10 A connection that does not come about in its time wrote nothing."""
    async with pool(read_seconds=20) as request:
        began = time.monotonic()
        assert type(await fault(request, full)) is Unsent
        assert time.monotonic() - began < 3


async def test_no_tls() -> None:
    """R-10 Where the handshake fails, or never ends, nothing of the request was written."""

    async def no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with pool(read_seconds=20) as request, raw(says_good) as server:
        assert type(await fault(request, server.url.replace("http:", "https:"))) is Unsent
        assert server.heads == []
        async with await asyncio.start_server(no_tls, "127.0.0.1", 0) as other:
            port = other.sockets[0].getsockname()[1]
            assert type(await fault(request, f"https://127.0.0.1:{port}/bot{TOKEN}/x")) is Unsent


async def test_all_connections_are_taken() -> None:
    """R-10 A call for which no connection becomes free in its time wrote nothing, and no more are opened."""
    async with pool(connections=2, read_seconds=1.5) as request, raw(hangs) as server:
        first = [asyncio.create_task(fault(request, server.url, n)) for n in range(2)]
        while len(server.bodies) < 2:
            await asyncio.sleep(0.01)
        assert type(await fault(request, server.url, 3)) is Unsent
        assert [type(await one) for one in first] == [TimedOut, TimedOut]
        assert server.connections == 2
        assert sorted(body["number"] for body in server.bodies) == [0, 1]


# Something may have been written

SMALL = answer(length=500)
AFTER: dict[str, tuple[Act, type[TelegramError]]] = {
    "closes": (closes, NetworkError),
    "resets": (resets, NetworkError),
    "garbage": (says(b"hello you\r\n\r\n"), NetworkError),
    "half a head": (says(b"HTTP/1.1 200 OK\r\nContent-Le"), NetworkError),
    "cut off": (says(SMALL), NetworkError),
    "a head and silence": (says(SMALL, then=False), TimedOut),
    "a trickle": (says(SMALL, *[b" "] * 20, every=0.1), TimedOut),
    "bad pieces": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"),
        NetworkError,
    ),
    "two lengths": (says(answer(GOOD, "200 OK", "Content-Length: 3")), NetworkError),
    "hangs": (hangs, TimedOut),
}


@pytest.mark.parametrize("kept_alive", [False, True], ids=["new", "kept"])
@pytest.mark.parametrize("what", AFTER)
async def test_it_may_have_gone_out(request_: AiohttpRequest, what: str, kept_alive: bool) -> None:
    """R-10 Whatever comes after the request is ambiguous, never unsent, and it arrives once: nothing is repeated."""
    act, kind = AFTER[what]

    async def once_good(one, reader, writer):  # type: ignore[no-untyped-def]  # as Act
        if kept_alive and len(one.bodies) == 1:
            writer.write(answer())
            return None
        return await act(one, reader, writer)

    async with raw(once_good) as server:
        if kept_alive:
            assert await post(request_, server.url, 0) == (200, GOOD)
        assert type(await fault(request_, server.url)) is kind
        await asyncio.sleep(0.1)
        assert [body["number"] for body in server.bodies] == ([0, 1] if kept_alive else [1])
        assert server.connections == 1


async def test_a_call_ends_in_its_time(request_: AiohttpRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence ends with the time for reading, a trickle with that and the time to connect together."""
    for act, connecting, least in (
        (AFTER["a trickle"][0], 0.4, 0.8),
        (hangs, 9, 0.4),
        (says(SMALL, then=False), 9, 0.4),
    ):
        monkeypatch.setattr(transport, "CONNECT_SECONDS", connecting)
        transport._timeout.cache_clear()
        async with raw(act) as server:
            began = time.monotonic()
            assert type(await fault(request_, server.url)) is TimedOut
            assert least <= time.monotonic() - began < 5


async def test_each_call_has_its_own_time(request_: AiohttpRequest) -> None:
    """A call says how long its answer may take, and that holds for it only."""
    async with raw(says(b"", answer(), every=0.6, then=None)) as server:
        assert await request_.do_request(server.url, "POST", None, read_timeout=5) == (200, GOOD)
        assert type(await fault(request_, server.url)) is TimedOut
        assert await request_.do_request(server.url, "POST", None, read_timeout=None) == (200, GOOD)


async def test_a_connection_the_server_has_closed(request_: AiohttpRequest) -> None:
    """R-10 One that was closed meanwhile is not used again, and the call goes out once, on another."""
    async with raw(says(answer())) as server:
        for number in range(20):
            assert await post(request_, server.url, number) == (200, GOOD)
            await asyncio.sleep(0.01)
        assert [body["number"] for body in server.bodies] == list(range(20))


async def test_a_connection_whose_end_is_not_seen_yet(request_: AiohttpRequest) -> None:
    """R-10 A call into a connection that was closed, unseen, just before is ambiguous, and nobody repeats it for us."""
    async with raw(says_good) as server:
        for number in range(20):
            assert await post(request_, server.url, 2 * number) == (200, GOOD)
            server.writers[-1].get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            assert type(await fault(request_, server.url, 2 * number + 1)) is NetworkError
        assert [body["number"] for body in server.bodies] == list(range(0, 40, 2))


async def test_closing_while_we_write(request_: AiohttpRequest) -> None:
    """R-10 When a server closes connections just as they are used again, no call arrives twice, and Unsent is true."""
    arrived: Counter[int] = Counter()

    async def moody(one, reader, writer):  # type: ignore[no-untyped-def]  # as Act
        arrived[one.bodies[-1]["number"]] += 1
        writer.write(answer())
        if one.bodies[-1]["number"] % 3 == 0:
            await asyncio.sleep(0)
            return True
        return None

    async def one(number: int) -> None:
        try:
            await post(request_, server.url, number)
        except Unsent:
            assert not arrived[number]
        except NetworkError:
            pass

    async with raw(moody) as server:
        for start in range(0, 600, 8):
            await asyncio.gather(*(one(start + more) for more in range(8)))
    assert set(arrived.values()) == {1}
    assert len(arrived) > 300
