"""Telegram in memory, beneath the real library and the real messenger: its chats, and all it can do wrong.

It stands in for the connection only, so that statuses and bodies are read by the code that reads them in service.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from telegram import Bot
from telegram.error import NetworkError, TimedOut

from bot.telegram.transport import AiohttpRequest, Unsent

TOKEN = "110201543:simulated-token-of-no-real-bot"
BOT = int(TOKEN.split(":", maxsplit=1)[0])

# What is answered instead: status, description. `retry_after` goes with 429.
REFUSALS: dict[str, tuple[int, str]] = {
    "400_too_long": (400, "Bad Request: message is too long"),
    "400_no_chat": (400, "Bad Request: chat not found"),
    "400_no_edit": (400, "Bad Request: message to edit not found"),
    "400_same": (400, "Bad Request: message is not modified"),
    "400_no_delete": (400, "Bad Request: message can't be deleted for everyone"),
    "400_gone": (400, "Bad Request: message to delete not found"),
    "403": (403, "Forbidden: bot was blocked by the user"),
    "409": (409, "Conflict: terminated by other getUpdates request"),
    "429": (429, "Too Many Requests: retry after 3"),
    "500": (500, "Internal Server Error"),
    "502": (502, "Bad Gateway"),
}
REFUSED_FOR_GOOD = ("400_too_long", "400_no_chat", "403")
LOST = ("hang", "reset_after", "malformed")
"""Done, and the answer did not come through."""
FAULTS = (*REFUSALS, "reset_before", *LOST)
# A refusal that only makes sense for one kind of call; others are done as asked.
ONLY = {
    "400_too_long": "sendMessage",
    "400_no_edit": "editMessageText",
    "400_same": "editMessageText",
    "400_no_delete": "deleteMessage",
    "400_gone": "deleteMessage",
}


@dataclass
class Shown:
    """A message that stands in a chat."""

    id: int
    text: str
    buttons: list[str]


class Telegram(AiohttpRequest):
    """`step` is told before and after each call and may raise; `fault` names what goes wrong with a call."""

    def __init__(self) -> None:
        super().__init__()
        self.chats: defaultdict[int, dict[int, Shown]] = defaultdict(dict)
        self.accepted: Counter[tuple[int, str]] = Counter()
        self.edited: Counter[tuple[int, str]] = Counter()
        self.unanswered: Counter[tuple[int, str]] = Counter()
        self.refused: set[int] = set()
        self.blocked: set[int] = set()
        self.step: Callable[[str], None] = lambda name: None
        self.fault: Callable[[str, int], str] = lambda name, chat: ""
        self.heard: Callable[[str, int, Shown], None] = lambda name, chat, shown: None
        self.in_flight: list[tuple[int, str]] = []
        self._last = 1000

    def bot(self) -> Bot:
        """The library's bot on this."""
        return Bot(TOKEN, base_url="http://telegram.example/bot", request=self, get_updates_request=self)

    async def _exchange(self, method: str, url: str, body: bytes, limits: Any) -> tuple[int, bytes]:
        name, given = url.rsplit("/", 1)[1], json.loads(body)
        chat = int(given.get("chat_id", 0))
        fault = self.fault(name, chat)
        if ONLY.get(fault, name) != name:
            fault = ""
        if chat in self.blocked and name != "deleteMessage":
            fault = "403"
        self.step(f"{name} before")
        if fault == "reset_before":
            raise Unsent("no connection")
        if fault in REFUSALS:
            if fault in REFUSED_FOR_GOOD:
                self.refused.add(chat)
            if fault == "400_same":
                self.edited[chat, given["text"]] += 1  # Telegram says that it stands there so already
            return _refusal(fault)
        done = self._do(name, chat, given)
        self.step(f"{name} after")
        if fault in LOST and name == "sendMessage":
            self.unanswered[chat, given["text"]] += 1
        if fault == "hang":
            raise TimedOut
        if fault == "reset_after":
            raise NetworkError("ServerDisconnectedError")
        return 200, b"<html>" if fault == "malformed" else json.dumps({"ok": True, "result": done}).encode()

    def _do(self, name: str, chat: int, given: dict[str, Any]) -> Any:
        if name == "deleteMessage":
            self.chats[chat].pop(int(given["message_id"]), None)
            return True
        if name == "answerCallbackQuery":
            return True
        if name == "sendMessage":
            self._last += 1
            self.accepted[chat, given["text"]] += 1
            self.in_flight.append((chat, given["text"]))
        if name == "editMessageText":
            self.edited[chat, given["text"]] += 1
        number = self._last if name == "sendMessage" else int(given["message_id"])
        rows = given.get("reply_markup", {}).get("inline_keyboard", [])
        buttons = [one["callback_data"] for row in rows for one in row]
        self.chats[chat][number] = Shown(number, given["text"], buttons)
        self.heard(name, chat, self.chats[chat][number])
        return {"message_id": number, "date": 1, "chat": {"id": chat, "type": "private"}}

    def buttons(self, chat: int) -> list[str]:
        """The data of all buttons that stand in the chat, the newest message's last."""
        return [data for shown in self.chats[chat].values() for data in shown.buttons]

    def question(self, chat: int) -> list[str]:
        """The buttons of the script's question that stands there; empty when none does."""
        for shown in reversed(self.chats[chat].values()):
            if shown.buttons and shown.buttons[0].count(":") == 2 and "." in shown.buttons[0]:
                return shown.buttons
        return []


def _refusal(fault: str) -> tuple[int, bytes]:
    status, said = REFUSALS[fault]
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": said}
    if status == 429:
        body["parameters"] = {"retry_after": 3}
    return status, json.dumps(body).encode()
