"""One leader on a database, and a stale one that can write nothing (R-15)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import cast

import pytest

from bot.clock import MovableClock
from bot.ports.stores import Storage
from bot.usecases.lead import LEASE, SPARE, Alone, Elected, NotLeading
from tests.bot.deliveries import START, until
from tests.bot.sharing import SharedDatabase


class Process:
    """One of several processes on a database: its own count of seconds, and whether it is at work as the leader."""

    def __init__(self, name: str, database: SharedDatabase, clock: MovableClock) -> None:
        self.name, self.clock, self.real = name, clock, 0.0
        self.terms, self.working = 0, False
        self.told: list[bool] = []
        self.fault: Exception | None = None
        storage = cast(Storage, database)
        self.elected = Elected(
            database, clock, name, turned=self.told.append, ticks=lambda: self.real, every=0.01
        )
        self.fenced = self.elected.fenced(storage)

    async def work(self) -> None:
        self.terms += 1
        self.working = True
        try:
            while self.fault is None:
                await asyncio.sleep(0.002)
            raise self.fault
        finally:
            self.working = False

    async def write(self) -> None:
        """As the cycles and the sender do."""
        async with self.fenced.unit() as unit:
            unit.wrote.append(self.name)  # type: ignore[attr-defined]  # the double's
            await unit.commit()

    def passes(self, seconds: float) -> None:
        """Time passes for this process, as it counts it."""
        self.real += seconds

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.elected.run(self.work))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class Scene:
    def __init__(self) -> None:
        self.database = SharedDatabase()
        self.clock = MovableClock(START)
        self.a, self.b = (Process(name, self.database, self.clock) for name in "ab")


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_one_leads_and_the_other_follows(scene: Scene) -> None:
    """R-15: of two processes one does the work, and only that one's writes go through."""
    async with scene.a.running(), scene.b.running():
        await until(lambda: scene.a.working or scene.b.working)
        await asyncio.sleep(0.1)
        leader, follower = (scene.a, scene.b) if scene.a.working else (scene.b, scene.a)
        assert not follower.working
        assert (leader.elected.leads(), follower.elected.leads()) == (True, False)
        await leader.write()
        with pytest.raises(NotLeading):
            await follower.write()
    assert scene.database.written == [leader.name]
    assert leader.terms == 1


async def test_a_stale_leader_writes_nothing(scene: Scene) -> None:
    """R-15: a leader paused past its lease finds every write refused once another has taken over, with the next token."""
    a, b = scene.a, scene.b
    async with a.running() as paused:
        await until(lambda: a.working)
        paused.cancel()  # stands for SIGSTOP: it neither renews nor gives back
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(a.elected, "_give_back", _nothing)
            await asyncio.gather(paused, return_exceptions=True)
    await a.write()
    scene.clock.advance(LEASE * 2)
    async with b.running():
        await until(lambda: b.working)
        assert scene.database.lease is not None
        assert (scene.database.lease.holder, scene.database.lease.token) == ("b", 2)
        a.passes(LEASE.total_seconds())
        assert not a.elected.leads()  # known without asking anybody
        with pytest.raises(NotLeading):
            await a.write()
        await b.write()
    assert scene.database.written == ["a", "b"]


async def _nothing() -> None:
    return None


async def test_a_leader_that_goes_on_after_a_pause_stops(scene: Scene) -> None:
    """R-15: the work of a leader that slept past its lease is cancelled when it goes on; it follows, and may lead again."""
    a = scene.a
    async with a.running():
        await until(lambda: a.working)
        a.passes(LEASE.total_seconds())
        assert not a.elected.leads()
        await until(lambda: a.terms == 2)
        assert scene.database.lease is not None
        assert scene.database.lease.token == 2


