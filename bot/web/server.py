"""Serves the app in the running loop, on an address of this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.web.app import HEADERS


class WebServer:
    """Runs until cancelled. Raises NoPlace when the port is taken, or the address is not this machine's.

    `more_at_once`: connections beyond those of health checks; what comes beyond them is answered 503.
    """

    def __init__(self, app: ASGIApp, host: str, port: int, *, more_at_once: int = 0) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._at_once = 50 + more_at_once
        # A load balancer that keeps its connections open must not find them closed just as it uses one.
        self._keep_alive = 75 if more_at_once else 5
        self.address = ""

    def _listening(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            return socket.create_server((self._host, self._port), family=family)
        except OSError as error:
            raise NoPlace(
                f"nothing can be served at {self._host} port {self._port}: {error.strerror or error}; "
                "look at VESTIBULE_WEB_HOST and VESTIBULE_WEB_PORT, each process needs a port of its own"
            ) from error

    async def run(self) -> None:
        """Serve; `address` says where, once it does."""
        with self._listening() as listener:
            config = uvicorn.Config(
                self._app,
                http=_Guarded,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                headers=list(HEADERS.items()),
                limit_concurrency=self._at_once,
                timeout_keep_alive=self._keep_alive,
                timeout_graceful_shutdown=1,
            )
            self.address = f"http://{self._host}:{listener.getsockname()[1]}"
            server = _Embedded(config)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                await asyncio.shield(serving)
            finally:
                server.should_exit = True  # cancelled outright it would leave its connections open
                await serving


class NoPlace(Exception):
    """Nothing can be served at that address; the message says why and what to change."""


class _Guarded(H11Protocol):
    """The answer to what is no HTTP is given before any app or default is asked; it carries the headers too."""

    def send_400_response(self, msg: str) -> None:
        """Without a word about what came."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
        said = f"HTTP/1.1 400 Bad Request\r\n{lines}content-length: 0\r\nconnection: close\r\n\r\n"
        self.transport.write(said.encode())
        self.transport.close()


class _Embedded(uvicorn.Server):
    """Leaves the process's signals to whoever runs the loop."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Captures none."""
        yield
