"""The sign of life: a file whose time tells it (`vestibule doctor --health`), and systemd's watchdog."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from bot.usecases.rounds import Rounds

log = structlog.get_logger(__name__)
EVERY = 10.0


class Heartbeat:
    """Every ten seconds of real time, as long as all loops go round. No file, no touching."""

    def __init__(self, rounds: Rounds, file: Path | None, notify: Callable[[str], object]) -> None:
        self._rounds = rounds
        self._file = file
        self._notify = notify

    async def run(self) -> None:
        """For ever. Raises OSError when the file cannot be written: the administrator wants to know."""
        self._notify("READY=1")
        try:
            while True:
                await self.beat()
                await asyncio.sleep(EVERY)
        finally:
            self._notify("STOPPING=1")

    async def beat(self) -> bool:
        """One sign of life; none, and False, while a loop is stuck."""
        if stuck := self._rounds.stuck():
            log.error("heartbeat.withheld", cycles=" ".join(stuck))
            return False
        if self._file is not None:
            await asyncio.to_thread(self._file.touch)
        self._notify("WATCHDOG=1")
        return True
