"""The audit log, which only grows (R-16), the anchors by which its closed months leave, and requests (S-45)."""

from __future__ import annotations

from sqlalchemy import DDL, Column, Index, Integer, String, Table, event, text

from bot.storage.columns import json, metadata, one_of, own_id, ref, time, words

audit = Table(
    "audit",
    metadata,
    own_id(),
    Column("seq", Integer, nullable=False, unique=True),
    time("at"),
    words("actor"),
    words("action"),
    words("subject"),
    json("detail"),
    Column("prev", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
Index(None, audit.c.subject)
Index(None, audit.c.at)

# Entries up to `seq` may leave, and those before `up_to` have; `hash` is that of entry `seq`.
audit_anchors = Table(
    "audit_anchors",
    metadata,
    own_id(),
    Column("seq", Integer, nullable=False, unique=True),
    Column("hash", String(64), nullable=False),
    time("at"),
    time("up_to"),
)

requests = Table(
    "requests",
    metadata,
    own_id(),
    ref("programme_id", "programmes"),
    # No foreign key: the request stays as proof when the person has been erased.
    Column("person_id", String(32), nullable=False),
    words("kind"),
    time("asked_at"),
    time("done_at", optional=True),
    words("outcome"),
    words("by"),
    one_of("kind", "copy", "erasure", "correction"),
)
_open = text("done_at IS NULL")
Index("ix_requests_open", requests.c.programme_id, sqlite_where=_open, postgresql_where=_open)
Index(None, requests.c.person_id)

_GROWS = "SELECT RAISE(ABORT, 'the audit log only grows')"
_STAYS = "SELECT RAISE(ABORT, 'an anchor of the audit log stays as it is')"
_TRIGGERS = (
    (audit, "audit_no_update", "BEFORE UPDATE ON audit", _GROWS),
    (
        audit,
        "audit_no_delete",
        "BEFORE DELETE ON audit WHEN NOT EXISTS"
        " (SELECT 1 FROM audit_anchors WHERE seq >= OLD.seq AND up_to > OLD.at)",
        _GROWS,
    ),
    # REPLACE would take rows away without asking the trigger above.
    (
        audit,
        "audit_no_insert_between",
        "BEFORE INSERT ON audit WHEN NEW.seq <= (SELECT coalesce(max(seq), 0) FROM audit)"
        " OR EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)",
        _GROWS,
    ),
    # A tail that is cut off leaves no other trace.
    (
        audit,
        "audit_count",
        "AFTER INSERT ON audit",
        "UPDATE counters SET value = NEW.seq WHERE name = 'audit'",
    ),
    (
        audit_anchors,
        "audit_anchors_true",
        "BEFORE INSERT ON audit_anchors WHEN NOT EXISTS"
        " (SELECT 1 FROM audit WHERE seq = NEW.seq AND hash = NEW.hash AND at < NEW.up_to)"
        " OR NEW.at - NEW.up_to < 31536000000000",  # 365 days: no younger month leaves
        "SELECT RAISE(ABORT, 'an anchor names an entry of the audit log')",
    ),
    (audit_anchors, "audit_anchors_no_update", "BEFORE UPDATE ON audit_anchors", _STAYS),
    (audit_anchors, "audit_anchors_no_delete", "BEFORE DELETE ON audit_anchors", _STAYS),
)
for _table, _name, _when, _then in _TRIGGERS:
    _ddl = DDL(f"CREATE TRIGGER {_name} {_when} BEGIN {_then}; END")  # type: ignore[no-untyped-call]  # DDL is untyped there
    event.listen(_table, "after_create", _ddl.execute_if(dialect="sqlite"))
