"""After an outage: staff are told of it once, and open questions are asked again (R-11).

Telegram keeps messages for a day, but a pressed button for 150 seconds only. So whoever may have pressed one
is asked again: behind the door, after a neutral line, whatever they were asked (S-03).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import structlog

from bot.ports.plan import ReminderKind
from bot.ports.records import Chat, Person, Programme, StaffRole
from bot.ports.services import Away
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

PULSE = "cycle"
RESTORED = "restored"
"""When a backup was put back (bot.usecases.restored)."""
LONGEST = timedelta(seconds=150)
"""How long may pass without a sign of life before a button pressed meanwhile can be lost."""
BEAT = timedelta(minutes=1)
RECENT = timedelta(hours=24)
"""What was asked longer than this before the outage began is not asked again."""
LIVE = timedelta(minutes=30)
"""Whoever was asked something within this time is waiting for the next line; quiet hours are for all others."""
LISTED = 12

AWAY = Line(
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
_TOLD = (StaffRole.FACILITATOR, StaffRole.DUTY, StaffRole.MANAGER, StaffRole.ADMINISTRATOR)

Check = tuple[ReminderKind, datetime, str | None]
"""What was due, when its session starts, and in which group."""


class Intake(Protocol):
    """What takes updates in, as far as an outage of it matters here."""

    def is_away(self) -> bool:
        """Whether it cannot take any now."""
        ...

    def was_away(self) -> Away | None:
        """From when to when it had not been able to, told once after it has caught up."""
        ...


class Pulse:
    """Keeps a sign of life once a minute while updates come in, and notices when there was none.

    At the start the last one kept says since when; while running the intake does, once it goes on. A clock
    that is moved is no outage.
    """

    def __init__(self, storage: Storage, desk: Desk, wake_sender: Callable[[], None], intake: Intake) -> None:
        self._storage = storage
        self._desk = desk
        self._wake_sender = wake_sender
        self._intake = intake
        self._beaten_at: datetime | None = None
        self._away_since: datetime | None = None
        self._back_at = desk.now()  # nothing can have been taken in before

    async def __call__(self) -> None:
        """Beat if it is time; after an outage what follows from it, in the same transaction. Raises StorageFault."""
        now = self._desk.now()
        if away := self._intake.was_away():
            self._away_since, self._back_at = self._away_since or away.since, away.back_at
        if self._intake.is_away():
            return
        lately = self._beaten_at is not None and timedelta() <= now - self._beaten_at < BEAT
        if lately and self._away_since is None:
            return
        async with self._storage.unit() as unit:
            since = await unit.pulses.last(PULSE) if self._beaten_at is None else self._away_since
            if since is not None and now - since >= LONGEST:
                await look_back(unit, self._desk, since, now, self._back_at)
            await unit.pulses.beat(PULSE, now)
            await unit.commit()
        self._beaten_at, self._away_since = now, None
        self._wake_sender()


async def look_back(unit: Unit, desk: Desk, since: datetime, now: datetime, back_at: datetime) -> None:
    """Stage all that follows from having been away since then; `back_at`: when something came in at the earliest.

    The caller keeps a beat and commits, so that it is once.
    """
    log.warning("outage", seconds=int((now - since).total_seconds()))
    # What lies before a backup that was put back is no time away; staff have been told of it in other words.
    began = max(since, await unit.pulses.last(RESTORED) or since)
    for programme in await unit.programmes.all():
        if now - began >= LONGEST:
            await _tell(unit, desk, programme, began, now)
    for person_id in await _perhaps_asked(unit, since - RECENT):
        try:
            person = await unit.people.get(person_id)
            programme_of = await unit.programmes.get(person.programme_id) if person else None
            if person is not None and programme_of is not None and person.kind == "participant":
                await _ask_again(unit, desk, programme_of, person, since, back_at)
        except Unreadable as fault:
            log.warning("outage.unreadable", error=str(fault))


async def _perhaps_asked(unit: Unit, first: datetime) -> list[str]:
    """Ids of those before whom a question or the door may stand since then: never everybody, as few are asked at a time."""
    found = await unit.visits.unfinished_since(first)
    chats = await unit.ledger.chats_where("door", first)
    await unit.chats.prepare(chats)
    for chat_id in chats:
        try:
            chat = await unit.chats.get(chat_id)
        except Unreadable as fault:
            log.warning("outage.unreadable", error=str(fault))
            continue
        if chat is not None:
            found.add(chat.person_id)
    return sorted(found)


async def _tell(unit: Unit, desk: Desk, programme: Programme, since: datetime, now: datetime) -> None:
    checks = await _missed(unit, programme, since, now)
    people: dict[str, Person] = {}
    for role in _TOLD:
        people |= {person.id: person for person in await unit.people.in_role(programme.id, role)}
    for person in people.values():
        params = {"start": time_of(person, since), "end": time_of(person, now)}
        said = [_said(desk, person, check) for check in await _theirs(unit, person, checks)]
        if said:
            rest = len(said) - LISTED
            more = [desk.texts.line(person.language, texts.MORE, {"number": rest})] if rest > 0 else []
            params["checks"] = "\n".join([*said[:LISTED], *more])
        await tell_person(unit, desk, person, AWAY_WITH if said else AWAY, params)


async def _missed(unit: Unit, programme: Programme, since: datetime, now: datetime) -> list[Check]:
    """The deadlines and rosters that were due meanwhile, whatever became of them since."""
    found: list[Check] = []
    due_then = [
        row for kind in CHECKS for row in await unit.reminders.between(programme.id, since, now, kind)
    ]
    for reminder in sorted(due_then, key=lambda row: (row.due_at, row.id)):
        if reminder.session_id is None:
            continue
        session = await unit.sessions.get(reminder.session_id)
        # A session that was moved or cancelled has left this one behind.
        if session is not None and session.state == "planned" and session.version == reminder.guard:
            found.append((reminder.kind, session.starts_at, session.group_id))
    return list(dict.fromkeys(found))  # a session has more looks than one


async def _theirs(unit: Unit, person: Person, checks: list[Check]) -> list[Check]:
    """Who only facilitates hears of their own groups."""
    if set(person.roles) != {StaffRole.FACILITATOR}:
        return checks
    groups = await unit.people.groups_of(person.id, StaffRole.FACILITATOR)
    return [check for check in checks if check[2] in groups]


def _said(desk: Desk, person: Person, check: Check) -> str:
    return desk.texts.line(person.language, CHECKS[check[0]], {"time": time_of(person, check[1])})


async def _ask_again(
    unit: Unit, desk: Desk, programme: Programme, person: Person, since: datetime, back_at: datetime
) -> None:
    found = await reader_of(unit, person.id)
    if found is None or person.state == "left" or _answered_since(desk, person, back_at):
        return
    chat, now = found[1], desk.now()
    put = await _open_question(unit, person, chat, since - RECENT)
    if put is None:
        return
    then, asked_at = put
    due_at = _allowed_at(programme, person, now) if asked_at < now - LIVE else now
    if due_at is None:
        log.warning("outage.no_allowed_time")
        return  # their own times leave none within a day; /menu goes on with it
    await post(unit, desk, chat, notice(desk, person, neutral.BACK_AGAIN), due_at=due_at)
    await unit.people.save(await door.ask(unit, desk, person, chat, then, due_at=due_at))


def _allowed_at(programme: Programme, person: Person, now: datetime) -> datetime | None:
    """When something may arrive unasked within a day: their quiet hours and safe times are kept."""
    rules = Rules(times_of(programme), ZoneInfo(person.timezone), due.safe_times_of(person))
    return rules.nearest(now, now, now + RECENT)


def _answered_since(desk: Desk, person: Person, back_at: datetime) -> bool:
    """Whether what waited at Telegram held an answer, so that the next question stands there already."""
    kept_open = timedelta(minutes=desk.numbers.door)
    return person.open_until is not None and person.open_until >= back_at + kept_open


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
