"""A file whose time tells whether the running bot is alive (`vestibule doctor --health`)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from bot.ports.services import Clock

EVERY = timedelta(seconds=10)


class Heartbeat:
    """Touches the file every ten seconds of real time while the event loop turns; no file, nothing to do."""

    def __init__(self, clock: Clock, file: Path | None) -> None:
        self._clock = clock
        self._file = file

    async def run(self) -> None:
        """For ever. Raises OSError when the file cannot be written: the administrator wants to know."""
        while True:
            if self._file is not None:
                await asyncio.to_thread(self._file.touch)
            await asyncio.sleep(EVERY.total_seconds())
