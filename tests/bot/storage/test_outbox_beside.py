"""A sender and somebody who takes updates, each in a unit of work of their own, on the same rows of one PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.ids import SystemIds
from bot.ports.records import Lane
from bot.storage.postgres import PostgresStorage
from bot.storage.sealing import Keyring
from tests.bot.storage import rows as make
from tests.bot.storage.rows import NOW, named


@pytest.fixture
async def storage(postgres_url: str, keyring: Keyring) -> AsyncIterator[PostgresStorage]:
    """A storage with two chats, and a message that waits for each: rows 1 and 2."""
    storage = PostgresStorage(postgres_url, keyring, SystemIds())
    async with storage.unit() as unit:
        await make.settle(unit, people=2)
        await unit.outbox.add(make.message(text="one"))
        await unit.outbox.add(make.message(chat_id=named("chat", 2), text="two"))
        await unit.commit()
    yield storage
    await storage.close()


async def test_a_sender_waits_for_nobody(storage: PostgresStorage) -> None:
    """R-05: what another unit is changing is neither due nor free, so that no two units wait for each other's rows."""
    async with storage.unit(beside=True) as taker:
        await taker.outbox.cancel(named("chat"), ["*"])
        await taker.outbox.counts()  # which writes what is staged
        async with asyncio.timeout(1), storage.unit(beside=True) as sender:
            assert [row.text for row in await sender.outbox.due(NOW, Lane.REPLY, 5)] == ["two"]
            assert await sender.outbox.free({1, 2, 99}) == {2, 99}  # 99: gone, so nobody changes it
        await taker.commit()
    async with storage.unit(beside=True) as sender:
        assert await sender.outbox.free({1, 2}) == {1, 2}


async def test_what_was_picked_is_the_senders(storage: PostgresStorage) -> None:
    """R-10: whoever would change a row that is being picked waits until the sender has marked it."""
    async with storage.unit(beside=True) as sender:
        picked = await sender.outbox.due(NOW, Lane.REPLY, 1)
        assert [row.text for row in picked] == ["one"]

        async def cancel() -> None:
            async with storage.unit(beside=True) as taker:
                await taker.outbox.cancel(named("chat"), ["*"])
                await taker.commit()

        cancelling = asyncio.create_task(cancel())
        await asyncio.sleep(0.2)
        assert not cancelling.done()
        await sender.commit()
    await asyncio.wait_for(cancelling, 5)
