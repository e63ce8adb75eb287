"""A webhook: sends each waiting update to the bot's address until the bot takes it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from bot.simulator.refusals import bad_request
from bot.simulator.shapes import LIMITS
from bot.simulator.updates import UpdateQueue

FIRST_PAUSE: Final = 0.1
"""Seconds of real time before an update is sent again; doubled each time."""
LONGEST_PAUSE: Final = 30.0
ANSWER_SECONDS: Final = 60.0
HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"
_SECRET = re.compile(r"[A-Za-z0-9_-]*")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Hook:
    """What setWebhook asked for. Raises Refusal where Telegram refuses; http only on this machine."""

    url: str
    secret: str = ""
    most: int = LIMITS["webhook_connections"]

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        except ValueError as error:
            raise bad_request("invalid webhook URL specified") from error
        if not secure or not parts.hostname:
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if len(self.secret) > LIMITS["webhook_secret_chars"]:
            raise bad_request("secret token is too long")
        if not _SECRET.fullmatch(self.secret):
            raise bad_request("secret token contains unallowed characters")


class Webhook:
    """Delivers what waits in `updates`, in order per chat, `hook.most` requests at a time, until `stop`.

    Anything but a 2xx is tried again until the queue no longer holds the update. `now` dates the last error.
    """

    def __init__(self, hook: Hook, updates: UpdateQueue, now: Callable[[], datetime]) -> None:
        self.hook = hook
        self.last_error: tuple[datetime, str] | None = None
        self._updates = updates
        self._now = now
        self._gate = asyncio.Semaphore(hook.most)
        self._lanes: set[int | None] = set()
        self._running = asyncio.create_task(self._run())

    def stop(self) -> None:
        """Deliver no more. What is on its way is cut off and waits again."""
        self._running.cancel()

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
            while True:
                self._updates.came.clear()
                for chat in self._updates.chats() - self._lanes:
                    self._lanes.add(chat)
                    group.create_task(self._lane(session, chat))
                await self._updates.came.wait()

    async def _lane(self, session: aiohttp.ClientSession, chat: int | None) -> None:
        """One chat's updates, one after the other."""
        pause = FIRST_PAUSE
        while (update := self._updates.first(chat)) is not None:
            async with self._gate:
                error = await self._post(session, update.body)
            if error is None:
                self._updates.take(update)
                pause = FIRST_PAUSE
                continue
            self.last_error = self._now(), error
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        self._lanes.discard(chat)

    async def _post(self, session: aiohttp.ClientSession, body: dict[str, Any]) -> str | None:
        """What went wrong, in Telegram's words, or None."""
        headers = {HEADER: self.hook.secret} if self.hook.secret else {}
        try:
            async with session.post(
                self.hook.url, json=body, headers=headers, allow_redirects=False
            ) as response:
                await response.read()
        except TimeoutError:
            return "Read timeout expired"
        except aiohttp.ClientConnectorError:
            return "Connection refused"
        except aiohttp.ClientError:
            return "Connection reset by peer"
        if 200 <= response.status < 300:
            return None
        phrase = HTTPStatus(response.status).phrase if response.status in _KNOWN else ""
        return f"Wrong response from the webhook: {response.status} {phrase}".rstrip()


_KNOWN = {status.value for status in HTTPStatus}
