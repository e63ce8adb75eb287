"""After a commit in one process the leader's senders look at once, whichever process leads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from bot.ports.stores import StorageFault
from bot.usecases import bell as bells
from bot.usecases.bell import SharedBell
from tests.bot.deliveries import until


class Wire:
    """What the database carries; `faults` come first."""

    def __init__(self) -> None:
        self.rung = 0
        self.faults: list[Exception] = []
        self.listeners: list[asyncio.Queue[None]] = []

    async def ring(self) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.rung += 1
        for listener in self.listeners:
            listener.put_nowait(None)

    async def rings(self) -> AsyncIterator[None]:
        mine: asyncio.Queue[None] = asyncio.Queue()
        self.listeners.append(mine)
        try:
            while True:
                yield await mine.get()
        finally:
            self.listeners.remove(mine)


class Ear:
    def __init__(self, wire: Wire, *, leads: bool) -> None:
        self.heard = 0
        self.leads = leads
        self.bell = SharedBell(wire, self.hear, lambda: self.leads)

    def hear(self) -> None:
        self.heard += 1


async def test_a_followers_ring_is_heard_by_the_leader() -> None:
    """S-30: a follower's commits ring the leader, many at once as few; the leader's own stay in its process."""
    wire = Wire()
    leader, follower = Ear(wire, leads=True), Ear(wire, leads=False)
    tasks = [asyncio.create_task(ear.bell.run()) for ear in (leader, follower)]
    await until(lambda: len(wire.listeners) == 2)
    for _ in range(50):
        follower.bell.ring()
    await until(lambda: leader.heard > 0)
    assert wire.rung == 1
    leader.bell.ring()
    assert (leader.heard, wire.rung) == (2, 1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_bell_that_is_broken_stops_nothing(monkeypatch) -> None:
    """S-30: while the database is away ringing does no harm, and goes on when it is back."""
    monkeypatch.setattr(bells, "_AGAIN_AFTER", 0.01)
    wire = Wire()
    leader, follower = Ear(wire, leads=True), Ear(wire, leads=False)
    wire.faults = [StorageFault("connection lost")] * 2
    tasks = [asyncio.create_task(ear.bell.run()) for ear in (leader, follower)]
    await until(lambda: len(wire.listeners) == 2)
    follower.bell.ring()
    await until(lambda: len(wire.faults) == 1)
    follower.bell.ring()
    await until(lambda: not wire.faults)
    follower.bell.ring()
    await until(lambda: leader.heard == 1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
