"""Short notices to staff that are no case: never a name, an answer or a concern (S-20)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from bot.ports.records import Lane, OutboxRow, Person, StaffRole
from bot.ports.stores import Unit
from bot.usecases.desk import Desk, Message, post
from bot.usecases.mail import notice_mail
from bot.usecases.reach import ways_to
from flows.effects import Line

log = structlog.get_logger(__name__)
SLOT = "notice-"
UNTOLD = Line("staff", "An administrator could not be told this: {notice}")


@dataclass(frozen=True, slots=True)
class Told:
    """How much there was to say, and how many people it goes to by any way (R-18)."""

    found: int
    people: int = 0


async def tell_administrators(
    unit: Unit, desk: Desk, programme_id: str, line: Line, params: Mapping[str, str | int] | None = None
) -> int:
    """Say it to the administrators (or, without any, the managers); gives how many were told."""
    for role in (StaffRole.ADMINISTRATOR, StaffRole.MANAGER):
        if told := await _tell(unit, desk, programme_id, role, line, params):
            return told
    log.warning("staff_notice.nobody")
    return 0


async def tell_group(
    unit: Unit,
    desk: Desk,
    programme_id: str,
    group_id: str | None,
    line: Line,
    params: Callable[[Person], Mapping[str, str]],
) -> int:
    """Say it to everybody who has a role in the group (or, where none can be reached, to the managers).

    `params` fills the line's placeholders for the one who reads it; gives how many were told.
    """
    people: dict[str, Person] = {}
    for role in StaffRole if group_id else ():
        people |= {one.id: one for one in await unit.people.in_role(programme_id, role, group_id)}
    told = [await _tell_one(unit, desk, one, line, params) for one in people.values()]
    if not any(told):
        managers = await unit.people.in_role(programme_id, StaffRole.MANAGER)
        told = [await _tell_one(unit, desk, one, line, params) for one in managers]
    if not any(told):
        log.warning("staff_notice.nobody")
    return sum(told)


async def tell_person(unit: Unit, desk: Desk, person: Person, line: Line, params: Mapping[str, str]) -> bool:
    """Say it to one of staff; whether they count as told."""
    return await _tell_one(unit, desk, person, line, lambda _: params)


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
    params: Mapping[str, str | int] | None = None,
    but: str = "",
) -> int:
    """Say it to everybody of the role who can be reached; gives how many were told.

    Each notice has a slot of its own, so that none takes another's place. Only the very same text still
    on its way is not doubled: a fault that comes a thousand times must not hold up alerts (R-12).
    """
    told = 0
    for person in await unit.people.in_role(programme_id, role):
        if person.id != but:
            told += await _tell_one(unit, desk, person, line, lambda _: params or {})
    return told


async def _tell_one(
    unit: Unit, desk: Desk, person: Person, line: Line, params: Callable[[Person], Mapping[str, str | int]]
) -> bool:
    ways = await ways_to(unit, person.id)
    if ways is None:
        return False
    text = desk.texts.line(ways.person.language, line, params(ways.person))
    mailed = notice_mail(desk, ways.person, text)
    waiting = {row.text for row in await unit.outbox.waiting(ways.chat.id) if is_notice(row)}
    if ways.telegram and text not in waiting:
        message = Message(SLOT + desk.ids.new(), text, fresh=True)
        await post(unit, desk, ways.chat, message, lane=Lane.ALERT)
    if ways.email and mailed not in waiting:
        message = Message(SLOT + desk.ids.new(), mailed)
        await post(unit, desk, ways.chat, message, lane=Lane.ALERT, way="email")
    return ways.counts
