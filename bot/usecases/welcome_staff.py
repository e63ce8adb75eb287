"""The first message to a staff member, and their menu's button."""

from __future__ import annotations

from bot.ports.records import Chat, Person
from bot.ports.stores import Unit
from bot.usecases.desk import Desk, Message, post
from flows.effects import Line

WELCOME = Line(
    "staff",
    "You are enrolled as staff. Cases will reach you here; take one on with its button or with /ack and its reference. "
    "/case lists the open ones, /help says more. Please set a lock on this phone.",
)


async def welcome_staff(unit: Unit, desk: Desk, person: Person, chat: Chat) -> None:
    """Say what will come and what can be done."""
    text = desk.texts.line(person.language, WELCOME)
    await post(unit, desk, chat, Message("notice", text, fresh=True))
