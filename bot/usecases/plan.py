"""Writes the plan: a row for each thing the clock will bring about in the next days (R-18). Writing it again adds nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from bot.ports.plan import Fate, Reminder
from bot.ports.records import AuditEntry, Person, Programme, Session
from bot.ports.stores import Unit, Unreadable
from bot.schedule import due
from bot.schedule.times import Times, times_of
from bot.usecases.desk import Desk
from bot.usecases.staff_notice import tell_administrators
from bot.usecases.way import may_test
from flows.effects import Line

log = structlog.get_logger(__name__)
AHEAD = timedelta(days=3)
NEAR = timedelta(days=2)
"""How far around the planned days rows and sessions are looked at: a session's first row is due a day before it."""

UNREADABLE = Line(
    "staff",
    "A planned session cannot be read: its reminders, checks and roster will not come. Please see to it yourself, "
    "and look at the software's log.",
)
TOLD = "session.unreadable"
TOLD_EVERY = timedelta(days=1)


def times_for(desk: Desk, programme: Programme) -> Times:
    """The programme's times, with what the installation sets for all (S-12)."""
    numbers = desk.numbers
    return times_of(
        programme, clear_before=numbers.quiet_before_session, clear_after=numbers.quiet_after_session
    )


async def plan(unit: Unit, desk: Desk, now: datetime) -> int:
    """Plan the sessions and weeks of all programmes for the next three days; gives how many rows it wrote.

    Whoever changes a session cancels what was planned for it as it stood (plan_sessions, R-14); the guard in
    each row sees to the rest. The caller commits.
    """
    written = 0
    for programme in await unit.programmes.all():
        try:
            written += await _Planner(unit, desk, programme, now).plan()
        except Unreadable as fault:
            # A damaged row of one programme stops no other's plan; it is tried again each minute.
            log.warning("plan.unreadable", programme=programme.key, error=str(fault))
    return written


def why_void(reminder: Reminder, session: Session | None) -> str:
    """Why a session's reminder applies no longer (R-14); empty when it does."""
    if session is None:
        return "session_gone"
    if session.state == "cancelled":
        return "session_cancelled"
    return "session_changed" if session.version != reminder.guard else ""


def is_theirs(session: Session, person: Person) -> bool:
    """Whether the session is their own or their group's."""
    own_group = session.group_id is not None and session.group_id == person.group_id
    return own_group or session.person_id == person.id


async def participants(unit: Unit, session: Session) -> list[Person]:
    """Whose session it is; those who have left are not among them, nor those who cannot be read (`unreadable`)."""
    if session.group_id is not None:
        people = await unit.people.in_group(session.group_id)
    else:
        person = await _only(unit, session)
        people = [person] if isinstance(person, Person) else []
    return [person for person in people if person.kind == "participant" and person.state != "left"]


async def unreadable(unit: Unit, session: Session) -> list[str]:
    """Ids of those whose session it is and whose rows do not open."""
    if session.group_id is not None:
        return await unit.people.unreadable(session.group_id)
    person = await _only(unit, session)
    return [person] if isinstance(person, str) else []


async def _only(unit: Unit, session: Session) -> Person | str | None:
    """The one person the session is for; their id alone if they cannot be read."""
    if session.person_id is None:
        return None
    try:
        return await unit.people.get(session.person_id)
    except Unreadable as fault:
        log.warning("people.unreadable", error=str(fault))
        return session.person_id


class _Planner:
    def __init__(self, unit: Unit, desk: Desk, programme: Programme, now: datetime) -> None:
        self._unit, self._desk, self._programme, self._now = unit, desk, programme, now
        self._times = times_for(desk, programme)
        self._known: dict[str, Reminder] = {}
        self._said: set[tuple[str, str | None, str, datetime]] = set()

    async def plan(self) -> int:
        start, end = self._now - NEAR, self._now + AHEAD + NEAR
        sessions = await self._unit.sessions.of_programme(self._programme.id, start, end)
        for session_id in await self._unit.sessions.unreadable(self._programme.id, self._now, end):
            await self._tell_unreadable(session_id)
        rows = await self._unit.reminders.between(self._programme.id, start, end)
        self._known, self._said = {row.key: row for row in rows}, _said(rows)
        written = 0
        planned = [session for session in sessions if session.state == "planned"]
        for session in planned:
            if due.ends_at(session) > self._now and session.starts_at <= self._now + AHEAD:
                written += await self._session(session)
        for group in await self._unit.programmes.groups(self._programme.id):
            for person in await self._unit.people.in_group(group.id):
                if may_test(person):
                    written += await self._week(person, planned)
        today = self._now.astimezone(ZoneInfo(self._programme.timezone)).date()
        for day in (today, today + timedelta(days=1)):
            found = due.for_programme(day, self._programme.id, self._times)
            written += await self._add(row for row in found if row.due_at > self._now)
        return written

    async def _tell_unreadable(self, session_id: str) -> None:
        """Administrators hear of it once a day, also over a restart; the record says to what it was."""
        entries = await self._unit.audit.of_subject(session_id)
        if any(entry.action == TOLD and entry.at > self._now - TOLD_EVERY for entry in entries):
            return
        await tell_administrators(self._unit, self._desk, self._programme.id, UNREADABLE)
        entry = AuditEntry(self._desk.ids.new(), self._now, "clock", TOLD, session_id)
        await self._unit.audit.add(entry)

    async def _session(self, session: Session) -> int:
        written = await self._add(due.for_session(session, self._times))
        for person in await participants(self._unit, session):
            if may_test(person):
                written += await self._add(due.for_person(session, person, self._times))
        return written

    async def _week(self, person: Person, sessions: list[Session]) -> int:
        own = [session for session in sessions if is_theirs(session, person)]
        today = self._now.astimezone(ZoneInfo(person.timezone)).date()
        written = 0
        for days in range(AHEAD.days + 1):
            found = due.for_day(today + timedelta(days=days), person, own, self._times)
            written += await self._add(row for row in found if row.due_at > self._now)
        return written

    async def _add(self, planned: Iterable[Reminder]) -> int:
        """Keep those that are new, each with an id; what is skipped already is done with now."""
        new = [self._once(row) for row in planned if row.key not in self._known]
        for row in new:
            done_at = None if row.fate is Fate.DUE else self._now
            await self._unit.reminders.add(replace(row, id=self._desk.ids.new(), done_at=done_at))
            self._known[row.key] = row
        return len(new)

    def _once(self, row: Reminder) -> Reminder:
        """What a person was told of the session before it changed is not said again for the same time."""
        if row.fate is Fate.DUE and _said([replace(row, fate=Fate.SENT)]) & self._said:
            return replace(row, fate=Fate.SKIPPED, reason="said_already")
        return row


def _said(rows: Iterable[Reminder]) -> set[tuple[str, str | None, str, datetime]]:
    """What was sent to whom because of which session, and for when."""
    sent = [row for row in rows if row.fate in (Fate.SENT, Fate.LATE) and row.person_id]
    return {(row.kind.value, row.session_id, row.person_id or "", row.due_at) for row in sent}
