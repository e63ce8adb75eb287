"""One queue for all that comes in: a poller's batches and the single updates of webhooks.

One loop takes what has gathered and hands it over together, so that many webhooks cost one commit. Whoever brought an
update goes on only once it is kept (R-01).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bot.ports.inbound import Inbound, Malformed
from bot.ports.stores import StorageFault

Update = Inbound | Malformed
Keep = Callable[[Sequence[Update]], Awaitable[None]]

AT_ONCE: Final = 100
"""Updates in one batch, as many as Telegram gives at once."""
WAITING: Final = 1000
"""Updates that may wait; what comes then is refused at once, and Telegram brings it again."""


class NotTaken(StorageFault):
    """The queue is full, or the process is about to end: nothing was kept, and it is to be brought again."""


@dataclass(slots=True)
class _Brought:
    updates: Sequence[Update]
    kept: asyncio.Future[None]


class Intake:
    """`await intake(updates)` returns once they are kept, and raises StorageFault if they were not.

    `keep` has committed when it returns. Updates are handed to it in the order in which they came. What somebody
    brought stays together, and stays in the queue even if they stop waiting.
    """

    def __init__(self, keep: Keep, *, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        self._keep = keep
        self._at_once = at_once
        self._most = waiting
        self._queue: deque[_Brought] = deque()
        self._waiting = 0
        self._came = asyncio.Event()
        self._ended = False

    async def __call__(self, updates: Sequence[Update]) -> None:
        """Kept when this returns. Raises StorageFault: the database's, or NotTaken."""
        if self._ended or self._waiting + len(updates) > self._most:
            raise NotTaken("the intake is full" if not self._ended else "the intake has ended")
        brought = _Brought(updates, asyncio.get_running_loop().create_future())
        self._queue.append(brought)
        self._waiting += len(updates)
        self._came.set()
        await brought.kept

    async def run(self) -> None:
        """Take in until cancelled; whoever still waits then hears that nothing was kept.

        A fault of our own ends it: better restarted than half alive.
        """
        self._ended = False
        batch: list[_Brought] = []
        try:
            while True:
                await self._came.wait()
                batch = self._gathered()
                await self._take(batch)
        finally:
            self._ended = True
            self._answer([*batch, *self._queue], NotTaken("the intake has ended"))
            self._queue.clear()
            self._waiting = 0

    def _gathered(self) -> list[_Brought]:
        """What waits, up to a batch; at least what was brought first."""
        batch = [self._queue.popleft()]
        count = len(batch[0].updates)
        while self._queue and count + len(self._queue[0].updates) <= self._at_once:
            batch.append(self._queue.popleft())
            count += len(batch[-1].updates)
        self._waiting -= count
        if not self._queue:
            self._came.clear()
        return batch

    async def _take(self, batch: list[_Brought]) -> None:
        try:
            await self._keep([update for brought in batch for update in brought.updates])
        except StorageFault as fault:
            self._answer(batch, fault)
        else:
            self._answer(batch, None)

    def _answer(self, batch: Sequence[_Brought], fault: StorageFault | None) -> None:
        for brought in batch:
            if brought.kept.done():
                continue  # nobody waits for it any more
            if fault is None:
                brought.kept.set_result(None)
            else:
                brought.kept.set_exception(fault)
