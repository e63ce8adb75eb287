"""The audit log, which only grows (R-16), the anchors by which its closed months leave, and requests (S-45)."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, text

from bot.storage.columns import json, letters, metadata, one_of, own_id, ref, time, words

audit = Table(
    "audit",
    metadata,
    own_id(),
    Column("seq", Integer, nullable=False, unique=True),
    time("at"),
    words("actor"),
    words("action"),
    words("subject"),
    json("detail"),
    Column("prev", letters(64), nullable=False),
    Column("hash", letters(64), nullable=False),
)
Index(None, audit.c.subject)
Index(None, audit.c.at)

# Entries up to `seq` may leave, and those before `up_to` have; `hash` is that of entry `seq`.
audit_anchors = Table(
    "audit_anchors",
    metadata,
    own_id(),
    Column("seq", Integer, nullable=False, unique=True),
    Column("hash", letters(64), nullable=False),
    time("at"),
    time("up_to"),
)

requests = Table(
    "requests",
    metadata,
    own_id(),
    ref("programme_id", "programmes"),
    # No foreign key: the request stays as proof when the person has been erased.
    Column("person_id", letters(32), nullable=False),
    words("kind"),
    time("asked_at"),
    time("done_at", optional=True),
    words("outcome"),
    words("by"),
    one_of("kind", "copy", "erasure", "correction"),
)
_open = text("done_at IS NULL")
Index("ix_requests_open", requests.c.programme_id, sqlite_where=_open, postgresql_where=_open)
Index(None, requests.c.person_id)
