"""What follows from a message that will never arrive."""

from __future__ import annotations

import structlog

from bot.ports.records import Lane, OutboxRow
from bot.ports.stores import BOOK, Unit, Unreadable
from bot.usecases.climb import unreachable
from bot.usecases.desk import Desk
from bot.usecases.other_way import by_other_way
from bot.usecases.staff_notice import is_notice, notice_failed, tell_administrators
from flows.effects import Line

log = structlog.get_logger(__name__)
UNDELIVERED = Line("staff", "A message could not be delivered. It was not an alert; please look at /case.")


async def on_fault(unit: Unit, desk: Desk, row: OutboxRow, why: str) -> None:
    """A message that will never arrive: an alert goes to the next rung at once, of anything else staff are told.

    Where it cannot be read whose it was, the administrators of all programmes are told. Never raises
    Unreadable: one row must not stop the sender.
    """
    await unit.alone(BOOK)  # the intake may be at the same case, because something new worries
    try:
        await _tell_somebody(unit, desk, row)
    except Unreadable as fault:
        log.warning("on_fault.unreadable", reason=why, error=str(fault))
        for programme in await unit.programmes.all():
            await tell_administrators(unit, desk, programme.id, UNDELIVERED)


async def _tell_somebody(unit: Unit, desk: Desk, row: OutboxRow) -> None:
    if row.op != "say":
        return  # what could not be cleared is counted (bot.usecases.tidy)
    if row.lane is Lane.ALERT and await by_other_way(unit, desk, row):
        return
    if is_notice(row):
        await notice_failed(unit, desk, row)
        return
    if row.lane is Lane.ALERT:
        await unreachable(unit, desk, row)
        return
    chat = await unit.chats.get(row.chat_id)
    if chat is not None and chat.state == "left":
        return  # closed for good: nobody waits for what was to go there
    person = await unit.people.get(chat.person_id) if chat else None
    if person is not None and person.kind == "participant":
        await tell_administrators(unit, desk, person.programme_id, UNDELIVERED)
