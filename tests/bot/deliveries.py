"""Fakes for what the sender leans on: a storage in memory, a messenger with chats one can look into."""

from __future__ import annotations

import asyncio
import copy
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from bot.ports.records import Chat, Lane, LedgerEntry, OutboxRow
from bot.ports.services import Rows
from bot.ports.stores import StorageFault

START = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
ORDERED = (Lane.ALERT, Lane.REPLY, Lane.REMINDER)


@dataclass
class Tables:
    rows: dict[int, OutboxRow] = field(default_factory=dict)
    entries: dict[str, LedgerEntry] = field(default_factory=dict)
    chats: dict[str, Chat] = field(default_factory=dict)


class MemoryOutbox:
    def __init__(self, tables: Tables) -> None:
        self._rows = tables.rows

    async def add(self, row: OutboxRow) -> None:
        if row.op == "say":
            for other in self._unsent(row.chat_id):
                if other.op == "say" and other.slot == row.slot:
                    self._rows[other.id] = replace(other, state="superseded")
        number = len(self._rows) + 1
        self._rows[number] = replace(row, id=number)

    async def cancel(self, chat_id: str, slots: list[str], *, sensitive_only: bool = False) -> None:
        for row in self._unsent(chat_id):
            if ("*" in slots or row.slot in slots) and (row.sensitive or not sensitive_only):
                self._rows[row.id] = replace(row, state="superseded")

    async def due(
        self, now: datetime, lane: Lane, limit: int, way: str = "telegram", *, but: Collection[str] = ()
    ) -> list[OutboxRow]:
        found, heads = [], set()
        for row in self._rows.values():
            if row.state != "waiting" or row.way != way:
                continue
            key = (row.chat_id, lane is Lane.ALERT)
            relevant = row.lane is lane or (
                lane is not Lane.ALERT and row.lane in ORDERED and row.due_at <= now
            )
            if not relevant or key in heads or row.due_at > now:
                continue
            heads.add(key)
            if row.lane is lane and (row.next_try_at is None or row.next_try_at <= now):
                found.append(row)
        return [row for row in found[:limit] if row.chat_id not in but]

    async def lanes_due(self, now: datetime, way: str = "telegram") -> list[Lane]:
        return [lane for lane in Lane if await self.due(now, lane, 1, way)]

    async def free(self, row_ids: Collection[int]) -> set[int]:
        return set(row_ids)

    async def next_due_at(self, way: str = "telegram") -> datetime | None:
        return min(
            (
                max(r.due_at, r.next_try_at or r.due_at)
                for r in self._rows.values()
                if r.state == "waiting" and r.way == way
            ),
            default=None,
        )

    async def clock_set_back(self, was: datetime, now: datetime, way: str = "telegram") -> None:
        for row in self._rows.values():
            due = now if now < row.due_at <= was else row.due_at
            again = row.next_try_at and min(row.next_try_at, now)
            self._rows[row.id] = replace(row, due_at=due, next_try_at=again)

    async def save(self, row: OutboxRow) -> None:
        gave_way = self._rows[row.id].state == "superseded" and row.state == "waiting"
        self._rows[row.id] = replace(row, state="superseded") if gave_way else row

    async def waiting(self, chat_id: str) -> list[OutboxRow]:
        return self._unsent(chat_id)

    def _unsent(self, chat_id: str) -> list[OutboxRow]:
        return [row for row in self._rows.values() if row.chat_id == chat_id and row.state == "waiting"]


class MemoryLedger:
    def __init__(self, tables: Tables) -> None:
        self._entries = tables.entries

    async def add(self, entry: LedgerEntry) -> None:
        self._entries[entry.id] = entry

    async def standing(
        self, chat_id: str, slot: str | None = None, *, sensitive_only: bool = False
    ) -> list[LedgerEntry]:
        return [
            entry
            for entry in self._entries.values()
            if entry.chat_id == chat_id
            and entry.gone_at is None
            and (slot is None or entry.slot == slot)
            and (entry.sensitive or not sensitive_only)
        ]

    async def standing_in(self, chat_ids: Iterable[str]) -> dict[str, list[LedgerEntry]]:
        return {chat_id: await self.standing(chat_id) for chat_id in chat_ids}

    async def gone(self, entry_id: str, at: datetime, kept: str = "") -> None:
        self._entries[entry_id] = replace(self._entries[entry_id], gone_at=at, kept=kept)


