"""What the clock brings about: reminders, duty shifts, dated allowances, and the software's own pulse."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Table, text

from bot.storage.columns import letters, metadata, number, one_of, own_id, ref, time, words

reminders = Table(
    "reminders",
    metadata,
    own_id(),
    Column("key", letters(), nullable=False, unique=True),
    ref("programme_id", "programmes"),
    words("kind"),
    time("due_at"),
    time("latest_at"),
    ref("session_id", "sessions", optional=True),
    ref("person_id", "people", optional=True),
    number("guard"),
    words("fate"),
    words("reason"),
    time("done_at", optional=True),
    one_of("fate", "due", "sent", "late", "skipped", "withheld", "failed", "cancelled"),
)
_due = text("fate = 'due'")
Index("ix_reminders_due", reminders.c.due_at, reminders.c.id, sqlite_where=_due, postgresql_where=_due)
_failed = text("fate = 'failed'")
Index("ix_reminders_failed", reminders.c.due_at, sqlite_where=_failed, postgresql_where=_failed)
Index(None, reminders.c.programme_id, reminders.c.due_at)
Index(None, reminders.c.session_id)
Index(None, reminders.c.person_id)

shifts = Table(
    "shifts",
    metadata,
    own_id(),
    ref("programme_id", "programmes"),
    words("role"),
    ref("person_id", "people"),
    time("starts_at"),
    time("ends_at"),
    words("source"),
    CheckConstraint("starts_at < ends_at", name="starts_before_end"),
)
# By the end, not the start: what is over is most of the table, and nobody asks for it.
Index(None, shifts.c.programme_id, shifts.c.role, shifts.c.ends_at)

allowances = Table(
    "allowances",
    metadata,
    own_id(),
    ref("person_id", "people"),
    words("what"),
    time("until"),
    ref("given_by", "people"),
    time("at"),
    one_of("what", "phone", "no_headphones"),
)
Index(None, allowances.c.person_id, allowances.c.until)

pulses = Table("pulses", metadata, Column("name", letters(64), primary_key=True), time("at"))
