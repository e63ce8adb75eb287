"""What arrives from a chat, already taken apart by bot.telegram.inbound; past tense, like flows.inputs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Command:
    """`/name argument`."""

    name: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Press:
    """A button: `step:choice` and what follows the second colon. `callback_id` for the best-effort answer."""

    step: str
    choice: str
    tail: str
    callback_id: str
    data: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text, control characters already removed."""

    text: str


@dataclass(frozen=True, slots=True)
class Sent:
    """Something that is neither text nor a button. Never downloaded (S-40)."""

    kind: Literal["voice", "photo", "sticker", "edited", "other"]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Membership:
    """The person blocked or unblocked the bot, or the bot was put into or out of a group."""

    state: Literal["open", "blocked", "left"]


What = Command | Press | Text | Sent | Membership


@dataclass(frozen=True, slots=True)
class Inbound:
    """One update. `telegram_chat` is Telegram's id; `message_id` the person's (or the pressed) message."""

    bot_id: int
    update_id: int
    telegram_chat: int
    private: bool
    language_code: str
    what: What
    message_id: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Malformed:
    """An update that could not be read. `reason` names the field only, never its content (S-20)."""

    bot_id: int
    update_id: int
    reason: str
    telegram_chat: int | None = None
