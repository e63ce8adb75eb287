"""Whom a message can reach now."""

from __future__ import annotations

import structlog

from bot.ports.records import Chat, Person
from bot.ports.stores import Unit, Unreadable

log = structlog.get_logger(__name__)


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
