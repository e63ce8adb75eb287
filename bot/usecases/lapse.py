"""Visits in which nothing came for long: ticks left behind are noted, and in the end the visit lapses."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.ports.stores import Unit, Unreadable
from bot.usecases.carry_out import turn
from bot.usecases.desk import Desk
from flows.inputs import TimedOut, WentQuiet

log = structlog.get_logger(__name__)
AT_ONCE = 25


async def lapse(unit: Unit, desk: Desk, now: datetime) -> int:
    """Look at every visit that is due; gives how many. The caller commits.

    Ticks without Done raise what they mean once the door has closed (S-06), without a word in the
    chat (S-03). A self-test lapses with its session (S-32), any other visit after the days set (S-34).
    """
    due = await unit.visits.due(now, AT_ONCE)
    for visit_id in due:
        try:
            await _look(unit, desk, visit_id, now)
        except Unreadable as fault:
            log.exception("lapse.unreadable", fault=type(fault).__name__)
            await unit.visits.put_off(visit_id, now + timedelta(days=1))
    return len(due)


async def _look(unit: Unit, desk: Desk, visit_id: str, now: datetime) -> None:
    row = await unit.visits.get(visit_id)
    person = await unit.people.get(row.person_id) if row else None
    chat = await unit.chats.of_person(person.id) if person else None
    if row is None or person is None or chat is None:
        return await unit.visits.put_off(visit_id, now + timedelta(days=1))
    session = await unit.sessions.get(row.session_id) if row.session_id else None
    if session is not None:
        over = session.starts_at + timedelta(minutes=session.minutes) <= now
    else:
        over = row.touched_at + timedelta(days=desk.numbers.visit_lapses_days) <= now
    happened = TimedOut(silent=session is not None) if over else WentQuiet()
    after = await turn(unit, desk, person, chat, row, happened, quiet=True)
    ahead = person.visit_id if person.visit_id != row.id else after.visit_id
    await unit.people.save(replace(after, visit_id=ahead))
