"""Concerns become a case, or join the open one, in the transaction of the answer (S-30, S-33, R-02)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.escalation import ladder, lifecycle
from bot.ports.records import AuditEntry, Case, CaseRole, Person, Raised, Session
from bot.ports.stores import Unit
from bot.usecases import staff_texts as texts
from bot.usecases.ask_role import Asked, ask, build_ladder
from bot.usecases.case_card import alert, kind_of, raised_for, urgency_of
from bot.usecases.desk import Desk
from flows.effects import Line, RaiseConcern
from flows.values import Role


async def raise_concerns(
    unit: Unit,
    desk: Desk,
    *,
    person: Person,
    visit_id: str | None,
    session: Session | None,
    script: str,
    raised: Sequence[RaiseConcern],
    unasked: Sequence[str],
    at: datetime,
    raised_by: str = "answer",
) -> Case | None:
    """Open a case or extend the open one of the same person and visit; None when there is nothing to keep.

    Alerts are staged in the same unit. What the open case already holds with the same urgency and
    route is recorded and not alerted again; everything else is alerted again (S-33).
    """
    rows = tuple(
        Raised(r.concern, r.urgency, r.route, script, r.step, r.choices, at, raised_by) for r in raised
    )
    found = next((c for c in await unit.cases.open_for(person.id) if c.visit_id == visit_id), None)
    if found is not None and (rows or unasked):
        return await _extend(unit, desk, found, rows, unasked, person, session)
    if not rows:
        return None
    case = Case(
        id=desk.ids.new(),
        number=await unit.cases.next_number(),
        programme_id=person.programme_id,
        group_id=person.group_id,
        person_id=person.id,
        session_id=session.id if session else None,
        visit_id=visit_id,
        urgency=urgency_of(rows),
        kind=kind_of(desk, rows),
        state="open",
        raised=rows,
        unasked=tuple(unasked),
        opened_at=at,
    )
    asked = [await _new_part(unit, desk, case, role, rows, session) for role in _roles(rows)]
    await unit.cases.add(case, [a.part for a in asked])
    await _audit(unit, desk, "case.opened", case, person)
    await _alert(unit, desk, case, [a.part for a in asked], asked)
    return case


async def _extend(
    unit: Unit,
    desk: Desk,
    case: Case,
    rows: tuple[Raised, ...],
    unasked: Sequence[str],
    person: Person,
    session: Session | None,
) -> Case:
    new = tuple(row for row in rows if not _known(case, row))
    together = (*case.raised, *rows)
    changed = replace(
        case,
        raised=together,
        unasked=tuple(dict.fromkeys((*case.unasked, *unasked))),
        urgency=urgency_of(together),
        kind=kind_of(desk, together),
    )
    await unit.cases.save(changed)
    changed = replace(changed, version=changed.version + 1)
    parts = {part.role: part for part in await unit.cases.roles(case.id)}
    asked: list[Asked] = []
    for role in _roles(new):
        if role in parts:
            asked.append(await _again(unit, desk, changed, parts[role], new, session))
            await unit.cases.save_role(asked[-1].part)
        else:
            asked.append(await _new_part(unit, desk, changed, role, new, session))
            await unit.cases.add_role(asked[-1].part)
        parts[role] = asked[-1].part
    if new:
        await _audit(unit, desk, "case.extended", changed, person)
    await _alert(unit, desk, changed, list(parts.values()), asked)
    return changed


def _known(case: Case, row: Raised) -> bool:
    """Whether the case already holds the concern, at least as urgent and on the way to the same roles."""
    return any(
        old.concern == row.concern
        and old.urgency.rank >= row.urgency.rank
        and set(row.route) <= set(old.route)
        for old in case.raised
    )


def _roles(rows: Sequence[Raised]) -> tuple[Role, ...]:
    return tuple(dict.fromkeys(role for row in rows for role in row.route))


async def _first_due(
    unit: Unit, desk: Desk, case: Case, rows: Sequence[Raised], session: Session | None
) -> datetime:
    programme = await unit.programmes.get(case.programme_id)
    zone = ZoneInfo(programme.timezone if programme else "UTC")
    starts_at = session.starts_at if session else None
    return min(ladder.first_due(row.urgency, desk.now(), starts_at, zone) for row in rows)


async def _new_part(
    unit: Unit, desk: Desk, case: Case, role: Role, rows: Sequence[Raised], session: Session | None
) -> Asked:
    """The role's part: asked at once, or waiting for its first due time with the first rung as target."""
    mine = [row for row in rows if role in row.route]
    rungs = await build_ladder(unit, desk, case, role, urgency_of(mine))
    due = await _first_due(unit, desk, case, mine, session)
    part = CaseRole(
        id=desk.ids.new(),
        case_id=case.id,
        role=role,
        state="asking",
        rung=0,
        ladder=ladder.rows_of(rungs),
        next_target=ladder.next_of(rungs, 0)[1],
        next_due_at=due,
    )
    return Asked(part, ()) if due > desk.now() else await ask(unit, case, part, desk.now())


async def _again(
    unit: Unit, desk: Desk, case: Case, part: CaseRole, new: Sequence[Raised], session: Session | None
) -> Asked:
    """A role that has a part is asked again: whoever took or closed it did not know of this (S-33)."""
    mine = [row for row in new if part.role in row.route]
    due = await _first_due(unit, desk, case, mine, session)
    alerted = bool(part.asked)
    if part.state == "asking" and not alerted and part.next_due_at is not None:
        due = min(due, part.next_due_at)
    urgency = urgency_of(raised_for(case, [part.role]))
    rungs = await build_ladder(unit, desk, case, part.role, urgency)
    raised_pace = rungs[0].after < ladder.read(part.ladder)[0].after
    if part.state == "asking" and alerted and not raised_pace:
        return Asked(part, part.asked, (texts.NEW_IN_IT,))  # the ladder goes on where it is
    state = lifecycle.move(part.state, part.role, "ask_again")
    assert not isinstance(state, lifecycle.Refusal), "asking again is possible in every state"
    restarted = replace(
        part,
        state=state,
        rung=0,
        ladder=ladder.rows_of(rungs),
        next_target=ladder.next_of(rungs, 0)[1],
        next_due_at=due,
        taken_by=None,
        taken_at=None,
        outcome=None,
    )
    if not alerted and due > desk.now():
        return Asked(restarted, ())
    asked = await ask(unit, case, restarted, desk.now())
    notes: tuple[Line, ...] = (texts.NEW_IN_IT,) if alerted else ()
    return Asked(asked.part, (*part.asked, *asked.people), (*notes, *asked.notes))


async def _alert(
    unit: Unit, desk: Desk, case: Case, parts: Sequence[CaseRole], asked: Sequence[Asked]
) -> None:
    """One alert a person, whichever of their roles it is for."""
    notes: dict[str, tuple[Line, ...]] = {}
    for item in asked:
        for person_id in item.people:
            said = notes.get(person_id, ())
            notes[person_id] = (*said, *(line for line in item.notes if line not in said))
    for person_id, lines in notes.items():
        await alert(unit, desk, case, parts, [person_id], notes=lines)


async def _audit(unit: Unit, desk: Desk, action: str, case: Case, person: Person) -> None:
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), person.id, action, case.id))
