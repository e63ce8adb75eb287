"""Choosing a participant by alias in a staff member's chat: a list that goes away again like details (S-21)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from bot.ports.records import Chat, Lane, Person, StaffRole
from bot.ports.services import Rows
from bot.ports.stores import Unit
from bot.usecases.desk import Desk, Message, post, retract


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


async def show(unit: Unit, desk: Desk, chat: Chat, slot: str, text: str, rows: Rows) -> None:
    """Put it at the bottom of the chat, and take it away after the minutes that details have."""
    gone_after = timedelta(minutes=desk.numbers.details)
    message = Message(slot, text, rows, True, desk.now() + gone_after, fresh=True)
    await post(unit, desk, chat, message)
    await retract(unit, desk, chat, slot, after=gone_after, lane=Lane.TIDY)
