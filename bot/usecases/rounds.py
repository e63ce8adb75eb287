"""Which of the software's loops go round, and when each last completed its work.

In real seconds: whether a loop is alive has nothing to do with what time it is. A clock that is set or moved would
make every loop look dead, and the long poll, which takes its time whatever the clock says, for the longest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

POLL, SENDER, ESCALATION, SCHEDULE, MAIL, AUDITOR = CYCLES = (
    "poll", "sender", "escalation", "schedule", "mail", "auditor",
)  # fmt: skip
LEASE, WEBHOOK = "lease", "webhook"
NAMES = (*CYCLES, LEASE, WEBHOOK)
LIMITS: Mapping[str, timedelta] = {
    POLL: timedelta(seconds=120),
    SENDER: timedelta(seconds=30),
    ESCALATION: timedelta(seconds=30),
    SCHEDULE: timedelta(seconds=120),
    MAIL: timedelta(seconds=30),
    AUDITOR: timedelta(seconds=180),
    LEASE: timedelta(seconds=30),
    WEBHOOK: timedelta(seconds=180),
}
"""How old a round may be. A poll waits up to 50 s for news; after an outage the schedule waits 60 s for it."""


class Rounds:
    """Told by the loops, asked by health checks. Only the loops named in `expected` are looked for.

    `seconds` counts real seconds, from whenever it likes. `leads`: whether this process runs the leader's loops.
    """

    def __init__(self, expected: tuple[str, ...], seconds: Callable[[], float] = time.monotonic) -> None:
        self.expected = expected
        self.leads = True
        self._seconds = seconds
        self._began = seconds()
        self._turned: dict[str, float] = {}
        self._completed: dict[str, float] = {}

    def expect(self, names: tuple[str, ...], *, leads: bool) -> None:
        """From now on these loops run: each has its whole time again, and none is judged by an earlier run."""
        self.expected, self.leads = names, leads
        self._began = self._seconds()
        kept = {LEASE}  # it goes on through every change
        self._turned = {name: at for name, at in self._turned.items() if name in kept}
        self._completed = {name: at for name, at in self._completed.items() if name in kept}

    def teller(self, name: str) -> Callable[[bool], None]:
        """What the loop calls after each round: whether it completed what it is for."""
        return partial(self._tell, name)

    def _tell(self, name: str, completed: bool) -> None:
        self._turned[name] = self._seconds()
        if completed:
            self._completed[name] = self._turned[name]

    def age(self, name: str) -> float:
        """Seconds since it last completed; since the start, if never."""
        return self._seconds() - self._completed.get(name, self._began)

    def stuck(self) -> tuple[str, ...]:
        """Loops that do not go round any more. One whose network is down does: a restart would not help it."""
        return self._late(self._turned, never=False)

    def behind(self) -> tuple[str, ...]:
        """Loops that have not completed their work in time, or not yet."""
        return self._late(self._completed, never=True)

    def _late(self, when: Mapping[str, float], *, never: bool) -> tuple[str, ...]:
        now = self._seconds()
        return tuple(
            name
            for name in self.expected
            if (never and name not in when)
            or now - when.get(name, self._began) > LIMITS[name].total_seconds()
        )
