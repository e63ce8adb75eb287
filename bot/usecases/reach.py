"""Whom a message can reach now."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from bot.ports.records import Chat, Person, StaffRole
from bot.ports.stores import Unit, Unreadable

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ways:
    """By which ways somebody of staff is told now.

    Mail goes by choice, or because the chat is closed. `counts`: whether they count as reached: somebody who
    chose the chat and closed it does not, so that the next are asked at once (R-07).
    """

    person: Person
    chat: Chat
    telegram: bool
    email: bool

    @property
    def counts(self) -> bool:
        """Whether nobody else has to be asked instead."""
        return self.telegram or (self.email and self.person.reach != "telegram")


async def ways_to(unit: Unit, person_id: str) -> Ways | None:
    """How to tell them; None where there is no way, their row does not open, or they serve no more.

    Ladders and shifts keep ids for long: whoever has left meanwhile, or has no role any more, is not reached (R-07).
    """
    try:
        person, chat = await unit.people.get(person_id), await unit.chats.of_person(person_id)
    except Unreadable as fault:
        log.warning("reach.unreadable", error=str(fault))
        return None
    if person is None or chat is None or not _serves(person):
        return None
    is_open, mailed = chat.state == "open", person.email and person.kind == "staff"
    ways = Ways(
        person,
        chat,
        telegram=is_open and not (mailed and person.reach == "email"),
        email=bool(mailed) and (person.reach != "telegram" or not is_open),
    )
    return ways if ways.telegram or ways.email else None


async def serves(unit: Unit, person_id: str, role: StaffRole) -> bool:
    """Whether they still have that role and have not left; False where their row does not open."""
    try:
        person = await unit.people.get(person_id)
    except Unreadable as fault:
        log.warning("reach.unreadable", error=str(fault))
        return False
    return person is not None and _serves(person) and role in person.roles


def _serves(person: Person) -> bool:
    return person.state != "left" and (person.kind != "staff" or bool(person.roles))


async def reader_of(unit: Unit, person_id: str) -> tuple[Person, Chat] | None:
    """The person and their open chat; None when there is none.

    Somebody whose row or chat does not open counts as not reachable, so that the next are asked (S-31);
    which row it is, is logged.
    """
    try:
        person, chat = await unit.people.get(person_id), await unit.chats.of_person(person_id)
    except Unreadable as fault:
        log.warning("reach.unreadable", error=str(fault))
        return None
    return (person, chat) if person is not None and chat is not None and chat.state == "open" else None
