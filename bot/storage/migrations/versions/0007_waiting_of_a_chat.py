"""One index for a chat's messages: those that wait are found without a look at all that were ever sent there.

Of two indexes that begin with the chat, SQLite took the one of all messages for questions about the waiting ones.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
kind = "before"


def upgrade() -> None:
    op.create_index(op.f("ix_outbox_chat_id_state_id"), "outbox", ["chat_id", "state", "id"], unique=False)
    op.drop_index("ix_outbox_chat", table_name="outbox")
    op.drop_index(op.f("ix_outbox_chat_id"), table_name="outbox")


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
