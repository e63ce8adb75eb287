"""The stores of messages: what is decided but not yet delivered, and what stands in chats. Implemented by bot.storage.

See bot.ports.stores for what holds for every store.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.ports.records import Lane, LedgerEntry, OutboxRow, Way


class Outbox(Protocol):
    """Messages decided but not yet delivered."""

    async def add(self, row: OutboxRow) -> None:
        """Stage a row. An unsent `say` of the same chat and slot gives way to it (state superseded)."""
        ...

    async def cancel(self, chat_id: str, slots: Sequence[str], *, sensitive_only: bool = False) -> None:
        """Supersede the chat's unsent rows of these slots ('*' for all)."""
        ...

    async def due(
        self, now: datetime, lane: Lane, limit: int, way: Way = "telegram", *, but: Collection[str] = ()
    ) -> list[OutboxRow]:
        """Waiting rows of a lane and way that are due and may be tried, oldest first, at most one per chat: its first.

        Chats in `but` count for the limit and are left out.

        A row whose payload does not open is among them, see `OutboxRow.readable`.
        For lanes other than alert a chat's later row never passes an earlier waiting one of lane alert/reply/reminder.
        One that a unit beside this one is changing is left out; those that come are this unit's until it ends.
        """
        ...

    async def lanes_due(self, now: datetime, way: Way = "telegram") -> list[Lane]:
        """The lanes in which something of the way waits that is due, in their order; `due` of all others is empty."""
        ...

    async def free(self, row_ids: Collection[int]) -> set[int]:
        """Those of the rows that no unit beside this one is changing; none changes them until this one ends."""
        ...

    async def next_due_at(self, way: Way = "telegram") -> datetime | None:
        """When the earliest waiting row of the way may be tried."""
        ...

    async def clock_set_back(self, was: datetime, now: datetime, way: Way = "telegram") -> None:
        """What was due by `was` is due by `now`, and nothing waits longer to be tried again."""
        ...

    async def save(self, row: OutboxRow) -> None:
        """Write state, attempts, next_try_at, ambiguous of the row with that id."""
        ...

    async def waiting(self, chat_id: str) -> list[OutboxRow]: ...
    async def counts(self) -> dict[str, int]:
        """State -> number of rows. Looks at every row: for tests, not for what runs again and again."""
        ...

    async def unsent_alerts(self, before: datetime, limit: int = 100) -> list[OutboxRow]:
        """Alerts by any way that were due before then and still wait, the oldest first."""
        ...

    async def tally(self) -> dict[tuple[str, str], int]:
        """(state, lane) -> number of rows that wait, failed or were withheld."""
        ...

    async def ambiguous(self) -> int:
        """How many settled rows may have left a copy behind (S-43)."""
        ...

    async def left_behind(self, since: datetime, until: datetime) -> dict[str, int]:
        """Chat -> how many sensitive rows of it may have left a copy behind, last tried from `since` on, before `until`."""
        ...

    async def forget_details(self, visit_id: str) -> list[tuple[str, str]]:
        """Empty every details row of the visit's cases, unsent ones given up; (chat, slot) of each."""
        ...

    async def forget_slot(self, slot: str) -> list[tuple[str, str]]:
        """The same for what stood or waits in that slot, whichever chat it is."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """A chat with sensitive messages: since when the oldest and the newest of them stand."""

    chat_id: str
    oldest: datetime
    newest: datetime


class Ledger(Protocol):
    """The message ids standing in chats, for slots and tidying."""

    async def add(self, entry: LedgerEntry) -> None: ...
    async def standing(
        self, chat_id: str, slot: str | None = None, *, sensitive_only: bool = False
    ) -> list[LedgerEntry]:
        """Entries not gone, oldest first."""
        ...

    async def standing_in(self, chat_ids: Iterable[str]) -> dict[str, list[LedgerEntry]]:
        """The same of many chats in one go; chats without any are missing."""
        ...

    async def chats_where(
        self, slot: str, first: datetime, after: str, limit: int
    ) -> tuple[list[str], str | None]:
        """Of the chats behind that one, by id: those in which something stands in that slot that came from then on.

        As far as so many entries reach that stand; and up to which chat that is, None at the end.
        """
        ...

    async def newest(self, chat_id: str) -> LedgerEntry | None: ...
    async def by_message(self, chat_id: str, message_id: int) -> LedgerEntry | None: ...
    async def prepare(self, messages: Collection[tuple[str, int]]) -> None:
        """Look them up (chat and message id) in one go, so that `is_entered` need not ask."""
        ...

    async def is_entered(self, chat_id: str, message_id: int) -> bool:
        """Whether there is an entry of that message, gone or not."""
        ...

    async def gone(self, entry_id: str, at: datetime, kept: str = "") -> None:
        """Mark as deleted, or with `kept` as not deletable and why."""
        ...

    async def undeletable(self) -> int:
        """How many messages could not be deleted (S-43)."""
        ...

    async def sensitive(self) -> list[Standing]:
        """Every chat in which something sensitive stands, the oldest first."""
        ...

    async def clock_set_back(self, now: datetime) -> None:
        """What seems to stand there since later than now stands there since now."""
        ...

    async def left_behind(self, since: datetime, until: datetime) -> dict[str, int]:
        """Chat -> how many sensitive messages of it turned out undeletable from `since` on, before `until`."""
        ...
