"""Writes the plan: a row for each thing the clock will bring about in the next days (R-18). Writing it again adds nothing.

A slice of people or sessions at a time, each in a unit of work of its own, and only those that need it: everything
else, an alert as well, waits no longer than for one slice (R-05, R-12).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zlib import crc32
from zoneinfo import ZoneInfo

import structlog

from bot.ports.plan import EVER, Fate, Reminder
from bot.ports.records import AuditEntry, Person, Programme, Session
from bot.ports.stores import Storage, Unit, Unreadable
from bot.schedule import due
from bot.schedule.times import Times, instant, times_of
from bot.usecases.desk import Desk
from bot.usecases.staff_notice import tell_administrators
from bot.usecases.way import is_being_erased, may_test
from flows.effects import Line

log = structlog.get_logger(__name__)
AHEAD = timedelta(days=3)
NEAR = timedelta(days=2)
"""How far around the planned days sessions are looked at: a session's first row is due a day before it."""
AT_ONCE = 20
"""How many people, or sessions, are planned for in one unit of work: everybody waits that long at most (R-12)."""
SLICES = 50
"""At most so many units at a look: reminders are not to wait either (R-05)."""
NIGHT = timedelta(hours=6)
"""Everybody's next day is planned in this time after their midnight: not all at once, and while few are about."""
LOOKED_OVER = timedelta(hours=1)
"""A session that is planned is looked at after this, and up to twice this, to see that it still opens."""
AGAIN = timedelta(minutes=1)
"""What cannot be read is tried again after this."""

UNREADABLE = Line(
    "staff",
    "A planned session cannot be read: its reminders, checks and roster will not come. Please see to it yourself, "
    "and look at the software's log.",
)
TOLD = "session.unreadable"
TOLD_EVERY = timedelta(days=1)


Said = tuple[str, str | None, str, datetime]
"""A line that was sent: its kind, because of which session, to whom, and for when."""


@dataclass(frozen=True, slots=True)
class Planned:
    """How many rows were written, and whether all is planned now; otherwise the rest is to be asked for soon.

    `erased`: ids of those it came upon whose erasure has begun and is to be finished (erase_person.go_on).
    """

    written: int
    all: bool
    erased: tuple[str, ...] = ()


def times_for(desk: Desk, programme: Programme) -> Times:
    """The programme's times, with what the installation sets for all (S-12)."""
    numbers = desk.numbers
    return times_of(
        programme, clear_before=numbers.quiet_before_session, clear_after=numbers.quiet_after_session
    )


async def plan(storage: Storage, desk: Desk, now: datetime, slices: int = SLICES) -> Planned:
    """Plan whatever needs it for the next three days, in at most so many units of work of `AT_ONCE` each.

    How far the plan goes for a session or person stands in its row; whoever saves one there asks for a new look by
    that. Whoever changes a session cancels what was planned for it as it stood (plan_sessions, R-14); the guard in
    each row sees to the rest. Sessions come first: nobody may go unchecked (S-32).
    """
    done = Planned(0, True)
    async with storage.unit() as unit:
        programmes = await unit.programmes.all()
    for start in range(0, len(programmes), AT_ONCE):
        async with storage.unit() as unit:
            this = _Slice(unit, desk, now)
            await this.programmes(programmes[start : start + AT_ONCE])
            if this.written:
                await unit.commit()
        done = this.added_to(done)
    for look in (_Slice.sessions, _Slice.people):
        looked_at = AT_ONCE
        while looked_at == AT_ONCE:
            if not slices:
                return replace(done, all=False)
            slices -= 1
            async with storage.unit() as unit:
                this = _Slice(unit, desk, now)
                if looked_at := await look(this):
                    await unit.commit()
            done = this.added_to(done)
            await asyncio.sleep(0)  # everybody else's turn
    return done


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


