"""python-telegram-bot as its documentation has it: ConversationHandler, PicklePersistence, default transport."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    ConversationHandler,
    PicklePersistence,
)

from benchmarks.peers.dialogue import LENGTH, TOKEN, buttons, following, question

Context = ContextTypes.DEFAULT_TYPE


def keyboard(number: int) -> InlineKeyboardMarkup:
    """The buttons of a question."""
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(label, callback_data=d)] for label, d in buttons(number)]
    )


async def start(update: Update, context: Context) -> int:
    """The first question."""
    assert update.message is not None
    await update.message.reply_text(question(0), reply_markup=keyboard(0))
    return 0


async def answered(update: Update, context: Context) -> int:
    """Keep the answer, ask the next."""
    query = update.callback_query
    assert isinstance(query, CallbackQuery)
    number, _, choice = (query.data or "").removeprefix("Q").partition(":")
    assert context.user_data is not None
    context.user_data[f"Q{number}"] = choice
    then = following(int(number))
    await query.answer()
    await query.edit_message_text(question(then), reply_markup=keyboard(then))
    return then


def main(address: str, folder: Path) -> None:
    """Poll until SIGTERM."""
    states: dict[object, Any] = {
        n: [CallbackQueryHandler(answered, pattern=f"^Q{n}:")] for n in range(LENGTH)
    }
    conversation = ConversationHandler(
        entry_points=[CommandHandler("start", start)],
        states=states,
        fallbacks=[CommandHandler("start", start)],
        name="test",
        persistent=True,
    )
    application = (
        Application.builder()
        .token(TOKEN)
        .base_url(address)
        .persistence(PicklePersistence(folder / "conversations.pickle"))
        .build()
    )
    application.add_handler(conversation)
    application.run_polling(poll_interval=0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
