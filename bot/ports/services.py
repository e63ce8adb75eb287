"""The services the use cases lean on: clock, ids, texts, messenger. Implementations are wired in bot.wiring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flows.effects import Line


class Clock(Protocol):
    """Where the time comes from; SQL never asks it."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...

    async def sleep_until(self, when: datetime) -> None:
        """Return once `now() >= when`, or once the clock was set back: a sleeper looks again rather than waits longer.

        A movable clock wakes its sleepers when it is moved.
        """
        ...


@dataclass(frozen=True, slots=True)
class Away:
    """A time in which no update could be taken in; nothing came in between the two (UTC)."""

    since: datetime
    back_at: datetime


class Ids(Protocol):
    """Where ids come from, so that tests can freeze them."""

    def new(self) -> str:
        """A new 32-hex-digit id, increasing with time."""
        ...

    def token(self) -> str:
        """A secret of at least 128 bits in Telegram's deep-link alphabet."""
        ...


class Texts(Protocol):
    """Renders lines in a language through the catalogues."""

    def line(self, language: str, line: Line, params: Mapping[str, str | int] | None = None) -> str:
        """The line in the language, placeholders filled. Falls back to English, never fails.

        Numbers are written as the language writes them; a line with a plural takes its form from `number`.
        """
        ...

    def say(self, language: str, context: str, msgid: str, **params: str) -> str:
        """The shell's own texts: `say("de", "staff", "Taken on")`."""
        ...


Rows = tuple[tuple[tuple[str, str], ...], ...]
Address = int | str
"""Where a messenger finds somebody: a Telegram chat's number, or an e-mail address."""


class Messenger(Protocol):
    """A way to reach somebody. Raises one of the `DeliveryFault`s below, nothing else.

    A way that can neither edit nor delete gives 0 as the message id: nothing of it is known to stand.
    """

    async def send(self, to: Address, text: str, rows: Rows, *, protect: bool) -> int:
        """Send and return the message id."""
        ...

    async def edit(self, to: Address, message_id: int, text: str, rows: Rows) -> None:
        """Replace text and buttons; "not modified" is success."""
        ...

    async def delete(self, to: Address, message_id: int) -> None:
        """Delete; already gone is success."""
        ...

    async def answer_press(self, callback_id: str) -> None:
        """Best effort: never raises."""
        ...


class DeliveryFault(Exception):
    """A call to a messenger that did not go as wished."""


class TryLater(DeliveryFault):
    """429 or a server's trouble: nothing went out; wait `seconds` (this chat only if `chat_only`)."""

    def __init__(self, seconds: float, *, chat_only: bool = True) -> None:
        super().__init__(f"try again in {seconds} s")
        self.seconds = seconds
        self.chat_only = chat_only


class Unreachable(DeliveryFault):
    """403 and its kin: blocked, deactivated, chat not found. Final for this chat."""


class MissingMessage(DeliveryFault):
    """The message to edit or delete is not there (any more), or cannot be edited."""


class CannotDelete(DeliveryFault):
    """Telegram will not delete it (older than 48 hours, or not allowed)."""


class Refused(DeliveryFault):
    """400: this call will never succeed as it is."""


class Ambiguous(DeliveryFault):
    """The connection broke after the call may have been accepted; it may have gone out."""


@dataclass(frozen=True, slots=True)
class SendLimits:
    """Telegram's pace (bot-api limits): messages a second overall; per chat a burst, then one a second."""

    overall_per_second: float = 30.0
    chat_burst: int = 3
    chat_per_second: float = 1.0
    group_per_minute: int = 20
    off: bool = False
