"""A bot on the simulated Telegram, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from telegram import Bot

from bot.clock import MovableClock
from bot.simulator import Phone, World, serve
from bot.telegram import transport
from bot.telegram.messenger import TelegramMessenger
from bot.telegram.transport import AiohttpRequest, build_bot
from tests.bot.deliveries import START
from tests.bot.telegram.raw import pool


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


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """0.4 s to connect, as nobody wants to wait for five."""
    monkeypatch.setattr(transport, "CONNECT_SECONDS", 0.4)
    transport._timeout.cache_clear()
    yield
    transport._timeout.cache_clear()


@pytest.fixture
async def request_(soon: None) -> AsyncIterator[AiohttpRequest]:
    """The transport, with 0.4 s to read."""
    async with pool(read_seconds=0.4) as one:
        yield one
