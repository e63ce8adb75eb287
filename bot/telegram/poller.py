"""Long polling that confirms an update only once it is kept (R-01)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from telegram import Bot
from telegram.error import BadRequest, Conflict, NetworkError, RetryAfter, TelegramError

from bot.clock import ticking
from bot.ports.inbound import Inbound, Malformed, Press
from bot.ports.services import Away, Clock
from bot.ports.stores import StorageFault
from bot.telegram.inbound import ALLOWED_UPDATES, parse
from bot.telegram.transport import call

Batch = Sequence[Inbound | Malformed]
Intake = Callable[[Batch], Awaitable[None]]

MOST: Final = 100
_LONGEST_PAUSE: Final = 30.0
_STALLED: Final = 150.0
"""Seconds a round cannot take while the process runs, and after which a pressed button can be lost."""
_QUIET: Final = timedelta(days=6)
_ANSWERS_AT_ONCE: Final = 16
_ANSWERS_WAITING: Final = 400

log = structlog.get_logger(__name__)


class Poller:
    """Fetches updates and hands them to `intake`, which has committed when it returns.

    `reach` comes first, again and again while the network is down: a machine may start before its network does,
    and everything else that the software does goes on meanwhile. `caught_up` is set once all that waited at the
    start has been taken.

    `answer` stops a pressed button's spinner, after the commit and without being waited for.
    Pauses are in real time: a network does not follow a clock that is moved.
    """

    def __init__(
        self,
        bot: Bot,
        bot_id: int,
        intake: Intake,
        clock: Clock,
        *,
        answer: Callable[[str], Awaitable[None]],
        reach: Callable[[], Awaitable[None]] | None = None,
        long_poll: int = 25,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        turned: Callable[[bool], None] = lambda _: None,
        ticks: Callable[[], float] = ticking,
    ) -> None:
        self._bot = bot
        self._bot_id = bot_id
        self._intake = intake
        self._clock = clock
        self._answer = answer
        self._reach = reach
        self._long_poll = long_poll
        self._pause = pause
        self._turned = turned
        self._ticks = ticks
        self._failing_since: datetime | None = None
        self._back_at: datetime | None = None
        self._was_away: Away | None = None
        self._offset: int | None = None
        self._moved_at: datetime = clock.now()
        self.caught_up = asyncio.Event()
        self._answers: set[asyncio.Task[None]] = set()
        self._gate = asyncio.Semaphore(_ANSWERS_AT_ONCE)

    def is_away(self) -> bool:
        """Whether Telegram cannot be asked now."""
        return self._failing_since is not None

    def was_away(self) -> Away | None:
        """From when to when Telegram could not be asked, told once after all that waited there is taken (R-11)."""
        away, self._was_away = self._was_away, None
        return away

    async def run(self) -> None:
        """Reach Telegram, then poll until cancelled. Raises InvalidToken when it does not know the token.

        Otherwise only a fault of our own ends it.
        """
        try:
            if self._reach is not None:
                await self._reached(self._reach)
            await self._poll()
        finally:
            for task in self._answers:
                task.cancel()
            await asyncio.gather(*self._answers, return_exceptions=True)

    async def _reached(self, reach: Callable[[], Awaitable[None]]) -> None:
        """Until Telegram answers. What it refuses for good is raised (InvalidToken, BadRequest, Forbidden)."""
        seconds = 1.0
        while True:
            began = self._clock.now()
            try:
                return await reach()
            except BadRequest:
                raise
            except (NetworkError, RetryAfter) as error:
                log.warning("telegram.unreachable", fault=type(error).__name__, seconds=seconds)
            self._failing_since = self._failing_since or began
            self._turned(False)
            await self._pause(seconds)
            seconds = min(seconds * 2, _LONGEST_PAUSE)

    async def _poll(self) -> None:
        failures = 0
        while True:
            began, ticks = self._clock.now(), self._ticks()
            try:
                raw = await self._fetch()
                # Nothing ran meanwhile: a machine that slept, a stopped process.
                if self._ticks() - ticks >= _STALLED:
                    self._failing_since, self._back_at = self._failing_since or began, self._clock.now()
                self._back_at = self._back_at or began
                await self._take(raw)
                if len(raw) < MOST:
                    self._caught_up()
                failures = 0
                self._turned(True)
            except (TelegramError, _NoBatch) as error:
                seconds = min(2.0**failures, _LONGEST_PAUSE)
                failures = min(failures + 1, 5)
                event = "poll.conflict" if isinstance(error, Conflict) else "poll.failed"
                log.warning(event, fault=type(error).__name__, seconds=seconds)
                self._failing_since, self._back_at = self._failing_since or began, None
                self._turned(False)
                await self._pause(seconds)

    def _caught_up(self) -> None:
        """Nothing waits at Telegram any more. Outages not told of yet are told as one, from the first on."""
        self.caught_up.set()
        if self._failing_since is not None and self._back_at is not None:
            since = self._was_away.since if self._was_away else self._failing_since
            self._was_away, self._failing_since = Away(since, self._back_at), None

    async def _fetch(self) -> list[object]:
        """The waiting updates as they came. Asking is what confirms those below the offset."""
        if self._clock.now() - self._moved_at > _QUIET:
            self._offset = None  # after a quiet week Telegram numbers anew, perhaps below the old offset
        wanted: dict[str, object] = {
            "limit": MOST,
            # At first nothing is waited for: what is to come after an outage has to know that all was taken.
            "timeout": self._long_poll if self.caught_up.is_set() and not self.is_away() else 0,
            "allowed_updates": ALLOWED_UPDATES,
        }
        if self._offset is not None:
            wanted["offset"] = self._offset
        # Not the library's get_updates, which drops the whole batch when one update cannot be read.
        got = await call(self._bot, "getUpdates", wanted, self._long_poll + 10)
        if not isinstance(got, list):
            raise _NoBatch
        return got

    async def _take(self, raw: list[object]) -> None:
        now = self._clock.now()
        read = [parse(self._bot_id, one, now) for one in raw]
        batch = [one for one in read if one is not None and one.update_id >= 0]
        if batch:
            await self._keep(batch)
        ids = [
            one["update_id"]
            for one, it in zip(raw, read, strict=True)
            if _confirmable(it) and isinstance(one, dict)
        ]
        if ids:
            self._offset, self._moved_at = max(ids) + 1, now
        elif raw:
            raise _NoBatch  # nothing in it can be confirmed, so it will come again: not at once

        for one in batch:
            if isinstance(one, Inbound) and isinstance(one.what, Press):
                self._answer_soon(one.what.callback_id)

    async def _keep(self, batch: Batch) -> None:
        """Hand over until it is kept. The database's faults are waited out with the offset unmoved."""
        seconds, began = 0.25, self._clock.now()
        while True:
            try:
                await self._intake(batch)
                self._back_at = self._back_at or self._clock.now()
                return
            except StorageFault as fault:
                # Meanwhile what is pressed waits at Telegram, and a button does not wait long.
                self._failing_since, self._back_at = self._failing_since or began, None
                log.warning(
                    "intake.storage_fault", fault=type(fault).__name__, count=len(batch), seconds=seconds
                )
                await self._pause(seconds)
                seconds = min(seconds * 2, _LONGEST_PAUSE)

    def _answer_soon(self, callback_id: str) -> None:
        if len(self._answers) >= _ANSWERS_WAITING:
            return
        task = asyncio.create_task(self._answer_one(callback_id))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answer_one(self, callback_id: str) -> None:
        async with self._gate:
            await self._answer(callback_id)


class _NoBatch(Exception):
    """The answer holds nothing that could be handled or confirmed."""


def _confirmable(read: Inbound | Malformed | None) -> bool:
    return read is None or read.update_id >= 0
