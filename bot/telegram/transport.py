"""python-telegram-bot's `BaseRequest` on aiohttp: a fifth of the cost of its default (architecture, Parts and why).

`call` goes through it without the library's objects, a third of the cost of the library's methods. Beyond what the library tells apart, three errors say what a sender must know: `Unsent` (nothing was
written), `Flood` (429, with its seconds) and `ServerTrouble` (5xx).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, cast

import aiohttp
import yarl
from telegram import Bot
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 20.0
CONNECTIONS: Final = 64
"""More than the sender's calls in flight, the answers to presses and getUpdates together."""


MOST_BYTES: Final = 16_000_000
"""An answer holds a hundred updates of some ten thousand bytes at most."""


class Unsent(NetworkError):
    """No connection was made, so nothing was written: trying again sends no second copy."""


class ServerTrouble(NetworkError):
    """The server answered 5xx."""


class Flood(TelegramError):
    """429: wait `seconds`. The library's RetryAfter warns about its own next version at each use."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"flood control, {seconds} s")
        self.seconds = seconds


class Garbled(TelegramError):
    """The answer cannot be read. Says nothing of its content, which may be somebody's message."""

    def __init__(self) -> None:
        super().__init__("the answer cannot be read")


class AiohttpRequest(BaseRequest):
    """One pool of connections. Files are never sent, redirects never followed (the token is in the path)."""

    __slots__ = ("_connections", "_read_seconds", "_session")

    def __init__(self, *, connections: int = CONNECTIONS, read_seconds: float = READ_SECONDS) -> None:
        self._connections = connections
        self._read_seconds = read_seconds
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        """Seconds a read may take when the call does not say."""
        return self._read_seconds

    async def initialize(self) -> None:
        """Open the pool. A second time does nothing."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self.USER_AGENT, "Content-Type": "application/json"},
            )

    async def shutdown(self) -> None:
        """Close the pool. A second time does nothing."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """One call: status and body. Raises Unsent, TimedOut, Flood, ServerTrouble or NetworkError."""
        reading = self._read_seconds if read_timeout is BaseRequest.DEFAULT_NONE else read_timeout
        given = json.dumps(request_data.parameters if request_data else {}).encode()
        status, body = await self._exchange(method, url, given, _timeout(reading))
        if status == 429:
            raise Flood(_retry_after(body))
        if status >= 500:
            raise ServerTrouble(str(status))
        return status, body

    async def _exchange(
        self, method: str, url: str, given: bytes, limits: aiohttp.ClientTimeout
    ) -> tuple[int, bytes]:
        """Status and body, whatever they say; faults of the connection in the library's words, without a cause."""
        if self._session is None:
            raise RuntimeError("initialize() comes first")
        try:
            async with self._session.request(
                method, yarl.URL(url, encoded=True), data=given, timeout=limits, allow_redirects=False
            ) as response:
                return response.status, await _whole(response)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            fault = _fault(error)
        raise fault  # not where aiohttp's error would stay with it: the text of many names the address, and so the token

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The answer's object. Unlike the library's own, it never logs what it could not read."""
        try:
            answer = json.loads(payload)
        except (ValueError, RecursionError) as error:
            raise Garbled from error
        if not isinstance(answer, dict) or not ("result" in answer or answer.get("ok") is False):
            raise Garbled
        return answer


def _fault(error: Exception) -> TelegramError:
    """In the library's words: what came before the request, what did not come in time, and the rest (R-10)."""
    if isinstance(error, (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError)):
        return Unsent(type(error).__name__)
    return TimedOut() if isinstance(error, TimeoutError) else NetworkError(type(error).__name__)


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    """The body. Raises Garbled for one that no answer of the Bot API comes near."""
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > MOST_BYTES:
            raise Garbled
    return bytes(body)


@lru_cache(maxsize=8)
def _timeout(reading: float | None) -> aiohttp.ClientTimeout:
    """`connect` also bounds the wait for a free connection; `total` bounds an answer that trickles."""
    total = None if reading is None else CONNECT_SECONDS + reading
    return aiohttp.ClientTimeout(total=total, connect=CONNECT_SECONDS, sock_read=reading)


def _retry_after(body: bytes) -> float:
    """The seconds of a 429; one when it names none that can be read."""
    try:
        return max(1.0, float(json.loads(body)["parameters"]["retry_after"]))
    except (ValueError, LookupError, TypeError, RecursionError):
        return 1.0


@dataclass(frozen=True, slots=True)
class _Given:
    """As much of the library's RequestData as a request reads."""

    parameters: Mapping[str, object]


async def call(
    bot: Bot, method: str, given: Mapping[str, object], read_seconds: float | None = None
) -> object:
    """The `result` of a call as it came; nothing but its presence was looked at. `given`: what JSON can say.

    `read_seconds`: as the pool has it unless said. Raises a TelegramError: those of AiohttpRequest, the
    library's for a refusal, Garbled where there is no reading the answer.
    """
    data, reading = cast(RequestData, _Given(given)), read_seconds or bot.request.read_timeout
    try:
        return await bot.request.post(f"{bot.base_url}/{method}", data, read_timeout=reading)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise Garbled from error  # the library took the answer for a better one


def quiet_library_logs() -> None:
    """Silence python-telegram-bot's loggers: they print message texts when an update is malformed (S-20)."""
    logger = logging.getLogger("telegram")
    logger.handlers = [logging.NullHandler()]
    logger.propagate = False
    logger.setLevel(logging.CRITICAL + 1)


def build_bot(token: str, api_url: str = "https://api.telegram.org") -> Bot:
    """A bot on one pool of connections. `initialize()` and `shutdown()` are the caller's.

    `api_url`: the server's address, with or without the `/bot` that comes before the token.
    """
    quiet_library_logs()
    root = api_url.rstrip("/").removesuffix("/bot")
    pool = AiohttpRequest()
    return Bot(
        token,
        base_url=f"{root}/bot",
        base_file_url=f"{root}/file/bot",
        request=pool,
        get_updates_request=pool,
    )


def id_of(bot: Bot) -> int:
    """The bot's own id, which its token begins with; 1 where it does not (a bench). Telegram need not be asked."""
    return number_in(bot.token) or 1


def number_in(token: str) -> int | None:
    """The bot's id in a token; None in what is none."""
    number, colon, _ = token.partition(":")
    return int(number) if colon and number.isdigit() else None
