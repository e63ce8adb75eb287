"""What Telegram's refusals mean to a sender.

BadRequest and TimedOut are subclasses of NetworkError, so they are asked for first.
"""

from __future__ import annotations

from typing import Final, Literal

from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, TelegramError

from bot.ports.services import (
    Ambiguous,
    CannotDelete,
    DeliveryFault,
    MissingMessage,
    Refused,
    TryLater,
    Unreachable,
)
from bot.telegram.transport import Flood, ServerTrouble, Unsent

Call = Literal["send", "edit", "delete"]

OUTAGE_SECONDS: Final = 1.0
"""First pause after a network or server fault; the sender lengthens it while the fault lasts."""
TOKEN_SECONDS: Final = 30.0

_CLOSED_CHAT = (
    "chat not found",
    "user not found",
    "deactivated",
    "kicked",
    "upgraded to a supergroup",
    "not enough rights to send",
    "have no rights to send",
    "chat_write_forbidden",
    "peer_id_invalid",
)
_NO_MESSAGE = (
    "message to edit not found",
    "message can't be edited",
    "message not found",
    "message_id_invalid",
)
_NOTHING_TO_DELETE = ("message to delete not found", "message not found", "message_id_invalid")


def fault_of(error: TelegramError, call: Call) -> DeliveryFault | None:
    """The fault behind an error of this call; None when the call's purpose is served all the same.

    A 5xx is an answer by which Telegram says that it did not do it: TryLater without end, so that an
    outage loses nothing. Only a call without a readable answer is Ambiguous and counts as a possible orphan.
    """
    if isinstance(error, Flood):
        return TryLater(error.seconds)
    if isinstance(error, (Forbidden, ChatMigrated)):
        # Deleting may be forbidden in a chat that is open; that says nothing of the chat.
        return (
            CannotDelete("forbidden")
            if _only_this_message(error, call)
            else Unreachable(type(error).__name__)
        )
    if isinstance(error, BadRequest):
        return _of_bad_request(error.message.lower(), call)
    if isinstance(error, (Unsent, ServerTrouble, Conflict)):
        return TryLater(OUTAGE_SECONDS, chat_only=False)
    if isinstance(error, InvalidToken):
        return _of_unknown(error, call)
    return Ambiguous(type(error).__name__)


def _only_this_message(error: TelegramError, call: Call) -> bool:
    return call == "delete" and "delete" in error.message.lower()


def _of_bad_request(said: str, call: Call) -> DeliveryFault | None:
    if any(words in said for words in _CLOSED_CHAT):
        return Unreachable("closed chat")
    if call == "edit" and "message is not modified" in said:
        return None
    if call == "edit" and any(words in said for words in _NO_MESSAGE):
        return MissingMessage("edit target")
    if call == "delete":
        return None if any(words in said for words in _NOTHING_TO_DELETE) else CannotDelete("refused")
    return Refused("400")


def _of_unknown(error: InvalidToken, call: Call) -> DeliveryFault:
    """401, or 404 of a server that lacks the method; a token that fails is mended by people, not by us."""
    if call == "delete" and "not found" in error.message.lower():
        return CannotDelete("unknown method")
    return TryLater(TOKEN_SECONDS, chat_only=False)
