"""What a participant is reminded of: one neutral line with a button, and only while it still applies (S-02, R-14)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.ports.plan import Fate, Reminder, ReminderKind
from bot.ports.records import Chat, Lane, Person, Programme, Session
from bot.ports.stores import Unit
from bot.schedule import due
from bot.schedule.times import Rules, Times
from bot.usecases import door, fresh, neutral
from bot.usecases.desk import Desk, Message, post
from bot.usecases.facts import facts_for, params_for, time_of
from bot.usecases.hold import is_held
from bot.usecases.plan import is_theirs, times_for
from bot.usecases.promise import promised
from bot.usecases.reflection import next_part
from bot.usecases.roster import refresh_rosters
from bot.usecases.staff_notice import tell_administrators
from bot.usecases.way import may_test
from flows.effects import Line
from flows.values import Level

SLOT = "reminder"
SLOT_OF_WEEK = "reminder-week"
"""A week's line has a slot of its own: due at the minute of a session's line, it would take its place unsent (R-18)."""
K = ReminderKind
UNREACHED = Line(
    "staff",
    "Somebody cannot be reached in the chat any more, so reminders do not arrive. The roster shows who is missing.",
)
TOLD_FOR = timedelta(days=1)
RECENTLY = timedelta(days=3)
# Kind -> line and the menu's item behind its button.
LINES: Mapping[ReminderKind, tuple[Line, str]] = {
    K.DAY_BEFORE: (neutral.DAY_BEFORE, "open"),
    K.TEST_OPENS: (neutral.TEST_OPENS, "selftest"),
    K.TEST_AGAIN: (neutral.TEST_AGAIN, "selftest"),
    K.CONFIRM: (neutral.CONFIRM, "confirm"),
    K.HOLD_STANDS: (neutral.DO_NOT_JOIN, "open"),
    K.AFTER_SESSION: (neutral.AFTER, "after"),
    K.NEXT_DAY: (neutral.NEXT_DAY, "open"),
    K.CHECK_IN: (neutral.CHECK_IN, "checkin"),
    K.REFLECTION: (neutral.REFLECTION, "open"),
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a reminder ended, and why."""

    fate: Fate
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """A reminder with all around it."""

    unit: Unit
    desk: Desk
    row: Reminder
    person: Person
    programme: Programme
    session: Session | None
    times: Times


async def remind_person(unit: Unit, desk: Desk, row: Reminder, session: Session | None) -> Ended | None:
    """Stage the line; None when it was staged. Somebody who cannot be reached is told to staff, once a day."""
    person = await unit.people.get(row.person_id) if row.person_id else None
    programme = await unit.programmes.get(row.programme_id)
    if person is None or programme is None or not may_test(person):
        return Ended(Fate.CANCELLED, "left" if person is None or person.state == "left" else "not_begun")
    at = Due(unit, desk, row, person, programme, session, times_for(desk, programme))
    rules = await _rules(at)
    if reason := rules.against(desk.now()):
        return Ended(Fate.WITHHELD, reason)
    if reason := await _needless(at):
        return Ended(Fate.SKIPPED, reason)
    chat = await unit.chats.of_person(person.id)
    if chat is None or chat.state != "open":
        await _tell_once(at)
        return Ended(Fate.FAILED, "cannot_be_reached")
    last = due.until(row, due.ends_at(session) if session else None)
    return await _send(at, chat, rules.until(desk.now(), last))


async def _rules(at: Due) -> Rules:
    """When it may arrive, as things stand: it may come later than planned, or something has changed meanwhile."""
    now = at.desk.now()
    if at.session is not None:
        near = [at.session]
    else:
        around = timedelta(days=1)
        found = await at.unit.sessions.of_programme(at.programme.id, now - around, now + around)
        near = [s for s in found if s.state == "planned" and is_theirs(s, at.person)]
    return due.rules_for(at.row.kind, at.person, at.times, near)


async def _send(at: Due, chat: Chat, not_after: datetime) -> Ended | None:
    """Stage the line; what the way has not accepted by `not_after` is withheld, and the fate follows (R-18)."""
    line, item = LINES[at.row.kind]
    params = params_for(at.person, at.programme, at.session)
    if at.row.kind is K.HOLD_STANDS:
        line, params = await _do_not_join(at, params)
    elif at.row.kind is K.REFLECTION:
        item = await _part_left(at)
    say = at.desk.texts.line
    rows = (((say(at.person.language, neutral.MENU_BUTTON), f"MENU:{item}"),),)
    text = say(at.person.language, line, params)
    # To the minute of the start: it does not wait behind others' reminders.
    lane = Lane.REPLY if at.row.kind is K.HOLD_STANDS else Lane.REMINDER
    slot = SLOT if at.session is not None else SLOT_OF_WEEK
    message = Message(slot, text, rows, not_after=not_after, fresh=True, reminder=at.row.id)
    await post(at.unit, at.desk, chat, message, lane=lane)
    if at.row.kind is K.CONFIRM and at.session is not None:
        await refresh_rosters(
            at.unit, at.desk, at.person, at.session
        )  # ready no more until they say so (S-32)
    return None


