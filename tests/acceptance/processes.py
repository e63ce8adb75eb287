"""`python -m bot run` as a process of its own, to be killed; and a Bot API that knows six methods only."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

ROOT = Path(__file__).parents[2]
TOKEN = "110201543:simulated-token-of-no-real-bot"
# Kills itself at the n-th commit that keeps an answer: before it, or just after.
DYING = """
import os, signal
from bot.storage import unit_of_work, visits
from bot.cli import main
answers, add, commit = [], visits.AnswerStore.add, unit_of_work.StoredUnit.commit
async def noted(self, answer):
    answers.append(answer)
    await add(self, answer)
async def dying(self):
    at = os.environ["DIES"] if answers else ""
    if at == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    await commit(self)
    if at == "after":
        os.kill(os.getpid(), signal.SIGKILL)
visits.AnswerStore.add, unit_of_work.StoredUnit.commit = noted, dying
main()
"""


@dataclass
class Runner:
    """Starts and ends the bot on one database and one address."""

    folder: Path
    address: str
    database: Path
    keys: str
    process: asyncio.subprocess.Process | None = None
    starts: int = 0

    async def start(self, *, dies: str = "") -> None:
        """Start `vestibule run`; with `dies` one that kills itself before or after it commits an answer."""
        given = {
            "VESTIBULE_BOT_TOKEN": TOKEN, "VESTIBULE_BOT_API_URL": self.address, "VESTIBULE_KEYS": self.keys,
            "VESTIBULE_DATABASE_URL": f"sqlite:///{self.database}", "VESTIBULE_SEND_LIMITS": "off",
            "PYTHONPATH": str(ROOT), "DIES": dies,
        }  # fmt: skip
        own = {name: value for name, value in os.environ.items() if not name.startswith("VESTIBULE_")}
        code = ["-c", DYING, "run"] if dies else ["-m", "bot", "run"]
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, *code, cwd=self.folder, env=own | given, stderr=asyncio.subprocess.PIPE
        )
        self.starts += 1

    def kill(self) -> None:
        """SIGKILL, at once."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)

    async def ended(self, seconds: float = 10.0) -> tuple[int, str]:
        """Wait for the process to end; its exit code and what it wrote."""
        assert self.process is not None
        async with asyncio.timeout(seconds):
            _, written = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, written.decode()

    async def terminate(self) -> tuple[int, str]:
        """SIGTERM; the process has to end within five seconds."""
        assert self.process is not None
        self.process.terminate()
        return await self.ended(5.0)


@asynccontextmanager
async def runner(folder: Path, address: str, database: Path, keys: str) -> AsyncIterator[Runner]:
    """A runner whose process does not outlive the test."""
    made = Runner(folder, address, database, keys)
    try:
        yield made
    finally:
        if made.process is not None and made.process.returncode is None:
            made.kill()
            await made.process.communicate()


@dataclass
class SmallApi:
    """A Bot API of six methods that answers no more than it must; everything else is a 404."""

    updates: list[dict[str, Any]] = field(default_factory=list)
    messages: dict[int, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    last_id: int = 0

    def press(self, chat: int, data: str) -> None:
        """A person presses a button."""
        message = next(i for i, m in reversed(self.messages.items()) if data in json.dumps(m))
        full = next(b for b in _buttons(self.messages[message]) if b.startswith(data))
        body = {"id": f"q{self.last_id}", "from": _user(chat), "chat_instance": "1", "data": full}
        self._add({"callback_query": body | {"message": self._message(message, chat)}})

    def say(self, chat: int, text: str) -> None:
        """A person writes."""
        self.last_id += 1
        self._add({"message": self._message(self.last_id, chat) | {"from": _user(chat), "text": text}})

    def _message(self, message_id: int, chat: int) -> dict[str, Any]:
        return {"message_id": message_id, "date": 1, "chat": {"id": chat, "type": "private"}}

    def _add(self, body: dict[str, Any]) -> None:
        self.updates.append({"update_id": 1000 + len(self.calls) + len(self.updates), **body})
        self.came.set()

    async def expect(self, text: str, seconds: float = 10.0) -> None:
        """Wait until a message shows the text or has the button."""
        async with asyncio.timeout(seconds):
            while not any(text in json.dumps(m, ensure_ascii=False) for m in self.messages.values()):
                await asyncio.sleep(0.02)

    async def answer(self, request: web.Request) -> web.Response:
        """One call."""
        method = request.match_info["method"]
        self.calls.append(method)
        given = dict(await request.post())
        if not given and request.can_read_body:
            given = await request.json()
        handler = getattr(self, f"_on_{method}", None)
        if handler is None:
            return web.json_response({"ok": False, "error_code": 404, "description": "Not Found"}, status=404)
        return web.json_response({"ok": True, "result": await handler(given)})

    async def _on_getMe(self, _: Any) -> Any:  # noqa: N802  # the method's name in the Bot API - as the method is called
        return {"id": 110201543, "is_bot": True, "first_name": "x", "username": "x_bot"}

    async def _on_getUpdates(self, given: Any) -> Any:  # noqa: N802  # the method's name in the Bot API
        self.updates = [u for u in self.updates if u["update_id"] >= int(given.get("offset", 0))]
        if not self.updates:
            self.came.clear()
            try:
                await asyncio.wait_for(self.came.wait(), min(float(given.get("timeout", 0)), 2.0))
            except TimeoutError:
                return []
        return self.updates

    async def _on_sendMessage(self, given: Any) -> Any:  # noqa: N802  # the method's name in the Bot API
        self.last_id += 1
        self.messages[self.last_id] = dict(given)
        return self._message(self.last_id, int(given["chat_id"]))

    async def _on_editMessageText(self, given: Any) -> Any:  # noqa: N802  # the method's name in the Bot API
        self.messages[int(given["message_id"])] = dict(given)
        return self._message(int(given["message_id"]), int(given["chat_id"]))

    async def _on_answerCallbackQuery(self, _: Any) -> Any:  # noqa: N802  # the method's name in the Bot API
        return True

    async def _on_deleteMessage(self, given: Any) -> Any:  # noqa: N802  # the method's name in the Bot API
        self.messages.pop(int(given["message_id"]), None)
        return True


def _user(chat: int) -> dict[str, Any]:
    return {"id": chat, "is_bot": False, "first_name": "x"}


def _buttons(message: dict[str, Any]) -> list[str]:
    markup = message.get("reply_markup") or {}
    markup = json.loads(markup) if isinstance(markup, str) else markup
    return [button["callback_data"] for row in markup.get("inline_keyboard", []) for button in row]


@asynccontextmanager
async def small_api() -> AsyncIterator[tuple[SmallApi, str]]:
    """The small Bot API, served; with its address."""
    api = SmallApi()
    app = web.Application()
    app.router.add_route("*", "/bot{token}/{method}", api.answer)
    made = web.AppRunner(app, access_log=None)
    await made.setup()
    site = web.TCPSite(made, "127.0.0.1", 0)
    await site.start()
    host, port = made.addresses[0][:2]
    try:
        yield api, f"http://{host}:{port}/bot"
    finally:
        api.came.set()
        await made.cleanup()
