"""Concerns become a case, or join the open one, in the transaction of the answer (S-30, S-33, R-02)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.escalation import ladder
from bot.ports.records import AuditEntry, Case, CaseRole, Person, Raised, Session
from bot.ports.stores import BOOK, Unit
from bot.usecases.ask_role import Asked, ask, build_ladder, reachable, restarted
from bot.usecases.case_beside import NEW_TO, SESSION_SCRIPT, of_session
from bot.usecases.case_card import (
    alert,
    kind_of,
    raised_for,
    readers_of,
    refresh,
    urgency_of,
)
from bot.usecases.desk import Desk
from bot.usecases.policy import hours_of, roster_lead
from flows.effects import Line, RaiseConcern
from flows.values import Role, Urgency


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

    Alerts are staged in the same unit. What the open case already holds (see `_known`) is recorded and not
    alerted again; everything else is (S-33). A case that cannot be read takes nothing in: a new one opens.
    """
    rows = tuple(
        Raised(r.concern, r.urgency, r.route, script, r.step, r.choices, at, raised_by) for r in raised
    )
    if not rows and not unasked:
        return None
    await unit.alone(BOOK)  # the sender may be at the same case, because an alert of it did not arrive
    cases = await unit.cases.open_for(person.id)
    same = [case for case in cases if case.visit_id == visit_id and not of_session(case)]
    found = next((case for case in same if case.readable), None)
    if found is not None:
        return await _extend(unit, desk, found, rows, unasked, session)
    if not rows:
        return None
    whose = _Whose(person.id, person.programme_id, person.group_id)
    return await _open(unit, desk, whose, visit_id, session, rows, unasked)


async def open_session_case(
    unit: Unit, desk: Desk, session: Session, people: Sequence[str], concern: str, step: str
) -> Case:
    """One case for all of `people` (at least one, by id) because of their session, or more in the one that is open.

    A case of each would be six alerts at once. It has one concern raised for each person, whose id is the
    choice; the row's person is the first of them, and Details name all (docs/decisions/0009). Nobody's own row is
    read: whoever's does not open is in it all the same.
    """
    entry, now = desk.library.catalogue[concern], desk.now()
    rows = tuple(
        Raised(entry.id, entry.urgency, entry.route, SESSION_SCRIPT, step, (person,), now, "clock")
        for person in people
    )
    cases = await unit.cases.open_in(session.programme_id)
    same = [case for case in cases if case.session_id == session.id and of_session(case)]
    if same:
        return await _extend(unit, desk, same[0], rows, (), session)
    return await _open(
        unit, desk, _Whose(people[0], session.programme_id, session.group_id), None, session, rows, ()
    )


@dataclass(frozen=True, slots=True)
class _Whose:
    """Whom a new case is about."""

    person_id: str
    programme_id: str
    group_id: str | None


async def _open(
    unit: Unit,
    desk: Desk,
    whose: _Whose,
    visit_id: str | None,
    session: Session | None,
    rows: tuple[Raised, ...],
    unasked: Sequence[str],
) -> Case:
    case = Case(
        id=desk.ids.new(),
        number=await unit.cases.next_number(),
        programme_id=whose.programme_id,
        group_id=whose.group_id,
        person_id=whose.person_id,
        session_id=session.id if session else None,
        visit_id=visit_id,
        urgency=urgency_of(rows),
        kind=kind_of(desk, rows),
        state="open",
        raised=rows,
        unasked=tuple(unasked),
        opened_at=desk.now(),
    )
    asked = [await _new_part(unit, desk, case, role, rows, session) for role in _roles(rows)]
    await unit.cases.add(case, [a.part for a in asked])
    await _audit(unit, desk, "case.opened", case)
    await _alert(unit, desk, case, [a.part for a in asked], asked)
    return case


async def _extend(
    unit: Unit,
    desk: Desk,
    case: Case,
    rows: tuple[Raised, ...],
    unasked: Sequence[str],
    session: Session | None,
) -> Case:
    parts = {part.role: part for part in await unit.cases.roles(case.id)}
    new = tuple(row for row in rows if not _known(case, parts, row))
    changed = await _joined(unit, desk, case, rows, unasked)
    asked = [
        await _asked_of(unit, desk, changed, role, parts.get(role), new, session) for role in _roles(new)
    ]
    if new:
        told = "".join(role for role in _roles(new) if role in parts and parts[role].asked)
        await _audit(unit, desk, "case.extended", changed, told)
    before = [part for role, part in parts.items() if role in _roles(new)]
    parts |= {item.part.role: item.part for item in asked}
    await _alert(unit, desk, changed, list(parts.values()), asked)
    if moved := [part.role for part in before if part.state != parts[part.role].state]:
        alerted = {person for item in asked for person in item.people}
        await refresh(unit, desk, changed, list(parts.values()), readers_of(moved), but=alerted)
    return changed


