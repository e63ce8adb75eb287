"""Sender, messenger and transport together against the simulated Telegram."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.ids import CountingIds
from bot.ports.records import Chat, Lane, OutboxRow
from bot.ports.services import SendLimits
from bot.simulator import ErrorAnswer, Malformed, Phone, ResetAfter, ResetBefore
from bot.simulator.limits import SendLimits as Judge
from bot.usecases.deliver import Sender
from tests.bot.deliveries import MemoryStorage
from tests.bot.telegram.conftest import Line


class Wire:
    """A sender on the line, with a chat for each phone."""

    def __init__(self, line: Line, *phones: Phone) -> None:
        self.line = line
        self.storage = MemoryStorage()
        self.failed: list[str] = []
        self.sender = Sender(
            self.storage, line.messenger, line.clock, CountingIds(), SendLimits(), self._on_fault
        )
        for phone in phones:
            chat = Chat(f"c{phone.id}", 7, phone.id, f"p{phone.id}")
            self.storage.tables.chats[chat.id] = chat

    async def _on_fault(self, unit: Any, row: OutboxRow, why: str) -> None:
        self.failed.append(why)

    async def add(self, phone: Phone, *texts: str, **more: Any) -> None:
        async with self.storage.unit() as unit:
            for text in texts:
                given = {
                    "lane": Lane.REPLY,
                    "slot": text,
                    "op": "say",
                    "due_at": self.line.clock.now(),
                } | more
                await unit.outbox.add(OutboxRow(chat_id=f"c{phone.id}", text=text, **given))
            await unit.commit()

    async def pass_time(self, seconds: int) -> None:
        for _ in range(seconds * 4):
            while await self.sender.step():
                pass
            self.line.clock.advance(timedelta(seconds=0.25))


def texts(phone: Phone) -> list[str]:
    return [message.text for message in phone.messages if message.from_bot]


async def test_the_judge_never_says_429(line: Line) -> None:
    """The sender keeps the limits as the simulator judges them: all arrives in order, without one refusal."""
    line.world.limits = Judge()
    phones = [line.phone, *(Phone(line.world) for _ in range(5))]
    wire = Wire(line, *phones)
    lines = [f"line {n}" for n in range(12)]
    for phone in phones:
        await phone.start()
        await wire.add(phone, *lines)
    await wire.pass_time(12)
    assert all(texts(phone) == lines for phone in phones)
    assert sum(method == "sendMessage" for _, method, _ in line.world.calls) == len(lines) * len(phones)


@pytest.mark.parametrize(
    ("fault", "copies"),
    [
        (ResetAfter(), 2),
        (Malformed(), 2),
        (ResetBefore(), 1),
        (ErrorAnswer(500, "Internal Server Error"), 1),
        (ErrorAnswer(502, "Bad Gateway"), 1),
        (ErrorAnswer(429, "Too Many Requests: retry after 3", {"retry_after": 3}), 1),
    ],
)
async def test_an_alert_arrives_once_or_twice(line: Line, fault: Any, copies: int) -> None:
    """R-10 Whatever becomes of the first call, the alert arrives, with one extra copy only if the answer was lost."""
    wire = Wire(line, line.phone)
    await line.phone.start()
    line.world.faults.add("sendMessage", fault)
    await wire.add(line.phone, "K-104", lane=Lane.ALERT)
    await wire.pass_time(6)
    assert texts(line.phone) == ["K-104"] * copies
    assert wire.failed == []


async def test_a_blocked_bot_is_told(line: Line) -> None:
    """R-07 A person who blocked the bot fails the row at once."""
    wire = Wire(line, line.phone)
    await line.phone.start()
    line.phone.block()
    await wire.add(line.phone, "K-104", lane=Lane.ALERT)
    await wire.sender.step()
    assert wire.failed == ["unreachable"]


async def test_tidying_past_48_hours(line: Line) -> None:
    """S-43 What Telegram will not delete any more is counted; younger messages go."""
    wire = Wire(line, line.phone)
    await line.phone.start()
    await wire.add(line.phone, "old", sensitive=True)
    await wire.sender.step()
    line.clock.advance(timedelta(hours=49))
    await wire.add(line.phone, "young", sensitive=True)
    await wire.sender.step()
    await wire.add(line.phone, "", op="sweep", slot="sensitive")
    await wire.sender.step()
    assert [entry.kept for entry in wire.storage.tables.entries.values()] == ["not deletable", ""]
    assert "old" not in line.phone.screen()
    assert "young" not in line.phone.screen()
