"""Choosing a participant by alias in a staff member's chat: a list that goes away again like details (S-21)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from bot.ports.records import Chat, Lane, Person, StaffRole
from bot.ports.services import Rows
from bot.ports.stores import Unit
from bot.usecases import staff_texts as texts
from bot.usecases.case_access import audit, say
from bot.usecases.desk import Desk, Message, post, retract
from flows.effects import Line

TAIL = 12
"""Digits of a person's id in a button."""
NOBODY = Line("staff", "There is nobody in your groups yet.")


async def own_groups(unit: Unit, person: Person, roles: Collection[StaffRole]) -> list[str]:
    """Ids of the groups in which the person has one of these roles: another role there opens nothing (S-21).

    All of the programme for a role held without a group, but for facilitators: theirs is a group's role always.
    """
    own: set[str] = set()
    for role in set(person.roles) & set(roles):
        groups = await unit.people.groups_of(person.id, role)
        if not groups and role is not StaffRole.FACILITATOR:
            return [group.id for group in await unit.programmes.groups(person.programme_id)]
        own |= set(groups)
    return sorted(own)


async def own_participants(unit: Unit, person: Person, roles: Collection[StaffRole]) -> list[Person]:
    """The participants of these groups, by alias."""
    found = [p for group in await own_groups(unit, person, roles) for p in await unit.people.in_group(group)]
    return sorted(found, key=lambda p: p.alias)


@dataclass(frozen=True, slots=True)
class Choice:
    """A list of one's own participants: `action` names it in the audit log, `data` begins each button (`REL:who`)."""

    slot: str
    data: str
    action: str
    may: frozenset[StaffRole]
    whom: Line


async def choose(unit: Unit, desk: Desk, person: Person, chat: Chat, choice: Choice) -> None:
    """The participants of the groups in which the person has such a role, by alias; taken away again (S-21)."""
    if not choice.may & set(person.roles):
        await refuse(unit, desk, person, chat, choice)
        return
    people = await own_participants(unit, person, choice.may)
    if not people:
        await say(unit, desk, person, chat, NOBODY)
        return
    await audit(unit, desk, person, f"{choice.action}.listed", person.id)
    rows = tuple(((one.alias, f"{choice.data}:{one.id[-TAIL:]}"),) for one in people)
    await show(unit, desk, chat, choice.slot, desk.texts.line(person.language, choice.whom), rows)


async def chosen(unit: Unit, person: Person, choice: Choice, tail: str) -> Person | None:
    """Whom a button of the list, or of what follows from it, means; None for anybody who is not theirs."""
    own = await own_participants(unit, person, choice.may)
    return next((one for one in own if len(tail) == TAIL and one.id.endswith(tail)), None)


async def refuse(unit: Unit, desk: Desk, person: Person, chat: Chat, choice: Choice) -> None:
    """One line that tells nothing, and an entry in the audit log."""
    await audit(unit, desk, person, f"{choice.action}.refused", person.id)
    await say(unit, desk, person, chat, texts.NOT_OPEN_TO_YOU)


async def show(unit: Unit, desk: Desk, chat: Chat, slot: str, text: str, rows: Rows) -> None:
    """Put it at the bottom of the chat, and take it away after the minutes that details have."""
    gone_after = timedelta(minutes=desk.numbers.details)
    message = Message(slot, text, rows, True, desk.now() + gone_after, fresh=True)
    await post(unit, desk, chat, message)
    await retract(unit, desk, chat, slot, after=gone_after, lane=Lane.TIDY)
