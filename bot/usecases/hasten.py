"""A session has another time: what is asked because of it is asked sooner where that is needed, and never later.

Otherwise a ladder paced for next week would still be climbing when a session moved to this evening begins (S-32).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import structlog

from bot.escalation import ladder
from bot.ports.records import AuditEntry, Case, CaseRole, Programme, Session
from bot.ports.stores import Stale, Unit, Unreadable
from bot.usecases.case_card import raised_for, refresh
from bot.usecases.desk import Desk
from bot.usecases.overdue import held_until, urgency_for
from bot.usecases.policy import hours_of, roster_lead
from flows.values import Role

log = structlog.get_logger(__name__)


async def hasten(unit: Unit, desk: Desk, session: Session, by: str) -> None:
    """Bring forward the ladders and reminders of the session's open cases; `session` is as it was just saved.

    Cards that stand say the new time.
    A part that somebody changed in the meantime is left to them (R-08). The caller commits.
    """
    programme = await unit.programmes.get(session.programme_id)
    for case in await unit.cases.open_in(session.programme_id):
        if case.session_id != session.id:
            continue
        for part in await unit.cases.roles(case.id):
            sooner = await _sooner(unit, desk, programme, case, part, session.starts_at)
            if sooner != part:
                await _keep(unit, desk, case, sooner, by)
        await refresh(unit, desk, case, await unit.cases.roles(case.id), tuple(Role), but=())


async def in_time(unit: Unit, desk: Desk, case: Case, part: CaseRole) -> CaseRole:
    """The part as it is to be asked now: rungs that come late leave the others what is left before the session.

    After an outage, or while nobody could be reached, the last rung is still asked before the session starts (R-05).
    """
    try:
        session = await unit.sessions.get(case.session_id) if case.session_id else None
    except Unreadable as fault:
        log.warning("hasten.unreadable", error=str(fault))
        return part  # the alert goes all the same
    if session is None or session.state != "planned" or session.starts_at <= desk.now():
        return part
    rungs = ladder.read(part.ladder)
    minutes = desk.numbers.ladder.get(urgency_for(case, part.role), ladder.A_DAY)
    hastened = ladder.in_time(rungs, part.rung, desk.now(), session.starts_at, minutes)
    return part if hastened == rungs else replace(part, ladder=ladder.rows_of(hastened))


async def _sooner(
    unit: Unit, desk: Desk, programme: Programme | None, case: Case, part: CaseRole, starts_at: datetime
) -> CaseRole:
    now, due = desk.now(), part.next_due_at
    if due is None:
        return part
    if part.state == "taken":
        # Whoever was reminded already has the time to answer that they were given.
        held = due if part.reminded else await held_until(unit, desk, case, part, now)
        return replace(part, next_due_at=min(due, held))
    rungs, urgency = ladder.read(part.ladder), urgency_for(case, part.role)
    if part.rung == 0 and not ladder.is_quiet(rungs):
        by = (starts_at, hours_of(programme), roster_lead(programme))
        urgencies = {row.urgency for row in raised_for(case, [part.role])} or {urgency}
        due = min(due, *(ladder.first_due(one, now, *by) for one in urgencies))
    minutes = desk.numbers.ladder.get(urgency, ladder.A_DAY)
    hastened, due = ladder.hastened(rungs, part.rung, now, due, starts_at, minutes)
    kept = part.ladder if hastened == rungs else ladder.rows_of(hastened)
    return replace(part, ladder=kept, next_due_at=due)


async def _keep(unit: Unit, desk: Desk, case: Case, part: CaseRole, by: str) -> None:
    try:
        await unit.cases.save_role(part)
    except Stale:
        log.info("hasten.overtaken", case=case.id)
        return
    detail = {"role": part.role.value} | ({"due": part.next_due_at.isoformat()} if part.next_due_at else {})
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), by, "case.hastened", case.id, detail))
