"""Indexes of what went wrong, which is counted again and again, of sessions by start, and of who has a role in a group.

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
    ("ix_reminders_failed", "reminders", ["due_at"], "fate = 'failed'"),
)


def upgrade() -> None:
    for name, table, columns, only in _PARTIAL:
        where = sa.text(only)
        op.create_index(name, table, columns, unique=False, sqlite_where=where, postgresql_where=where)
    op.create_index(
        op.f("ix_person_roles_role_group_id"), "person_roles", ["role", "group_id"], unique=False
    )
    op.create_index(
        op.f("ix_sessions_programme_id_starts_at"), "sessions", ["programme_id", "starts_at"], unique=False
    )
    op.drop_index(op.f("ix_person_roles_role"), table_name="person_roles")


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
