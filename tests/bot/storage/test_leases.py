"""Who leads stands in one row, on both databases; on PostgreSQL its locks order takeover and the leader's writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest

from bot.clock import MovableClock
from bot.ids import CountingIds, SystemIds
from bot.ports.replicas import Lease
from bot.ports.stores import Storage
from bot.storage.address import is_postgres
from bot.storage.postgres import PostgresStorage
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteStorage
from bot.usecases.lead import LEASE, Elected, NotLeading
from tests.bot.storage import rows as make

A = Lease("leader", "a", 1, make.NOW + LEASE)


@pytest.fixture
async def storage(database_url: str, keyring: Keyring, ids: CountingIds) -> AsyncIterator[Storage]:
    """A migrated storage of the kind that the address names."""
    kind = PostgresStorage if is_postgres(database_url) else SqliteStorage
    storage = kind(database_url, keyring, ids)
    yield storage
    await storage.close()


def apart(storage: Storage) -> AbstractAsyncContextManager[Any]:
    """A transaction for leases; SQLite has one kind only."""
    return storage.apart() if isinstance(storage, PostgresStorage) else storage.unit()


async def held(storage: Storage) -> Lease | None:
    async with apart(storage) as unit:
        found: Lease | None = await unit.leases.seen("leader")
        return found


async def taken(storage: Storage, lease: Lease) -> bool:
    async with apart(storage) as unit:
        took: bool = await unit.leases.take(lease)
        await unit.commit()
        return took


@pytest.mark.both_databases
async def test_a_lease_changes_hands_with_the_next_token_only(storage: Storage) -> None:
    """R-15: nobody's is taken with token 1, somebody's with the token after it; who comes second gets nothing."""
    assert await held(storage) is None
    assert await taken(storage, A)
    assert not await taken(storage, Lease("leader", "b", 1, A.until))
    assert not await taken(storage, Lease("leader", "b", 3, A.until))
    assert await held(storage) == A
    b = Lease("leader", "b", 2, A.until + LEASE)
    assert await taken(storage, b)
    assert await held(storage) == b


@pytest.mark.both_databases
async def test_only_the_holder_renews(storage: Storage) -> None:
    """R-15: renewing writes the new end while holder and token are the same, and nothing once they are not."""
    await taken(storage, A)
    longer = Lease("leader", "a", 1, A.until + LEASE)
    for lease, renewed in ((longer, True), (Lease("leader", "b", 1, longer.until), False)):
        async with apart(storage) as unit:
            assert await unit.leases.renew(lease) is renewed
            await unit.commit()
    assert await held(storage) == longer
    await taken(storage, Lease("leader", "b", 2, longer.until))
    async with apart(storage) as unit:
        assert not await unit.leases.renew(longer)
        assert not await unit.leases.holds(longer)


@pytest.mark.both_databases
async def test_a_unit_makes_sure_of_the_lease(storage: Storage) -> None:
    """R-15: a unit of work sees whether the lease is still its process's, by holder and token, whatever its end."""
    await taken(storage, A)
    async with storage.unit() as unit:
        assert await unit.leases.holds(A)
        assert await unit.leases.holds(Lease("leader", "a", 1, make.NOW - timedelta(days=1)))
        assert not await unit.leases.holds(Lease("leader", "b", 1, A.until))
        assert not await unit.leases.holds(Lease("leader", "a", 2, A.until))


@pytest.fixture
async def processes(
    postgres_url: str, keyring: Keyring
) -> AsyncIterator[tuple[PostgresStorage, PostgresStorage]]:
    """Two processes' storages on one PostgreSQL."""
    both = tuple(PostgresStorage(postgres_url, keyring, SystemIds()) for _ in range(2))
    yield both  # type: ignore[misc]  # two of them
    for storage in both:
        await storage.close()


Both = tuple[PostgresStorage, PostgresStorage]


async def test_taking_over_waits_for_what_the_leader_writes(processes: Both) -> None:
    """R-15: a unit that made sure of the lease ends before anybody else can have it; one that comes later is refused."""
    first, second = processes
    await taken(first, A)
    b = Lease("leader", "b", 2, A.until + LEASE)

    got = asyncio.Event()

    async def take_over() -> None:
        async with second.apart() as unit:
            await unit.leases.seen("leader")
            got.set()
            assert await unit.leases.take(b)
            await asyncio.sleep(0.3)
            await unit.commit()

    async with first.unit(beside=True) as unit:
        assert await unit.leases.holds(A)
        taking = asyncio.create_task(take_over())
        await asyncio.sleep(0.2)
        assert not got.is_set()
        await unit.seen.add(7, 1, make.NOW)
        await unit.commit()
    await asyncio.wait_for(got.wait(), 1)
    async with first.unit(
        beside=True
    ) as unit:  # it comes while the other takes over, and waits for how that ends
        assert not await unit.leases.holds(A)
    await taking
    async with second.unit() as unit:
        assert await unit.seen.known(7, [1]) == {1}


async def test_renewing_waits_for_nobody(processes: Both) -> None:
    """R-15: a unit that takes long, alone in the database or not, holds up no renewal."""
    first, second = processes
    await taken(first, A)
    longer = Lease("leader", "a", 1, A.until + LEASE)
    for beside in (False, True):
        async with first.unit(beside=beside) as unit:
            assert await unit.leases.holds(A)
            async with asyncio.timeout(1), first.apart() as apart:
                assert await apart.leases.renew(longer)
                await apart.commit()
    assert await held(second) == longer


async def test_a_leader_stopped_in_mid_transaction(processes: Both) -> None:
    """R-15: one that was paused while it wrote holds nobody up for long, writes nothing, and knows it when it goes on."""
    clock = MovableClock(make.NOW)
    stale, next_one = (Elected(storage, clock, name) for storage, name in zip(processes, "ab", strict=True))
    assert await stale._take()
    fenced = stale.fenced(processes[0])

    async def paused() -> None:
        async with fenced.unit() as unit:
            await unit.seen.add(7, 1, make.NOW)
            await asyncio.sleep(7)  # the server ends a transaction in which nothing happens (5 s)
            await unit.commit()

    writing = asyncio.create_task(paused())
    await asyncio.sleep(0.3)
    clock.advance(LEASE * 2)
    async with asyncio.timeout(6.5):
        assert await next_one._take()
        async with next_one.fenced(processes[1]).unit() as unit:
            assert await unit.seen.known(7, [1]) == set()
    (outcome,) = await asyncio.gather(writing, return_exceptions=True)
    assert isinstance(outcome, Exception)
    with pytest.raises(NotLeading):
        async with fenced.unit():
            pytest.fail("it does not lead")
    assert not await stale._renew()
