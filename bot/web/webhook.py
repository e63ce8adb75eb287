"""The door Telegram brings updates to: one address, a secret, and 200 only once an update is kept (R-01)."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.clock import ticking
from bot.ports.inbound import Inbound, Malformed
from bot.ports.stores import StorageFault

Update = Inbound | Malformed
SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header
MOST_BYTES: Final = 1_048_576
"""An update has some ten thousand bytes at most."""
LOGGED_EVERY: Final = 60.0
"""Real seconds between two lines of the log about callers who are not Telegram."""

log = structlog.get_logger(__name__)


class _TooLong(Exception):
    """The body has more than MOST_BYTES."""


class WebhookDoor:
    """POST only. `take` returns once the updates are kept, or raises StorageFault; `parse` never raises.

    | answer | when |
    | --- | --- |
    | 200 | it is kept, or there is nothing in it that could be: else Telegram would bring it again and again |
    | 401 | the secret is wrong or missing; nothing of the body has been read |
    | 413 | the body is too long |
    | 503 | it could not be kept: Telegram brings it again |

    `unreadable` hears of a body that is no update at all. That can only be counted: where even its number cannot be
    read it can be recorded as seen as little as from the poller.
    """

    def __init__(
        self,
        secret: str,
        parse: Callable[[object], Update | None],
        take: Callable[[Sequence[Update]], Awaitable[None]],
        unreadable: Callable[[], None],
        *,
        ticks: Callable[[], float] = ticking,
    ) -> None:
        self._secret = secret.encode()
        self._parse = parse
        self._take = take
        self._unreadable = unreadable
        self._ticks = ticks
        self._refused = 0
        self._logged = float("-inf")

    def route(self, path: str) -> Route:
        """The route to it."""
        return Route(path, self._answer, methods=["POST"])

    async def _answer(self, request: Request) -> Response:
        given = request.headers.get(SECRET_HEADER, "").encode("latin-1")
        if not hmac.compare_digest(given, self._secret):
            self._count_refused()
            return _refused(401)
        try:
            body = await _body(request)
        except _TooLong:
            log.warning("webhook.too_long")
            return _refused(413)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody hears it
        update = self._read(body)
        if update is None:
            return Response()
        try:
            await self._take([update])
        except StorageFault as fault:
            log.warning("webhook.storage_fault", fault=type(fault).__name__)
            return PlainTextResponse("not kept; bring it again\n", 503, {"Retry-After": "1"})
        return Response()

    def _read(self, body: bytes) -> Update | None:
        """What is to be taken in; None where it is none of our business, or nothing can be done with it."""
        try:
            raw = json.loads(body)
        except (ValueError, RecursionError):
            raw = None
        update = self._parse(raw)
        if update is not None and update.update_id < 0:
            log.warning("webhook.unreadable")
            self._unreadable()
            return None
        return update

    def _count_refused(self) -> None:
        """A line now and then, with how many there were: a port scan must not fill the log."""
        self._refused += 1
        if self._ticks() - self._logged >= LOGGED_EVERY:
            log.warning("webhook.refused", count=self._refused)
            self._refused, self._logged = 0, self._ticks()


async def _body(request: Request) -> bytes:
    """Raises _TooLong before more than MOST_BYTES are held."""
    length = request.headers.get("Content-Length", "")
    if length.isdecimal() and int(length[:12]) > MOST_BYTES:
        raise _TooLong
    held = bytearray()
    async for part in request.stream():
        held += part
        if len(held) > MOST_BYTES:
            raise _TooLong
    return bytes(held)


def _refused(status: int) -> Response:
    # What was not read of the body must not be taken for the next request.
    return Response(status_code=status, headers={"Connection": "close"})
