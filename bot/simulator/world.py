"""The simulated Telegram as plain state: people, chats, messages and what waits for the bot. No HTTP here.

Everything runs in one event loop; nothing is locked.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bot.ports.services import Clock
from bot.simulator.faults import Faults
from bot.simulator.limits import SendLimits
from bot.simulator.records import (
    Chat,
    Entry,
    Happening,
    Kind,
    Mail,
    Message,
    Person,
    chat_json,
    message_json,
    user_json,
)
from bot.simulator.refusals import CONFLICT, WEBHOOK_CAME
from bot.simulator.updates import PRESS_KEPT, UpdateQueue
from bot.simulator.webhook import Hook, Webhook

DEMO_TOKEN = "110201543:simulated-token-of-no-real-bot"  # noqa: S105 - opens nothing but the simulator


@dataclass
class Profile:
    """What the bot says of itself, per language code ("" is the default)."""

    name: dict[str, str] = field(default_factory=dict)
    description: dict[str, str] = field(default_factory=dict)
    short_description: dict[str, str] = field(default_factory=dict)
    commands: dict[tuple[str, str], list[dict[str, str]]] = field(default_factory=dict)

    def description_for(self, language: str) -> str:
        """What a phone of this Telegram language shows before the bot is started."""
        return self.description.get(_two_letters(language)) or self.description.get("", "")

    def commands_for(self, person_id: int, language: str) -> list[dict[str, str]]:
        """The commands a private chat shows: the narrowest scope that has any, its language before the default.

        Source: the Bot API's "Determining list of commands"."""
        chat = {"type": "chat", "chat_id": person_id}
        for scope in (chat, {"type": "all_private_chats"}, {"type": "default"}):
            for code in (_two_letters(language), ""):
                if found := self.commands.get((scope_key(scope), code)):
                    return found
        return []


def scope_key(scope: dict[str, Any]) -> str:
    """A BotCommandScope as a key of `Profile.commands`."""
    return json.dumps(scope, sort_keys=True)


def _two_letters(language: str) -> str:
    """Telegram keeps a profile by ISO 639-1 codes: a phone set to `de-AT` is shown what was set for `de`."""
    return language.lower().split("-")[0]


@dataclass(frozen=True)
class Inviting:
    """How the page may invite somebody, where the simulator's owner lets it: `invite(role, alias, language)`
    gives the link, or raises ValueError with a sentence."""

    roles: Sequence[str]
    languages: Sequence[str]
    invite: Callable[[str, str, str], Awaitable[str]]


@dataclass
class Press:
    """A button press that the bot may answer for 150 seconds."""

    message: Message
    at: datetime