class MemoryChats:
    def __init__(self, tables: Tables) -> None:
        self._chats = tables.chats

    async def get(self, chat_id: str) -> Chat | None:
        return self._chats.get(chat_id)

    async def prepare(self, chat_ids: Iterable[str]) -> None:
        """There is nothing to save."""

    async def set_state(self, chat_id: str, state: Any) -> None:
        self._chats[chat_id] = replace(self._chats[chat_id], state=state)


class MemoryUnit:
    beside = False

    def __init__(self, storage: MemoryStorage) -> None:
        self._storage = storage
        self.tables = copy.deepcopy(storage.tables)
        self.outbox = MemoryOutbox(self.tables)
        self.ledger = MemoryLedger(self.tables)
        self.chats = MemoryChats(self.tables)

    async def alone(self, what: str) -> None:
        """Every unit is alone here."""

    async def commit(self) -> None:
        if self._storage.commits_failing > 0:
            self._storage.commits_failing -= 1
            raise StorageFault("database is locked")
        self._storage.tables = self.tables


class MemoryStorage:
    """Units on copies, kept by commit; `commits_failing` makes the next so many commits fail."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.commits_failing = 0

    @asynccontextmanager
    async def unit(self, *, beside: bool = False) -> AsyncIterator[Any]:
        yield MemoryUnit(self)

    async def close(self) -> None:
        return None


Fault = Callable[[str, int], Exception | None]


class FakeMessenger:
    """Chats with messages in them. `before` may refuse a call; `after` may lose the answer to a done one."""

    def __init__(self) -> None:
        self.chats: defaultdict[int, dict[int, str]] = defaultdict(dict)
        self.protected: set[tuple[int, int]] = set()
        self.calls: list[tuple[str, int, str]] = []
        self.before: Fault = lambda op, chat: None
        self.after: Fault = lambda op, chat: None
        self._last = 100

    async def send(self, telegram_chat: int, text: str, rows: Rows, *, protect: bool) -> int:
        self._enter("send", telegram_chat, text)
        self._last += 1
        self.chats[telegram_chat][self._last] = text
        if protect:
            self.protected.add((telegram_chat, self._last))
        self._leave("send", telegram_chat)
        return self._last

    async def edit(self, telegram_chat: int, message_id: int, text: str, rows: Rows) -> None:
        self._enter("edit", telegram_chat, text)
        self.chats[telegram_chat][message_id] = text
        self._leave("edit", telegram_chat)

    async def delete(self, telegram_chat: int, message_id: int) -> None:
        self._enter("delete", telegram_chat, str(message_id))
        self.chats[telegram_chat].pop(message_id, None)
        self._leave("delete", telegram_chat)

    async def answer_press(self, callback_id: str) -> None:
        return None

    def texts(self, telegram_chat: int) -> list[str]:
        return list(self.chats[telegram_chat].values())

    def _enter(self, op: str, chat: int, text: str) -> None:
        if fault := self.before(op, chat):
            raise fault
        self.calls.append((op, chat, text))

    def _leave(self, op: str, chat: int) -> None:
        if fault := self.after(op, chat):
            raise fault


def once(op: str, fault: Exception, chat: int | None = None) -> Fault:
    """Raises `fault` at the first such call only."""
    left = [fault]

    def ask(called: str, at: int) -> Exception | None:
        return left.pop() if left and called == op and chat in (None, at) else None

    return ask


async def until(true: Callable[[], bool]) -> None:
    """Wait up to two real seconds for something another task brings about."""
    async with asyncio.timeout(2):
        while not true():
            await asyncio.sleep(0.005)
