"""One process on a database leads: it alone runs the cycles and the senders, and a stale one can write nothing (R-15).

Who leads stands in a lease with a token that grows at each change of holder. The leader renews it in time, and each
of its transactions first makes sure that the token is still its own. It stops by its own clock before the lease ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Final, Protocol

import structlog

from bot.clock import ticking
from bot.ports.replicas import Lease, Shared
from bot.ports.services import Clock
from bot.ports.stores import Storage, StorageFault, Unit

LEASE: Final = timedelta(seconds=5)
EVERY: Final = 1.5
"""Real seconds between two renewals, and between two looks of those who do not lead."""
SPARE: Final = 1.0
"""Real seconds before its end at which a lease that could not be renewed is given up."""
_LAST_SECONDS: Final = 2.0
NAME: Final = "leader"

log = structlog.get_logger(__name__)
Work = Callable[[], Awaitable[None]]


class NotLeading(StorageFault):
    """Somebody else leads by now, so that nothing was written."""


class Leadership(Protocol):
    """Whether this process is the one that leads."""

    def leads(self) -> bool:
        """By its own clock, without asking anybody; a paused process knows it the moment it goes on."""
        ...

    def fenced(self, storage: Storage) -> Storage:
        """The storage for what only the leader may write."""
        ...

    async def run(self, work: Work) -> None:
        """Do `work` while this process leads, for ever. What ends `work` by a fault ends this too."""
        ...


class Alone:
    """Where no other process can be, as on SQLite: it always leads."""

    def leads(self) -> bool:
        """Always."""
        return True

    def fenced(self, storage: Storage) -> Storage:
        """The storage itself."""
        return storage

    async def run(self, work: Work) -> None:
        """The work itself."""
        await work()


class Elected:
    """Leads while it holds the lease. `holder` names this process; `ticks` counts real seconds, paused or asleep too.

    `turned` hears after each look or renewal whether the database answered.
    """

    def __init__(
        self,
        storage: Shared,
        clock: Clock,
        holder: str,
        *,
        turned: Callable[[bool], None] = lambda _: None,
        ticks: Callable[[], float] = ticking,
        every: float = EVERY,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._holder = holder
        self._turned = turned
        self._ticks = ticks
        self._every = every
        self._lease: Lease | None = None
        self._ends = 0.0
        self._unmoved: tuple[Lease, float] | None = None

    def leads(self) -> bool:
        """Whether the lease is ours and has not run out by our own clock."""
        return self._lease is not None and self._ticks() < self._ends

    def fenced(self, storage: Storage) -> Storage:
        """Units of it raise NotLeading unless the lease is ours, and are over before it can be another's."""
        return _Fenced(storage, self)

    def lease(self) -> Lease | None:
        """The lease that is ours, if one is."""
        return self._lease

    async def run(self, work: Work) -> None:
        """See Leadership. Followers look every 1.5 s; whoever ends cleanly gives the lease back."""
        while True:
            if await self._answered(self._take(), within=LEASE.total_seconds()):
                await self._lead(work)
            await asyncio.sleep(self._every)

    async def _lead(self, work: Work) -> None:
        assert self._lease is not None, "it was taken just now"
        log.info("leading", count=self._lease.token)
        task = asyncio.ensure_future(work())
        try:
            while True:
                await asyncio.wait([task], timeout=self._every)
                if task.done():
                    return task.result()
                if not await self._kept():
                    break
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._give_back()
        log.warning("leading.lost")
        return None

    async def _kept(self) -> bool:
        """Renew, again and again while the database does not answer; False once it is lost or nearly over."""
        while (left := self._ends - SPARE - self._ticks()) > 0:
            if await self._answered(self._renew(), within=left):
                return True
            if self._lease is None:
                return False
            await asyncio.sleep(min(left, self._every / 5))
        return False

    async def _answered(self, asked: Awaitable[bool], *, within: float) -> bool:
        """What came of it; False where the database does not answer within so many seconds."""
        try:
            async with asyncio.timeout(within):
                won = await asked
        except (StorageFault, TimeoutError) as fault:
            log.warning("lease.storage_fault", fault=type(fault).__name__)
            self._turned(False)
            return False
        self._turned(True)
        return won

    async def _take(self) -> bool:
        """Take the lease if nobody holds it, or its holder has let it run out."""
        began, now = self._ticks(), self._clock.now()
        async with self._storage.apart() as unit:
            stands = await unit.leases.seen(NAME)
            if stands is not None and not self._is_over(stands):
                return False
            lease = Lease(NAME, self._holder, stands.token + 1 if stands else 1, now + LEASE)
            if not await unit.leases.take(lease):
                return False
            await unit.commit()
        self._lease, self._ends = lease, began + LEASE.total_seconds()
        return True

    def _is_over(self, stands: Lease) -> bool:
        """By the clock; or, where a clock was set, because it has stood unmoved longer than any lease lasts."""
        if stands.until <= self._clock.now():
            return True
        if self._unmoved is None or self._unmoved[0] != stands:
            self._unmoved = (stands, self._ticks())
        return self._ticks() - self._unmoved[1] > LEASE.total_seconds()

    async def _renew(self) -> bool:
        """Extend the lease; forget it if it is somebody else's by now."""
        assert self._lease is not None
        began = self._ticks()
        # It always moves, even where the clock stands still: that is how others see that somebody renews it.
        until = max(self._clock.now() + LEASE, self._lease.until + timedelta(microseconds=1))
        longer = replace(self._lease, until=until)
        async with self._storage.apart() as unit:
            ours = await unit.leases.renew(longer)
            await unit.commit()
        if ours:
            self._lease, self._ends = longer, began + LEASE.total_seconds()
        else:
            self._lease = None
        return ours

    async def _give_back(self) -> None:
        """Let the next one take over at once; where the database does not answer, once the lease is over."""
        lease, self._lease = self._lease, None
        if lease is None:
            return
        with suppress(StorageFault, TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS), self._storage.apart() as unit:
                await unit.leases.renew(replace(lease, until=self._clock.now()))
                await unit.commit()


class _Fenced:
    """A storage whose units make sure first that this process leads."""

    def __init__(self, storage: Storage, elected: Elected) -> None:
        self._storage = storage
        self._elected = elected

    def unit(self, *, beside: bool = False) -> AbstractAsyncContextManager[Unit]:
        """As the storage's. Raises NotLeading, too."""
        return self._unit(beside=beside)

    @asynccontextmanager
    async def _unit(self, *, beside: bool) -> AsyncIterator[Unit]:
        async with self._storage.unit(beside=beside) as unit:
            lease = self._elected.lease()
            if lease is None or not await unit.leases.holds(lease):
                raise NotLeading("another process leads")
            yield unit

    async def empty_journal(self) -> None:
        """As the storage's."""
        await self._storage.empty_journal()

    async def close(self) -> None:
        """As the storage's."""
        await self._storage.close()