async def test_when_renewing_fails_it_stops_before_the_lease_ends(scene: Scene) -> None:
    """R-15: a leader that cannot reach the database ends its work by its own clock while nobody else can lead yet."""
    a = scene.a
    async with a.running():
        await until(lambda: a.working)
        scene.database.away = True
        a.passes(LEASE.total_seconds() - SPARE - 0.5)
        await asyncio.sleep(0.05)
        assert a.working
        assert a.told[-1] is False
        a.passes(0.5)
        await until(lambda: not a.working)
        assert a.elected.lease() is None
        assert scene.database.lease is not None
        assert scene.database.lease.until > scene.clock.now()  # nobody else can have it yet
        scene.database.away = False
        scene.clock.advance(LEASE * 2)
        await until(lambda: a.terms == 2)
        assert a.told[-1] is True


async def test_a_database_that_hangs_is_not_waited_for(scene: Scene) -> None:
    """R-15: a renewal without an answer ends the work before the lease does, in real time."""
    database, clock = scene.database, scene.clock
    real = Elected(database, clock, "c", every=0.01)
    working = asyncio.Event()

    async def work() -> None:
        working.set()
        try:
            await asyncio.Event().wait()
        finally:
            working.clear()

    task = asyncio.create_task(real.run(work))
    await asyncio.wait_for(working.wait(), 1)
    began = asyncio.get_running_loop().time()
    database.free.clear()
    async with asyncio.timeout(LEASE.total_seconds()):
        while working.is_set():
            await asyncio.sleep(0.02)
    assert asyncio.get_running_loop().time() - began < LEASE.total_seconds()
    database.free.set()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_clean_stop_gives_the_lease_back(scene: Scene) -> None:
    """R-15: after a clean stop the next one leads at once, without waiting for the lease to end."""
    async with scene.b.running():
        await until(lambda: scene.b.working)
        async with scene.a.running():
            await asyncio.sleep(0.05)
            assert not scene.a.working
    now = scene.clock.now()
    async with scene.a.running():
        await until(lambda: scene.a.working)
    assert scene.clock.now() == now
    assert scene.database.lease is not None
    assert (scene.database.lease.holder, scene.database.lease.token) == ("a", 2)


async def test_a_clock_set_back_keeps_nobody_waiting(scene: Scene) -> None:
    """R-15, R-05: a lease that seems to last for hours, and is not renewed, is over when a lease's time has passed."""
    a, b = scene.a, scene.b
    async with a.running():
        await until(lambda: a.working)
    scene.database.rows["leader"] = scene.database.rows["leader"].__class__(
        "leader", "gone", 7, START + timedelta(hours=3)
    )
    async with b.running():
        await asyncio.sleep(0.05)
        assert not b.working
        b.passes(LEASE.total_seconds() + 0.1)
        await until(lambda: b.working)
    assert scene.database.lease is not None
    assert scene.database.lease.token == 8


async def test_a_clock_that_stands_still_moves_no_lease(scene: Scene) -> None:
    """R-15, R-05: a leader that renews is not taken for one that is gone, though its clock stands still for minutes."""
    a, b = scene.a, scene.b
    async with a.running():
        await until(lambda: a.working)
        async with b.running():
            for _ in range(30):
                a.passes(1.0)
                b.passes(1.0)
                await asyncio.sleep(0.05)
            assert (a.terms, b.terms) == (1, 0)


async def test_a_fault_of_the_work_ends_it(scene: Scene) -> None:
    """R-15: a loop that breaks ends the process, and the lease is given back for the next."""
    async with scene.a.running() as task:
        await until(lambda: scene.a.working)
        scene.a.fault = ZeroDivisionError()
        await until(task.done)
        assert isinstance(task.exception(), ZeroDivisionError)
    assert scene.database.lease is not None
    assert scene.database.lease.until <= scene.clock.now()


async def test_where_there_is_one_process_it_leads() -> None:
    """R-15: on SQLite, where a lock keeps a second process away, nothing is asked and nothing is fenced."""
    alone, storage, done = Alone(), cast(Storage, SharedDatabase()), []

    async def work() -> None:
        done.append(1)

    await alone.run(work)
    assert (alone.leads(), done, alone.fenced(storage) is storage) == (True, [1], True)
