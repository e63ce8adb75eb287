"""The Messenger port on Telegram. Texts go without parse_mode: nothing a person wrote can break markup."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions
from telegram.error import TelegramError

from bot.ports.services import Address, Ambiguous, Rows
from bot.telegram.faults import Call, fault_of

Got = TypeVar("Got")


class TelegramMessenger:
    """Sends, edits and deletes through `bot`. Uses four methods only, which every server has."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def send(self, to: Address, text: str, rows: Rows, *, protect: bool) -> int:
        """Send and return the message id. `protect`: no forwarding, no saving (sensitive texts)."""
        sending = self._bot.send_message(
            to,
            text,
            reply_markup=_keyboard(rows),
            protect_content=True if protect else None,
            link_preview_options=_no_preview(text),
        )
        message = await _call(sending, "send")
        if message is None:
            raise Ambiguous("sent without an id")
        return message.message_id

    async def edit(self, to: Address, message_id: int, text: str, rows: Rows) -> None:
        """Replace text and buttons; "not modified" is success. Without rows the buttons go."""
        editing = self._bot.edit_message_text(
            text,
            to,
            message_id,
            reply_markup=_keyboard(rows),
            link_preview_options=_no_preview(text),
        )
        await _call(editing, "edit")

    async def delete(self, to: Address, message_id: int) -> None:
        """Delete; already gone is success. Raises CannotDelete when Telegram will not."""
        await _call(self._bot.delete_message(to, message_id), "delete")

    async def answer_press(self, callback_id: str) -> None:
        """Stop the button's spinner. Best effort: an expired press, or no network, loses nothing kept."""
        try:
            await self._bot.answer_callback_query(callback_id)
        except TelegramError:
            return


async def _call(calling: Awaitable[Got], call: Call) -> Got | None:
    """The call's result, or None where its purpose is served without one. Raises a DeliveryFault."""
    try:
        return await calling
    except TelegramError as error:
        fault = fault_of(error, call)
        if fault is None:
            return None
        raise fault from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        # The library could not make sense of an answer; what was asked may have been done.
        raise Ambiguous("unreadable answer") from error


def _keyboard(rows: Rows) -> InlineKeyboardMarkup | None:
    if not rows:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(label, callback_data=data) for label, data in row] for row in rows]
    )


def _no_preview(text: str) -> LinkPreviewOptions | None:
    """A preview would show where a session link leads; asked for only where there is a link."""
    return LinkPreviewOptions(is_disabled=True) if "://" in text else None
