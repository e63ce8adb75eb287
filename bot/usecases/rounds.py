"""Which of the software's loops go round, and when each last completed its work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from bot.ports.services import Clock

POLL, SENDER, ESCALATION, SCHEDULE, MAIL, AUDITOR = CYCLES = (
    "poll", "sender", "escalation", "schedule", "mail", "auditor",
)  # fmt: skip
LIMITS: Mapping[str, timedelta] = {
    POLL: timedelta(seconds=120),
    SENDER: timedelta(seconds=30),
    ESCALATION: timedelta(seconds=30),
    SCHEDULE: timedelta(seconds=120),
    MAIL: timedelta(seconds=30),
    AUDITOR: timedelta(seconds=180),
}
"""How old a round may be. A poll waits up to 50 s for news; after an outage the schedule waits 60 s for it."""


class Rounds:
    """Told by the loops, asked by health checks. Only the loops named in `expected` are looked for."""

    def __init__(self, clock: Clock, expected: tuple[str, ...]) -> None:
        self._clock = clock
        self.expected = expected
        self._began = clock.now()
        self._turned: dict[str, datetime] = {}
        self._completed: dict[str, datetime] = {}

    def teller(self, name: str) -> Callable[[bool], None]:
        """What the loop calls after each round: whether it completed what it is for."""
        return partial(self._tell, name)

    def _tell(self, name: str, completed: bool) -> None:
        self._turned[name] = self._clock.now()
        if completed:
            self._completed[name] = self._turned[name]

    def age(self, name: str) -> float:
        """Seconds since it last completed; since the start, if never."""
        return max(0.0, (self._clock.now() - self._completed.get(name, self._began)).total_seconds())

    def stuck(self) -> tuple[str, ...]:
        """Loops that do not go round any more. One whose network is down does: a restart would not help it."""
        return self._late(self._turned, never=False)

    def behind(self) -> tuple[str, ...]:
        """Loops that have not completed their work in time, or not yet."""
        return self._late(self._completed, never=True)

    def _late(self, when: Mapping[str, datetime], *, never: bool) -> tuple[str, ...]:
        now = self._clock.now()
        return tuple(
            name
            for name in self.expected
            if (never and name not in when) or now - when.get(name, self._began) > LIMITS[name]
        )
