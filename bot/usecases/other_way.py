"""An alert or a notice that did not get through by one way goes by the other, where there is one."""

from __future__ import annotations

import structlog

from bot.ports.records import Chat, Lane, OutboxRow, Person
from bot.ports.stores import Unit, Unreadable
from bot.usecases.case_card import parts_asking, show, slot_of
from bot.usecases.desk import Desk, Message, post
from bot.usecases.mail import mail_case, notice_mail
from bot.usecases.staff_notice import is_notice

log = structlog.get_logger(__name__)


async def by_other_way(unit: Unit, desk: Desk, row: OutboxRow) -> bool:
    """Stage it once more by the other way; True where they count as reached by that.

    Mail instead of the chat does not count: the next are asked too (R-07). Somebody whose row does not open
    has no other way.
    """
    try:
        chat = await unit.chats.get(row.chat_id)
        person = await unit.people.get(chat.person_id) if chat else None
    except Unreadable as fault:
        log.warning("other_way.unreadable", error=str(fault))
        return False
    if chat is None or person is None or person.kind != "staff":
        return False
    if row.way == "telegram":
        if person.email and person.reach == "telegram":
            await mail_instead(unit, desk, row, person, chat)
        return False
    if chat.state != "open":
        return False
    if person.reach == "email":
        await _chat_instead(unit, desk, row, person, chat)
    return True  # who chose both was told in the chat when the mail was written


async def mail_instead(unit: Unit, desk: Desk, row: OutboxRow, person: Person, chat: Chat) -> None:
    """Mail what a row of the chat says. Without a case, or its text, there is nothing worth a mail."""
    case = await unit.cases.get(row.case_id) if row.case_id else None
    if is_notice(row) and row.text:
        message = Message(row.slot, notice_mail(desk, person, row.text))
        await post(unit, desk, chat, message, lane=Lane.ALERT, way="email")
    elif case is not None and case.state == "open" and row.text:
        mine = parts_asking(await unit.cases.roles(case.id), person.id)
        await mail_case(unit, desk, person, chat, case, row.slot, row.text, mine)


async def _chat_instead(unit: Unit, desk: Desk, row: OutboxRow, person: Person, chat: Chat) -> None:
    case = await unit.cases.get(row.case_id) if row.case_id else None
    if case is not None and row.slot == slot_of(case):
        mine = parts_asking(await unit.cases.roles(case.id), person.id)
        await show(unit, desk, case, person, chat, mine, fresh=True)
    elif row.text:
        text = row.text.partition("\n\n")[2] or row.text
        await post(unit, desk, chat, Message(row.slot, text, fresh=True), lane=Lane.ALERT)
