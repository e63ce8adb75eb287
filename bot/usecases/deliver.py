"""Delivers what the outbox holds: alerts first, within the limits, each chat in order, marked only after the call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from bot.ports.plan import Fate
from bot.ports.records import OutboxRow, Way
from bot.ports.services import Clock, Ids, Messenger, SendLimits
from bot.ports.stores import BOOK, Stale, Storage, StorageFault, Unit
from bot.usecases.courier import Courier, Errand, Result
from bot.usecases.pace import Pace
from bot.usecases.pick import OnFault, Picked, Picker, not_arrived

LOOK_AGAIN: Final = 5.0
"""Real seconds after which the outbox is looked at, whatever the clock did meanwhile (R-05)."""
LOOK_AGAIN_SOON: Final = 1.0
LEFT: Final = timedelta(milliseconds=20)
"""After which a result is marked whose row somebody was just changing."""
LONGEST_HOLD: Final = 8.0
"""Longest pause of all sending, in seconds, while the network or the server is in trouble."""
LAST_SECONDS: Final = 2.5
"""What calls in flight get to end when the sender is stopped."""

log = structlog.get_logger(__name__)


class Sender:
    """The one sender of a bot by one way: `run()` for ever, or `step()` by hand; never both at a time.

    Each way has a sender of its own, so that a way that is down holds up no other.

    `pace` counts what it sends; who sends beside it asks and counts there too. `may_send` is asked before each
    delivery: a process that was paused may not be the one that sends any more (R-15).
    """

    def __init__(
        self,
        storage: Storage,
        messenger: Messenger,
        clock: Clock,
        ids: Ids,
        limits: SendLimits,
        on_fault: OnFault,
        way: Way = "telegram",
        turned: Callable[[bool], None] = lambda _: None,
        *,
        pace: Pace | None = None,
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        self.pace = pace or Pace(clock, limits)
        self._may_send = may_send
        self._storage = storage
        self._clock = clock
        self._on_fault = on_fault
        self._courier = Courier(messenger, clock, ids, self.pace)
        self._picker = Picker(self.pace, clock, on_fault, way)
        self._flying: dict[str, asyncio.Task[None]] = {}  # by chat, until what came of it is marked
        self._results: list[Result] = []
        self._paused: dict[str, datetime] = {}
        self._hold_until: datetime | None = None
        self._seen: datetime | None = None
        self._holds = 0
        self._storage_faults = 0
        self._alone = False  # the next round is
        self._runs = False
        self._woken = asyncio.Event()
        self._turned = turned

    def wake(self) -> None:
        """Something was committed: look at the outbox at once."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until cancelled. Calls then in flight get `LAST_SECONDS`, and what they came to is marked."""
        self._runs = True
        try:
            while True:
                self._woken.clear()
                picked = await self._round()
                for task in list(self._flying.values()):
                    if task.done():
                        task.result()  # a fault of our own ends the run instead of a chat's deliveries
                if not (picked.settled or picked.to_settle):
                    await self._rest(picked)
        finally:
            self._runs = False
            await self._land()

    async def step(self) -> int:
        """One round to its end: pick, call, mark. Returns how many rows were handled."""
        picked = await self._round()
        handled = len(picked.errands) + picked.settled
        if picked.to_settle:
            picked = await self._round()
            handled += len(picked.errands) + picked.settled
        while self._flying:
            await asyncio.gather(*self._flying.values())
            await self._round(picking=False)
        return handled

    async def _round(self, *, picking: bool = True) -> Picked:
        """Mark what is done and pick what may go, in one unit of work; then let the calls fly.

        What somebody else's unit is changing waits for the next round: two that wait for each other's rows would both
        stand still until the database ends one. Where the last round met something to settle without a call this one is
        alone in the database. After a storage fault the results stay in memory and nothing is sent
        until they are marked, so that no message goes out twice for it.
        """
        settled: list[Result] = []
        try:
            async with self._storage.unit(beside=not self._alone) as unit:
                settled = list(self._results)
                if any(result.why for result in settled):
                    await unit.alone(BOOK)  # before anything is written that others wait for; see `on_fault`
                if picking:
                    settled = await _free(unit, settled)
                for result in settled:
                    await self._settle(unit, result)
                picked = await self._pick(unit, settled) if picking else Picked()
                if settled or picked.settled or picked.marked:
                    await unit.commit()
                self._begin(settled, picked)
        except (StorageFault, Stale) as fault:
            self._turned(False)
            return await self._wait_for_storage(fault, len(settled))
        self._turned(True)
        self._storage_faults, self._alone = 0, picked.to_settle
        return picked

    async def along(self, unit: Unit) -> Callable[[], None]:
        """Mark what is done and pick what may go in somebody else's unit, so that both are kept with its one commit.

        Only where one process writes, one unit after the other: what is given back is to be called once that unit is committed
        and before it ends, so that nobody else picks in between (decision 0017). Then the calls fly. The sender is to be woken
        after that: what needs more than a call is left for its own round, and so is looking ahead.
        """
        if not self._runs or unit.beside or not self._may_send():
            return _nothing
        settled = [result for result in self._results if result.why is None]
        for result in settled:
            await self._settle(unit, result)
        picked = await self._pick(unit, settled, settling=False)
        return partial(self._begin, settled, picked)

    def _begin(self, settled: list[Result], picked: Picked) -> None:
        """What is marked is done with, and what is picked flies. Before anybody else can look for what may go."""
        marked = {result.row.id for result in settled}
        self._results = [result for result in self._results if result.row.id not in marked]
        if self._results:
            picked.not_after(self._clock.now() + LEFT)
        for result in settled:
            del self._flying[result.row.chat_id]
        for errand in picked.errands:
            self._flying[errand.row.chat_id] = asyncio.create_task(self._fly(errand))

    async def _pick(self, unit: Unit, settled: list[Result], *, settling: bool = True) -> Picked:
        now = self._clock.now()
        if self._seen is not None and now < self._seen:
            # A clock set back ends pauses; the timekeeper sees to the rows.
            self._paused, self._hold_until = {}, None
        self._seen = now
        if self._hold_until is not None and now < self._hold_until:
            return Picked(until=self._hold_until)
        self._paused = {chat_id: until for chat_id, until in self._paused.items() if until > now}
        flying = self._flying.keys() - {result.row.chat_id for result in settled}
        busy = flying | self._paused.keys()
        picked = await self._picker.pick(unit, busy, len(flying), settling=settling)
        for until in self._paused.values():
            picked.not_after(until)
        return picked

    async def _settle(self, unit: Unit, result: Result) -> None:
        """Write what came of a row."""
        row = result.row
        await unit.outbox.save(row)
        now = self._clock.now()
        for entry_id, kept in result.gone:
            await unit.ledger.gone(entry_id, now, kept)
        if result.put is not None:
            await unit.ledger.add(result.put)
        if result.why == "unreachable" and row.way == "telegram":
            await unit.chats.set_state(row.chat_id, "blocked")
        if result.why is not None:
            await not_arrived(unit, row, Fate.FAILED, result.why)
            await self._on_fault(unit, row, result.why)

    async def _fly(self, errand: Errand) -> None:
        try:
            result = await self._courier.carry(errand) if self._may_go(errand.row) else Result(errand.row)
            self._note_pauses(result)
            self._results.append(result)
        finally:
            self._woken.set()

    def _may_go(self, row: OutboxRow) -> bool:
        """Whether its time is not over and the lease not lost by now: a machine may have slept since it was picked."""
        return self._may_send() and (row.not_after is None or self._clock.now() < row.not_after)

    def _note_pauses(self, result: Result) -> None:
        """429 stops its chat alone; trouble of network or server stops all, longer each time in a row."""
        now = self._clock.now()
        if result.pause_chat:
            self._paused[result.row.chat_id] = now + timedelta(seconds=result.pause_chat)
        elif result.row.state == "sent":
            self._holds = 0
        if result.pause_all and (self._hold_until is None or now >= self._hold_until):
            longest = max(LONGEST_HOLD, result.pause_all)
            self._hold_until = now + timedelta(seconds=min(longest, result.pause_all * 2**self._holds))
            self._holds = min(self._holds + 1, 6)

    async def _wait_for_storage(self, fault: Exception, count: int) -> Picked:
        self._storage_faults = min(self._storage_faults + 1, 6)
        log.warning("deliver.storage_fault", fault=type(fault).__name__, count=count)
        await asyncio.sleep(0.05 * 2**self._storage_faults)
        return Picked(until=self._clock.now())

    async def _rest(self, picked: Picked) -> None:
        """Until woken, or the clock says so, or some real seconds have passed."""
        waits: list[asyncio.Future[object]] = [asyncio.ensure_future(self._woken.wait())]
        if picked.until is not None:
            waits.append(asyncio.ensure_future(self._clock.sleep_until(picked.until)))
        try:
            longest = LOOK_AGAIN_SOON if picked.crowded else LOOK_AGAIN
            await asyncio.wait(waits, timeout=longest, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _land(self) -> None:
        """Let the calls in flight end, so that a clean stop sends nothing twice."""
        tasks = list(self._flying.values())
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._results:
            await self._round(picking=False)


def _nothing() -> None:
    """Nothing was picked."""


async def _free(unit: Unit, results: list[Result]) -> list[Result]:
    """Those that can be marked without waiting for another unit."""
    free = await unit.outbox.free({result.row.id for result in results})
    return [result for result in results if result.row.id in free]