class _Slice:
    """What is planned in one unit of work."""

    def __init__(self, unit: Unit, desk: Desk, now: datetime) -> None:
        self._unit, self._desk, self._now = unit, desk, now
        self._times: dict[str, Times] = {}
        self.written = 0
        self.erased: list[str] = []

    def added_to(self, done: Planned) -> Planned:
        """What this came to, and what was done before."""
        return replace(done, written=done.written + self.written, erased=(*done.erased, *self.erased))

    async def programmes(self, programmes: Sequence[Programme]) -> None:
        """What staff are told on a day; asked for each time, as it is little."""
        rows: list[Reminder] = []
        for one in programmes:
            today = self._now.astimezone(ZoneInfo(one.timezone)).date()
            for day in (today, today + timedelta(days=1)):
                rows += self._ahead(due.for_programme(day, one.id, times_for(self._desk, one)))
        await self._add(rows)

    async def sessions(self) -> int:
        """What is done once for a session; how many were looked at. Where it is new its people are planned for next."""
        found = await self._unit.sessions.to_plan(self._now, AT_ONCE)
        for session, readable in found:
            try:
                until = await self._session(session, readable)
            except Unreadable as fault:
                # What is damaged elsewhere stops no other's plan; it is tried again.
                log.warning("plan.unreadable", row=session.id, error=str(fault))
                until = self._now + AGAIN
            await self._unit.sessions.planned(session.id, until)
        return len(found)

    async def _session(self, session: Session, readable: bool) -> datetime:
        """Until when it need not be looked at."""
        first = session.starts_at - AHEAD - NEAR
        if session.state != "planned" or due.ends_at(session) <= self._now:
            return EVER
        if first > self._now:
            return first
        if not readable:
            log.warning("session.unreadable", error=f"sessions {session.id} cannot be opened")
            if session.starts_at >= self._now:
                await self._tell_unreadable(session)
            return self._now + AGAIN
        again = self._now + LOOKED_OVER * (1 + _share(session.id))
        if session.starts_at > self._now + AHEAD:
            return min(again, session.starts_at - AHEAD)
        times = await self._times_of(session.programme_id)
        if await self._add(due.for_session(session, times)):
            await self._unit.people.plan_anew(session)
        return again

    async def _tell_unreadable(self, session: Session) -> None:
        """Administrators hear of it once a day, also over a restart; the record says to what it was."""
        entries = await self._unit.audit.of_subject(session.id)
        if any(entry.action == TOLD and entry.at > self._now - TOLD_EVERY for entry in entries):
            return
        await tell_administrators(self._unit, self._desk, session.programme_id, UNREADABLE)
        entry = AuditEntry(self._desk.ids.new(), self._now, "clock", TOLD, session.id)
        await self._unit.audit.add(entry)

    async def people(self) -> int:
        """What each is sent because of their sessions and in their week; how many were looked at."""
        found = await self._unit.people.to_plan(self._now, AT_ONCE)
        served = [
            one for one in found if isinstance(one, Person) and one.kind == "participant" and may_test(one)
        ]
        start, end = self._now - NEAR, self._now + AHEAD + NEAR
        sessions = await self._unit.sessions.of_people(served, start, end)
        rows: list[Reminder] = []
        for person in served:
            times = await self._times_of(person.programme_id)
            own = [session for session in sessions if is_theirs(session, person)]
            for session in own:
                if due.ends_at(session) > self._now and session.starts_at <= self._now + AHEAD:
                    rows += due.for_person(session, person, times)
            rows += self._week(person, own, times)
        await self._add(rows, sessions)
        self.erased += [one.id for one in found if isinstance(one, Person) and is_being_erased(one)]
        plan_next = {one.id for one in served}
        for one in found:
            if isinstance(one, str):
                await self._unit.people.planned(one, self._now + AGAIN)
            else:
                until = self._tomorrow(one) if one.id in plan_next else self._later(one)
                await self._unit.people.planned(one.id, until)
        return len(found)

    def _week(self, person: Person, own: Sequence[Session], times: Times) -> Iterator[Reminder]:
        if person.group_id is None:
            return
        today = self._now.astimezone(ZoneInfo(person.timezone)).date()
        for days in range(AHEAD.days + 1):
            yield from self._ahead(due.for_day(today + timedelta(days=days), person, own, times))

    def _later(self, person: Person) -> datetime:
        """Who is not served yet, or no more, is looked at when they change; an erasure that waits is tried again."""
        return self._now + AGAIN if is_being_erased(person) else EVER

    def _tomorrow(self, person: Person) -> datetime:
        zone = ZoneInfo(person.timezone)
        day = self._now.astimezone(zone).date() + timedelta(days=1)
        return instant(day, 0, zone) + NIGHT * _share(person.id)

    def _ahead(self, rows: Iterable[Reminder]) -> list[Reminder]:
        return [row for row in rows if row.due_at > self._now]

    async def _times_of(self, programme_id: str) -> Times:
        if programme_id not in self._times:
            programme = await self._unit.programmes.get(programme_id)
            assert programme is not None, "a foreign key keeps it"
            self._times[programme_id] = times_for(self._desk, programme)
        return self._times[programme_id]

    async def _add(self, planned: Sequence[Reminder], sessions: Sequence[Session] = ()) -> int:
        """Keep those that are new, each with an id; what is skipped already is done with now. How many they are."""
        known = await self._unit.reminders.known([row.key for row in planned])
        new = [row for row in planned if row.key not in known]
        said = await self._said_of(new, sessions)
        await self._unit.reminders.add_all([self._row(row, said) for row in new])
        self.written += len(new)
        return len(new)

    async def _said_of(self, new: Sequence[Reminder], sessions: Sequence[Session]) -> set[Said]:
        """What people were told of these sessions before they changed."""
        changed = {row.session_id for row in new if row.guard > 1}
        found: set[Said] = set()
        for session in sessions:
            if session.id in changed:
                found |= _said(await self._unit.reminders.of_session(session.id))
        return found

    def _row(self, row: Reminder, said: set[Said]) -> Reminder:
        """With its id. What a person was told of the session before it changed is not said again for the same time."""
        if row.fate is Fate.DUE and _said([replace(row, fate=Fate.SENT)]) & said:
            row = replace(row, fate=Fate.SKIPPED, reason="said_already")
        done_at = None if row.fate is Fate.DUE else self._now
        return replace(row, id=self._desk.ids.new(), done_at=done_at)


def _share(own_id: str) -> float:
    """A part of 1 that is always the same for an id."""
    return crc32(own_id.encode()) / 2**32


def _said(rows: Iterable[Reminder]) -> set[Said]:
    """What was sent to whom because of which session, and for when."""
    sent = [row for row in rows if row.fate in (Fate.SENT, Fate.LATE) and row.person_id]
    return {(row.kind.value, row.session_id, row.person_id or "", row.due_at) for row in sent}
