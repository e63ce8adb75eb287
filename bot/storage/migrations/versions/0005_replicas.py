"""Several processes on one database: who leads (R-15), and which versions of the software may run.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
kind = "before"


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", _letters(sa.String, 64), nullable=False),
        sa.Column("holder", _letters(sa.Text), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "works_with",
        sa.Column("revision", _letters(sa.String, 32), nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_works_with")),
    )


def _letters(kind: type[sa.String], most: int | None = None) -> sa.String:
    return kind(most).with_variant(kind(most, collation="C"), "postgresql")


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
