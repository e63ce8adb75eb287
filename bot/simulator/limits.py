"""Telegram's sending limits as token buckets: the same rule the bot's own sender keeps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime

# What a call may arrive early by, in seconds: two requests do not take equally long on their way. Never a
# whole token, so that under a clock that stands still the limits are exact.
JITTER = 0.1


@dataclass
class Bucket:
    """Holds up to `capacity` tokens and gains `rate` of them a second."""

    capacity: float
    rate: float
    level: float
    at: datetime

    @classmethod
    def full(cls, capacity: float, rate: float, now: datetime) -> Bucket:
        """A bucket nobody has taken from yet."""
        return cls(capacity, rate, capacity, now)

    def wait(self, now: datetime) -> float:
        """Seconds until a token is there; 0 when there is one. A clock set back adds nothing."""
        passed = max(0.0, (now - self.at).total_seconds())
        self.level = min(self.capacity, self.level + passed * self.rate)
        self.at = now
        missing = 1 - self.level
        return 0.0 if missing <= min(JITTER * self.rate, 0.9) else missing / self.rate

    def take(self) -> None:
        """Uses one token; call only after `wait` said 0."""
        self.level -= 1


@dataclass
class SendLimits:
    """30 sends and edits a second overall; per chat 3 at once, then 1 a second; 20 a minute per group."""

    _overall: Bucket | None = None
    _chats: dict[int, Bucket] = field(default_factory=dict)
    _groups: dict[int, Bucket] = field(default_factory=dict)

    def take(self, chat_id: int, now: datetime) -> int:
        """Counts one send or edit. Returns 0, or the whole seconds to wait, and then nothing is counted."""
        if self._overall is None:
            self._overall = Bucket.full(30, 30, now)
        asked = [self._overall, self._chats.setdefault(chat_id, Bucket.full(3, 1, now))]
        if chat_id < 0:
            asked.append(self._groups.setdefault(chat_id, Bucket.full(20, 20 / 60, now)))
        wait = max(bucket.wait(now) for bucket in asked)
        if wait:
            return math.ceil(wait)
        for bucket in asked:
            bucket.take()
        return 0
