"""Asking the next people of a role: the ladder's step joined with who can be reached now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from bot.escalation import ladder, lifecycle
from bot.ports.records import ROLE_OF_LETTER, Case, CaseRole, StaffRole
from bot.ports.stores import Unit
from bot.usecases import staff_texts as texts
from bot.usecases.desk import Desk
from bot.usecases.policy import hours_of, policy_for
from bot.usecases.reach import ways_to
from bot.usecases.rota import has_rota
from bot.usecases.rota import on_duty_for as on_shift
from flows.effects import Line
from flows.values import Role, Urgency

Again = Literal["ask_again", "lapse"]


@dataclass(frozen=True, slots=True)
class Asked:
    """The part after the step (not yet saved), whom to alert, and what the alert says beside the case."""

    part: CaseRole
    people: tuple[str, ...]
    notes: tuple[Line, ...] = ()


async def _ids(unit: Unit, case: Case, role: StaffRole, group_id: str | None = None) -> tuple[str, ...]:
    return tuple(person.id for person in await unit.people.in_role(case.programme_id, role, group_id))


async def reachable(unit: Unit, people: Sequence[str], but: str | None = None) -> tuple[str, ...]:
    """Those who count as reached: with an open chat, or who chose mail."""
    found = [(p, await ways_to(unit, p)) for p in people if p != but]
    return tuple(p for p, ways in found if ways is not None and ways.counts)


async def _mailed(unit: Unit, people: Sequence[str], but: str | None) -> tuple[str, ...]:
    """Those who closed the chat and have an address: they are told too, and the next are asked all the same."""
    found = [(p, await ways_to(unit, p)) for p in people if p != but]
    return tuple(p for p, ways in found if ways is not None and not ways.counts)


async def build_ladder(
    unit: Unit,
    desk: Desk,
    case: Case,
    role: Role,
    urgency: Urgency,
    *,
    first: datetime | None = None,
    starts_at: datetime | None = None,
) -> tuple[ladder.Rung, ...]:
    """The role's ladder as the programme is staffed now; it stays so while the part is open.

    `first`: when its first rung is asked, now unless said. `starts_at`: the start of the case's session.
    """
    programme = await unit.programmes.get(case.programme_id)
    staff_role, first = ROLE_OF_LETTER[role], first or desk.now()
    own = await _ids(unit, case, staff_role, case.group_id) if case.group_id else ()
    own_rota = programme is not None and await has_rota(unit, programme, staff_role, first)
    staff = ladder.Staff(
        own,
        await _ids(unit, case, staff_role),
        await _ids(unit, case, StaffRole.MANAGER),
        await _ids(unit, case, StaffRole.ADMINISTRATOR),
        rota=own_rota or (programme is not None and await has_rota(unit, programme, StaffRole.DUTY, first)),
        own_rota=own_rota,
    )
    policy = policy_for(programme, role, urgency) or ladder.default_policy(role, staff)
    rungs = ladder.build(policy, role, staff, desk.numbers.ladder.get(urgency, ladder.A_DAY))
    return ladder.paced(rungs, urgency, first, starts_at, hours_of(programme))


async def _everybody(unit: Unit, case: Case, role: Role, but: str | None) -> tuple[tuple[str, ...], bool]:
    """Everybody of the role who can be reached; with nobody, managers, then administrators, and True."""
    for standing_in in (ROLE_OF_LETTER[role], StaffRole.MANAGER, StaffRole.ADMINISTRATOR):
        if found := await reachable(unit, await _ids(unit, case, standing_in), but):
            return found, standing_in is not ROLE_OF_LETTER[role]
    return (), True


def _passed(part: CaseRole, rungs: Sequence[ladder.Rung], index: int) -> bool:
    """Whether a rung was passed for want of people. Only facilitators are expected in the group's own rung."""
    return any(rung.kind != "group" or part.role is Role.FACILITATOR for rung in rungs[part.rung : index])


async def ask(
    unit: Unit, case: Case, part: CaseRole, now: datetime, *, passed: bool = False, but: str | None = None
) -> Asked:
    """Go on to the next rung where somebody can be reached, without waiting (R-07), and say so (S-31).

    `but`: somebody who has just proved not to be reachable. Ends past the last rung at the latest, with
    everybody of the role; the part then still has a next target and due time (R-04).
    """
    rungs = ladder.read(part.ladder)
    mailed: tuple[str, ...] = ()
    while True:
        target = ladder.next_of(rungs, part.rung)[1]
        at_end = target == ladder.ALL
        everybody, standing_in = await _everybody(unit, case, part.role, but) if at_end else ((), False)
        on_duty = await on_shift(unit, case.programme_id, part.role, now) if target == ladder.DUTY else ()
        step = ladder.step(rungs, part.rung, now, everybody, on_duty)
        passed = passed or standing_in or _passed(part, rungs, min(step.rung - 1, len(rungs)))
        reached = await reachable(unit, step.people, but)
        expected = await _ids(unit, case, ROLE_OF_LETTER[part.role]) if at_end else step.people
        mailed += await _mailed(unit, expected, but)
        part = replace(
            part,
            rung=step.rung,
            next_target=step.next_target,
            next_due_at=step.next_due_at,
            asked=tuple(dict.fromkeys((*part.asked, *reached, *mailed))),
        )
        if reached or at_end:
            return Asked(
                part, tuple(dict.fromkeys((*reached, *mailed))), (texts.NOBODY_BEFORE,) if passed else ()
            )
        passed = True


def restarted(
    part: CaseRole, rungs: Sequence[ladder.Rung], due: datetime, trigger: Again = "ask_again"
) -> CaseRole:
    """The part at the foot of its ladder, as if nobody had taken or closed it."""
    state = lifecycle.move(part.state, part.role, trigger)
    assert not isinstance(state, lifecycle.Refusal), (
        "asking again is possible in every state, lapsing of what is taken"
    )
    return replace(
        part,
        state=state,
        rung=0,
        ladder=ladder.rows_of(rungs),
        next_target=ladder.next_of(rungs, 0)[1],
        next_due_at=due,
        taken_by=None,
        taken_at=None,
        outcome=None,
        reminded=False,
    )
