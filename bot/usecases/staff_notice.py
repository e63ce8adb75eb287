"""Short notices to staff that are no case: never a name, an answer or a concern (S-20)."""

from __future__ import annotations

from bot.ports.records import Lane, StaffRole
from bot.ports.stores import Unit
from bot.usecases.desk import Desk, Message, post
from flows.effects import Line


async def tell_administrators(unit: Unit, desk: Desk, programme_id: str, line: Line) -> int:
    """Say it to the administrators (or, without any, the managers); gives how many were told."""
    told = 0
    for role in (StaffRole.ADMINISTRATOR, StaffRole.MANAGER):
        for person in await unit.people.in_role(programme_id, role):
            chat = await unit.chats.of_person(person.id)
            if chat is not None and chat.state == "open":
                text = desk.texts.line(person.language, line)
                await post(unit, desk, chat, Message("notice", text, fresh=True), lane=Lane.ALERT)
                told += 1
        if told:
            return told
    return told
