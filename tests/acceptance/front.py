"""What stands before several processes: a round-robin load balancer, and a storage that tells them of each other."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from bot.ports.stores import Storage, Unit

PATH = "/telegram"
SECRET = "the-front-does-not-look-at-it"


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Front:
    """Gives each request to the next of its `ports`, and to the one after it where nobody answers there.

    `taken` counts what each of them answered well; `patience`: seconds each may take.
    """

    def __init__(self, *ports: int, patience: float = 2.0) -> None:
        self._timeout = aiohttp.ClientTimeout(total=patience)
        self.ports = list(ports)
        self.taken: Counter[int] = Counter()
        self.url = ""
        self._next = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Front]:
        """At work."""
        runner = web.ServerRunner(web.Server(self._pass_on, access_log=None))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}"
        async with aiohttp.ClientSession(timeout=self._timeout) as session:
            self._session = session
            try:
                yield self
            finally:
                await runner.cleanup()

    async def _pass_on(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        for _ in self.ports:
            port = self.ports[self._next % len(self.ports)]
            self._next += 1
            url = f"http://127.0.0.1:{port}{request.path}"
            try:
                async with self._session.post(url, data=body, headers=request.headers) as answer:
                    if answer.status == 200:
                        self.taken[port] += 1
                    return web.Response(status=answer.status, body=await answer.read())
            except (aiohttp.ClientError, TimeoutError):
                continue
        return web.Response(status=502)


class Wire:
    """Carries rings between processes of this test."""

    def __init__(self) -> None:
        self.ears: list[asyncio.Queue[None]] = []


class Shared:
    """A storage of one process that says that others are on the same database (bot.ports.replicas.Shared)."""

    def __init__(self, inner: Storage, wire: Wire) -> None:
        self._inner = inner
        self._wire = wire

    def unit(self, *, beside: bool = False) -> AbstractAsyncContextManager[Unit]:
        """As the storage beneath."""
        return self._inner.unit(beside=beside)

    def apart(self) -> AbstractAsyncContextManager[Any]:
        """SQLite has one transaction at a time, whoever's."""
        return self._inner.unit()

    async def ring(self) -> None:
        """To everybody."""
        for ear in self._wire.ears:
            ear.put_nowait(None)

    async def rings(self) -> AsyncIterator[None]:
        """What is rung from now on."""
        mine: asyncio.Queue[None] = asyncio.Queue()
        self._wire.ears.append(mine)
        try:
            while True:
                yield await mine.get()
        finally:
            self._wire.ears.remove(mine)

    async def empty_journal(self) -> None:
        """As the storage beneath."""
        await self._inner.empty_journal()

    async def close(self) -> None:
        """As the storage beneath."""
        await self._inner.close()
