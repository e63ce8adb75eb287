"""Real seconds that pass when a test says so."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Stopwatch:
    """For `Rounds`: called, it says how many seconds have passed."""

    seconds: float = 0.0

    def __call__(self) -> float:
        """The seconds so far."""
        return self.seconds