class World:
    """One simulated Telegram with one bot. `clock` says the time of everything but long polls, which wait in
    real time; `limits=False` switches the 429s off; `seed` fixes the ids that are random.

    `calls` lists every accepted call of the bot (when, method, parameters), `mark` tells one world from another.
    `mails` is the mail box that the page shows, None where there is none.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        bot_username: str = "vestibule_demo_bot",
        token: str = DEMO_TOKEN,
        limits: bool = True,
        seed: int | None = None,
    ) -> None:
        rng = random.Random(seed)  # noqa: S311 - ids of a simulation, no secrets
        self.clock = clock
        self.token = token
        self.bot: dict[str, Any] = {
            "id": int(token.split(":", maxsplit=1)[0]) if token.split(":", maxsplit=1)[0].isdigit() else 1,
            "is_bot": True,
            "first_name": "Vestibule",
            "username": bot_username,
        }
        self.limits = SendLimits() if limits else None
        self.updates = UpdateQueue(clock, rng)
        self.webhook: Webhook | None = None
        self.faults = Faults()
        self.profile = Profile()
        self.inviting: Inviting | None = None
        self.mails: list[Mail] | None = None
        self.people: dict[int, Person] = {}
        self.chats: dict[int, Chat] = {}
        self.presses: dict[str, Press] = {}
        self.calls: list[tuple[datetime, str, dict[str, Any]]] = []
        self.version = 0
        self.mark = secrets.token_hex(8)
        self.closing = asyncio.Event()
        self._rng = rng
        self._next_person = rng.randint(100_000_000, 900_000_000)
        self._watchers: list[asyncio.Future[None]] = []

    # People and chats

    def add_person(self, name: str, role: str = "participant", language: str = "en") -> Person:
        """A new user with a private chat that has not been started."""
        person = Person(self._next_person, name, role, language)
        self._next_person += self._rng.randint(1, 1000)
        self.people[person.id] = person
        self.chats[person.id] = Chat(person.id, "private", name, [person.id])
        self.touch(person.id)
        return person

    def add_group(self, title: str, members: list[int]) -> Chat:
        """A basic group of people into which the bot has just been taken."""
        chat = Chat(-self._rng.randint(1_000_000, 900_000_000), "group", title, list(members), open=True)
        self.chats[chat.id] = chat
        self._membership(chat, members[0], "left", "member")
        self.touch(chat.id)
        return chat

    def migrate(self, chat_id: int) -> Chat:
        """Makes a supergroup of a basic group; calls to the old id are then told of the new one."""
        old = self.chats[chat_id]
        new = Chat(-1_000_000_000_000 + chat_id, "supergroup", old.title, old.members, open=True)
        old.migrated_to = new.id
        self.chats[new.id] = new
        self.touch(new.id)
        return new

    def offer_invitation(self, person_id: int, link: str) -> None:
        """Lays an invitation link on a phone, to be opened there."""
        self.people[person_id].invitation = link
        self.touch(person_id)

    # What people do

    def say(self, chat_id: int, person_id: int, text: str, kind: Kind = "text") -> Message:
        """A person writes or sends something; the bot is told, of a group's messages only of commands."""
        chat = self.chats[chat_id]
        if chat.type == "private" and not chat.open:
            chat.open = True
        message = self.put(chat_id, Message(chat_id, 0, person_id, False, self.clock.now(), text, kind))
        if chat.type == "private" or text.startswith("/"):
            self.updates.add("message", self._update_json(message))
        return message

    def reword(self, chat_id: int, message_id: int, text: str) -> Message:
        """A person edits a message of theirs."""
        old = self.chats[chat_id].messages[message_id]
        message = self.replace(replace(old, text=text, edited=self.clock.now()))
        self.updates.add("edited_message", self._update_json(message))
        return message

    def press(self, message: Message, person_id: int, data: str) -> str:
        """A person presses a button of `message`, which may be gone by now. Returns the query's id."""
        query_id = str(self._rng.getrandbits(62))
        now = self.clock.now()
        self.presses = {key: press for key, press in self.presses.items() if now - press.at <= PRESS_KEPT}
        self.presses[query_id] = Press(message, now)
        chat = self.chats[message.chat_id]
        current = chat.messages.get(message.message_id)
        gone = {"chat": chat_json(chat), "message_id": message.message_id, "date": 0}
        self.updates.add(
            "callback_query",
            {
                "id": query_id,
                "from": user_json(self.people[person_id]),
                "chat_instance": str(abs(hash(chat.id))),
                "data": data,
                "message": self.api_message(current) if current else gone,
            },
        )
        return query_id

    def block(self, person_id: int, blocked: bool) -> None:
        """A person blocks the bot, or lets it in again; the bot is told."""
        chat = self.chats[person_id]
        if chat.blocked == blocked:
            return
        chat.blocked = blocked
        was, now = ("member", "kicked") if blocked else ("kicked", "member")
        self._membership(chat, person_id, was, now)
        self.touch(person_id)

    def mail(self, to: str, subject: str, text: str) -> None:
        """A mail arrives in the mail box."""
        self.mails = [*(self.mails or ()), Mail(self.clock.now(), to, subject, text)]
        self.touch()

    # What happens to messages

    def put(self, chat_id: int, message: Message) -> Message:
        """Adds a message under the chat's next id."""
        chat = self.chats[chat_id]
        chat.last_id += 1
        message = replace(message, message_id=chat.last_id)
        chat.messages[message.message_id] = message
        self.record(message, "sent")
        return message

    def replace(self, message: Message) -> Message:
        """Puts a new version of a message in place of the old one."""
        self.chats[message.chat_id].messages[message.message_id] = message
        self.record(message, "edited")
        return message

    def remove(self, message: Message) -> None:
        """Takes a message away, for everybody."""
        del self.chats[message.chat_id].messages[message.message_id]
        self.record(message, "deleted")

    def record(self, message: Message, what: Happening, note: str = "") -> None:
        """Writes a line of the chat's log and wakes those who watch."""
        self.chats[message.chat_id].log.append(Entry(self.clock.now(), what, message, note))
        self.touch(message.chat_id)

    def api_message(self, message: Message) -> dict[str, Any]:
        """The message as the Bot API shows it."""
        sender = self.bot if message.from_bot else user_json(self.people[message.sender])
        return message_json(message, self.chats[message.chat_id], sender)

    def hook(self, hook: Hook | None) -> None:
        """Sends what waits to the bot from now on, or, with None, keeps it for getUpdates."""
        if self.webhook is not None:
            self.webhook.stop()
        self.webhook = Webhook(hook, self.updates, self.clock.now) if hook else None
        if hook:
            self.updates.interrupt(WEBHOOK_CAME)

    # Watching

    def touch(self, chat_id: int | None = None) -> None:
        """Counts a change, of one chat if named, and wakes those who watch."""
        self.version += 1
        if chat_id is not None:
            self.chats[chat_id].version = self.version
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            if not watcher.done():
                watcher.set_result(None)

    async def changed(self, since: int) -> int:
        """Returns the version as soon as it is above `since`."""
        while self.version <= since:
            watcher: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._watchers.append(watcher)
            await watcher
        return self.version

    def close(self) -> None:
        """Ends long polls, hanging calls, deliveries and live pages, so that the server can stop."""
        self.closing.set()
        self.hook(None)
        self.updates.interrupt(CONFLICT)
        self.touch()

    def _update_json(self, message: Message) -> dict[str, Any]:
        body = self.api_message(message)
        if message.text.startswith("/") and message.kind == "text":
            length = len(message.text.split()[0])
            body["entities"] = [{"type": "bot_command", "offset": 0, "length": length}]
        return body

    def _membership(self, chat: Chat, person_id: int, was: str, now: str) -> None:
        def member(status: str) -> dict[str, Any]:
            return {"user": self.bot, "status": status} | ({"until_date": 0} if status == "kicked" else {})

        self.updates.add(
            "my_chat_member",
            {
                "chat": chat_json(chat),
                "from": user_json(self.people[person_id]),
                "date": int(self.clock.now().timestamp()),
                "old_chat_member": member(was),
                "new_chat_member": member(now),
            },
        )
