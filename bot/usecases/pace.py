"""Telegram's sending limits as token buckets on the clock: asked before a row is picked, so that 429 stays rare."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bot.ports.records import Lane
from bot.ports.services import Address, Clock, SendLimits

_EVER: Final = 1_000_000
_NEARLY: Final = 1e-4
"""Tokens that may be missing: clocks count microseconds, so that an exact wait would fall short and be asked again."""


@dataclass(slots=True)
class Bucket:
    """Holds at most `capacity` tokens and gains `rate` a second. May be overdrawn, which is paid back first."""

    capacity: float
    rate: float
    at: datetime
    level: float = field(init=False)

    def __post_init__(self) -> None:
        self.level = self.capacity

    def tokens(self, now: datetime) -> float:
        """Tokens at `now`. A clock set back adds nothing."""
        gained = max(0.0, (now - self.at).total_seconds()) * self.rate
        self.at, self.level = now, min(self.capacity, self.level + gained)
        return self.level

    def wait(self, now: datetime, spare: float = 0.0) -> float:
        """Seconds until a whole token is there, and so many more."""
        missing = 1.0 + spare - self.tokens(now)
        return 0.0 if missing <= _NEARLY else missing / self.rate


class Pace:
    """The buckets of one bot. Sends and edits count; deletions and answers to presses do not."""

    def __init__(self, clock: Clock, limits: SendLimits) -> None:
        self._clock = clock
        self._limits = limits
        self._overall = Bucket(limits.overall_per_second, limits.overall_per_second, clock.now())
        self._chats: dict[Address, list[Bucket]] = {}

    def spare(self, lane: Lane) -> float:
        """What messages of that lane leave of a second's: half of it, where many may wait.

        They are counted when they are picked and judged when they arrive. Those that were late on their way must not
        arrive together with a whole second's that were saved up meanwhile; and an alert finds room at once (R-12).
        """
        return self._limits.overall_per_second / 2 if lane in (Lane.REMINDER, Lane.TIDY) else 0.0

    def room(self, spare: float = 0.0) -> int:
        """How many messages may go out now, whatever their chats, if `spare` are left over."""
        if self._limits.off:
            return _EVER
        return max(0, int(self._overall.tokens(self._clock.now()) - spare + _NEARLY))

    def wait(self, to: Address | None = None, spare: float = 0.0) -> float:
        """Seconds until a message may go out with `spare` left over: to that chat, or to any."""
        if self._limits.off:
            return 0.0
        now = self._clock.now()
        waits = [self._overall.wait(now, spare)]
        if to is not None:
            waits += [bucket.wait(now) for bucket in self._chats.get(to, ())]
        return max(waits)

    def take(self, to: Address) -> None:
        """Count one message to that chat."""
        if self._limits.off:
            return
        now = self._clock.now()
        if to not in self._chats:
            self._chats[to] = self._fresh(to, now)
        for bucket in (self._overall, *self._chats[to]):
            bucket.level = bucket.tokens(now) - 1

    def waiting_chats(self) -> int:
        """How many chats have to wait now. Forgets those whose buckets are full again."""
        now = self._clock.now()
        for chat in [
            c for c, buckets in self._chats.items() if all(b.tokens(now) >= b.capacity for b in buckets)
        ]:
            del self._chats[chat]
        return sum(any(bucket.wait(now) > 0 for bucket in buckets) for buckets in self._chats.values())

    def _fresh(self, to: Address, now: datetime) -> list[Bucket]:
        buckets = [Bucket(self._limits.chat_burst, self._limits.chat_per_second, now)]
        if isinstance(to, int) and to < 0:  # Telegram numbers groups below zero
            buckets.append(Bucket(self._limits.group_per_minute, self._limits.group_per_minute / 60, now))
        return buckets
