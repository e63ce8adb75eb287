"""A Bot API as small as a load needs: it hands over updates, takes messages, and tells the participants of both."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol
from urllib.parse import parse_qsl

from aiohttp import web

Given = dict[str, str]
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_TRUE = b'{"ok":true,"result":true}'
_NONE = b'{"ok":true,"result":[]}'
ME = {"id": 110201543, "is_bot": True, "first_name": "x", "username": "bench_bot"}


class Audience(Protocol):
    """Who is told what the bot does."""

    def handed(self, update_ids: list[int]) -> None:
        """These updates are on their way to the bot, now."""
        ...

    def shown(self, chat: int, message_id: int, markup: str, text: str) -> None:
        """A message stands in the chat, new or edited."""
        ...


class Api:
    """One bot's server. `judge` says how many seconds a send or edit to a chat has to wait; 0 takes it."""

    def __init__(self, audience: Audience, judge: Callable[[int], int] = lambda chat: 0) -> None:
        self.calls: Counter[str] = Counter()
        self.polled = asyncio.Event()
        """Set when the bot asks for updates for the first time."""
        self._audience = audience
        self._judge = judge
        self._waiting: list[tuple[int, bytes]] = []
        self._came = asyncio.Event()
        self._last_update = 1000
        self._last_message = 1000
        self._closed = False

    def add(self, body: dict[str, Any]) -> int:
        """An update waits for the bot; its id."""
        self._last_update += 1
        raw = json.dumps({"update_id": self._last_update, **body}).encode()
        self._waiting.append((self._last_update, raw))
        self._came.set()
        return self._last_update

    def next_message(self) -> int:
        """A fresh message id, for what a person writes."""
        self._last_message += 1
        return self._last_message

    def close(self) -> None:
        """Let a long poll end."""
        self._closed = True
        self._came.set()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One call."""
        method = request.path.rpartition("/")[2]
        self.calls[method] += 1
        given = await _given(request)
        status, answer = 200, _TRUE
        if method == "getUpdates":
            answer = await self._updates(given)
        elif method in ("sendMessage", "editMessageText"):
            status, answer = self._show(method, given)
        elif method == "getMe":
            answer = json.dumps({"ok": True, "result": ME}).encode()
        return web.Response(body=answer, status=status, content_type="application/json")

    async def _updates(self, given: Given) -> bytes:
        self.polled.set()
        confirmed = int(given.get("offset") or 0)
        self._waiting = [one for one in self._waiting if one[0] >= confirmed]
        if not self._waiting and not self._closed:
            self._came.clear()
            try:
                await asyncio.wait_for(self._came.wait(), float(given.get("timeout") or 0))
            except TimeoutError:
                return _NONE
        batch = self._waiting[: int(given.get("limit") or 100)]
        self._audience.handed([number for number, _ in batch])
        return b'{"ok":true,"result":[' + b",".join(raw for _, raw in batch) + b"]}"

    def _show(self, method: str, given: Given) -> tuple[int, bytes]:
        chat = int(given["chat_id"])
        if wait := self._judge(chat):
            self.calls["429"] += 1
            refusal = {"ok": False, "error_code": 429, "description": "Too Many Requests"}
            return 429, json.dumps({**refusal, "parameters": {"retry_after": wait}}).encode()
        number = self.next_message() if method == "sendMessage" else int(given["message_id"])
        self._audience.shown(chat, number, given.get("reply_markup", ""), given["text"])
        message = {"message_id": number, "date": 1, "chat": {"id": chat, "type": "private"}, "text": "x"}
        return 200, json.dumps({"ok": True, "result": message}).encode()


async def _given(request: web.BaseRequest) -> Given:
    """The parameters in each of the three forms a body may have; what is no text as its JSON."""
    body = await request.read()
    if not body or request.content_type == _FORM:
        return dict(parse_qsl(body.decode()))
    if request.content_type == _JSON:
        values: dict[str, Any] = json.loads(body)
        return {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()
        }
    return {name: str(value) for name, value in (await request.post()).items()}


@asynccontextmanager
async def served(api: Api) -> AsyncIterator[str]:
    """The address, ending in /bot, at which a bot reaches the server."""
    # The bare server: neither routes nor middlewares, so that the load takes as little of the machine as it can.
    runner = web.ServerRunner(web.Server(api.answer, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/bot"
    finally:
        api.close()
        await runner.cleanup()
