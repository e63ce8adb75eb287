"""The deadline before a session and the looks that follow it: who has not done what it needs comes to people (S-32)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from bot.ports.plan import Fate, Reminder
from bot.ports.records import AuditEntry, Person, Session
from bot.ports.stores import Unit, Unreadable
from bot.schedule.times import Times
from bot.usecases import fresh
from bot.usecases.desk import Desk
from bot.usecases.open_case import open_session_case
from bot.usecases.plan import participants, times_for, unreadable
from bot.usecases.remind_person import Ended
from flows.values import Level

log = structlog.get_logger(__name__)
CONCERN = "check_not_done"
ACTION = "session.check_not_done"
DEADLINE = "DEADLINE"
STEPS = {"before_start": "LAST", "at_start": "START"}
"""The look by the beginning of its reminder's key; any other is the deadline's."""
Look = Callable[[Unit, Person, Session, Times], Awaitable[bool]]


async def look_at_session(
    unit: Unit, desk: Desk, reminder: Reminder, session: Session | None
) -> Ended | None:
    """One `check_not_done` case for all whose test is missing, late or *to fix* at the deadline.

    Once the time to confirm is over, and at the start, those join it who then have no result, or whose answers are
    old and not confirmed. Whoever's rows do not open counts as somebody who has done nothing.
    """
    programme = await unit.programmes.get(reminder.programme_id)
    if session is None or programme is None:
        return Ended(Fate.CANCELLED, "session_gone")
    times, step = times_for(desk, programme), STEPS.get(reminder.key.partition(":")[0], DEADLINE)
    told = set() if step == DEADLINE else await _told(unit, session)
    look = _lacks if step == DEADLINE else _lacks_at_last
    found = [
        one.id
        for one in await participants(unit, session)
        if await _is_found(unit, look, one, session, times)
    ]
    found = [one for one in (*found, *await unreadable(unit, session)) if one not in told]
    if not found:
        return Ended(Fate.SKIPPED, "nobody_to_tell_of")
    await open_session_case(unit, desk, session, found, CONCERN, step)
    await _record(unit, desk, session, found)
    return None


async def _is_found(unit: Unit, look: Look, person: Person, session: Session, times: Times) -> bool:
    """What `look` says; True where it cannot tell, so that one damaged row hides neither its person nor others."""
    try:
        return await look(unit, person, session, times)
    except Unreadable as fault:
        log.warning("deadline.unreadable", row=session.id, error=str(fault))
        return True


async def _lacks(unit: Unit, person: Person, session: Session, times: Times) -> bool:
    """Whether there is no finished test that counts, or one with something still to fix."""
    readiness = await unit.readiness.get(session.id, person.id)
    done = fresh.is_done(readiness, session, times)
    return not done or readiness is None or readiness.level is Level.TO_FIX


async def _lacks_at_last(unit: Unit, person: Person, session: Session, times: Times) -> bool:
    """The same for a result that was withdrawn since, and answers that are old and were not confirmed."""
    readiness = await unit.readiness.get(session.id, person.id)
    return await _lacks(unit, person, session, times) or await fresh.is_wanted(
        unit, person.id, session, readiness, times
    )


async def _told(unit: Unit, session: Session) -> set[str]:
    """Of whom people were told at an earlier look, as far as it was for the session as it stands.

    The record outlasts the case: whoever was talked to since is not brought up again.
    """
    entries = [e for e in await unit.audit.of_subject(session.id) if e.action == ACTION]
    return {
        person
        for entry in entries
        if entry.detail.get("version") == str(session.version)
        for person in entry.detail["people"].split(",")
    }


async def _record(unit: Unit, desk: Desk, session: Session, people: list[str]) -> None:
    detail = {"people": ",".join(people), "version": str(session.version)}
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), "clock", ACTION, session.id, detail))
