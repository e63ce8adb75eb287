"""What only grows or is only ticked off: the ledger of messages, updates seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import bindparam, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from bot.ports.messages import Standing
from bot.ports.records import LedgerEntry
from bot.storage.many import Many
from bot.storage.statements import Row, Statement, fields_of, insert_into, update_by_id
from bot.storage.tables import kept, ledger, seen, stands_sensitive
from bot.storage.work import Work

# Once only: after a commit that ended with a fault the sender writes again what is on the disk already.
_ADD_ENTRY = Statement(insert(ledger).on_conflict_do_nothing(index_elements=["id"]), ledger.columns.keys())
_standing = (
    select(ledger)
    .where(ledger.c.chat_id == bindparam("chat_id"), ledger.c.gone_at.is_(None))
    .order_by(ledger.c.at, ledger.c.message_id)
)
_STANDING = Statement(_standing)
_STANDING_IN = Many(
    select(ledger).where(text("ledger.gone_at IS NULL")).order_by(ledger.c.at, ledger.c.message_id),
    ledger.c.chat_id,
)
_STANDING_IN_SLOT = Statement(_standing.where(ledger.c.slot == bindparam("slot")))
_STANDING_UP_TO = Statement(
    select(ledger.c.chat_id)
    .where(text("ledger.gone_at IS NULL"), ledger.c.chat_id > bindparam("after"))
    .order_by(ledger.c.chat_id)
    .offset(bindparam("but_one"))
    .limit(1)
)
_CHATS_WHERE = Statement(
    select(ledger.c.chat_id)
    .where(
        text("ledger.gone_at IS NULL"),
        ledger.c.chat_id > bindparam("after"),
        ledger.c.chat_id <= bindparam("last"),
        ledger.c.slot == bindparam("slot"),
        ledger.c.at >= bindparam("first"),
    )
    .distinct()
    .order_by(ledger.c.chat_id)
)
_BEHIND_ALL = "~"
"""Greater than any id."""
_newest = (
    select(ledger)
    .where(ledger.c.chat_id == bindparam("chat_id"))
    .order_by(ledger.c.message_id.desc(), ledger.c.id.desc())
    .limit(1)
)
_NEWEST = Statement(_newest.where(or_(ledger.c.gone_at.is_(None), ledger.c.kept != "")))
_BY_MESSAGE = Statement(_newest.where(ledger.c.message_id == bindparam("message_id")))
_BY_MESSAGES = Many(select(ledger.c.chat_id, ledger.c.message_id), ledger.c.chat_id, ledger.c.message_id)
_GONE = update_by_id(ledger, ["gone_at", "kept"])
_UNDELETABLE = Statement(select(func.count().label("rows")).select_from(ledger).where(kept))
_time = ledger.c.at.type
_oldest = func.min(ledger.c.at, type_=_time)
_SENSITIVE = Statement(
    select(ledger.c.chat_id, _oldest.label("oldest"), func.max(ledger.c.at, type_=_time).label("newest"))
    .where(stands_sensitive)
    .group_by(ledger.c.chat_id)
    .order_by(_oldest)
)
_SET_BACK = Statement(
    update(ledger).where(stands_sensitive, ledger.c.at > bindparam("where_now", type_=_time)),
    ["at"],
)
_LEFT_BEHIND = Statement(
    select(ledger.c.chat_id, func.count().label("rows"))
    .where(
        kept,
        ledger.c.sensitive.is_(True),
        ledger.c.gone_at >= bindparam("since", type_=_time),
        ledger.c.gone_at < bindparam("until", type_=_time),
    )
    .group_by(ledger.c.chat_id)
)

_ADD_SEEN = insert_into(seen)
_KNOWN = Many(select(seen.c.update_id).where(seen.c.bot_id == bindparam("bot_id")), seen.c.update_id)
_PRUNE = Statement(delete(seen).where(seen.c.at < bindparam("before")))


class LedgerStore:
    """Implements bot.ports.messages.Ledger. No entry is ever taken away here, so that what is entered stays so."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._entered: dict[tuple[str, int], bool] = {}

    async def add(self, entry: LedgerEntry) -> None:
        """A message that stands in the chat now."""
        self._work.stage(_ADD_ENTRY, fields_of(entry))
        self._entered[entry.chat_id, entry.message_id] = True

    async def prepare(self, messages: Collection[tuple[str, int]]) -> None:
        """Look them up (chat and message id) in one go, so that `is_entered` need not ask."""
        rows = await _BY_MESSAGES.rows(self._work, messages)
        found = {(row["chat_id"], row["message_id"]) for row in rows}
        self._entered |= {message: message in found for message in messages}

    async def is_entered(self, chat_id: str, message_id: int) -> bool:
        """Whether there is an entry of that message, gone or not."""
        if (chat_id, message_id) not in self._entered:
            await self.prepare([(chat_id, message_id)])
        return self._entered[chat_id, message_id]

    async def standing(
        self, chat_id: str, slot: str | None = None, *, sensitive_only: bool = False
    ) -> list[LedgerEntry]:
        """Entries not gone, oldest first."""
        if slot is None:
            rows = await self._work.rows(_STANDING, chat_id=chat_id)
        else:
            rows = await self._work.rows(_STANDING_IN_SLOT, chat_id=chat_id, slot=slot)
        return [LedgerEntry(**row) for row in rows if row["sensitive"] or not sensitive_only]

    async def standing_in(self, chat_ids: Iterable[str]) -> dict[str, list[LedgerEntry]]:
        """Entries not gone of many chats, each chat's oldest first; chats without any are missing."""
        found: dict[str, list[LedgerEntry]] = {}
        for row in await _STANDING_IN.rows(self._work, ((one,) for one in chat_ids)):
            found.setdefault(row["chat_id"], []).append(LedgerEntry(**row))
        return found

    async def chats_where(
        self, slot: str, first: datetime, after: str, limit: int
    ) -> tuple[list[str], str | None]:
        """Of the chats behind that one, by id, as far as so many entries reach that stand: see the port."""
        row = await self._work.row(_STANDING_UP_TO, after=after, but_one=limit - 1)
        last = row["chat_id"] if row else None
        about: Row = {"slot": slot, "first": first, "after": after, "last": last or _BEHIND_ALL}
        return [found["chat_id"] for found in await self._work.rows(_CHATS_WHERE, **about)], last

    async def newest(self, chat_id: str) -> LedgerEntry | None:
        """The message at the bottom of the chat, as far as known; one that could not be deleted is still there."""
        row = await self._work.row(_NEWEST, chat_id=chat_id)
        return LedgerEntry(**row) if row else None

    async def by_message(self, chat_id: str, message_id: int) -> LedgerEntry | None:
        """The entry of that message, gone or not."""
        row = await self._work.row(_BY_MESSAGE, chat_id=chat_id, message_id=message_id)
        return LedgerEntry(**row) if row else None

    async def gone(self, entry_id: str, at: datetime, kept: str = "") -> None:
        """Stage it as deleted, or with `kept` as not deletable and why (S-43). Neither is standing any more."""
        self._work.stage(_GONE, {"where_id": entry_id, "gone_at": at, "kept": kept})

    async def undeletable(self) -> int:
        """How many messages could not be deleted (S-43)."""
        row = await self._work.row(_UNDELETABLE)
        return int(row["rows"]) if row else 0

    async def sensitive(self) -> list[Standing]:
        """Every chat in which something sensitive stands, the oldest first."""
        return [Standing(**row) for row in await self._work.rows(_SENSITIVE)]

    async def clock_set_back(self, now: datetime) -> None:
        """What is sensitive and seems to stand there since later than now stands there since now."""
        await self._work.run(_SET_BACK, {"at": now, "where_now": now})

    async def left_behind(self, since: datetime, until: datetime) -> dict[str, int]:
        """Chat -> how many sensitive messages of it turned out undeletable from `since` on, before `until` (S-43)."""
        rows = await self._work.rows(_LEFT_BEHIND, since=since, until=until)
        return {row["chat_id"]: row["rows"] for row in rows}


class SeenStore:
    """Implements bot.ports.stores.Seen."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def known(self, bot_id: int, update_ids: Iterable[int]) -> set[int]:
        """Those of the ids that were handled already."""
        rows = await _KNOWN.rows(self._work, ((one,) for one in update_ids), bot_id=bot_id)
        return {row["update_id"] for row in rows}

    async def add(self, bot_id: int, update_id: int, at: datetime, fault: str = "") -> None:
        """This update is handled, or given up with a fault."""
        self._work.stage(_ADD_SEEN, {"bot_id": bot_id, "update_id": update_id, "at": at, "fault": fault})

    async def prune(self, before: datetime) -> int:
        """Forget what was handled before then; how many."""
        return await self._work.run(_PRUNE, {"before": before})
