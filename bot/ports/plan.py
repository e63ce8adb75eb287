"""Rows about time: reminders with their fate, duty shifts, allowances, and the software's own pulse. Times are UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.ports.records import StaffRole


class ReminderKind(StrEnum):
    """What the clock alone brings about, for a person, or (the last four) for a session or programme."""

    DAY_BEFORE = "day_before"
    TEST_OPENS = "test_opens"
    TEST_AGAIN = "test_again"
    CONFIRM = "confirm"
    HOLD_STANDS = "hold_stands"
    AFTER_SESSION = "after_session"
    NEXT_DAY = "next_day"
    CHECK_IN = "check_in"
    REFLECTION = "reflection"
    DEADLINE = "deadline"
    ROSTER = "roster"
    DIGEST = "digest"
    WEEKLY = "weekly"
    GAPS = "gaps"


class Fate(StrEnum):
    """What became of a reminder (R-18). `due` is the only one that is not final."""

    DUE = "due"
    SENT = "sent"
    LATE = "late"
    SKIPPED = "skipped"
    WITHHELD = "withheld"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Reminder:
    """One thing to do at a time. No text: what is said is decided when it is due (S-02).

    `latest_at`: after it the policy for lateness counts (bot.schedule.due). `guard`: the session's
    version it was planned for; another version makes it do nothing (R-14). `key` is unique, so that
    planning again adds nothing: kind, session or day, person, guard.
    """

    id: str
    key: str
    programme_id: str
    kind: ReminderKind
    due_at: datetime
    latest_at: datetime
    session_id: str | None = None
    person_id: str | None = None
    guard: int = 0
    fate: Fate = Fate.DUE
    reason: str = ""
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shift:
    """Somebody is on duty for a role. Shifts overlap rather than leave a gap (R-13). `source`: the rota it is from."""

    id: str
    programme_id: str
    role: StaffRole
    person_id: str
    starts_at: datetime
    ends_at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Allowance:
    """A dated exception recorded by staff: `phone` for individual sessions, or `no_headphones`."""

    id: str
    person_id: str
    what: str
    until: datetime
    given_by: str
    at: datetime
