"""The Messenger port on Telegram. Texts go without parse_mode: nothing a person wrote can break markup."""

from __future__ import annotations

from telegram import Bot
from telegram.error import TelegramError

from bot.ports.services import Address, Ambiguous, Rows
from bot.telegram.faults import Call, fault_of
from bot.telegram.transport import call


class TelegramMessenger:
    """Sends, edits and deletes through `bot`. Uses four methods only, which every server has."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def send(self, to: Address, text: str, rows: Rows, *, protect: bool) -> int:
        """Send and return the message id. `protect`: no forwarding, no saving (sensitive texts)."""
        given = {"chat_id": to, **_content(text, rows)}
        if protect:
            given["protect_content"] = True
        sent = await self._call("sendMessage", given, "send")
        number = sent.get("message_id") if isinstance(sent, dict) else None
        if not isinstance(number, int):
            raise Ambiguous("sent without an id")
        return number

    async def edit(self, to: Address, message_id: int, text: str, rows: Rows) -> None:
        """Replace text and buttons; "not modified" is success. Without rows the buttons go."""
        given = {"chat_id": to, "message_id": message_id, **_content(text, rows)}
        await self._call("editMessageText", given, "edit")

    async def delete(self, to: Address, message_id: int) -> None:
        """Delete; already gone is success. Raises CannotDelete when Telegram will not."""
        await self._call("deleteMessage", {"chat_id": to, "message_id": message_id}, "delete")

    async def answer_press(self, callback_id: str) -> None:
        """Stop the button's spinner. Best effort: an expired press, or no network, loses nothing kept."""
        try:
            await call(self._bot, "answerCallbackQuery", {"callback_query_id": callback_id})
        except TelegramError:
            return

    async def _call(self, method: str, given: dict[str, object], purpose: Call) -> object:
        """The call's result, or None where its purpose is served without one. Raises a DeliveryFault."""
        try:
            return await call(self._bot, method, given)
        except TelegramError as error:
            fault = fault_of(error, purpose)
            if fault is None:
                return None
            raise fault from error


def _content(text: str, rows: Rows) -> dict[str, object]:
    """A preview would show where a session link leads; it is refused only where there is a link."""
    content: dict[str, object] = {"text": text}
    if rows:
        keyboard = [[{"text": label, "callback_data": data} for label, data in row] for row in rows]
        content["reply_markup"] = {"inline_keyboard": keyboard}
    if "://" in text:
        content["link_preview_options"] = {"is_disabled": True}
    return content
