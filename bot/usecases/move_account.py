"""Somebody goes on in another Telegram account: only by a link that staff have issued for it."""

from __future__ import annotations

from dataclasses import replace

from bot.ports.inbound import Inbound
from bot.ports.records import AuditEntry, Chat, Invitation, OutboxRow, Person
from bot.ports.stores import Unit
from bot.usecases.desk import Desk
from bot.usecases.leave import close_chat
from bot.usecases.staff_notice import tell_administrators, tell_group
from flows.effects import Line

MOVED = Line(
    "staff",
    "A chat has moved to another Telegram account, by a link that was issued for it. If nobody on your side asked "
    "for this, tell an administrator now; the audit log says whose it is.",
)
_ASKED_ANEW = ("door", "language", "menu", "question", "lead")


async def move_account(
    unit: Unit, desk: Desk, inbound: Inbound, invitation: Invitation
) -> tuple[Person, Chat] | None:
    """The person of the link goes on in this chat, from the door; None if they have left meanwhile.

    The old chat is swept, closed with one neutral line and a stranger's from then on. What still waited for it and
    is not sensitive goes to the new one, alerts among it; anything sensitive gives way.
    """
    person = await unit.people.get(invitation.replaces)
    if person is None or person.state == "left":
        return None
    old = await unit.chats.of_person(person.id)
    waiting = [row for row in await unit.outbox.waiting(old.id) if _goes_along(row)] if old else []
    if old is not None:
        for (
            row
        ) in waiting:  # superseded there before the chat is closed, so that no alert counts as unreachable
            await unit.outbox.save(replace(row, state="superseded"))
        await close_chat(unit, desk, person, old)
    chat = Chat(desk.ids.new(), inbound.bot_id, inbound.telegram_chat, person.id)
    await release_former(unit, inbound)
    await unit.chats.add(chat)
    for row in waiting:
        fresh = replace(row, chat_id=chat.id, id=0, attempts=0, next_try_at=None, ambiguous=False)
        await unit.outbox.add(fresh)
    person = replace(person, open_until=None)
    await unit.people.save(person)
    await unit.invitations.save(replace(invitation, used_at=desk.now(), used_by=person.id))
    await unit.audit.add(
        AuditEntry(desk.ids.new(), desk.now(), person.id, "account.moved", person.id, {"by": invitation.id})
    )
    await tell_administrators(unit, desk, person.programme_id, MOVED)
    if person.group_id is not None:
        await tell_group(unit, desk, person.programme_id, person.group_id, MOVED, lambda _: {})
    return person, chat


async def release_former(unit: Unit, inbound: Inbound) -> None:
    """The Telegram chat of somebody who left it may be somebody else's."""
    former = await unit.chats.by_telegram(inbound.bot_id, inbound.telegram_chat)
    if former is not None:
        await unit.chats.release(former.id)


def _goes_along(row: OutboxRow) -> bool:
    return row.op == "say" and row.readable and not row.sensitive and row.slot not in _ASKED_ANEW
