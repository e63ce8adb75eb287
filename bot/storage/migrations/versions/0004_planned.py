"""Until when a person or session is planned, so that the plan looks only at what needs it; who left is found by index.

Everybody who is there begins as not planned: what is planned for them already has its keys, and nothing is added twice.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("people", "sessions"):
        op.add_column(
            table, sa.Column("planned_until", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
        )
        op.create_index(op.f(f"ix_{table}_planned_until_id"), table, ["planned_until", "id"], unique=False)
    left_unnoted = sa.text("state = 'left' AND left_at IS NULL")
    op.create_index(
        "ix_people_left_unnoted",
        "people",
        ["id"],
        unique=False,
        sqlite_where=left_unnoted,
        postgresql_where=left_unnoted,
    )


def downgrade() -> None:
    op.drop_index("ix_people_left_unnoted", "people")
    for table in ("people", "sessions"):
        op.drop_index(op.f(f"ix_{table}_planned_until_id"), table)
        op.drop_column(table, "planned_until")
