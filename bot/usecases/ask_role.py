"""Asking the next people of a role: the ladder's step joined with who can be reached now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.escalation import ladder
from bot.ports.records import ROLE_OF_LETTER, Case, CaseRole, StaffRole
from bot.ports.stores import Unit
from bot.usecases import staff_texts as texts
from bot.usecases.desk import Desk
from bot.usecases.reach import reader_of
from flows.effects import Line
from flows.values import Role, Urgency


@dataclass(frozen=True, slots=True)
class Asked:
    """The part after the step (not yet saved), whom to alert, and what the alert says beside the case."""

    part: CaseRole
    people: tuple[str, ...]
    notes: tuple[Line, ...] = ()


async def _ids(unit: Unit, case: Case, role: StaffRole, group_id: str | None = None) -> tuple[str, ...]:
    return tuple(person.id for person in await unit.people.in_role(case.programme_id, role, group_id))


async def reachable(unit: Unit, people: Sequence[str], but: str | None = None) -> tuple[str, ...]:
    """Those with an open chat."""
    return tuple([p for p in people if p != but and await reader_of(unit, p) is not None])


async def build_ladder(
    unit: Unit, desk: Desk, case: Case, role: Role, urgency: Urgency
) -> tuple[ladder.Rung, ...]:
    """The role's ladder as the programme is staffed now; it stays so while the part is open."""
    staff_role = ROLE_OF_LETTER[role]
    own = await _ids(unit, case, staff_role, case.group_id) if case.group_id else ()
    return ladder.build(
        own,
        await _ids(unit, case, staff_role),
        await _ids(unit, case, StaffRole.MANAGER),
        await _ids(unit, case, StaffRole.ADMINISTRATOR),
        after=desk.numbers.ladder[urgency] * 60,
    )


async def _everybody(unit: Unit, case: Case, role: Role, but: str | None) -> tuple[tuple[str, ...], bool]:
    """Everybody of the role who can be reached; with nobody, managers, then administrators, and True."""
    for standing_in in (ROLE_OF_LETTER[role], StaffRole.MANAGER, StaffRole.ADMINISTRATOR):
        if found := await reachable(unit, await _ids(unit, case, standing_in), but):
            return found, standing_in is not ROLE_OF_LETTER[role]
    return (), True


def _passed(part: CaseRole, index: int) -> bool:
    """Whether a rung was passed for want of people. Only facilitators are expected in the group's own rung."""
    return any(skipped > 0 or part.role is Role.FACILITATOR for skipped in range(part.rung, index))


async def ask(
    unit: Unit, case: Case, part: CaseRole, now: datetime, *, passed: bool = False, but: str | None = None
) -> Asked:
    """Go on to the next rung where somebody can be reached, without waiting (R-07), and say so (S-31).

    `but`: somebody who has just proved not to be reachable. Ends past the last rung at the latest, with
    everybody of the role; the part then still has a next target and due time (R-04).
    """
    rungs = ladder.read(part.ladder)
    while True:
        at_end = ladder.next_of(rungs, part.rung)[1] == ladder.ALL
        everybody, standing_in = await _everybody(unit, case, part.role, but) if at_end else ((), False)
        step = ladder.step(rungs, part.rung, now, everybody)
        passed = passed or standing_in or _passed(part, min(step.rung - 1, len(rungs)))
        reached = await reachable(unit, step.people, but)
        part = replace(
            part,
            rung=step.rung,
            next_target=step.next_target,
            next_due_at=step.next_due_at,
            asked=tuple(dict.fromkeys((*part.asked, *reached))),
        )
        if reached or at_end:
            return Asked(part, reached, (texts.NOBODY_BEFORE,) if passed else ())
        passed = True
