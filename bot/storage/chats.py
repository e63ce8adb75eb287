"""Which chat is whose."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, select, text, update

from bot.ports.records import Chat
from bot.storage.many import Many
from bot.storage.sealing import CannotOpen, Keyring
from bot.storage.statements import Row, Statement, insert_into, select_where, update_by_id
from bot.storage.tables import chats, ledger, outbox, waiting
from bot.storage.work import Work

_CHATS = Many(select(chats), chats.c.id)
_CHAT_BY_TELEGRAM = select_where(chats, "bot_id", "lookup")
_CHAT_OF_PERSON = Statement(
    select(chats)
    .where(chats.c.person_lookup == bindparam("person_lookup"))
    .order_by((chats.c.state == "open").desc(), chats.c.id.desc())
    .limit(1)
)
_NEWEST_BOT = Statement(select(chats.c.bot_id).order_by(chats.c.id.desc()).limit(1))
_ADD_CHAT = insert_into(chats)
# What has been closed for good stays so, whatever Telegram says of it.
_SET_CHAT_STATE = Statement(
    update(chats).where(chats.c.id == bindparam("where_id"), chats.c.state != "left"), ["state"]
)
_RELEASE_CHAT = update_by_id(chats, ["lookup"])
_MEMBERS = Many(
    select(chats).where(chats.c.bot_id == bindparam("bot_id"), chats.c.state != "left"), chats.c.lookup
)
# Written out, not bound: SQLite uses the index of what stands only if it sees that it is meant.
_STANDING = Many(
    select(ledger.c.slot)
    .join(chats, chats.c.id == ledger.c.chat_id)
    .where(text("ledger.gone_at IS NULL"))
    .distinct(),
    chats.c.person_lookup,
    ledger.c.slot,
    apart=True,
)
_TO_BE_SAID = Many(
    select(outbox.c.slot)
    .join(chats, chats.c.id == outbox.c.chat_id)
    .where(waiting, outbox.c.op == "say")
    .distinct(),
    chats.c.person_lookup,
    outbox.c.slot,
    apart=True,
)


def chat_lookup(keys: Keyring, bot_id: int, telegram_id: int) -> bytes:
    """The keyed hash by which a bot's chat is found."""
    return keys.lookup("chat", f"{bot_id}/{telegram_id}")


class ChatStore:
    """Implements bot.ports.stores.Chats. Telegram's id and the person are sealed together (S-41).

    Remembers in this unit what it read, until it writes.
    """

    def __init__(self, work: Work, keys: Keyring) -> None:
        self._work = work
        self._keys = keys
        self._known: dict[str, Chat] = {}
        self._by_telegram: dict[tuple[int, int], Chat] = {}
        self._of_person: dict[str, Chat | None] = {}

    async def by_telegram(self, bot_id: int, telegram_id: int) -> Chat | None:
        """The chat in which that bot talks with that Telegram chat."""
        if known := self._by_telegram.get((bot_id, telegram_id)):
            return known
        lookup = chat_lookup(self._keys, bot_id, telegram_id)
        row = await self._work.row(_CHAT_BY_TELEGRAM, bot_id=bot_id, lookup=lookup)
        if row is None:
            return None
        chat = self._by_telegram[bot_id, telegram_id] = self._chat(row)
        return chat

    async def of_person(self, person_id: str) -> Chat | None:
        """The person's chat: an open one before others, the newest before older ones."""
        if person_id not in self._of_person:
            lookup = self._keys.lookup("person", person_id)
            row = await self._work.row(_CHAT_OF_PERSON, person_lookup=lookup)
            self._of_person[person_id] = self._chat(row) if row else None
        return self._of_person[person_id]

    async def get(self, chat_id: str) -> Chat | None:
        """By id."""
        if chat_id not in self._known:
            for row in await _CHATS.rows(self._work, [(chat_id,)]):
                self._chat(row)
        return self._known.get(chat_id)

    async def prepare(self, chat_ids: Iterable[str]) -> None:
        """Read them in one go, so that `get` need not ask. What cannot be read is left to `get`."""
        for row in await _CHATS.rows(self._work, ((one,) for one in chat_ids if one not in self._known)):
            self._readable(row)

    async def add(self, chat: Chat) -> None:
        """A new chat; a bot has one with a Telegram chat."""
        self._forget()
        body = [chat.telegram_id, chat.person_id]
        await self._work.run(
            _ADD_CHAT,
            {
                "id": chat.id,
                "bot_id": chat.bot_id,
                "lookup": chat_lookup(self._keys, chat.bot_id, chat.telegram_id),
                "person_lookup": self._keys.lookup("person", chat.person_id),
                "sealed_body": self._keys.seal_json("chats", "body", chat.id, body),
                "state": chat.state,
            },
        )

    async def newest_bot(self) -> int | None:
        """The bot of the newest chat; None where there is no chat."""
        row = await self._work.row(_NEWEST_BOT)
        return row["bot_id"] if row else None

    async def members(self, bot_id: int, telegram_ids: Iterable[int]) -> dict[int, Chat | None]:
        """Those of the Telegram chats that are somebody's now: one query for each hundred, whoever they are (S-44).

        None for a chat that does not open; `by_telegram` raises Unreadable for it.
        """
        by_lookup = {chat_lookup(self._keys, bot_id, one): one for one in telegram_ids}
        rows = await _MEMBERS.rows(self._work, ((lookup,) for lookup in by_lookup), bot_id=bot_id)
        found = {by_lookup[row["lookup"]]: self._readable(row) for row in rows}
        self._by_telegram |= {(bot_id, one): chat for one, chat in found.items() if chat is not None}
        return found

    async def slots_in_use(self, of: Iterable[tuple[str, str]]) -> set[str]:
        """Those slots of (person, slot) in which something stands in the person's chats, or waits to be said there.

        A slot counts, too, that is another's of them.
        """
        places = [(self._keys.lookup("person", person_id), slot) for person_id, slot in of]
        # What waits first: what the sender settles in between stands by then.
        waits = await _TO_BE_SAID.rows(self._work, places)
        stands = await _STANDING.rows(self._work, places)
        return {row["slot"] for row in waits + stands}

    async def release(self, chat_id: str) -> None:
        """The chat is found by its Telegram chat no longer, which another person may have then."""
        self._forget()
        lookup = self._keys.lookup("released chat", chat_id)
        await self._work.run(_RELEASE_CHAT, {"where_id": chat_id, "lookup": lookup})

    async def set_state(self, chat_id: str, state: str) -> None:
        """Open, blocked or left. One that was left stays so."""
        self._forget()
        await self._work.run(_SET_CHAT_STATE, {"where_id": chat_id, "state": state})

    def _forget(self) -> None:
        for known in (self._known, self._by_telegram, self._of_person):
            known.clear()

    def _readable(self, row: Row) -> Chat | None:
        try:
            return self._chat(row)
        except CannotOpen:
            return None

    def _chat(self, row: Row) -> Chat:
        telegram_id, person_id = self._keys.open_json("chats", "body", row["id"], row["sealed_body"])
        chat = Chat(row["id"], row["bot_id"], telegram_id, person_id, row["state"])
        self._known[chat.id] = chat
        return chat
