"""The tables. Columns named `sealed_*` hold what bot.storage.sealing made of them (S-41).

Ids are made by the application, 32 hex digits. What stays readable: pseudonymous ids, times, urgency,
kind, roles, states. A change here needs a migration; a test compares the two.
"""

from bot.storage.columns import metadata
from bot.storage.tables import audit_rules
from bot.storage.tables.audit import audit, audit_anchors, requests
from bot.storage.tables.cases import case_roles, cases, counters
from bot.storage.tables.messages import (
    kept,
    ledger,
    not_sent,
    outbox,
    perhaps_sent,
    seen,
    stands_sensitive,
    waiting,
)
from bot.storage.tables.people import (
    chats,
    groups,
    invitations,
    left_unnoted,
    people,
    person_roles,
    programmes,
    sessions,
)
from bot.storage.tables.plan import allowances, pulses, reminders, shifts
from bot.storage.tables.replicas import leases, works_with
from bot.storage.tables.visits import agreements, answers, readiness, visits

__all__ = [
    "agreements",
    "allowances",
    "answers",
    "audit",
    "audit_anchors",
    "audit_rules",
    "case_roles",
    "cases",
    "chats",
    "counters",
    "groups",
    "invitations",
    "kept",
    "leases",
    "ledger",
    "left_unnoted",
    "metadata",
    "not_sent",
    "outbox",
    "people",
    "perhaps_sent",
    "person_roles",
    "programmes",
    "pulses",
    "readiness",
    "reminders",
    "requests",
    "seen",
    "sessions",
    "shifts",
    "stands_sensitive",
    "visits",
    "waiting",
    "works_with",
]
