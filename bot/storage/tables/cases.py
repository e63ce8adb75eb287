"""Cases, the parts roles have in them, and the numbers given out."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Integer, Table, UniqueConstraint, text

from bot.storage.columns import (
    index_where_set,
    json,
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

cases = Table(
    "cases",
    metadata,
    own_id(),
    Column("number", Integer, nullable=False, unique=True),
    ref("programme_id", "programmes"),
    ref("group_id", "groups", optional=True),
    ref("person_id", "people"),
    ref("session_id", "sessions", optional=True),
    ref("visit_id", "visits", optional=True),
    words("urgency"),
    words("kind"),
    words("state"),
    sealed("body"),
    time("opened_at"),
    time("closed_at", optional=True),
    number("version"),
    one_of("state", "open", "closed"),
)
_open = text("state = 'open'")
Index("ix_cases_open_person", cases.c.person_id, sqlite_where=_open, postgresql_where=_open)
Index(None, cases.c.person_id)
Index(None, cases.c.session_id)
Index(None, cases.c.visit_id)
Index("ix_cases_open_programme", cases.c.programme_id, sqlite_where=_open, postgresql_where=_open)

case_roles = Table(
    "case_roles",
    metadata,
    own_id(),
    ref("case_id", "cases"),
    words("role"),
    words("state"),
    number("rung"),
    json("ladder"),
    words("next_target", optional=True),
    time("next_due_at", optional=True),
    json("asked"),
    ref("taken_by", "people", optional=True),
    time("taken_at", optional=True),
    words("outcome", optional=True),
    number("version"),
    Column("reminded", Boolean, nullable=False),
    UniqueConstraint("case_id", "role"),
    one_of("state", "asking", "taken", "done"),
    CheckConstraint(
        "state <> 'asking' OR (next_target IS NOT NULL AND next_due_at IS NOT NULL)", name="asking_has_next"
    ),
    CheckConstraint("state <> 'taken' OR next_due_at IS NOT NULL", name="taken_has_next"),
)
_not_done = text("state <> 'done'")
Index("ix_case_roles_due", case_roles.c.next_due_at, sqlite_where=_not_done, postgresql_where=_not_done)
index_where_set(case_roles.c.taken_by)

# Numbers that are given out once: a case's, beginning at 101.
counters = Table("counters", metadata, Column("name", letters(32), primary_key=True), number("value"))
