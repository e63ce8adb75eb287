"""Taking a case on for one's role, or marking it as seen. Other roles go on asking (S-30, R-08)."""

from __future__ import annotations

from dataclasses import replace

from bot.escalation.lifecycle import Refusal, State, Trigger, move
from bot.ports.records import CaseRole, StaffRole
from bot.ports.stores import Unit
from bot.usecases import staff_texts as texts
from bot.usecases.ask_role import reachable
from bot.usecases.case_access import Visitor, audit, say, visit
from bot.usecases.case_card import readers_of, refresh, show
from bot.usecases.desk import Desk
from bot.usecases.overdue import held_until
from flows.values import Role


async def take(unit: Unit, desk: Desk, visitor: Visitor) -> None:
    """The person takes on every part of the case that is theirs to take."""
    await advance(unit, desk, visitor, "take", "")


async def see(unit: Unit, desk: Desk, visitor: Visitor) -> None:
    """Partner support has seen it; nothing else is kept (S-22).

    Whoever is asked in their place ends nothing while somebody of the role can be reached (S-30).
    """
    if StaffRole.PARTNER_SUPPORT not in visitor.person.roles and await _can_be_reached(unit, visitor):
        await audit(
            unit, desk, visitor.person, "case.noted", visitor.case.id, role=Role.PARTNER_SUPPORT.value
        )
        await say(unit, desk, visitor.person, visitor.chat, texts.STILL_ASKED)
        return
    await advance(unit, desk, visitor, "see", "seen")


async def _can_be_reached(unit: Unit, visitor: Visitor) -> bool:
    """Whether the case has a part for partner support, and somebody of that role can be reached."""
    if all(part.role is not Role.PARTNER_SUPPORT for part in visitor.mine):
        return False
    people = await unit.people.in_role(visitor.case.programme_id, StaffRole.PARTNER_SUPPORT)
    return bool(await reachable(unit, [person.id for person in people]))


async def keep(unit: Unit, desk: Desk, visitor: Visitor) -> None:
    """Whoever has taken it on still has it: the time until it is asked again begins anew (R-09)."""
    mine = tuple(
        part for part in visitor.parts if part.taken_by == visitor.person.id and part.state == "taken"
    )
    if not mine:
        await explain(unit, desk, visitor, Refusal.NOT_YOURS)
        return
    await advance(unit, desk, replace(visitor, own=mine, asked=()), "keep", "")


async def advance(unit: Unit, desk: Desk, visitor: Visitor, trigger: Trigger, outcome: str) -> bool:
    """Move the visitor's parts, save them guarded, close the case with its last part, show it to all concerned.

    Returns whether anything moved; if not, the person is told why. Raises Stale when somebody was faster.
    """
    moved: list[CaseRole] = []
    refused: Refusal | None = None
    for part in visitor.mine:
        state = move(part.state, part.role, trigger)
        if trigger == "take" and state is Refusal.TAKEN and part.taken_by == visitor.person.id:
            state = part.state  # once more by the same person: it is still theirs
        if not isinstance(state, Refusal):
            moved.append(await _moved(unit, desk, visitor, part, state, outcome))
            about = {"role": part.role.value, "outcome": outcome}
            await audit(unit, desk, visitor.person, f"case.{trigger}", visitor.case.id, **about)
        elif refused in (None, Refusal.ONLY_SEEN, Refusal.NOT_PARTNER_SUPPORT):
            # The reason of a part that could have moved says more than one of another role.
            refused = state
    if not moved:
        await explain(unit, desk, visitor, refused or Refusal.DONE)
        return False
    await _show_all(unit, desk, visitor, moved)
    return True


async def _moved(
    unit: Unit, desk: Desk, visitor: Visitor, part: CaseRole, state: State, outcome: str
) -> CaseRole:
    due = await held_until(unit, desk, visitor.case, part, desk.now()) if state == "taken" else None
    changed = replace(
        part,
        state=state,
        taken_by=part.taken_by or visitor.person.id,
        taken_at=desk.now() if state == "taken" else part.taken_at or desk.now(),
        outcome=outcome or None,
        next_target=None,
        next_due_at=due,
        asked=tuple(dict.fromkeys((*part.asked, visitor.person.id))),
        reminded=False,
    )
    await unit.cases.save_role(changed)
    return changed


async def explain(unit: Unit, desk: Desk, visitor: Visitor, refusal: Refusal) -> None:
    """Say why nothing came of it; recorded."""
    await audit(unit, desk, visitor.person, "case.refused", visitor.case.id, why=refusal.value)
    await say(unit, desk, visitor.person, visitor.chat, texts.REFUSALS[refusal])


async def _show_all(unit: Unit, desk: Desk, visitor: Visitor, moved: list[CaseRole]) -> None:
    now = await visit(unit, visitor.person, visitor.chat, visitor.case)
    case = visitor.case
    if all(part.state == "done" for part in now.parts):
        await unit.cases.save(replace(case, state="closed", closed_at=desk.now()))
    await show(unit, desk, case, visitor.person, visitor.chat, now.mine, fresh=visitor.typed)
    concerned = readers_of(part.role for part in moved)
    await refresh(unit, desk, case, now.parts, concerned, but=[visitor.person.id])
