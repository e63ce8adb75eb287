"""Indexes: of what went wrong, which is counted again and again, of sessions by start, and of what points at people.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
kind = "before"

_PARTIAL = (
    ("ix_outbox_not_sent", "outbox", ["state", "lane"], "state IN ('failed', 'withheld')"),
    ("ix_outbox_perhaps_sent", "outbox", ["next_try_at"], "ambiguous AND state <> 'waiting'"),
    ("ix_ledger_sensitive", "ledger", ["chat_id", "at"], "gone_at IS NULL AND sensitive"),
    ("ix_ledger_kept", "ledger", ["gone_at", "chat_id"], "kept <> ''"),
    *(
        (f"ix_{table}_{column}", table, [column], f"{column} IS NOT NULL")
        for table, column in (
            ("readiness", "lifted_by"),
            ("case_roles", "taken_by"),
            ("invitations", "used_by"),
        )
    ),
    ("ix_reminders_failed", "reminders", ["due_at"], "fate = 'failed'"),
)
_WHOLE = (
    ("person_roles", ["role", "group_id"]),
    ("sessions", ["programme_id", "starts_at"]),
    # What points at people and chats: nobody goes without a look at it.
    ("outbox", ["chat_id"]),
    ("readiness", ["person_id"]),
    ("cases", ["person_id"]),
)


def upgrade() -> None:
    for name, table, columns, only in _PARTIAL:
        where = sa.text(only)
        op.create_index(name, table, columns, unique=False, sqlite_where=where, postgresql_where=where)
    for table, columns in _WHOLE:
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns, unique=False)
    op.drop_index(op.f("ix_person_roles_role"), table_name="person_roles")


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
