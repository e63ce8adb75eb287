"""aiogram 3 as its documentation has it: a router, a group of states, polling; the state in memory or in Redis.

The third argument is `memory`, or the address of a Redis.
"""

from __future__ import annotations

import asyncio
import sys

from aiogram import Bot, Dispatcher, Router
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import CommandStart
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State
from aiogram.fsm.storage.base import BaseStorage
from aiogram.fsm.storage.memory import MemoryStorage
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message

from benchmarks.peers.dialogue import LENGTH, TOKEN, buttons, following, question

STATES = [State(f"Q{number}", group_name="Test") for number in range(LENGTH)]
router = Router()


def keyboard(number: int) -> InlineKeyboardMarkup:
    """The buttons of a question."""
    rows = [[InlineKeyboardButton(text=label, callback_data=data)] for label, data in buttons(number)]
    return InlineKeyboardMarkup(inline_keyboard=rows)


@router.message(CommandStart())
async def start(message: Message, state: FSMContext) -> None:
    """The first question."""
    await state.set_state(STATES[0])
    await message.answer(question(0), reply_markup=keyboard(0))


async def answered(query: CallbackQuery, state: FSMContext) -> None:
    """Keep the answer, ask the next."""
    number, _, choice = (query.data or "").removeprefix("Q").partition(":")
    await state.update_data({f"Q{number}": choice})
    then = following(int(number))
    await state.set_state(STATES[then])
    await query.answer()
    assert isinstance(query.message, Message)
    await query.message.edit_text(question(then), reply_markup=keyboard(then))


for one in STATES:
    router.callback_query.register(answered, one)


async def main(address: str, where: str) -> None:
    """Poll until SIGTERM."""
    storage: BaseStorage = MemoryStorage()
    if where != "memory":
        from aiogram.fsm.storage.redis import RedisStorage  # noqa: PLC0415 - memory needs no redis

        storage = RedisStorage.from_url(where)
    api = TelegramAPIServer.from_base(address.removesuffix("/bot"))
    dispatcher = Dispatcher(storage=storage)
    dispatcher.include_router(router)
    await dispatcher.start_polling(Bot(TOKEN, session=AiohttpSession(api=api)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[3]))
