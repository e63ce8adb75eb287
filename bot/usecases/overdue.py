"""An acknowledgement is no end: whoever took a case on is reminded, and then it is asked again (R-09)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.escalation import ladder
from bot.ports.records import AuditEntry, Case, CaseRole
from bot.ports.stores import Stale, Unit, Unreadable
from bot.usecases import staff_texts as texts
from bot.usecases.ask_role import Asked, ask, build_ladder, reachable, restarted
from bot.usecases.case_card import alert, raised_for, readers_of, refresh, urgency_of
from bot.usecases.desk import Desk
from bot.usecases.policy import hours_of, lapses_after, reminded_after, roster_lead
from flows.values import Role, Urgency

log = structlog.get_logger(__name__)

BEFORE_START = timedelta(minutes=10)
TIME_TO_ANSWER = timedelta(minutes=30)
"""Between reminder and lapse at least, also when the reminder comes late."""
THE_CLOCK = "clock"


def urgency_for(case: Case, role: Role) -> Urgency:
    """The urgency of what comes to the role; the whole case's where it cannot be read."""
    raised = raised_for(case, [role])
    return urgency_of(raised) if raised else case.urgency


async def starts_at_of(unit: Unit, case: Case) -> datetime | None:
    """The start of the case's session; None too where it cannot be read, which must not keep a case from people."""
    try:
        session = await unit.sessions.get(case.session_id) if case.session_id else None
    except Unreadable as fault:
        log.warning("overdue.unreadable", case=case.ref, error=str(fault))
        return None
    return session.starts_at if session else None


async def held_until(unit: Unit, desk: Desk, case: Case, part: CaseRole, taken_at: datetime) -> datetime:
    """When whoever takes the part on now is reminded.

    After 2 hours; before the session starts if that is sooner; what was in a digest with the next one's hour.
    """
    programme = await unit.programmes.get(case.programme_id)
    if ladder.is_quiet(ladder.read(part.ladder)):
        return hours_of(programme).next_morning(taken_at)
    due, starts_at = taken_at + reminded_after(programme), await starts_at_of(unit, case)
    if starts_at is None or not taken_at < starts_at <= due:
        return due
    before = starts_at - BEFORE_START
    return before if before > taken_at else taken_at + (starts_at - taken_at) / 2


async def overdue(unit: Unit, desk: Desk, case: Case, part: CaseRole) -> None:
    """The due time of a part that is taken has come: remind once, then ask again."""
    assert part.taken_by is not None, "somebody took it"
    if part.reminded or not await reachable(unit, [part.taken_by]):
        await lapse(unit, desk, case, part)
        return
    programme = await unit.programmes.get(case.programme_id)
    now = desk.now()
    if ladder.is_quiet(ladder.read(part.ladder)):
        due = hours_of(programme).next_morning(now)
    else:
        due = max((part.taken_at or now) + lapses_after(programme), now + TIME_TO_ANSWER)
    changed = replace(part, reminded=True, next_due_at=due)
    if await _saved(unit, changed):
        parts = [changed if p.id == part.id else p for p in await unit.cases.roles(case.id)]
        await alert(unit, desk, case, parts, [part.taken_by], notes=[texts.STILL_YOURS], taken=True)
        await _audit(unit, desk, "case.reminded", case, part)


async def lapse(unit: Unit, desk: Desk, case: Case, part: CaseRole) -> None:
    """Whoever took it has not been heard of: the role is asked again from the first rung on."""
    now, starts_at = desk.now(), await starts_at_of(unit, case)
    urgency = urgency_for(case, part.role)
    programme = await unit.programmes.get(case.programme_id)
    due = ladder.first_due(urgency, now, starts_at, hours_of(programme), roster_lead(programme))
    rungs = await build_ladder(unit, desk, case, part.role, urgency, first=due, starts_at=starts_at)
    again = restarted(part, rungs, due, "lapse")
    asked = Asked(again, ()) if due > now else await ask(unit, case, again, now)
    if not await _saved(unit, asked.part):
        return
    parts = [asked.part if p.id == part.id else p for p in await unit.cases.roles(case.id)]
    await alert(unit, desk, case, parts, asked.people, notes=[texts.LAPSED, *asked.notes])
    if not asked.people:
        await refresh(unit, desk, case, parts, readers_of([part.role]), but=[])
    await _audit(unit, desk, "case.lapsed", case, part)


async def _saved(unit: Unit, part: CaseRole) -> bool:
    """Whether nobody else changed it in the meantime (R-08)."""
    try:
        await unit.cases.save_role(part)
    except Stale:
        log.info("overdue_overtaken", case=part.case_id)
        return False
    return True


async def _audit(unit: Unit, desk: Desk, action: str, case: Case, part: CaseRole) -> None:
    detail = {"role": part.role.value, "taken_by": part.taken_by or ""}
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), THE_CLOCK, action, case.id, detail))
