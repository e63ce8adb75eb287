"""Whether a test done counts for its session, and whether its answers about place and state are fresh enough (S-32)."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.ports.records import Readiness, Session
from bot.ports.stores import Unit
from bot.schedule.times import Times, opens_at
from bot.usecases.hold import counts, is_held
from flows.visit import from_json

SCRIPT, STEP = "confirm", "CF-01"
TEST = "self_test"
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


async def is_at_it(unit: Unit, person_id: str, session: Session) -> bool:
    """Whether a test for the session is begun and not at its end: that one answers what a confirmation would ask."""
    return any(
        row.script == TEST and row.session_id == session.id and row.status != "done"
        for row in await unit.visits.of_person(person_id)
    )


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
