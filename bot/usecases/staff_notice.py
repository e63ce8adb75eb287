"""Short notices to staff that are no case: never a name, an answer or a concern (S-20)."""

from __future__ import annotations

import structlog

from bot.ports.records import Lane, OutboxRow, StaffRole
from bot.ports.stores import Unit
from bot.usecases.desk import Desk, Message, post
from bot.usecases.reach import reader_of
from flows.effects import Line

log = structlog.get_logger(__name__)
SLOT = "notice-"
UNTOLD = Line("staff", "An administrator could not be told this: {notice}")


async def tell_administrators(unit: Unit, desk: Desk, programme_id: str, line: Line) -> int:
    """Say it to the administrators (or, without any, the managers); gives how many were told."""
    for role in (StaffRole.ADMINISTRATOR, StaffRole.MANAGER):
        if told := await _tell(unit, desk, programme_id, role, line):
            return told
    log.warning("staff_notice.nobody")
    return 0


def is_notice(row: OutboxRow) -> bool:
    """Whether the row is one of these notices."""
    return row.slot.startswith(SLOT)


async def notice_failed(unit: Unit, desk: Desk, row: OutboxRow) -> None:
    """A notice that will never arrive: if it was for an administrator, the managers are told it (R-07)."""
    chat = await unit.chats.get(row.chat_id)
    person = await unit.people.get(chat.person_id) if chat else None
    if person is None or StaffRole.ADMINISTRATOR not in person.roles:
        log.warning("staff_notice.lost")  # whoever else was to be told has a row of their own
        return
    notice = {"notice": row.text or "…"}
    await _tell(unit, desk, person.programme_id, StaffRole.MANAGER, UNTOLD, notice, but=person.id)


async def _tell(
    unit: Unit,
    desk: Desk,
    programme_id: str,
    role: StaffRole,
    line: Line,
    params: dict[str, str] | None = None,
    but: str = "",
) -> int:
    """Say it to everybody of the role who can be reached; gives how many were told.

    Each notice has a slot of its own, so that none takes another's place. Only the very same text still
    on its way is not doubled: a fault that comes a thousand times must not hold up alerts (R-12).
    """
    told = 0
    for person in await unit.people.in_role(programme_id, role):
        found = await reader_of(unit, person.id) if person.id != but else None
        if found is None:
            continue
        told += 1
        reader, chat = found
        text = desk.texts.line(reader.language, line, params)
        if not any(is_notice(row) and row.text == text for row in await unit.outbox.waiting(chat.id)):
            message = Message(SLOT + desk.ids.new(), text, fresh=True)
            await post(unit, desk, chat, message, lane=Lane.ALERT)
    return told
