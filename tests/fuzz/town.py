"""A programme behind the real intake: poller, parser, use cases, a real database, a sender; and all that is logged."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from bot import logs
from bot.ports.inbound import Inbound, Malformed
from bot.ports.records import StaffRole
from bot.ports.services import SendLimits
from bot.storage.revisions import migrate
from bot.storage.sealing import Keyring
from bot.telegram.poller import Poller, _NoBatch
from bot.usecases.deliver import Sender
from bot.usecases.strangers import Strangers
from bot.usecases.undelivered import on_fault
from flows.read import load_library
from tests.bot.conftest import TEST_KEYS
from tests.bot.deliveries import FakeMessenger
from tests.bot.desks import BOT, Room, open_room

MARKS = (
    "Zebulonia Quixotry", "Featherstonehaugh", "zq_username_42", "AgACAgQAAxkBAAIFileId", "scan-of-passport.pdf",
    "zebulonia@quixotry.example", "+44 20 7946 0991", "he shouted at me again", "bot7:AAF-secret_token-fuzzed",
)  # fmt: skip
"""What nobody may find in a log."""
PARTICIPANTS = (918273645001, 918273645002)
STAFF = {role: 918273645100 + number for number, role in enumerate(StaffRole)}
CHATS = (*PARTICIPANTS, *PARTICIPANTS, *STAFF.values())
STRANGERS = (918273645901, 918273645902)
_NEVER_LOGGED = (*MARKS, *map(str, (*CHATS, *STRANGERS)))
_DRAIN = 60


class Town:
    """Takes raw updates as Telegram's answer holds them. `faults` are what should never be."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.taken = 0
        self.faults = 0
        self._messenger = FakeMessenger()
        clock = room.clock
        self._sender = Sender(
            room.storage, self._messenger, clock, room.desk.ids, SendLimits(off=True), self._on_fault
        )
        self._strangers = Strangers(
            self._messenger, clock, self._sender.pace, room.desk.texts, room.desk.languages
        )
        self._poller = Poller(None, BOT, self._intake, clock)  # type: ignore[arg-type]  # it only asks
        self._update = 10_000
        self._buttons: list[str] = []

    async def _on_fault(self, unit: Any, row: Any, why: str) -> None:
        await on_fault(unit, self.room.desk, row, why)

    async def _intake(self, batch: Any) -> None:
        taken = await self.room.take(batch)
        self.faults += taken.faults
        self.taken += sum(isinstance(one, (Inbound, Malformed)) for one in batch)
        self._strangers.offer(taken.strangers)

    async def meet(self, updates: list[dict[str, Any]]) -> None:
        """Number the updates, put buttons that stand somewhere into presses, and take them as they come over the wire."""
        raw = [self._numbered(one) for one in updates]
        wire = json.loads(json.dumps(raw))
        try:
            await self._poller._take(wire)
        except _NoBatch:
            return
        self.room.clock.advance(timedelta(minutes=self._update % 7))
        await self._look()

    def _numbered(self, update: dict[str, Any]) -> dict[str, Any]:
        self._update += 1
        press = update.get("callback_query")
        data = press.get("data") if isinstance(press, dict) else None
        # Where junk was put in its place it stays as it is.
        if isinstance(press, dict) and isinstance(data, dict) and isinstance(data.get("n"), int):
            press = {**press, "data": self._button(data["n"], str(data.get("spoil")))}
            update = {**update, "callback_query": press}
        # Hypothesis may have put an id in; ours comes last, so that nothing is taken for a repetition.
        return {**update, "update_id": self._update}

    def _button(self, number: int, spoil: str) -> str:
        if not self._buttons:
            return "MENU:go"
        data = self._buttons[-1 - number % len(self._buttons)]
        return {"tail": f"{data}x", "cut": data[:-2], "more": f"{data}:{data}"}.get(spoil, data)

    async def _look(self) -> None:
        """The newest buttons; and now and then what waits goes out."""
        async with self.room.storage.unit() as unit:
            for number in {*CHATS}:
                chat = await unit.chats.by_telegram(BOT, number)
                for row in await unit.outbox.waiting(chat.id) if chat else []:
                    self._buttons += [data for line in row.rows for _, data in line]
        self._buttons = self._buttons[-200:]
        if self._update % _DRAIN < 12:
            while await self._sender.step():
                pass


@asynccontextmanager
async def open_town(folder: Path) -> AsyncIterator[Town]:
    """A town on a database of its own."""
    url = f"sqlite:///{folder / 'town.db'}"
    await asyncio.to_thread(migrate, url)
    async with open_room(url, Keyring(TEST_KEYS), load_library()) as room:
        async with room.storage.unit() as unit:
            [group] = await unit.programmes.groups(room.programme)
            for chat in PARTICIPANTS:
                await room._add(unit, room.desk.ids.new(), chat, None, group.id)
            for role, chat in STAFF.items():
                await room._add(unit, room.desk.ids.new(), chat, role, group.id)
            await unit.commit()
        yield Town(room)


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """All that is logged meanwhile at every level, in the form an operator gets."""
    stream, stderr = io.StringIO(), sys.stderr
    before, level = logging.root.handlers[:], logging.root.level
    sys.stderr = stream
    try:
        logs.configure("debug")
        yield stream
    finally:
        sys.stderr = stderr
        structlog.reset_defaults()
        logging.root.handlers[:] = before
        logging.root.setLevel(level)


def told(stream: io.StringIO) -> list[str]:
    """What of anybody's was logged, and every fault of our own; empties the log."""
    text = stream.getvalue()
    stream.seek(0)
    stream.truncate()
    found = [mark for mark in _NEVER_LOGGED if mark in text]
    found += [line for line in text.splitlines() if "update.fault" in line or "batch.rerun" in line]
    return found
