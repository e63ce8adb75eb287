"""What goes out and what came in: outbox, ledger of messages, updates seen."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    PrimaryKeyConstraint,
    Table,
    text,
)

from bot.storage.columns import (
    counted_id,
    letters,
    metadata,
    number,
    one_of,
    own_id,
    ref,
    sealed,
    time,
    words,
)

outbox = Table(
    "outbox",
    metadata,
    counted_id(),
    # What the payload is sealed for: `id` is known only after the row is written.
    Column("seal_id", letters(32), nullable=False),
    ref("chat_id", "chats"),
    words("lane"),
    words("slot"),
    words("op"),
    time("due_at"),
    sealed("payload"),
    Column("sensitive", Boolean, nullable=False),
    time("not_after", optional=True),
    Column("fresh", Boolean, nullable=False),
    ref("case_id", "cases", optional=True),
    words("ref"),
    words("state"),
    number("attempts"),
    time("next_try_at", optional=True),
    Column("ambiguous", Boolean, nullable=False),
    words("way"),
    one_of("lane", "alert", "reply", "reminder", "tidy"),
    one_of("state", "waiting", "sent", "failed", "withheld", "superseded"),
    one_of("way", "telegram", "email"),
    sqlite_autoincrement=True,
)
waiting = text("outbox.state = 'waiting'")
_waiting = text("state = 'waiting'")
Index(
    "ix_outbox_due",
    outbox.c.lane,
    outbox.c.way,
    outbox.c.due_at,
    outbox.c.id,
    sqlite_where=_waiting,
    postgresql_where=_waiting,
)
Index(None, outbox.c.case_id)
Index("ix_outbox_chat", outbox.c.chat_id, outbox.c.id, sqlite_where=_waiting, postgresql_where=_waiting)

ledger = Table(
    "ledger",
    metadata,
    own_id(),
    ref("chat_id", "chats"),
    Column("message_id", BigInteger, nullable=False),
    words("side"),
    words("slot"),
    Column("sensitive", Boolean, nullable=False),
    time("at"),
    time("gone_at", optional=True),
    words("kept"),
    one_of("side", "bot", "person"),
)
Index(None, ledger.c.chat_id, ledger.c.message_id)
_standing = text("gone_at IS NULL")
Index(
    "ix_ledger_standing", ledger.c.chat_id, ledger.c.slot, sqlite_where=_standing, postgresql_where=_standing
)

seen = Table(
    "seen",
    metadata,
    Column("bot_id", BigInteger, nullable=False),
    Column("update_id", BigInteger, nullable=False),
    time("at"),
    words("fault"),
    PrimaryKeyConstraint("bot_id", "update_id"),
)
Index(None, seen.c.at)
