"""One simulated person at one phone: what acceptance tests and the page do things with."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from bot.simulator.records import Button, Entry, Message
from bot.simulator.shapes import LIMITS
from bot.simulator.world import World

Wanted = str | Callable[[Message], bool]
_START_PARAMETER = re.compile(rf"[A-Za-z0-9_-]{{1,{LIMITS['start_parameter_chars']}}}")


def start_parameter(link: str, bot_username: str) -> str:
    """The token of `https://t.me/<bot>?start=<token>`.

    Raises ValueError when it is no such link, names another bot or its token is none Telegram would pass on.
    """
    parts = urlsplit(link.strip())
    token = parse_qs(parts.query).get("start", [""])[0]
    if parts.hostname not in ("t.me", "telegram.me") or parts.path.strip("/").lower() != bot_username.lower():
        raise ValueError(f"not a link to @{bot_username}")
    if not _START_PARAMETER.fullmatch(token):
        raise ValueError("the link carries no start parameter of 1 to 64 characters A-Z a-z 0-9 _ -")
    return token


class Phone:
    """One person's phone, showing their private chat with the bot (or, by `in_chat`, a group).

    Made with a name it adds a person to the world; `Phone.of` gives the phone of one who is there.
    """

    def __init__(
        self, world: World, name: str = "Participant", *, role: str = "participant", language: str = "en"
    ) -> None:
        self.world = world
        self.person = world.add_person(name, role, language)
        self.chat_id = self.person.id

    @classmethod
    def of(cls, world: World, person_id: int) -> Phone:
        """The phone of a person already in the world. Raises KeyError for an unknown one."""
        phone = cls.__new__(cls)
        phone.world, phone.person, phone.chat_id = world, world.people[person_id], person_id
        return phone

    def in_chat(self, chat_id: int) -> Phone:
        """The same phone, showing another chat of the person, such as a group."""
        phone = Phone.of(self.world, self.person.id)
        phone.chat_id = chat_id
        return phone

    @property
    def id(self) -> int:
        """The person's user id, which is also the id of their private chat."""
        return self.person.id

    @property
    def messages(self) -> list[Message]:
        """What is visible now, oldest first, of both sides."""
        return list(self.world.chats[self.chat_id].messages.values())

    @property
    def log(self) -> list[Entry]:
        """Everything that ever happened in the chat: sent, edited, deleted, answered; oldest first."""
        return self.world.chats[self.chat_id].log

    @property
    def last(self) -> Message:
        """The newest visible message of the bot. Raises AssertionError when there is none."""
        for message in reversed(self.messages):
            if message.from_bot:
                return message
        raise AssertionError(f"the bot has said nothing that is still visible\n{self.screen()}")

    # Doing

    async def start(self, token: str = "") -> int:
        """Opens the bot, by an invitation if a token is given: what Telegram's START button does.

        A person who had blocked the bot lets it in again. Raises ValueError for a token that Telegram would
        not carry (use `write("/start ...")` to type one).
        """
        if token and not _START_PARAMETER.fullmatch(token):
            raise ValueError("a start parameter has 1 to 64 characters A-Z a-z 0-9 _ -")
        self.unblock()
        sent = self.write(f"/start {token}".strip())
        await asyncio.sleep(0)
        return sent

    async def open_invitation(self, link: str) -> int:
        """Opens an invitation link; see `start_parameter` for what it refuses."""
        sent = await self.start(start_parameter(link, self.world.bot["username"]))
        self.person.invitation = None
        return sent

    def write(self, text: str) -> int:
        """Writes a text, exactly as given; returns the message's id."""
        return self.world.say(self.chat_id, self.id, text).message_id

    def command(self, command: str) -> int:
        """Writes a command such as `/menu`."""
        return self.write(command if command.startswith("/") else f"/{command}")

    def send_voice(self) -> int:
        """Sends a voice message of three seconds."""
        return self.world.say(self.chat_id, self.id, "", "voice").message_id

    def send_photo(self, caption: str = "") -> int:
        """Sends a photo."""
        return self.world.say(self.chat_id, self.id, caption, "photo").message_id

    def send_sticker(self) -> int:
        """Sends a sticker."""
        return self.world.say(self.chat_id, self.id, "", "sticker").message_id

    def edit(self, message_id: int, text: str) -> None:
        """Edits a message of one's own."""
        self.world.reword(self.chat_id, message_id, text)

    def press(self, needle: str) -> Message:
        """Presses a button by the beginning of its callback_data (`ST-09:maybe`) or its label, on the newest
        message that has it. Returns the message as it was. Raises AssertionError when there is none."""
        message, button = self._button(needle)
        assert button.data is not None, f"the button {button.text!r} opens an address, it has no data"
        self.world.press(message, self.id, button.data)
        return message

    def press_message(self, message_id: int, data: str) -> None:
        """Presses a button with just these data on a message that was here once: a stale button."""
        for entry in reversed(self.log):
            if entry.message.message_id == message_id:
                self.world.press(entry.message, self.id, data)
                return
        raise AssertionError(f"there never was a message {message_id}\n{self.screen()}")

    def block(self) -> None:
        """Blocks the bot."""
        self.world.block(self.id, True)

    def unblock(self) -> None:
        """Lets the bot in again."""
        self.world.block(self.id, False)

    def deactivate(self) -> None:
        """The person's account is deleted: the bot is not told, its next message is refused."""
        self.person.deactivated = True

    # Looking

    def shows(self, wanted: Wanted) -> Message | None:
        """The newest visible message of the bot with this text or button, or that satisfies a predicate."""
        for message in reversed(self.messages):
            if message.from_bot and _matches(message, wanted):
                return message
        return None

    async def expect(self, wanted: Wanted, timeout: float = 5.0) -> Message:
        """Waits, in real seconds, until the bot shows the text, the button or what the predicate asks for.

        Raises AssertionError with the whole screen when it does not."""
        found: list[Message] = []

        def there() -> bool:
            message = self.shows(wanted)
            if message:
                found.append(message)
            return message is not None

        await self._until(there, timeout, f"expected {_described(wanted)}")
        return found[-1]

    async def expect_gone(self, wanted: Wanted, timeout: float = 5.0) -> None:
        """Waits until no visible message of the bot shows it any more."""
        await self._until(
            lambda: self.shows(wanted) is None, timeout, f"expected {_described(wanted)} to be gone"
        )

    async def tap(self, needle: str, timeout: float = 5.0) -> Message:
        """Waits for a button, then presses it."""
        await self.expect(needle, timeout)
        return self.press(needle)

    def screen(self) -> str:
        """The chat as readable text."""
        lines = [f"--- {self.person.role}: {self.person.name} ---"]
        for message in self.messages:
            side = "bot" if message.from_bot else "me "
            marks: list[str] = [message.kind] if message.kind != "text" else []
            marks += ["protected"] if message.protected else []
            marks += ["edited"] if message.edited else []
            mark = f" ({', '.join(marks)})" if marks else ""
            text = message.text.replace("\n", "\n         ")
            lines.append(f"{message.message_id:4} {side}  {text}{mark}")
            lines += [f"          [{button.text}] {button.data or button.url}" for button in message.buttons]
        return "\n".join([*lines, "---"])

    async def _until(self, there: Callable[[], bool], seconds: float, wish: str) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not there():
                    await self.world.changed(self.world.version)
        except TimeoutError:
            raise AssertionError(f"{wish} within {seconds} s\n{self.screen()}") from None

    def _button(self, needle: str) -> tuple[Message, Button]:
        for test in _BUTTON_TESTS:
            for message in reversed(self.messages):
                for button in message.buttons:
                    if test(button, needle):
                        return message, button
        raise AssertionError(f"no button {needle!r}\n{self.screen()}")


def _exactly(button: Button, needle: str) -> bool:
    """The label, or whole parts of the data: `ST-09:maybe` is not found in `ST-09:maybe_not`."""
    data = button.data or ""
    return button.text == needle or re.match(re.escape(needle) + r"(?![a-z0-9_-])", data) is not None


def _loosely(button: Button, needle: str) -> bool:
    return (button.data or "").startswith(needle) or needle.casefold() in button.text.casefold()


_BUTTON_TESTS = (_exactly, _loosely)


def _matches(message: Message, wanted: Wanted) -> bool:
    if not isinstance(wanted, str):
        return wanted(message)
    return wanted in message.text or any(_exactly(button, wanted) for button in message.buttons)


def _described(wanted: Wanted) -> str:
    return (
        repr(wanted) if isinstance(wanted, str) else getattr(wanted, "__doc__", None) or "what was asked for"
    )
