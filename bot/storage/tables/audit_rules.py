"""What the database itself refuses, so that the audit log only grows (R-16): triggers, in each database's own words."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import DDL, Table, event

from bot.storage.tables.audit import audit, audit_anchors

_GROWS = "the audit log only grows"
_STAYS = "an anchor of the audit log stays as it is"


@dataclass(frozen=True, slots=True)
class Rule:
    """A trigger: for each row `when`, if `only_if`, the change is refused with the words `says`, or `then` is done too."""

    name: str
    table: Table
    when: str
    says: str = ""
    only_if: str = ""
    then: str = ""

    def on_sqlite(self) -> str:
        """The trigger for SQLite."""
        only_if = f" WHEN {self.only_if}" if self.only_if else ""
        then = self.then or f"SELECT RAISE(ABORT, '{self.says}')"
        return f"CREATE TRIGGER {self.name} {self.when} ON {self.table.name}{only_if} BEGIN {then}; END"

    def on_postgres(self) -> tuple[str, str]:
        """The function and the trigger for PostgreSQL."""
        then = self.then or f"RAISE EXCEPTION '{self.says}' USING ERRCODE = 'integrity_constraint_violation'"
        if self.only_if:
            then = f"IF {self.only_if} THEN {then}; END IF"
        row = "OLD" if self.when == "BEFORE DELETE" else "NEW"
        each = "STATEMENT" if self.when == "BEFORE TRUNCATE" else "ROW"
        function = (
            f"CREATE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {then}; RETURN {row}; END $$"
        )
        trigger = f"CREATE TRIGGER {self.name} {self.when} ON {self.table.name} FOR EACH {each}"
        return function, f"{trigger} EXECUTE FUNCTION {self.name}()"


_RULES = (
    Rule("audit_no_update", audit, "BEFORE UPDATE", _GROWS),
    Rule(
        "audit_no_delete",
        audit,
        "BEFORE DELETE",
        _GROWS,
        only_if="NOT EXISTS (SELECT 1 FROM audit_anchors WHERE seq >= OLD.seq AND up_to > OLD.at)",
    ),
    # REPLACE would take rows away without asking the trigger above.
    Rule(
        "audit_no_insert_between",
        audit,
        "BEFORE INSERT",
        _GROWS,
        only_if="NEW.seq <= (SELECT coalesce(max(seq), 0) FROM audit)"
        " OR EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)",
    ),
    # A tail that is cut off leaves no other trace.
    Rule(
        "audit_count", audit, "AFTER INSERT", then="UPDATE counters SET value = NEW.seq WHERE name = 'audit'"
    ),
    Rule(
        "audit_anchors_true",
        audit_anchors,
        "BEFORE INSERT",
        "an anchor names an entry of the audit log",
        only_if="NOT EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq AND hash = NEW.hash AND at < NEW.up_to)"
        " OR NEW.at - NEW.up_to < 31536000000000",  # 365 days: no younger month leaves
    ),
    Rule("audit_anchors_no_update", audit_anchors, "BEFORE UPDATE", _STAYS),
    Rule("audit_anchors_no_delete", audit_anchors, "BEFORE DELETE", _STAYS),
)
# Empties a table without asking its rows' triggers; SQLite has nothing like it.
_POSTGRES_ONLY = (
    Rule("audit_no_truncate", audit, "BEFORE TRUNCATE", _GROWS),
    Rule("audit_anchors_no_truncate", audit_anchors, "BEFORE TRUNCATE", _STAYS),
)


def _after_making(table: Table, dialect: str, *statements: str) -> None:
    for statement in statements:
        made = DDL(statement)  # type: ignore[no-untyped-call]  # DDL is untyped there
        event.listen(table, "after_create", made.execute_if(dialect=dialect))


for _rule in _RULES:
    _after_making(_rule.table, "sqlite", _rule.on_sqlite())
for _rule in (*_RULES, *_POSTGRES_ONLY):
    _after_making(_rule.table, "postgresql", *_rule.on_postgres())
