"""The deadline before a session and the look at its start: who has not done what it needs comes to people (S-32)."""

from __future__ import annotations

from bot.ports.plan import Fate, Reminder
from bot.ports.records import AuditEntry, Person, Session
from bot.ports.stores import Unit
from bot.schedule.times import Times
from bot.usecases import confirm
from bot.usecases.desk import Desk
from bot.usecases.open_case import open_session_case
from bot.usecases.plan import participants, times_for
from bot.usecases.remind_person import Ended
from flows.values import Level

CONCERN = "check_not_done"
ACTION = "session.check_not_done"


async def look_at_session(
    unit: Unit, desk: Desk, reminder: Reminder, session: Session | None
) -> Ended | None:
    """One `check_not_done` case for all whose test is missing, late or *to fix* at the deadline.

    At the start those join it who then have no result, or whose answers are old and not confirmed.
    """
    programme = await unit.programmes.get(reminder.programme_id)
    if session is None or programme is None:
        return Ended(Fate.CANCELLED, "session_gone")
    times, at_start = times_for(desk, programme), reminder.due_at >= session.starts_at
    told = await _told(unit, session) if at_start else set()
    people = [person for person in await participants(unit, session) if person.id not in told]
    look = _lacks_at_start if at_start else _lacks
    found = [person for person in people if await look(unit, person, session, times)]
    if not found:
        return Ended(Fate.SKIPPED, "nobody_to_tell_of")
    step = "START" if at_start else "DEADLINE"
    await open_session_case(unit, desk, session, found, CONCERN, step)
    await _record(unit, desk, session, found)
    return None


async def _lacks(unit: Unit, person: Person, session: Session, times: Times) -> bool:
    """Whether there is no finished test that counts, or one with something still to fix."""
    readiness = await unit.readiness.get(session.id, person.id)
    done = confirm.is_done(readiness, session, times)
    return not done or readiness is None or readiness.level is Level.TO_FIX


async def _lacks_at_start(unit: Unit, person: Person, session: Session, times: Times) -> bool:
    """The same for a result that was withdrawn since, and answers that are old and were not confirmed."""
    readiness = await unit.readiness.get(session.id, person.id)
    return await _lacks(unit, person, session, times) or await confirm.is_wanted(
        unit, person.id, session, readiness, times
    )


async def _told(unit: Unit, session: Session) -> set[str]:
    """Of whom people were told at this session's deadline, as far as it was for the session as it stands.

    The record outlasts the case: whoever was talked to since is not brought up again at the start.
    """
    entries = [e for e in await unit.audit.of_subject(session.id) if e.action == ACTION]
    return {
        person
        for entry in entries
        if entry.detail.get("version") == str(session.version)
        for person in entry.detail["people"].split(",")
    }


async def _record(unit: Unit, desk: Desk, session: Session, people: list[Person]) -> None:
    detail = {"people": ",".join(person.id for person in people), "version": str(session.version)}
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), "clock", ACTION, session.id, detail))
