"""*We will contact you by then*: the case of the hold comes to people by that time at the latest (S-08)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import structlog

from bot.ports.records import AuditEntry, Case, CaseRole, Person, Session
from bot.ports.stores import Stale, Unit
from bot.usecases.case_beside import LIFTING, of_session
from bot.usecases.desk import Desk
from bot.usecases.overdue import THE_CLOCK, TIME_TO_ANSWER

log = structlog.get_logger(__name__)


async def promised(unit: Unit, desk: Desk, person: Person, session: Session, by: datetime) -> bool:
    """Bring forward, for the roles that decide the hold, when its cases are due; whether there is anybody to keep it.

    Half an hour before `by` at the latest whoever took one on is reminded, or has it lapse if they were reminded
    already, and a role that is being asked is asked on. False where no such part is open: nobody would be in touch.
    """
    kept = False
    for case in await unit.cases.open_for(person.id):
        if case.session_id != session.id or of_session(case):
            continue
        for part in await unit.cases.roles(case.id):
            if part.role in LIFTING and part.state != "done" and part.next_due_at is not None:
                kept = True
                await _by_then(unit, desk, case, part, by)
    return kept


async def _by_then(unit: Unit, desk: Desk, case: Case, part: CaseRole, by: datetime) -> None:
    latest = max(desk.now(), by - TIME_TO_ANSWER)
    if part.next_due_at is None or part.next_due_at <= latest:
        return
    try:
        await unit.cases.save_role(replace(part, next_due_at=latest))
    except Stale:
        log.info("promise.overtaken", case=case.id)
        return
    detail = {"role": part.role.value, "due": latest.isoformat()}
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), THE_CLOCK, "case.promised", case.id, detail))
