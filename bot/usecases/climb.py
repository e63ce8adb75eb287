"""Nobody has taken it on in time, or somebody could not be reached: the next people are asked."""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime

import structlog

from bot.escalation import ladder, lifecycle
from bot.ports.records import ROLE_OF_LETTER, AuditEntry, Case, CaseRole, OutboxRow, Person
from bot.ports.stores import Stale, Unit, Unreadable
from bot.usecases.ask_role import Asked, ask, reachable
from bot.usecases.case_card import alert, readers_of, refresh
from bot.usecases.desk import Desk
from bot.usecases.digest import into_digest, is_solved, send_digest
from bot.usecases.hasten import in_time
from bot.usecases.overdue import lapse, overdue
from bot.usecases.rota import on_duty_for

log = structlog.get_logger(__name__)

AT_ONCE = 5
"""How many parts in one unit of work: each may ask many people, and everybody else waits that long (R-12)."""
THE_LADDER = "ladder"


async def climb(unit: Unit, desk: Desk, now: datetime, seen: set[str] | None = None) -> int:
    """Ask the next rung of every part that is due, once each however long overdue (R-05).

    Returns the number of due parts looked at, at most `AT_ONCE`. A part that somebody changed in the
    meantime is left to them (R-08). `seen`: ids of parts looked at before in the same round; they are left out, and
    those looked at now join them, so that many that fail keep nobody from younger ones.
    """
    seen = set() if seen is None else seen
    due = await _due(unit, now, seen)
    for part in due:
        seen.add(part.id)
        try:
            case = await unit.cases.get(part.case_id)
            if case is not None:
                await _look(unit, desk, case, part, now)
        except Unreadable as fault:
            # One row that does not open stops no other case; it is tried again in the next round, and stays overdue for all to
            # see: the auditor reports it.
            log.warning("climb.unreadable", case=part.case_id, error=str(fault))
    return len(due)


async def _due(unit: Unit, now: datetime, seen: Set[str]) -> list[CaseRole]:
    """The longest overdue that are not among `seen`. Few of those are due still, so that few are read with the others."""
    limit = AT_ONCE
    while True:
        found = await unit.cases.due(now, limit)
        due = [part for part in found if part.id not in seen][:AT_ONCE]
        if len(due) == AT_ONCE or len(found) < limit:
            return due
        limit *= 2


async def _look(unit: Unit, desk: Desk, case: Case, part: CaseRole, now: datetime) -> None:
    """One part whose time has come. Several that wait for a digest are seen to by the first of them."""
    if part.state == "taken":
        await overdue(unit, desk, case, part)
    elif ladder.is_quiet(ladder.read(part.ladder)):
        await send_digest(unit, desk, case.programme_id)
    elif part.rung == 0 and await is_solved(unit, case, part):
        await into_digest(unit, desk, case, part)
    else:
        part = await in_time(unit, desk, case, part)
        await _keep(unit, desk, case, part, await ask(unit, case, part, now))


async def unreachable(unit: Unit, desk: Desk, row: OutboxRow) -> None:
    """An alert failed for good: where nobody else of the rung was reached, the next are asked now (R-07)."""
    case = await unit.cases.get(row.case_id) if row.case_id else None
    if case is None or case.state == "closed":
        return
    person_id = await _whose(unit, row)
    for part in await unit.cases.roles(case.id):
        if part.state == "taken" and part.taken_by == person_id:
            await lapse(unit, desk, case, part)
            continue
        if part.state != "asking" or (person_id is not None and person_id not in part.asked):
            continue
        if ladder.is_quiet(ladder.read(part.ladder)):
            continue  # the next digest finds somebody else
        if await _others_asked(unit, case, part, person_id, desk.now()):
            continue
        asked = await ask(unit, case, part, desk.now(), passed=True, but=person_id)
        # At the end of the ladder only somebody not asked so far is worth asking before the due time;
        # otherwise a second failure would come round at once, and so on without a pause.
        if not ladder.asked_all(ladder.read(part.ladder), part.rung) or set(asked.people) - set(part.asked):
            await _keep(unit, desk, case, part, asked)


async def newcomer(unit: Unit, desk: Desk, person: Person) -> None:
    """Somebody has enrolled as staff: what was asked of nobody who can be reached is asked of them now (S-31).

    A part that waits for its first due time goes on waiting.
    """
    for case in await unit.cases.open_in(person.programme_id):
        for part in await unit.cases.roles(case.id):
            waits = part.rung == 0 or ladder.is_quiet(ladder.read(part.ladder))  # for its time, or a digest
            if part.state != "asking" or waits or await reachable(unit, part.asked):
                continue
            asked = await ask(unit, case, part, desk.now())
            if person.id in asked.people:
                await _keep(unit, desk, case, part, asked)


async def _whose(unit: Unit, row: OutboxRow) -> str | None:
    """Whom the row was for; None when the chat cannot be read, so that nobody in it counts as reached."""
    try:
        chat = await unit.chats.get(row.chat_id)
    except Unreadable as fault:
        log.warning("climb.unreadable", case=row.case_id, error=str(fault))
        return None
    return chat.person_id if chat else None


async def _others_asked(unit: Unit, case: Case, part: CaseRole, person_id: str | None, now: datetime) -> bool:
    """Whether somebody else of the rung asked last can be reached."""
    rungs = ladder.read(part.ladder)
    if part.rung == 0:
        return True  # nobody has been asked yet, so nobody's absence asks the next
    if not ladder.asked_all(rungs, part.rung):
        last = rungs[part.rung - 1]
        on_duty = last.kind == "duty" and await on_duty_for(unit, case.programme_id, part.role, now)
        people = on_duty or last.people
    else:
        role = ROLE_OF_LETTER[part.role]
        people = tuple(person.id for person in await unit.people.in_role(case.programme_id, role))
    return bool(await reachable(unit, people, person_id))


async def _keep(unit: Unit, desk: Desk, case: Case, part: CaseRole, asked: Asked) -> None:
    refused = lifecycle.move(part.state, part.role, "climb")
    if isinstance(refused, lifecycle.Refusal):
        return
    try:
        await unit.cases.save_role(asked.part)
    except Stale:
        log.info("climb_overtaken", case=case.id)
        return
    parts = [asked.part if p.id == part.id else p for p in await unit.cases.roles(case.id)]
    await alert(unit, desk, case, parts, asked.people, notes=asked.notes)
    if asked.people and not part.asked:  # the other roles read that nobody had been asked
        await refresh(unit, desk, case, parts, readers_of([part.role]), but=asked.people)
    detail = {"role": part.role.value, "rung": str(asked.part.rung), "asked": ",".join(asked.people)}
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), THE_LADDER, "case.climbed", case.id, detail))
