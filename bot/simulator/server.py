"""The simulator over HTTP: the Bot API at /bot<token>/<method>, the page at /, its controls under /sim/."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.simulator.bodies import read_parameters
from bot.simulator.control import control_routes
from bot.simulator.faults import ErrorAnswer, Fault, Hang, Malformed, ResetAfter, ResetBefore
from bot.simulator.guard import LoopbackOnly
from bot.simulator.methods import answer
from bot.simulator.refusals import Refusal
from bot.simulator.world import World

_ABORT = "simulator.abort"


@dataclass(frozen=True)
class Address:
    """Where a served world is found: `base_url` for a bot (token and method follow), `page_url` for people."""

    base_url: str
    page_url: str
    port: int


def create_app(world: World) -> ASGIApp:
    """The whole simulator as an ASGI application."""

    async def bot_api(request: Request) -> Response:
        return await _call(world, request)

    app = Starlette(
        routes=[
            Route("/bot{token}/{method}", bot_api, methods=["GET", "POST"]),
            *control_routes(world),
        ]
    )
    # Around everything: Starlette's own middleware would leave out the answer to a fault of ours.
    return LoopbackOnly(app)


@asynccontextmanager
async def serve(world: World, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Address]:
    """Serves the world in the running loop until the context ends; port 0 takes a free one.

    Raises OSError when the port is taken.
    """
    listener = socket.create_server((host, port))
    listener.setsockopt(
        socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
    )  # else each answer waits for an acknowledgement
    config = uvicorn.Config(
        create_app(world),
        http=_AbortableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,  # the process's logging is not the simulator's to set
        log_level="critical",
        server_header=False,
        access_log=False,  # a line would hold the token
        timeout_graceful_shutdown=2,
        timeout_keep_alive=60,
    )
    server = _Embedded(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if running.done():
                await running
            await asyncio.sleep(0.005)
        taken = listener.getsockname()[1]
        yield Address(f"http://{host}:{taken}/bot", f"http://{host}:{taken}/", taken)
    finally:
        world.close()
        server.should_exit = True
        await running
        listener.close()


class _Embedded(uvicorn.Server):
    """Leaves the process's signals to whoever runs the loop."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Captures none."""
        yield


class _AbortableProtocol(H11Protocol):
    """Lets a request reset its connection, for the faults."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn names the parent narrowly
        super().connection_made(transport)
        app: ASGIApp = self.app

        def abort() -> None:
            # With lingering off the peer sees a reset, not an orderly end.
            raw = transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()

        async def with_abort(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, _ABORT: abort}, receive, send)

        self.app = with_abort


class _Reset(Response):
    """Resets the connection instead of answering."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[_ABORT]()
        while (await receive())["type"] != "http.disconnect":
            pass


async def _call(world: World, request: Request) -> Response:
    """One Bot API call over HTTP, with the fault that a test has put in its way."""
    method = request.path_params["method"]
    try:
        if request.path_params["token"] != world.token:
            raise Refusal(401, "Unauthorized")
        given = await read_parameters(request)
        fault = world.faults.meet(method, given)
        if isinstance(fault, ErrorAnswer):
            raise Refusal(fault.code, fault.description, fault.parameters)
        if isinstance(fault, ResetBefore):
            return _Reset()
        if isinstance(fault, Hang) and not fault.accepted:
            await _pause(world, fault.seconds)
            return _Reset()
        result = await answer(world, method, given)
    except Refusal as refusal:
        return JSONResponse(refusal.body(), refusal.code)
    return await _after(world, fault, result)


async def _after(world: World, fault: Fault | None, result: Any) -> Response:
    if isinstance(fault, ResetAfter):
        return _Reset()
    if isinstance(fault, Malformed):
        return Response(fault.body, media_type="application/json")
    if isinstance(fault, Hang):
        await _pause(world, fault.seconds)
    return JSONResponse({"ok": True, "result": result})


async def _pause(world: World, seconds: float) -> None:
    """Real seconds, cut short when the world closes."""
    try:
        async with asyncio.timeout(seconds):
            await world.closing.wait()
    except TimeoutError:
        return