async def _joined(
    unit: Unit, desk: Desk, case: Case, rows: tuple[Raised, ...], unasked: Sequence[str]
) -> Case:
    """The case with what came to it, saved."""
    together = (*case.raised, *rows)
    changed = replace(
        case,
        raised=together,
        unasked=tuple(dict.fromkeys((*case.unasked, *unasked))),
        urgency=urgency_of(together),
        kind=kind_of(desk, together),
    )
    await unit.cases.save(changed)
    return replace(changed, version=changed.version + 1)


async def _asked_of(
    unit: Unit,
    desk: Desk,
    case: Case,
    role: Role,
    part: CaseRole | None,
    new: Sequence[Raised],
    session: Session | None,
) -> Asked:
    """The role's part, asked because of what is new, and kept."""
    if part is None:
        asked = await _new_part(unit, desk, case, role, new, session)
        await unit.cases.add_role(asked.part)
    else:
        asked = await _again(unit, desk, case, part, new, session)
        await unit.cases.save_role(asked.part)
    return asked


def _known(case: Case, parts: Mapping[Role, CaseRole], row: Raised) -> bool:
    """Whether those on the row's route are being asked about the very same already.

    Only the same concern at the same step is the same, at least as urgent and on the way to the same roles;
    and a role that took or closed its part did so without knowing that it would come again (S-23, S-33).
    """
    return all(role in parts and _is_asked(parts[role], row) for role in row.route) and any(
        (old.concern, old.script, old.step) == (row.concern, row.script, row.step)
        and (row.script != SESSION_SCRIPT or old.choices == row.choices)
        and old.urgency.rank >= row.urgency.rank
        and set(row.route) <= set(old.route)
        for old in case.raised
    )


def _is_asked(part: CaseRole, row: Raised) -> bool:
    """A part that waits for a digest is not asked about what cannot wait for it."""
    quiet = ladder.is_quiet(ladder.read(part.ladder))
    return part.state == "asking" and (row.urgency is Urgency.REVIEW or not quiet)


def _roles(rows: Sequence[Raised]) -> tuple[Role, ...]:
    return tuple(dict.fromkeys(role for row in rows for role in row.route))


async def _first_due(
    unit: Unit, desk: Desk, case: Case, rows: Sequence[Raised], session: Session | None
) -> datetime:
    programme = await unit.programmes.get(case.programme_id)
    starts_at = session.starts_at if session else None
    by = (starts_at, hours_of(programme), roster_lead(programme))
    return min(ladder.first_due(row.urgency, desk.now(), *by) for row in rows)


async def _new_part(
    unit: Unit, desk: Desk, case: Case, role: Role, rows: Sequence[Raised], session: Session | None
) -> Asked:
    """The role's part: asked at once, or waiting for its first due time with the first rung as target."""
    mine = [row for row in rows if role in row.route]
    due = await _first_due(unit, desk, case, mine, session)
    starts_at = session.starts_at if session else None
    rungs = await build_ladder(unit, desk, case, role, urgency_of(mine), first=due, starts_at=starts_at)
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
    starts_at = session.starts_at if session else None
    rungs = await build_ladder(unit, desk, case, part.role, urgency, first=due, starts_at=starts_at)
    raised_pace = ladder.hastier(rungs, ladder.read(part.ladder))
    if part.state == "asking" and alerted and not raised_pace:
        if ladder.is_quiet(rungs):
            return Asked(part, ())  # the next digest says so
        if await reachable(unit, part.asked):
            return Asked(part, part.asked)  # the ladder goes on where it is
        return await ask(unit, case, part, desk.now(), passed=True)  # nobody would read it
    again = restarted(part, rungs, due)
    if due > desk.now() and (not alerted or ladder.is_quiet(rungs)):
        return Asked(again, ())
    asked = await ask(unit, case, again, desk.now())
    return Asked(asked.part, (*part.asked, *asked.people), asked.notes)


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


async def _audit(unit: Unit, desk: Desk, action: str, case: Case, told: str = "") -> None:
    detail = {NEW_TO: told} if told else {}
    await unit.audit.add(AuditEntry(desk.ids.new(), desk.now(), case.person_id, action, case.id, detail))
