"""Handing a case over to a colleague of the role: by button, by alias; recorded."""

from __future__ import annotations

from dataclasses import replace

from bot.escalation.lifecycle import Refusal, move
from bot.ports.records import ROLE_OF_LETTER, CaseRole, Person
from bot.ports.stores import Unit
from bot.usecases import staff_texts as texts
from bot.usecases.ask_role import reachable
from bot.usecases.case_access import Visitor, audit, say, visit
from bot.usecases.case_actions import ask_below
from bot.usecases.case_card import alert, readers_of, refresh, show
from bot.usecases.desk import Desk
from bot.usecases.overdue import held_until
from bot.usecases.take_case import explain
from flows.effects import Line

STEP = "HAND"
"""A button `HAND:<end of a person's id>:<case>`."""
TAIL = 12
LISTED = 20


async def offer(unit: Unit, desk: Desk, visitor: Visitor) -> None:
    """The colleagues it can be handed over to, those of the group first; nobody who cannot be reached."""
    parts = _held(visitor)
    if not parts:
        waits = any(part.state == "asking" for part in visitor.mine)
        await explain(unit, desk, visitor, Refusal.NOT_TAKEN if waits else Refusal.NOT_YOURS)
        return
    people = [one for part in parts for one in await _colleagues(unit, visitor, part)]
    if not people:
        await say(unit, desk, visitor.person, visitor.chat, texts.NOBODY_TO_HAND_TO)
        return
    tails = dict.fromkeys((one.alias, one.id[-TAIL:]) for one in people)
    buttons = [
        (Line("staff", alias), f"{STEP}:{tail}:{visitor.case.ref}") for alias, tail in list(tails)[:LISTED]
    ]
    await ask_below(unit, desk, visitor, texts.HAND_TO, buttons)


async def hand(unit: Unit, desk: Desk, visitor: Visitor, to: str) -> None:
    """The colleague has it now, and the time until they are reminded begins anew. Raises Stale (R-08)."""
    found: list[tuple[CaseRole, Person]] = []
    for part in _held(visitor):
        colleague = next((p for p in await _colleagues(unit, visitor, part) if p.id.endswith(to)), None)
        if colleague is not None:
            found.append((part, colleague))
    if not found or len(to) != TAIL:
        await offer(unit, desk, visitor)
        return
    for part, colleague in found:
        await _give(unit, desk, visitor, part, colleague)
    await _show_all(unit, desk, visitor, found)


def _held(visitor: Visitor) -> list[CaseRole]:
    return [part for part in visitor.mine if part.state == "taken" and part.taken_by == visitor.person.id]


async def _colleagues(unit: Unit, visitor: Visitor, part: CaseRole) -> list[Person]:
    case, role = visitor.case, ROLE_OF_LETTER[part.role]
    near = await unit.people.in_role(case.programme_id, role, case.group_id) if case.group_id else []
    people = {one.id: one for one in [*near, *await unit.people.in_role(case.programme_id, role)]}
    there = await reachable(unit, list(people), visitor.person.id)
    return [people[one] for one in there]


async def _give(unit: Unit, desk: Desk, visitor: Visitor, part: CaseRole, colleague: Person) -> None:
    refused = move(part.state, part.role, "hand")
    assert not isinstance(refused, Refusal), "what is taken can be handed over"
    now = desk.now()
    changed = replace(
        part,
        taken_by=colleague.id,
        taken_at=now,
        next_due_at=await held_until(unit, desk, visitor.case, part, now),
        reminded=False,
        asked=tuple(dict.fromkeys((*part.asked, visitor.person.id, colleague.id))),
    )
    await unit.cases.save_role(changed)
    await audit(
        unit, desk, visitor.person, "case.handed_over", visitor.case.id, role=part.role.value, to=colleague.id
    )


async def _show_all(unit: Unit, desk: Desk, visitor: Visitor, given: list[tuple[CaseRole, Person]]) -> None:
    case = visitor.case
    now = await visit(unit, visitor.person, visitor.chat, case)
    await show(unit, desk, case, visitor.person, visitor.chat, now.mine, fresh=visitor.typed)
    roles = readers_of(part.role for part, _ in given)
    await refresh(unit, desk, case, now.parts, roles, but=[visitor.person.id])
    people = list(dict.fromkeys(colleague.id for _, colleague in given))
    await alert(unit, desk, case, now.parts, people, notes=[texts.HANDED_TO_YOU], taken=True)
