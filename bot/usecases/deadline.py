"""The deadline before a session and the look at its start: who has not done what it needs comes to people (S-32)."""

from __future__ import annotations

from bot.ports.plan import Fate, Reminder
from bot.ports.records import Person, Session
from bot.ports.stores import Unit
from bot.schedule.times import Times
from bot.usecases import confirm
from bot.usecases.case_card import of_session
from bot.usecases.desk import Desk
from bot.usecases.open_case import open_session_case
from bot.usecases.plan import participants, times_for
from bot.usecases.remind_person import Ended
from flows.values import Level

CONCERN = "check_not_done"


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
    told = await _told(unit, session, reminder.guard) if at_start else set()
    people = [person for person in await participants(unit, session) if person.id not in told]
    look = _lacks_at_start if at_start else _lacks
    found = [person for person in people if await look(unit, person, session, times)]
    if not found:
        return Ended(Fate.SKIPPED, "nobody_to_tell_of")
    step = "START" if at_start else "DEADLINE"
    await open_session_case(unit, desk, session, found, CONCERN, step)
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


async def _told(unit: Unit, session: Session, version: int) -> set[str]:
    """Whom the case of this session's deadline names already, as far as it was for the session as it stands."""
    deadline = next(
        (
            row.done_at
            for row in await unit.reminders.of_session(session.id)
            if row.kind == "deadline" and row.guard == version and row.due_at < session.starts_at
        ),
        None,
    )
    if deadline is None:
        return set()
    cases = [case for case in await unit.cases.open_in(session.programme_id) if case.session_id == session.id]
    raised = [r for case in cases if of_session(case) for r in case.raised]
    return {r.choices[0] for r in raised if r.at >= deadline}
