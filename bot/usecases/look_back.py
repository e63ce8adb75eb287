"""What follows from an outage: staff are told of it, and open questions are asked again (R-11).

Telegram keeps messages for a day, but a pressed button for 150 seconds only. So whoever may have pressed one
is asked again: behind the door, after a neutral line, whatever they were asked (S-03).

So many at a time, each slice in a unit of its own (R-12). That an outage is not done with stands in the database, so that
the next process goes on with it; how far it is does not: whoever was asked since has the door before them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog

from bot.ports.plan import Reminder, ReminderKind
from bot.ports.records import Chat, Person, Programme, StaffRole
from bot.ports.stores import Storage, Unit, Unreadable
from bot.schedule import due
from bot.schedule.times import Rules, times_of
from bot.usecases import door, neutral
from bot.usecases import staff_texts as texts
from bot.usecases.desk import Desk, post
from bot.usecases.facts import time_of
from bot.usecases.reach import reader_of
from bot.usecases.render import notice
from bot.usecases.resume import front
from bot.usecases.staff_notice import tell_person
from flows.effects import Line

log = structlog.get_logger(__name__)

LONGEST = timedelta(seconds=150)
"""How long may pass without a sign of life before a button pressed meanwhile can be lost."""
RESTORED = "restored"
"""When a backup was put back (bot.usecases.restored)."""
AWAY, BACK, BACK_AT, TOLD, DONE = "away-since", "away-until", "away-back-at", "away-told", "away-done"
"""The outage looked back upon; until when staff have been told of one, and until when all is done."""
RECENT = timedelta(hours=24)
"""What was asked longer than this before the outage began is not asked again."""
LIVE = timedelta(minutes=30)
"""Whoever was asked something within this time is waiting for the next line; quiet hours are for all others."""
LISTED = 12
EVER_SINCE: Final = datetime(1970, 1, 1, tzinfo=UTC)
AT_ONCE: Final = 10
"""How many people are asked or told in one unit of work: everybody else waits that long at most (R-12)."""
LOOKED_AT: Final = 100
"""How many rows are looked at for that."""
SLICES: Final = 50
"""At most so many units at a look: reminders are not to wait (R-05)."""

AWAY_LINE = Line(
    "staff",
    "The assistant was away from {start} to {end}. A button pressed in that time may be lost: please press it again, "
    "or write /ack and the reference.",
)
AWAY_WITH = Line(
    "staff",
    "The assistant was away from {start} to {end}. A button pressed in that time may be lost: please press it again, "
    "or write /ack and the reference.\nThese checks fell into that time and come late, if at all; please look "
    "yourself:\n{checks}",
)
CHECKS = {
    ReminderKind.DEADLINE: Line("staff", "Self-test not done · session {time}"),
    ReminderKind.ROSTER: Line("staff", "Last roster · session {time}"),
}
_TOLD = {StaffRole.FACILITATOR, StaffRole.DUTY, StaffRole.MANAGER, StaffRole.ADMINISTRATOR}

Check = tuple[ReminderKind, datetime, str | None]
"""What was due, when its session starts, and in which group."""
Slice = Callable[[Unit], Awaitable[list[Any]]]
"""Does its share in the unit; gives the slices that come in its place."""


@dataclass(frozen=True, slots=True)
class Outage:
    """From when to when nothing came in. `back_at`: when something came in again at the earliest."""

    since: datetime
    until: datetime
    back_at: datetime


async def note(unit: Unit, outage: Outage) -> Outage:
    """Keep that it is to be looked back upon, together with one that was not done with."""
    if before := await unfinished(unit):
        outage = replace(outage, since=min(before.since, outage.since))
    for name, at in ((AWAY, outage.since), (BACK, outage.until), (BACK_AT, outage.back_at)):
        await unit.pulses.beat(name, at)
    return outage


async def unfinished(unit: Unit) -> Outage | None:
    """The one that is not done with."""
    since, until, back_at = [await unit.pulses.last(name) for name in (AWAY, BACK, BACK_AT)]
    if since is None or until is None or back_at is None or until == await unit.pulses.last(DONE):
        return None
    return Outage(since, until, back_at)


class LookBack:
    """All that follows from one outage. Where a unit fails its slice is done again."""

    def __init__(self, desk: Desk, outage: Outage) -> None:
        self._desk = desk
        self._outage = outage
        self._first = outage.since - RECENT
        self._checks: dict[str, dict[tuple[datetime, str], Check]] = {}
        self._todo: list[Slice] = [
            self._begin,
            partial(self._visits, (EVER_SINCE, "")),
            partial(self._doors, ""),
        ]

    async def go_on(self, storage: Storage) -> bool:
        """So many slices, each in a unit of its own; whether any are left. Raises StorageFault."""
        for _ in range(SLICES):
            if not self._todo:
                break
            async with storage.unit() as unit:
                instead = await self._todo[0](unit)
                if len(self._todo) + len(instead) == 1:
                    await unit.pulses.beat(DONE, self._outage.until)
                await unit.commit()
            self._todo[:1] = instead
            await asyncio.sleep(0)  # everybody else's turn
        return bool(self._todo)

    async def _begin(self, unit: Unit) -> list[Slice]:
        """What staff are told, unless they have been."""
        since, until = self._outage.since, self._outage.until
        # What lies before a backup that was put back is no time away; staff have been told of it in other words.
        began = max(since, await unit.pulses.last(RESTORED) or since)
        if until - began < LONGEST or await unit.pulses.last(TOLD) == until:
            return []
        programmes = await unit.programmes.all()
        found = [
            partial(self._missed, one.id, kind, began, LOOKED_AT) for one in programmes for kind in CHECKS
        ]
        return [*found, partial(self._tell, began, "")]

    async def _missed(
        self, programme_id: str, kind: ReminderKind, start: datetime, limit: int, unit: Unit
    ) -> list[Slice]:
        """The deadlines and rosters that were due meanwhile, whatever became of them since."""
        rows = await unit.reminders.between(programme_id, start, self._outage.until, kind, limit)
        await unit.sessions.prepare({row.session_id for row in rows if row.session_id})
        for row in rows:
            try:
                check = await _check_of(unit, row)
            except Unreadable as fault:
                log.warning("outage.unreadable", error=str(fault))
                continue
            if check is not None:
                self._checks.setdefault(programme_id, {})[row.due_at, row.id] = check
        if len(rows) < limit:
            return []
        # Those that are due at the same time as the last come again, or there would be some between two slices.
        last = rows[-1].due_at
        return [partial(self._missed, programme_id, kind, last, limit if last > start else 2 * limit)]

    async def _tell(self, began: datetime, after: str, unit: Unit) -> list[Slice]:
        if await unit.pulses.last(TOLD) == self._outage.until:
            return []  # kept by a commit of which that was not known
        ids = await unit.people.staff_after(after, AT_ONCE)
        for person in await _readable(unit, ids):
            if person.state != "left" and _TOLD.intersection(person.roles):
                await self._tell_one(unit, person, began)
        if len(ids) == AT_ONCE:
            return [partial(self._tell, began, ids[-1])]
        await unit.pulses.beat(TOLD, self._outage.until)
        return []

    async def _tell_one(self, unit: Unit, person: Person, began: datetime) -> None:
        params = {"start": time_of(person, began), "end": time_of(person, self._outage.until)}
        checks = self._checks.get(person.programme_id, {})
        # A session has more looks than one.
        missed = list(dict.fromkeys(checks[place] for place in sorted(checks)))
        said = [_said(self._desk, person, check) for check in await _theirs(unit, person, missed)]
        if said:
            rest = len(said) - LISTED
            more = [self._desk.texts.line(person.language, texts.MORE, {"number": rest})] if rest > 0 else []
            params["checks"] = "\n".join([*said[:LISTED], *more])
        await tell_person(unit, self._desk, person, AWAY_WITH if said else AWAY_LINE, params)

    async def _visits(self, after: tuple[datetime, str], unit: Unit) -> list[Slice]:
        """Those before whom a question may stand since then: never everybody, as few are asked at a time."""
        found = await unit.visits.unfinished_after(after, LOOKED_AT)
        recent = [one for one in found if one.touched_at >= self._first][:AT_ONCE]
        await self._ask_again(unit, (one.person_id for one in recent))
        if len(recent) == AT_ONCE:
            return [partial(self._visits, recent[-1].place)]
        return [partial(self._visits, found[-1].place)] if len(found) == LOOKED_AT else []

    async def _doors(self, after: str, unit: Unit) -> list[Slice]:
        """Those before whom the door may stand since then."""
        found, last = await unit.ledger.chats_where("door", self._first, after, LOOKED_AT)
        chats = found[:AT_ONCE]
        await unit.chats.prepare(chats)
        people: list[str] = []
        for chat_id in chats:
            try:
                chat = await unit.chats.get(chat_id)
            except Unreadable as fault:
                log.warning("outage.unreadable", error=str(fault))
                continue
            if chat is not None:
                people.append(chat.person_id)
        await self._ask_again(unit, people)
        if len(chats) == AT_ONCE:
            return [partial(self._doors, chats[-1])]
        return [partial(self._doors, last)] if last is not None else []

    async def _ask_again(self, unit: Unit, person_ids: Iterable[str]) -> None:
        for person in await _readable(unit, dict.fromkeys(person_ids)):
            try:
                programme = await unit.programmes.get(person.programme_id)
                if programme is not None and person.kind == "participant" and person.state != "left":
                    await self._ask_one(unit, programme, person)
            except Unreadable as fault:
                log.warning("outage.unreadable", error=str(fault))

    async def _ask_one(self, unit: Unit, programme: Programme, person: Person) -> None:
        desk = self._desk
        found = await reader_of(unit, person.id)
        if found is None or self._answered_since(person):
            return
        chat, now = found[1], desk.now()
        put = await _open_question(unit, person, chat, self._first)
        if put is None or await self._asked_since(unit, chat):
            return
        then, asked_at = put
        due_at = _allowed_at(programme, person, now) if asked_at < now - LIVE else now
        if due_at is None:
            log.warning("outage.no_allowed_time")
            return  # their own times leave none within a day; /menu goes on with it
        await post(unit, desk, chat, notice(desk, person, neutral.BACK_AGAIN), due_at=due_at)
        await unit.people.save(await door.ask(unit, desk, person, chat, then, due_at=due_at))

    def _answered_since(self, person: Person) -> bool:
        """Whether what waited at Telegram held an answer, so that the next question stands there already."""
        kept_open = timedelta(minutes=self._desk.numbers.door)
        return person.open_until is not None and person.open_until >= self._outage.back_at + kept_open

    async def _asked_since(self, unit: Unit, chat: Chat) -> bool:
        """Whether the door was put before them after the outage: by another slice, or before a restart."""
        until = self._outage.until
        if any(entry.at >= until for entry in await unit.ledger.standing(chat.id, "door")):
            return True
        waiting = await unit.outbox.waiting(chat.id)
        return any(row.slot == "door" and row.op == "say" and row.due_at >= until for row in waiting)


async def _readable(unit: Unit, person_ids: Iterable[str]) -> list[Person]:
    """Those of them who can be read."""
    found: list[Person] = []
    for person_id in person_ids:
        try:
            person = await unit.people.get(person_id)
        except Unreadable as fault:
            log.warning("outage.unreadable", error=str(fault))
            continue
        found += [person] if person is not None else []
    return found


async def _check_of(unit: Unit, reminder: Reminder) -> Check | None:
    """What it was to check. A session that was moved or cancelled has left it behind (R-14)."""
    session = await unit.sessions.get(reminder.session_id) if reminder.session_id else None
    if session is None or session.state != "planned" or session.version != reminder.guard:
        return None
    return reminder.kind, session.starts_at, session.group_id


async def _theirs(unit: Unit, person: Person, checks: list[Check]) -> list[Check]:
    """Who only facilitates hears of their own groups."""
    if set(person.roles) != {StaffRole.FACILITATOR}:
        return checks
    groups = await unit.people.groups_of(person.id, StaffRole.FACILITATOR)
    return [check for check in checks if check[2] in groups]


def _said(desk: Desk, person: Person, check: Check) -> str:
    return desk.texts.line(person.language, CHECKS[check[0]], {"time": time_of(person, check[1])})


def _allowed_at(programme: Programme, person: Person, now: datetime) -> datetime | None:
    """When something may arrive unasked within a day: their quiet hours and safe times are kept."""
    rules = Rules(times_of(programme), ZoneInfo(person.timezone), due.safe_times_of(person))
    return rules.nearest(now, now, now + RECENT)


async def _open_question(
    unit: Unit, person: Person, chat: Chat, first: datetime
) -> tuple[dict[str, Any], datetime] | None:
    """What to go on with behind the door, and since when, from `first` on, a question or the door itself stands."""
    pending = person.pending if person.pending and "do" in person.pending else None
    row = await front(unit, person)
    if row is not None and row.status == "open" and row.touched_at >= first:
        return pending or {"do": "resume"}, row.touched_at
    doors = [one.at for one in await unit.ledger.standing(chat.id, "door") if one.at >= first]
    return (pending, max(doors)) if pending and doors else None
