"""Rows about time, and their stores: reminders with their fate, duty shifts, allowances, the software's pulse. In UTC."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from bot.ports.records import Person, Session, StaffRole

EVER = datetime(9000, 1, 1, tzinfo=UTC)
"""Further away than anything that is planned."""


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


class Reminders(Protocol):
    """What is to be done at a time, and what became of it (R-18)."""

    async def add(self, reminder: Reminder) -> bool:
        """Keep it unless one with its key is there; whether it was new."""
        ...

    async def add_all(self, reminders: Sequence[Reminder]) -> None:
        """The same for several, written together."""
        ...

    async def known(self, keys: Collection[str]) -> set[str]:
        """Those of the keys that a reminder has, whatever became of it."""
        ...

    async def due(self, now: datetime, limit: int = 100) -> list[Reminder]:
        """Those with fate `due` whose time has come, the longest overdue first."""
        ...

    async def save(self, reminder: Reminder) -> None:
        """Write fate, reason, done_at and due_at of the row with that id, if its fate still was `due`."""
        ...

    async def correct(self, reminder_id: str, fate: Fate, reason: str) -> None:
        """What counted as sent or late did not arrive: write why. Any other fate stays (R-18)."""
        ...

    async def of_session(self, session_id: str) -> list[Reminder]: ...
    async def of_person(self, person_id: str) -> list[Reminder]: ...
    async def between(
        self,
        programme_id: str,
        start: datetime,
        end: datetime,
        kind: ReminderKind | None = None,
        limit: int | None = None,
    ) -> list[Reminder]:
        """All, or all of a kind, whatever their fate, by due time; the first of them only where there is a limit."""
        ...

    async def tally(self, now: datetime) -> dict[Fate, int]:
        """How many are due at `now`, and how many failed."""
        ...


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A visit that is not done. `place`: when it is looked at next, and its id; in this order they come."""

    person_id: str
    touched_at: datetime
    place: tuple[datetime, str]


class PlannedPeople(Protocol):
    """How far the plan goes for people; a part of bot.ports.stores.People."""

    async def to_plan(self, now: datetime, limit: int) -> list[Person | str]:
        """Those who are to be planned for at `now`, the longest waiting first; of whom cannot be read the id.

        Whoever is new is among them, and whoever changed otherwise than a tap changes them.
        """
        ...

    async def planned(self, person_id: str, until: datetime) -> None:
        """Nothing is to be planned for them until then."""
        ...

    async def plan_anew(self, of: Session) -> None:
        """Those whose session it is are to be planned for again."""
        ...

    async def plan_all_anew(self, after: str, limit: int) -> str | None:
        """So many, by id from the one after it, are to be planned for again; the last of them, None at the end."""
        ...


class PlannedSessions(Protocol):
    """How far the plan goes for sessions; a part of bot.ports.stores.Sessions."""

    async def of_people(self, people: Sequence[Person], start: datetime, end: datetime) -> list[Session]:
        """The planned ones of the span that are theirs or their groups', by start; what cannot be read is left out."""
        ...

    async def to_plan(self, now: datetime, limit: int) -> list[tuple[Session, bool]]:
        """Those that are to be looked at at `now`, the longest waiting first, and whether they can be read.

        A session that is saved is among them. Its link is left out.
        """
        ...

    async def planned(self, session_id: str, until: datetime) -> None:
        """It need not be looked at until then."""
        ...

    async def plan_all_anew(self, now: datetime, after: datetime, limit: int) -> datetime | None:
        """So many that start after then, by start, are to be looked at again if not over at `now`; up to where, None at the end."""
        ...


class Shifts(Protocol):
    """Who is on duty when."""

    async def on_duty(self, programme_id: str, role: StaffRole, at: datetime) -> list[str]:
        """Person ids."""
        ...

    async def between(
        self, programme_id: str, role: StaffRole, start: datetime, end: datetime
    ) -> list[Shift]:
        """Shifts that touch the span, by start."""
        ...

    async def replace_source(self, programme_id: str, source: str, shifts: Sequence[Shift]) -> None:
        """The rota `source` now is exactly these."""
        ...

    async def add(self, shift: Shift) -> None: ...


class Allowances(Protocol):
    """Dated exceptions."""

    async def add(self, allowance: Allowance) -> None: ...
    async def current(self, person_id: str, now: datetime) -> list[Allowance]: ...
    async def end(self, person_id: str, what: str, now: datetime) -> None:
        """What is allowed of that kind ends at `now`."""
        ...


class Pulses(Protocol):
    """When each part of the software last completed its work: to notice an outage, and for health (R-17)."""

    async def beat(self, name: str, at: datetime) -> None: ...
    async def last(self, name: str) -> datetime | None: ...
    async def first(self, beginning: str) -> str | None:
        """The first name, by the alphabet, that begins so."""
        ...