async def _do_not_join(at: Due, params: dict[str, str]) -> tuple[Line, dict[str, str]]:
    """By when people will be in touch; with nobody on duty, or no case left to see to, the service's number (S-08)."""
    assert at.session is not None, "a hold belongs to a session"
    facts = await facts_for(at.unit, at.desk, at.person, at.programme, at.session)
    by = in_touch_by(at.person, at.desk.now())
    if facts["duty"] == "off" or not await promised(at.unit, at.desk, at.person, at.session, by):
        return neutral.DO_NOT_JOIN_CALL, params
    return neutral.DO_NOT_JOIN, {**params, "time": time_of(at.person, by)}


def in_touch_by(person: Person, now: datetime) -> datetime:
    """An hour after the next full hour of the person's own time."""
    local = now.astimezone(ZoneInfo(person.timezone))
    into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return now - into + timedelta(hours=2)


async def _tell_once(at: Due) -> None:
    rows = await at.unit.reminders.of_person(at.person.id)
    since = at.desk.now() - TOLD_FOR
    if not any(r.fate is Fate.FAILED and r.done_at is not None and r.done_at > since for r in rows):
        await tell_administrators(at.unit, at.desk, at.programme.id, UNREACHED)


# --- what makes a reminder needless ----------------------------------------------------------------------


async def _needless(at: Due) -> str:
    look = LOOKS.get(at.row.kind)
    return await look(at) if look else ""


async def _test_done(at: Due) -> str:
    assert at.session is not None, "a line about a test belongs to a session"
    readiness = await at.unit.readiness.get(at.session.id, at.person.id)
    if is_held(readiness):
        return "held"
    fixed = readiness is not None and readiness.level is not Level.TO_FIX
    if fixed and fresh.is_done(readiness, at.session, at.times):
        return "done"
    visit = await at.unit.visits.get(at.person.visit_id) if at.person.visit_id else None
    begun = visit is not None and visit.script == "self_test" and visit.status == "open"
    return "under_way" if begun and door.is_open(at.desk, at.person) else ""


async def _nothing_to_confirm(at: Due) -> str:
    assert at.session is not None, "a confirmation belongs to a session"
    readiness = await at.unit.readiness.get(at.session.id, at.person.id)
    wanted = await fresh.is_wanted(at.unit, at.person.id, at.session, readiness, at.times)
    if wanted and await fresh.is_at_it(at.unit, at.person.id, at.session):
        return "under_way"
    return "" if wanted else "nothing_to_confirm"


async def _not_held(at: Due) -> str:
    assert at.session is not None, "a hold belongs to a session"
    readiness = await at.unit.readiness.get(at.session.id, at.person.id)
    if readiness is None or not is_held(readiness):
        return "no_hold"
    return "staff_answered" if readiness.lifted is not None else ""


async def _was_not_there(at: Due) -> str:
    assert at.session is not None, "the check after a session belongs to it"
    if is_held(await at.unit.readiness.get(at.session.id, at.person.id)):
        return "held"
    return await _done_since(at, "after_session", at.session.starts_at)


async def _checked_in(at: Due) -> str:
    return await _done_since(at, "check_in", at.desk.now() - RECENTLY)


async def _done_since(at: Due, script: str, since: datetime) -> str:
    visits = await at.unit.visits.of_person(at.person.id)
    done = any(v.script == script and v.status == "done" and v.touched_at >= since for v in visits)
    return "done" if done else ""


async def _nothing_left(at: Due) -> str:
    return "" if await _part_left(at) else "nothing_left"


async def _part_left(at: Due) -> str:
    return await next_part(at.unit, at.desk, at.person, at.programme)


LOOKS: Mapping[ReminderKind, Callable[[Due], Awaitable[str]]] = {
    K.TEST_OPENS: _test_done,
    K.TEST_AGAIN: _test_done,
    K.CONFIRM: _nothing_to_confirm,
    K.HOLD_STANDS: _not_held,
    K.AFTER_SESSION: _was_not_there,
    K.CHECK_IN: _checked_in,
    K.REFLECTION: _nothing_left,
}
