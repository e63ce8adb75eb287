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
# The one index that begins with the chat: beside a second SQLite would take the wrong one (0007).
Index(None, outbox.c.chat_id, outbox.c.state, outbox.c.id)
# What went wrong is counted every minute, and is little beside what was sent.
not_sent = text("outbox.state IN ('failed', 'withheld')")
_not_sent = text("state IN ('failed', 'withheld')")
Index("ix_outbox_not_sent", outbox.c.state, outbox.c.lane, sqlite_where=_not_sent, postgresql_where=_not_sent)
# One that waits is marked before each call and is in no index for it; it is found among those that wait.
perhaps_sent = text("outbox.ambiguous AND outbox.state <> 'waiting'")
_perhaps_sent = text("ambiguous AND state <> 'waiting'")
Index(
    "ix_outbox_perhaps_sent",
    outbox.c.next_try_at,
    sqlite_where=_perhaps_sent,
    postgresql_where=_perhaps_sent,
)

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
stands_sensitive = text("ledger.gone_at IS NULL AND ledger.sensitive")
_stands_sensitive = text("gone_at IS NULL AND sensitive")
Index(
    "ix_ledger_sensitive",
    ledger.c.chat_id,
    ledger.c.at,
    sqlite_where=_stands_sensitive,
    postgresql_where=_stands_sensitive,
)
kept = text("ledger.kept <> ''")
_kept = text("kept <> ''")
Index("ix_ledger_kept", ledger.c.gone_at, ledger.c.chat_id, sqlite_where=_kept, postgresql_where=_kept)

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
