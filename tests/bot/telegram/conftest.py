"""A bot on the simulated Telegram, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from telegram import Bot

from bot.clock import MovableClock
from bot.simulator import Phone, World, serve
from bot.telegram.messenger import TelegramMessenger
from bot.telegram.transport import build_bot
from tests.bot.deliveries import START


@dataclass
class Line:
    """Both ends: the simulated Telegram with one phone, and our bot with its messenger."""

    clock: MovableClock
    world: World
    phone: Phone
    bot: Bot
    messenger: TelegramMessenger


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    clock = MovableClock(START)
    world = World(clock, limits=False, seed=1)
    async with serve(world) as address:
        bot = build_bot(world.token, address.base_url)
        await bot.initialize()
        try:
            yield Line(clock, world, Phone(world), bot, TelegramMessenger(bot))
        finally:
            await bot.shutdown()
