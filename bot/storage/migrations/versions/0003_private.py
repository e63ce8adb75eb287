"""The audit log is chained (R-16), with anchors for what has left it; requests (S-45); when somebody left (S-42).

Entries that are there are chained in the order in which they were written. PostgreSQL begins here, with all tables.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
kind = "before"

_FIRST = "0" * 64
_AT_ONCE = 1000


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        tables = Path(__file__).with_suffix(".postgresql.sql").read_text(encoding="utf-8")
        op.get_bind().execution_options(no_parameters=True).exec_driver_sql(tables)
        return
    _audit()
    _anchors()
    _requests()
    _triggers()
    _of_what_refers()
    with op.batch_alter_table("people", recreate="always") as batch:
        batch.add_column(sa.Column("left_at", sa.BigInteger(), nullable=True))


def _of_what_refers() -> None:
    """What refers to a row is asked for before the row goes (S-42), and by SQLite itself."""
    for table, column in (
        ("visits", "session_id"),
        ("answers", "session_id"),
        ("readiness", "visit_id"),
        ("cases", "session_id"),
        ("cases", "visit_id"),
        ("outbox", "case_id"),
    ):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)


def _audit() -> None:
    for deed in ("update", "delete"):
        op.execute(f"DROP TRIGGER audit_no_{deed}")
    op.drop_index(op.f("ix_audit_subject"), "audit")
    op.rename_table("audit", "audit_0002")
    op.create_table(
        "audit",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("prev", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sa.UniqueConstraint("seq", name=op.f("uq_audit_seq")),
    )
    op.create_index(op.f("ix_audit_subject"), "audit", ["subject"], unique=False)
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], unique=False)
    seq = _chain()
    op.drop_table("audit_0002")
    op.execute(sa.text("INSERT INTO counters (name, value) VALUES ('audit', :seq)").bindparams(seq=seq))


def _chain() -> int:
    """Copy the old entries, each with the hash of the one before it; how many they are."""
    connection = op.get_bind()
    old = connection.exec_driver_sql(
        "SELECT id, at, actor, action, subject, detail FROM audit_0002 ORDER BY rowid"
    )
    seq, prev = 0, _FIRST
    while some := old.fetchmany(_AT_ONCE):
        rows: list[dict[str, Any]] = []
        for kept in some:
            seq += 1
            entry = {**kept._mapping, "seq": seq}
            text = json.dumps(entry, sort_keys=True, separators=(",", ":"))
            rows.append({**entry, "prev": prev, "hash": hashlib.sha256((prev + text).encode()).hexdigest()})
            prev = rows[-1]["hash"]
        connection.execute(
            sa.text(
                "INSERT INTO audit (id, seq, at, actor, action, subject, detail, prev, hash)"
                " VALUES (:id, :seq, :at, :actor, :action, :subject, :detail, :prev, :hash)"
            ),
            rows,
        )
    return seq


def _anchors() -> None:
    op.create_table(
        "audit_anchors",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("up_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_anchors")),
        sa.UniqueConstraint("seq", name=op.f("uq_audit_anchors_seq")),
    )


def _requests() -> None:
    op.create_table(
        "requests",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("programme_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('copy', 'erasure', 'correction')", name=op.f("ck_requests_kind")),
        sa.ForeignKeyConstraint(["programme_id"], ["programmes.id"], name=op.f("fk_requests_programme_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    op.create_index(
        "ix_requests_open",
        "requests",
        ["programme_id"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_index(op.f("ix_requests_person_id"), "requests", ["person_id"], unique=False)


def _triggers() -> None:
    grows = "SELECT RAISE(ABORT, 'the audit log only grows')"
    stays = "SELECT RAISE(ABORT, 'an anchor of the audit log stays as it is')"
    for name, when, then in (
        ("audit_no_update", "BEFORE UPDATE ON audit", grows),
        (
            "audit_no_delete",
            "BEFORE DELETE ON audit WHEN NOT EXISTS"
            " (SELECT 1 FROM audit_anchors WHERE seq >= OLD.seq AND up_to > OLD.at)",
            grows,
        ),
        (
            "audit_no_insert_between",
            "BEFORE INSERT ON audit WHEN NEW.seq <= (SELECT coalesce(max(seq), 0) FROM audit)"
            " OR EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)",
            grows,
        ),
        (
            "audit_count",
            "AFTER INSERT ON audit",
            "UPDATE counters SET value = NEW.seq WHERE name = 'audit'",
        ),
        (
            "audit_anchors_true",
            "BEFORE INSERT ON audit_anchors WHEN NOT EXISTS"
            " (SELECT 1 FROM audit WHERE seq = NEW.seq AND hash = NEW.hash AND at < NEW.up_to)"
            " OR NEW.at - NEW.up_to < 31536000000000",  # 365 days: no younger month leaves
            "SELECT RAISE(ABORT, 'an anchor names an entry of the audit log')",
        ),
        ("audit_anchors_no_update", "BEFORE UPDATE ON audit_anchors", stays),
        ("audit_anchors_no_delete", "BEFORE DELETE ON audit_anchors", stays),
    ):
        op.execute(f"CREATE TRIGGER {name} {when} BEGIN {then}; END")


def downgrade() -> None:
    raise NotImplementedError("the chain would be lost: restore a backup instead")
