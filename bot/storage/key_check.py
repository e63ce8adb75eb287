"""A look, at the start, whether the keys are those of this database.

With other keys nobody's chat would be found: everybody would be taken for a stranger, and an invitation
made meanwhile would open nothing, without an error.
"""

from __future__ import annotations

from sqlalchemy import Table, select

from bot.storage.chats import chat_lookup
from bot.storage.sealing import BadKeys, CannotOpen, Keyring
from bot.storage.statements import Row, Statement
from bot.storage.tables import chats, invitations, people, sessions
from bot.storage.work import Work


def _ends(table: Table) -> tuple[Statement, Statement]:
    """The oldest row and the newest: between them a key that was taken away too early shows."""
    oldest, newest = (
        Statement(select(table).order_by(by).limit(1)) for by in (table.c.id, table.c.id.desc())
    )
    return oldest, newest


_CHATS = _ends(chats)
# Before anybody is enrolled there are invitations and sessions only.
_SEALED = (
    (_ends(people), "people", "body"),
    (_ends(invitations), "invitations", "alias"),
    (_ends(sessions), "sessions", "link"),
)
_OTHER = "VESTIBULE_KEYS does not hold the keys this database was sealed with; nothing was changed"


async def check_keys(work: Work, keys: Keyring) -> None:
    """Open the oldest and the newest person, invitation, session and chat. Raises BadKeys if that cannot be done."""
    try:
        for ends, table, column in _SEALED:
            for row in await _rows(work, ends):
                keys.open(table, column, row["id"], row[f"sealed_{column}"])
        for row in await _rows(work, _CHATS):
            telegram_id, _ = keys.open_json("chats", "body", row["id"], row["sealed_body"])
            if chat_lookup(keys, row["bot_id"], telegram_id) != row["lookup"]:
                raise BadKeys(f"{_OTHER}: the key for look-ups (the last one, or `lookup`) is another")
    except CannotOpen as error:
        raise BadKeys(_OTHER) from error


async def _rows(work: Work, ends: tuple[Statement, Statement]) -> list[Row]:
    return [row for statement in ends for row in await work.rows(statement)]
