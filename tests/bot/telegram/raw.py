"""A server that does what a test tells it, byte by byte, and keeps every request that arrived whole."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from telegram.error import TelegramError
from telegram.request import RequestData

from bot.telegram.transport import AiohttpRequest, _Given

TOKEN = "110201543:simulated-token-of-no-real-bot"
GOOD = b'{"ok":true,"result":1}'


def answer(body: bytes = GOOD, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    """An answer as HTTP has it; `length`: another one than the body's."""
    said = len(body) if length is None else length
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {said}", *headers])
    return head.encode() + b"\r\n\r\n" + body


class Raw:
    """`act` is called when a request has arrived whole; whether it returns True says whether the connection closes."""

    def __init__(self, act: Act) -> None:
        self._act = act
        self.heads: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.connections = 0
        self.left: asyncio.Event = asyncio.Event()
        self.url = ""
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        self.writers.append(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lengths = [x for x in head.lower().splitlines() if x.startswith("content-length:")]
                body = await reader.readexactly(int(lengths[0].partition(":")[2]))
                self.heads.append(head)
                self.bodies.append(json.loads(body))
                if await self._act(self, reader, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other side has gone
        finally:
            self.left.set()
            writer.close()


Act = Callable[[Raw, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool | None]]


@asynccontextmanager
async def raw(act: Act, context: ssl.SSLContext | None = None) -> AsyncIterator[Raw]:
    """The server while it serves."""
    one = Raw(act)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0, ssl=context)
    scheme, host = ("https", "localhost") if context else ("http", "127.0.0.1")
    one.url = f"{scheme}://{host}:{server.sockets[0].getsockname()[1]}/bot{TOKEN}/sendMessage"
    try:
        yield one
    finally:
        server.close()
        for writer in one.writers:
            writer.transport.abort()
        await asyncio.sleep(0)


@asynccontextmanager
async def pool(**how: Any) -> AsyncIterator[AiohttpRequest]:
    """The transport, open."""
    request = AiohttpRequest(**how)
    await request.initialize()
    try:
        yield request
    finally:
        await request.shutdown()


async def post(request: AiohttpRequest, url: str, number: int = 1) -> tuple[int, bytes]:
    """One call with a number to know it by."""
    return await request.do_request(url, "POST", cast(RequestData, _Given({"number": number})))


def untold(error: BaseException) -> None:
    """Neither the error nor anything it holds names the token or the address."""
    shown = "".join(traceback.format_exception(error)) + repr(error) + str(error)
    met: list[BaseException] = [error]
    while met:
        one = met.pop()
        shown += repr(one) + repr(one.args) + repr(getattr(one, "__dict__", ""))
        met += [inner for inner in (one.__cause__, one.__context__) if inner is not None]
    assert "simulated-token" not in shown
    assert "127.0.0.1" not in shown


async def fault(request: AiohttpRequest, url: str, number: int = 1) -> TelegramError:
    """What the call raises; it says nothing."""
    with pytest.raises(TelegramError) as caught:
        await post(request, url, number)
    untold(caught.value)
    return caught.value


def closed_port() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}/bot{TOKEN}/x"


async def says_good(one: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers as Telegram does."""
    writer.write(answer())


async def closes(one: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Has read all of it and says nothing."""
    return True


async def resets(one: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Breaks the connection off."""
    told: socket.socket = writer.get_extra_info("socket")
    told.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return True


async def hangs(one: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Says nothing, until the other side goes."""
    await reader.read()
    return True


def says(*pieces: bytes, every: float = 0, then: bool | None = True) -> Act:
    """Says that, a piece `every` so many seconds, and closes (True), stays (None) or says nothing more (False)."""

    async def act(one: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool | None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(every)
        if then is False:
            await reader.read()
        return then

    return act
