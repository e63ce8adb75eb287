"""A floor: python-telegram-bot that keeps nothing and shows the next question at once.

Updates are handled side by side, which ConversationHandler forbids: the most that the library gives.
A third argument `aiohttp` puts our transport in the place of its own.
"""

from __future__ import annotations

import sys

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, ContextTypes

from benchmarks.peers.dialogue import TOKEN, buttons, following, question
from bot.telegram.transport import AiohttpRequest

Context = ContextTypes.DEFAULT_TYPE


def keyboard(number: int) -> InlineKeyboardMarkup:
    """The buttons of a question."""
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(label, callback_data=d)] for label, d in buttons(number)]
    )


async def start(update: Update, context: Context) -> None:
    """The first question."""
    assert update.message is not None
    await update.message.reply_text(question(0), reply_markup=keyboard(0))


async def answered(update: Update, context: Context) -> None:
    """The next one."""
    query = update.callback_query
    assert query is not None
    then = following(int((query.data or "").removeprefix("Q").partition(":")[0]))
    await query.answer()
    await query.edit_message_text(question(then), reply_markup=keyboard(then))


def main(address: str, transport: str) -> None:
    """Poll until SIGTERM."""
    builder = Application.builder().token(TOKEN).base_url(address).concurrent_updates(True)
    if transport == "aiohttp":
        builder = builder.request(AiohttpRequest()).get_updates_request(AiohttpRequest(connections=2))
    application = builder.build()
    application.add_handler(CallbackQueryHandler(answered))
    application.add_handler(CommandHandler("start", start))
    application.run_polling(poll_interval=0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[3])
