"""Stops the spinner of a pressed button, after the commit and without being waited for (`answerCallbackQuery`)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from bot.ports.inbound import Inbound, Malformed, Press

AT_ONCE: Final = 16
WAITING: Final = 400


class Spinners:
    """Best effort: beyond `WAITING` a spinner ends by itself. `answer` never raises."""

    def __init__(self, answer: Callable[[str], Awaitable[None]]) -> None:
        self._answer = answer
        self._answers: set[asyncio.Task[None]] = set()
        self._gate = asyncio.Semaphore(AT_ONCE)

    def stop_soon(self, updates: Iterable[Inbound | Malformed]) -> None:
        """Those of all presses among the updates."""
        for update in updates:
            if isinstance(update, Inbound) and isinstance(update.what, Press):
                self._soon(update.what.callback_id)

    async def close(self) -> None:
        """Give up what has not been answered."""
        for task in self._answers:
            task.cancel()
        await asyncio.gather(*self._answers, return_exceptions=True)

    def _soon(self, callback_id: str) -> None:
        if len(self._answers) >= WAITING:
            return
        task = asyncio.create_task(self._one(callback_id))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _one(self, callback_id: str) -> None:
        async with self._gate:
            await self._answer(callback_id)
