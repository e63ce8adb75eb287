"""A look, at the start, whether the keys are those of this database.

With other keys nobody's chat would be found: everybody would be taken for a stranger, without an error.
"""

from __future__ import annotations

import aiosqlite
from sqlalchemy import select

from bot.storage.people import chat_lookup
from bot.storage.sealing import BadKeys, CannotOpen, Keyring
from bot.storage.statements import Statement
from bot.storage.tables import chats, people
from bot.storage.work import Work

_CHATS = [Statement(select(chats).order_by(order).limit(1)) for order in (chats.c.id, chats.c.id.desc())]
_PEOPLE = [Statement(select(people).order_by(order).limit(1)) for order in (people.c.id, people.c.id.desc())]
_OTHER = "VESTIBULE_KEYS does not hold the keys this database was sealed with; nothing was changed"


async def check_keys(connection: aiosqlite.Connection, keys: Keyring) -> None:
    """Open the oldest and the newest person and chat. Raises BadKeys if that cannot be done."""
    work = Work(connection)
    try:
        for row in [row for statement in _PEOPLE for row in await work.rows(statement)]:
            keys.open("people", "body", row["id"], row["sealed_body"])
        for row in [row for statement in _CHATS for row in await work.rows(statement)]:
            telegram_id, _ = keys.open_json("chats", "body", row["id"], row["sealed_body"])
            if chat_lookup(keys, row["bot_id"], telegram_id) != row["lookup"]:
                raise BadKeys(f"{_OTHER}: the key for look-ups (the last one, or `lookup`) is another")
    except CannotOpen as error:
        raise BadKeys(_OTHER) from error
