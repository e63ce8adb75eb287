"""A served world under a clock that stands still, and a bare client for its Bot API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from bot.clock import MovableClock
from bot.simulator import Address, Phone, World, serve

START = datetime(2026, 1, 5, 9, tzinfo=UTC)


@dataclass
class Api:
    """Calls the Bot API as a bot would, by hand: status and body come back as they are."""

    world: World
    address: Address
    session: aiohttp.ClientSession

    async def call(self, method: str, **params: Any) -> tuple[int, dict[str, Any]]:
        return await self.post(f"{self.address.base_url}{self.world.token}/{method}", json=params)

    async def post(self, url: str, **body: Any) -> tuple[int, dict[str, Any]]:
        async with self.session.post(url, **body) as response:
            return response.status, await response.json()

    async def ok(self, method: str, **params: Any) -> Any:
        status, body = await self.call(method, **params)
        assert status == 200, body
        return body["result"]

    async def refused(self, method: str, **params: Any) -> tuple[int, str]:
        status, body = await self.call(method, **params)
        assert body["ok"] is False
        assert body["error_code"] == status
        return status, body["description"]


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(START)


@pytest.fixture
def world(clock: MovableClock) -> World:
    return World(clock, limits=False, seed=1)


@pytest.fixture
def phone(world: World) -> Phone:
    return Phone(world)


@pytest.fixture
async def api(world: World) -> AsyncIterator[Api]:
    async with serve(world) as address, aiohttp.ClientSession() as session:
        yield Api(world, address, session)


@pytest.fixture
def keyboard() -> Callable[..., dict[str, Any]]:
    def build(*data: str) -> dict[str, Any]:
        return {"inline_keyboard": [[{"text": one.rpartition(":")[2], "callback_data": one}] for one in data]}

    return build
