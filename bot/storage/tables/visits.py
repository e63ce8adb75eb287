"""Visits and what comes of them: answers, agreements, readiness."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Table, UniqueConstraint, text

from bot.storage.columns import index_where_set, metadata, number, one_of, own_id, ref, sealed, time, words

visits = Table(
    "visits",
    metadata,
    own_id(),
    ref("person_id", "people"),
    words("script"),
    number("script_version"),
    ref("session_id", "sessions", optional=True),
    words("status"),
    sealed("body"),
    time("opened_at"),
    time("touched_at"),
    time("due_at", optional=True),
    number("version"),
    one_of("status", "open", "paused", "done"),
)
Index(None, visits.c.person_id, visits.c.opened_at)
Index(None, visits.c.session_id)
_not_done = text("status <> 'done'")
Index(
    "ix_visits_not_done",
    visits.c.script,
    visits.c.script_version,
    sqlite_where=_not_done,
    postgresql_where=_not_done,
)
Index("ix_visits_due", visits.c.due_at, sqlite_where=_not_done, postgresql_where=_not_done)

answers = Table(
    "answers",
    metadata,
    own_id(),
    ref("visit_id", "visits"),
    ref("person_id", "people"),
    ref("session_id", "sessions", optional=True),
    words("script"),
    words("step"),
    number("version"),
    sealed("body"),
    time("at"),
    UniqueConstraint("visit_id", "step", "version"),
)
Index(None, answers.c.person_id, answers.c.at)
Index(None, answers.c.session_id)

agreements = Table(
    "agreements",
    metadata,
    own_id(),
    ref("person_id", "people"),
    number("script_version"),
    words("language"),
    sealed("points"),
    time("at"),
)
Index(None, agreements.c.person_id)

readiness = Table(
    "readiness",
    metadata,
    own_id(),
    ref("session_id", "sessions"),
    ref("person_id", "people"),
    ref("visit_id", "visits"),
    Column("final", Boolean, nullable=False),
    sealed("body"),
    time("at"),
    ref("lifted_by", "people", optional=True),
    time("lifted_at", optional=True),
    number("session_version"),
    UniqueConstraint("session_id", "person_id"),
)
Index(None, readiness.c.visit_id)
Index(None, readiness.c.person_id)
index_where_set(readiness.c.lifted_by)
