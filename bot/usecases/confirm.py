"""Answers about place and state that will be old when the session starts are confirmed shortly before (S-32).

*Still so* keeps the result. *Changed* withdraws it and asks the whole self-test anew; a hold stays whatever is said.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.ports.records import Chat, Person, Readiness, Session, VisitRow
from bot.ports.stores import Unit
from bot.schedule.times import Times, opens_at
from bot.usecases import door
from bot.usecases.carry_out import new_visit, show_again
from bot.usecases.desk import Desk
from bot.usecases.facts import facts_for
from bot.usecases.hold import is_held
from bot.usecases.plan_sessions import counts
from flows.engine import begin
from flows.visit import from_json

SCRIPT, STEP = "confirm", "CF-01"
ABOUT = tuple(f"ST-{number:02}" for number in range(7, 14))
"""The steps about the place, who is there, and how the person is."""


def is_done(readiness: Readiness | None, session: Session, times: Times) -> bool:
    """Whether a test was done to its end, for this session as it stands, and not before its window (S-32)."""
    if readiness is None or not readiness.final or not counts(readiness, session):
        return False
    return times.test_any_time or readiness.at >= opens_at(session, times)


async def is_wanted(
    unit: Unit, person_id: str, session: Session, readiness: Readiness | None, times: Times
) -> bool:
    """Whether what the person said has to be confirmed before the session, and has not been."""
    if readiness is None or is_held(readiness) or not is_done(readiness, session, times):
        return False
    oldest = await _oldest(unit, readiness)
    since = session.starts_at - timedelta(minutes=times.fresh)
    return oldest < since and not await _confirmed(unit, person_id, session, since)


async def _oldest(unit: Unit, readiness: Readiness) -> datetime:
    """When the oldest of the answers that count was given. Answers to one step follow one another."""
    answers = await unit.answers.of_visit(readiness.visit_id)
    newest = {answer.step: answer.at for answer in sorted(answers, key=lambda a: a.version)}
    return min((at for step, at in newest.items() if step in ABOUT), default=readiness.at)


async def _confirmed(unit: Unit, person_id: str, session: Session, since: datetime) -> bool:
    rows = [row for row in await unit.visits.of_person(person_id) if row.script == SCRIPT]
    return any(
        row.session_id == session.id
        and since <= row.touched_at <= session.starts_at
        and from_json(row.body).answers.get(STEP) == ("still_so",)
        for row in rows
    )


async def follow_up(
    unit: Unit, desk: Desk, person: Person, chat: Chat, row: VisitRow, *, shown: bool
) -> Person:
    """After a press in a confirmation: *changed* opens the self-test at its start, in a new visit.

    `shown`: whether the door is open; otherwise the test comes behind it.
    """
    now = await unit.visits.get(row.id)
    session = await unit.sessions.get(row.session_id) if row.session_id else None
    programme = await unit.programmes.get(person.programme_id)
    if now is None or session is None or programme is None or now.status != "done" or row.status == "done":
        return person
    if from_json(now.body).answers.get(STEP) != ("changed",):
        return person
    readiness = await unit.readiness.get(session.id, person.id)
    if readiness is not None:
        await unit.readiness.put(replace(readiness, final=False))
    await unit.outbox.cancel(chat.id, ["notice"])  # that it is finished would not be true
    test = await new_visit(unit, desk, person, begin(desk.library.newest("self_test")), session)
    if not shown:
        return await door.ask(unit, desk, person, chat, {"do": "open", "item": "selftest"})
    facts = await facts_for(unit, desk, person, programme, session)
    return await show_again(unit, desk, person, chat, test, facts)
