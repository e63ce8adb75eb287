"""Tables for time and duty; a part that is taken has a due time too (R-09); mail as a second way out.

What became sealed with a person's alias needs nothing here: rows sealed before are read with defaults.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
kind = "before"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        return  # 0003 makes them all there
    _reminders()
    _shifts()
    op.create_table(
        "allowances",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("given_by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("what IN ('phone', 'no_headphones')", name=op.f("ck_allowances_what")),
        sa.ForeignKeyConstraint(["given_by"], ["people.id"], name=op.f("fk_allowances_given_by")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_allowances_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allowances")),
    )
    op.create_index(op.f("ix_allowances_person_id_until"), "allowances", ["person_id", "until"], unique=False)
    op.create_table(
        "pulses",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pulses")),
    )
    _case_roles()
    _outbox()


def _reminders() -> None:
    op.create_table(
        "reminders",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("programme_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("latest_at", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.String(length=32), nullable=True),
        sa.Column("person_id", sa.String(length=32), nullable=True),
        sa.Column("guard", sa.Integer(), nullable=False),
        sa.Column("fate", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "fate IN ('due', 'sent', 'late', 'skipped', 'withheld', 'failed', 'cancelled')",
            name=op.f("ck_reminders_fate"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_reminders_person_id")),
        sa.ForeignKeyConstraint(["programme_id"], ["programmes.id"], name=op.f("fk_reminders_programme_id")),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_reminders_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminders")),
        sa.UniqueConstraint("key", name=op.f("uq_reminders_key")),
    )
    op.create_index(
        "ix_reminders_due",
        "reminders",
        ["due_at", "id"],
        unique=False,
        sqlite_where=sa.text("fate = 'due'"),
        postgresql_where=sa.text("fate = 'due'"),
    )
    for columns in (["programme_id", "due_at"], ["session_id"], ["person_id"]):
        op.create_index(op.f(f"ix_reminders_{'_'.join(columns)}"), "reminders", columns, unique=False)


def _shifts() -> None:
    op.create_table(
        "shifts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("programme_id", sa.String(length=32), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_shifts_starts_before_end")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_shifts_person_id")),
        sa.ForeignKeyConstraint(["programme_id"], ["programmes.id"], name=op.f("fk_shifts_programme_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shifts")),
    )
    op.create_index(
        op.f("ix_shifts_programme_id_role_ends_at"),
        "shifts",
        ["programme_id", "role", "ends_at"],
        unique=False,
    )


def _case_roles() -> None:
    # Added with a default for the rows that are there; the table made anew has none, as in the metadata.
    op.add_column(
        "case_roles", sa.Column("reminded", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.execute(
        "UPDATE case_roles SET next_due_at = 4 * 3600 * 1000000"  # four hours, in microseconds
        " + coalesce(taken_at, (SELECT opened_at FROM cases WHERE cases.id = case_roles.case_id))"
        " WHERE state = 'taken'"
    )
    op.drop_index("ix_case_roles_due", "case_roles")
    with op.batch_alter_table("case_roles", recreate="always") as batch:
        batch.alter_column("reminded", server_default=None)
        batch.create_check_constraint(
            op.f("ck_case_roles_taken_has_next"), "state <> 'taken' OR next_due_at IS NOT NULL"
        )
    op.create_index(
        "ix_case_roles_due",
        "case_roles",
        ["next_due_at"],
        unique=False,
        sqlite_where=sa.text("state <> 'done'"),
        postgresql_where=sa.text("state <> 'done'"),
    )


def _outbox() -> None:
    op.add_column("outbox", sa.Column("way", sa.Text(), nullable=False, server_default="telegram"))
    op.drop_index("ix_outbox_due", "outbox")
    with op.batch_alter_table(
        "outbox", recreate="always", table_kwargs={"sqlite_autoincrement": True}
    ) as batch:
        batch.alter_column("way", server_default=None)
        batch.create_check_constraint(op.f("ck_outbox_way"), "way IN ('telegram', 'email')")
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["lane", "way", "due_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )


def downgrade() -> None:
    raise NotImplementedError("what is in these tables would be lost: restore a backup instead")
