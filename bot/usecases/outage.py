"""A sign of life, by which an outage is noticed (R-11). What follows from one: bot.usecases.look_back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.ports.services import Away
from bot.ports.stores import Storage
from bot.usecases.desk import Desk
from bot.usecases.look_back import LONGEST, LookBack, Outage, note, unfinished

log = structlog.get_logger(__name__)

PULSE = "cycle"
BEAT = timedelta(minutes=1)


class Intake(Protocol):
    """What takes updates in, as far as an outage of it matters here."""

    def is_away(self) -> bool:
        """Whether it cannot take any now."""
        ...

    def was_away(self) -> Away | None:
        """From when to when it had not been able to, told once after it has caught up."""
        ...


class Pulse:
    """Keeps a sign of life once a minute while updates come in, and notices when there was none.

    At the start the last one kept says since when; while running the intake does, once it goes on. A clock
    that is moved is no outage.
    """

    def __init__(self, storage: Storage, desk: Desk, wake_sender: Callable[[], None], intake: Intake) -> None:
        self._storage = storage
        self._desk = desk
        self._wake_sender = wake_sender
        self._intake = intake
        self._beaten_at: datetime | None = None
        self._away_since: datetime | None = None
        self._back_at = desk.now()  # nothing can have been taken in before
        self._looking_back: LookBack | None = None

    async def __call__(self) -> bool:
        """Beat if it is time; an outage is kept with it, and looked back upon, so many units at a time. Raises StorageFault.

        Whether there is more of that to do at once.
        """
        now = self._desk.now()
        if away := self._intake.was_away():
            self._away_since, self._back_at = self._away_since or away.since, away.back_at
        if self._intake.is_away():
            return False
        lately = self._beaten_at is not None and timedelta() <= now - self._beaten_at < BEAT
        if not lately or self._away_since is not None:
            await self._beat(now)
            self._wake_sender()
        if self._looking_back is None:
            return False
        more = await self._looking_back.go_on(self._storage)
        self._wake_sender()
        if not more:
            self._looking_back = None
        return more

    async def _beat(self, now: datetime) -> None:
        async with self._storage.unit() as unit:
            started = self._beaten_at is None
            since = await unit.pulses.last(PULSE) if started else self._away_since
            outage: Outage | None = None
            if since is not None and now - since >= LONGEST:
                log.warning("outage", seconds=int((now - since).total_seconds()))
                outage = await note(unit, Outage(since, now, self._back_at))
            elif started:
                outage = await unfinished(unit)
            await unit.pulses.beat(PULSE, now)
            await unit.commit()
        self._beaten_at, self._away_since = now, None
        if outage is not None:
            self._looking_back = LookBack(self._desk, outage)
