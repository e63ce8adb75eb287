"""`/start TOKEN`: a single-use link makes a chat somebody's, participant or staff."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.ports.inbound import Inbound
from bot.ports.records import AuditEntry, Chat, Invitation, Person, Programme, StaffRole
from bot.ports.stores import Unit
from bot.usecases import door, rota
from bot.usecases.choose_language import ask_language, first_door, first_language, offered
from bot.usecases.climb import newcomer
from bot.usecases.desk import Desk
from bot.usecases.move_account import move_account, release_former
from bot.usecases.roster import membership_changed
from bot.usecases.staff_notice import tell_administrators
from bot.usecases.tidy import remember
from bot.usecases.way import moved
from bot.usecases.welcome_staff import welcome_staff
from flows.effects import Line

USED_AGAIN = Line("staff", "An invitation that was already used has been opened again from another chat.")
USED_AGAIN_EVERY = timedelta(days=1)
REUSED = "invitation.reused"


async def enrol(unit: Unit, desk: Desk, inbound: Inbound, token: str) -> bool:
    """Enrol the chat by the token. False when the token opens nothing: the caller says the strangers' line."""
    invitation = await unit.invitations.by_token(token)
    now = desk.now()
    if invitation is None or invitation.revoked_at is not None or invitation.expires_at <= now:
        return False
    if invitation.used_at is not None:
        await used_again(unit, desk, invitation)
        return False
    programme = await unit.programmes.get(invitation.programme_id)
    if programme is None:
        return False
    if invitation.replaces:
        went_on = await move_account(unit, desk, inbound, invitation)
        if went_on is not None:
            await remember(unit, desk, went_on[1], inbound)
            await _greet_again(unit, desk, programme, *went_on)
        return went_on is not None
    person = await _person(unit, desk, invitation)
    chat = Chat(desk.ids.new(), inbound.bot_id, inbound.telegram_chat, person.id)
    await release_former(unit, inbound)
    await unit.chats.add(chat)
    await remember(unit, desk, chat, inbound)  # the link goes when the chat is cleared
    await unit.invitations.save(replace(invitation, used_at=now, used_by=person.id))
    await unit.audit.add(
        AuditEntry(desk.ids.new(), now, person.id, "enrolled", person.id, {"role": invitation.role})
    )
    if person.kind == "staff":
        await rota.became(unit, desk.ids, programme.id, invitation.id, person.id, now)
        await welcome_staff(unit, desk, person, chat)
        await newcomer(unit, desk, person)
        return True
    await membership_changed(unit, desk, person)
    choice = offered(desk, programme)
    person = replace(person, language=first_language(inbound.language_code, invitation.language, choice))
    if len(choice) > 1:
        await unit.people.save(person)
        await ask_language(unit, desk, person, chat, programme)
    else:
        await unit.people.save(await first_door(unit, desk, moved(person, "chose_language"), chat))
    return True


async def _greet_again(unit: Unit, desk: Desk, programme: Programme, person: Person, chat: Chat) -> None:
    """In another account everything begins at the door (S-01)."""
    if person.kind == "staff":
        return await welcome_staff(unit, desk, person, chat)
    if person.state == "language":
        return await ask_language(unit, desk, person, chat, programme)
    await unit.people.save(await door.ask(unit, desk, person, chat, {"do": "resume"}))


async def used_again(unit: Unit, desk: Desk, invitation: Invitation, by: str = "stranger") -> None:
    """Somebody else opened a used link: staff are told and it is recorded, once a day for each invitation.

    `by`: the id of a person enrolled otherwise. Nothing happens for an invitation that is still unused.
    """
    now = desk.now()
    entries = await unit.audit.of_subject(invitation.id)
    known = any(entry.action == REUSED and entry.at > now - USED_AGAIN_EVERY for entry in entries)
    if invitation.used_at is None or known:
        return
    await tell_administrators(unit, desk, invitation.programme_id, USED_AGAIN)
    await unit.audit.add(AuditEntry(desk.ids.new(), now, by, REUSED, invitation.id))


async def _person(unit: Unit, desk: Desk, invitation: Invitation) -> Person:
    staff = invitation.role != "participant"
    person = Person(
        id=desk.ids.new(),
        programme_id=invitation.programme_id,
        group_id=None if staff else invitation.group_id,
        kind="staff" if staff else "participant",
        alias=invitation.alias,
        language=invitation.language,
        timezone=invitation.timezone,
        state="active" if staff else "language",
        created_at=desk.now(),
        email=invitation.email if staff else "",
        reach=invitation.reach if staff else "telegram",
    )
    await unit.people.add(person)
    if staff:
        await unit.people.add_role(person.id, StaffRole(invitation.role), invitation.group_id)
    return person
