"""What the simulated Telegram keeps: people, chats, messages, and a log of all that happened in a chat."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Kind = Literal["text", "voice", "photo", "sticker", "document"]
Happening = Literal["sent", "edited", "deleted", "answered"]


@dataclass(frozen=True)
class Button:
    """One button under a message: its label and either callback data or an address."""

    text: str
    data: str | None = None
    url: str | None = None


@dataclass(frozen=True)
class Message:
    """One version of a message. `sender` is a user id; `keyboard` the inline keyboard's rows."""

    chat_id: int
    message_id: int
    sender: int
    from_bot: bool
    sent: datetime
    text: str
    kind: Kind = "text"
    entities: tuple[dict[str, Any], ...] = ()
    keyboard: tuple[tuple[Button, ...], ...] = ()
    protected: bool = False
    silent: bool = False
    edited: datetime | None = None
    file_name: str | None = None

    @property
    def buttons(self) -> list[Button]:
        """All buttons, row by row."""
        return [button for row in self.keyboard for button in row]


@dataclass(frozen=True)
class Entry:
    """One line of a chat's log: when, what, and the message as it was then. For `answered` (the reply to a
    press) `note` is the text shown."""

    when: datetime
    what: Happening
    message: Message
    note: str = ""


@dataclass(frozen=True)
class Mail:
    """A mail in the simulated mail box."""

    at: datetime
    to: str
    subject: str
    text: str


@dataclass
class Person:
    """A Telegram user. `role` is what the page writes over the phone; Telegram does not know it."""

    id: int
    name: str
    role: str
    language: str
    deactivated: bool = False
    invitation: str | None = None


@dataclass
class Chat:
    """A private chat (its id is the user's) or a basic group (a negative id)."""

    id: int
    type: Literal["private", "group", "supergroup"]
    title: str
    members: list[int]
    open: bool = False
    blocked: bool = False
    migrated_to: int | None = None
    messages: dict[int, Message] = field(default_factory=dict)
    last_id: int = 0
    log: list[Entry] = field(default_factory=list)
    version: int = 0


def user_json(person: Person) -> dict[str, Any]:
    """The person as a Bot API `User`."""
    return {"id": person.id, "is_bot": False, "first_name": person.name, "language_code": person.language}


def chat_json(chat: Chat) -> dict[str, Any]:
    """The chat as a Bot API `Chat`."""
    if chat.type == "private":
        return {"id": chat.id, "type": "private", "first_name": chat.title}
    return {"id": chat.id, "type": chat.type, "title": chat.title}


def message_json(message: Message, chat: Chat, sender: dict[str, Any]) -> dict[str, Any]:
    """The message as a Bot API `Message`."""
    body: dict[str, Any] = {
        "message_id": message.message_id,
        "from": sender,
        "chat": chat_json(chat),
        "date": int(message.sent.timestamp()),
    }
    if message.edited:
        body["edit_date"] = int(message.edited.timestamp())
    body |= _content_json(message)
    if message.protected:
        body["has_protected_content"] = True
    if message.keyboard:
        rows = [[_button_json(button) for button in row] for row in message.keyboard]
        body["reply_markup"] = {"inline_keyboard": rows}
    return body


def _button_json(button: Button) -> dict[str, str]:
    body = {"text": button.text}
    if button.data is not None:
        body["callback_data"] = button.data
    if button.url is not None:
        body["url"] = button.url
    return body


def _content_json(message: Message) -> dict[str, Any]:
    identity = f"{message.kind}-{message.chat_id}-{message.message_id}"
    file = {"file_id": identity, "file_unique_id": f"unique-{identity}"}
    square = {"width": 512, "height": 512}
    text = {"text": message.text}
    if message.kind == "text":
        return text | _entities("entities", message)
    caption = ({"caption": message.text} if message.text else {}) | _entities("caption_entities", message)
    if message.kind == "voice":
        return {"voice": file | {"duration": 3, "mime_type": "audio/ogg"}} | caption
    if message.kind == "photo":
        return {"photo": [file | square]} | caption
    if message.kind == "document":
        return {"document": file | {"file_name": message.file_name or "file"}} | caption
    return {"sticker": file | square | {"type": "regular", "is_animated": False, "is_video": False}}


def _entities(field_name: str, message: Message) -> dict[str, Any]:
    return {field_name: list(message.entities)} if message.entities else {}
