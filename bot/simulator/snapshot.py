"""The state of a world as the page draws it."""

from __future__ import annotations

from typing import Any

from bot.simulator.records import Mail, Message
from bot.simulator.world import World

MAILS = 30
"""As many of the newest mails are drawn."""


def world_state(world: World, phones: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Time, bot and phones: all of them unless `phones` holds those that matter."""
    if phones is None:
        phones = [phone_state(world, person_id) for person_id in world.people]
    return {
        "world": world.mark,
        "now": world.clock.now().isoformat(),
        "movable": hasattr(world.clock, "advance"),
        "bot": {
            "username": world.bot["username"],
            "name": world.profile.name.get("") or world.bot["first_name"],
        },
        "inviting": {"roles": list(world.inviting.roles), "languages": list(world.inviting.languages)}
        if world.inviting
        else None,
        "phones": phones,
        "mails": None if world.mails is None else _mail_states(world.mails),
    }


def phone_state(world: World, person_id: int) -> dict[str, Any]:
    """One phone: its person, where it stands, what it shows, and the last answer to a press."""
    person, chat = world.people[person_id], world.chats[person_id]
    answers = [(number, entry.note) for number, entry in enumerate(chat.log) if entry.note]
    return {
        "id": person.id,
        "name": person.name,
        "role": person.role,
        "language": person.language,
        "description": world.profile.description_for(person.language),
        "commands": world.profile.commands_for(person.id, person.language),
        "started": chat.open,
        "blocked": chat.blocked,
        "invitation": person.invitation,
        "answer": {"number": answers[-1][0], "text": answers[-1][1]} if answers else None,
        "messages": [_message_state(message) for message in chat.messages.values()],
    }


def _message_state(message: Message) -> dict[str, Any]:
    return {
        "id": message.message_id,
        "mine": not message.from_bot,
        "kind": message.kind,
        "text": message.text,
        "entities": list(message.entities),
        "file": message.file_name,
        "rows": [
            [{"text": button.text, "data": button.data, "url": button.url} for button in row]
            for row in message.keyboard
        ],
        "protected": message.protected,
        "edited": message.edited.isoformat() if message.edited else None,
        "sent": message.sent.isoformat(),
    }


def _mail_states(mails: list[Mail]) -> list[dict[str, Any]]:
    numbered = list(enumerate(mails, start=1))
    return [
        {
            "number": number,
            "sent": mail.at.isoformat(),
            "to": mail.to,
            "subject": mail.subject,
            "text": mail.text,
        }
        for number, mail in numbered[-MAILS:]
    ]
