"""Programmes, groups, sessions; people, their roles, invitations and chats."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, Table, UniqueConstraint, text

from bot.storage.columns import (
    counted_id,
    index_where_set,
    json,
    letters,
    metadata,
    number,
    one_of,
    own_id,
    planned_until,
    ref,
    sealed,
    time,
    words,
)

programmes = Table(
    "programmes",
    metadata,
    own_id(),
    Column("key", letters(), nullable=False, unique=True),
    words("name"),
    words("platform"),
    words("timezone"),
    json("languages"),
    words("service_number"),
    words("emergency_number"),
    Column("free_text", Boolean, nullable=False),
    json("settings"),
)

groups = Table(
    "groups",
    metadata,
    own_id(),
    ref("programme_id", "programmes"),
    words("key"),
    words("name"),
    words("timezone"),
    UniqueConstraint("programme_id", "key"),
)

people = Table(
    "people",
    metadata,
    own_id(),
    ref("programme_id", "programmes"),
    ref("group_id", "groups", optional=True),
    words("kind"),
    sealed("body"),
    words("language"),
    words("timezone"),
    words("state"),
    time("open_until", optional=True),
    # No foreign key: visits point at people, and two tables that point at each other cannot be made in order.
    Column("visit_id", letters(32)),
    time("created_at", optional=True),
    time("left_at", optional=True),
    planned_until(),
    one_of("kind", "participant", "staff"),
)
Index(None, people.c.group_id)
Index(None, people.c.planned_until, people.c.id)
left_unnoted = text("people.state = 'left' AND people.left_at IS NULL")
_left_unnoted = text("state = 'left' AND left_at IS NULL")
Index("ix_people_left_unnoted", people.c.id, sqlite_where=_left_unnoted, postgresql_where=_left_unnoted)

person_roles = Table(
    "person_roles",
    metadata,
    counted_id(),
    ref("person_id", "people"),
    words("role"),
    ref("group_id", "groups", optional=True),
)
Index(
    "uq_person_roles_wide",
    person_roles.c.person_id,
    person_roles.c.role,
    unique=True,
    sqlite_where=person_roles.c.group_id.is_(None),
    postgresql_where=person_roles.c.group_id.is_(None),
)
Index(
    "uq_person_roles_group",
    person_roles.c.person_id,
    person_roles.c.role,
    person_roles.c.group_id,
    unique=True,
)
Index(None, person_roles.c.role, person_roles.c.group_id)

sessions = Table(
    "sessions",
    metadata,
    own_id(),
    ref("programme_id", "programmes"),
    words("key"),
    ref("group_id", "groups", optional=True),
    ref("person_id", "people", optional=True),
    time("starts_at"),
    time("ends_at"),
    number("minutes"),
    words("platform"),
    sealed("link"),
    words("state"),
    number("version"),
    planned_until(),
    UniqueConstraint("programme_id", "key"),
    one_of("state", "planned", "cancelled"),
)
Index(None, sessions.c.group_id, sessions.c.ends_at)
Index(None, sessions.c.person_id, sessions.c.ends_at)
Index(None, sessions.c.programme_id, sessions.c.starts_at)
Index(None, sessions.c.starts_at)
Index(None, sessions.c.planned_until, sessions.c.id)

invitations = Table(
    "invitations",
    metadata,
    own_id(),
    ref("programme_id", "programmes"),
    ref("group_id", "groups", optional=True),
    words("role"),
    sealed("alias"),
    Column("token_lookup", LargeBinary, nullable=False, unique=True),
    words("language"),
    words("timezone"),
    time("expires_at"),
    time("used_at", optional=True),
    ref("used_by", "people", optional=True),
    time("revoked_at", optional=True),
)
Index(None, invitations.c.programme_id)
index_where_set(invitations.c.used_by)

chats = Table(
    "chats",
    metadata,
    own_id(),
    Column("bot_id", BigInteger, nullable=False),
    Column("lookup", LargeBinary, nullable=False),
    Column("person_lookup", LargeBinary, nullable=False),
    sealed("body"),
    words("state"),
    UniqueConstraint("bot_id", "lookup"),
    one_of("state", "open", "blocked", "left"),
)
Index(None, chats.c.person_lookup)
