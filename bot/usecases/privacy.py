"""/privacy: what is kept and who reads it, in short messages, behind the door."""

from __future__ import annotations

from bot.ports.records import Chat, Person
from bot.ports.stores import Unit
from bot.usecases import neutral
from bot.usecases.desk import Desk, Message, post
from bot.usecases.facts import params_for
from bot.usecases.render import open_menu
from flows.effects import Line

PARTS = (
    Line(
        "privacy",
        "What is kept: your answers, your agreement, the times of your sessions and how this chat reaches you. It is "
        "stored encrypted. Names, places and contacts of other people are never asked for; please leave them out.",
    ),
    Line(
        "privacy",
        "Who reads it: the staff of {service} who work with you. If an answer gives cause for concern, it is passed on to other "
        "staff, and where the law says so to others, also without your agreement. It is kept for {retention} "
        "at most. Telegram carries the messages and could read them; bot chats have no end-to-end encryption.",
    ),
    Line(
        "privacy",
        "You can ask for a copy, for a correction, or for erasure. Please speak to staff or call {service_number}; a "
        "copy is handed over outside this chat. /stop clears what can be cleared here at any time.",
    ),
)


async def show_privacy(unit: Unit, desk: Desk, person: Person, chat: Chat) -> None:
    """The notice, one message for each part."""
    programme = await unit.programmes.get(person.programme_id)
    if programme is None:
        raise LookupError(f"person {person.id} belongs to no programme")
    params = params_for(person, programme, None)
    instead = desk.texts.line(person.language, neutral.WAITING)
    for number, line in enumerate(PARTS, start=1):
        text = desk.texts.line(person.language, line, params)
        rows = open_menu(desk, person) if number == len(PARTS) else ()
        message = Message(f"privacy{number}", text, rows, True, person.open_until, instead, fresh=True)
        await post(unit, desk, chat, message)
