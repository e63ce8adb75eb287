"""A sender on fakes, and short ways to fill and to read what is around it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.clock import MovableClock
from bot.ids import CountingIds
from bot.ports.records import Chat, Lane, LedgerEntry, OutboxRow
from bot.ports.services import (
    SendLimits,
)
from bot.usecases.deliver import Sender
from tests.bot.deliveries import START, FakeMessenger, MemoryStorage


class House:
    """A sender with everything around it, and short ways to fill and to read it."""

    def __init__(self, limits: SendLimits | None = None) -> None:
        self.clock = MovableClock(START)
        self.storage = MemoryStorage()
        self.messenger = FakeMessenger()
        self.ids = CountingIds()
        self.limits = limits or SendLimits()
        self.faults: list[tuple[str, str]] = []
        self.chat(1)
        self.sender = self.restart()

    def restart(self) -> Sender:
        self.sender = Sender(self.storage, self.messenger, self.clock, self.ids, self.limits, self.on_fault)
        return self.sender

    async def on_fault(self, unit: Any, row: OutboxRow, why: str) -> None:
        self.faults.append((row.chat_id, why))

    def chat(self, number: int) -> None:
        self.storage.tables.chats[f"c{number}"] = Chat(f"c{number}", 7, number, f"p{number}")

    async def add(self, text: str, chat: int = 1, **more: Any) -> None:
        row = {"lane": Lane.REPLY, "slot": "question", "op": "say", "due_at": self.clock.now()} | more
        async with self.storage.unit() as unit:
            await unit.outbox.add(OutboxRow(chat_id=f"c{chat}", text=text, **row))
            await unit.commit()

    async def stand(self, message_id: int, side: Any = "bot", slot: str = "question", **more: Any) -> None:
        entry = {"sensitive": False, "at": self.clock.now()} | more
        self.messenger.chats[1][message_id] = f"old {message_id}"
        async with self.storage.unit() as unit:
            await unit.ledger.add(LedgerEntry(self.ids.new(), "c1", message_id, side, slot, **entry))
            await unit.commit()

    async def settle(self, seconds: float = 0.0) -> None:
        """Move on and deliver all that may go."""
        self.clock.advance(timedelta(seconds=seconds))
        while await self.sender.step():
            pass

    def states(self) -> list[str]:
        return [row.state for row in self.storage.tables.rows.values()]

    def row(self, number: int) -> OutboxRow:
        return self.storage.tables.rows[number]

    def standing(self) -> list[int]:
        return [e.message_id for e in self.storage.tables.entries.values() if e.gone_at is None]

    def kept(self) -> list[str]:
        return [e.kept for e in self.storage.tables.entries.values() if e.kept]
