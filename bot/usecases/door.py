"""The door: nothing sensitive is shown before the person said it is them and nobody can see or hear (S-01)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.ports.records import Chat, Person
from bot.ports.stores import Unit
from bot.usecases import neutral
from bot.usecases.desk import Desk, Message, post, retract


def is_open(desk: Desk, person: Person) -> bool:
    """Whether the door was passed, or something answered, within the last minutes set."""
    return person.open_until is not None and desk.now() <= person.open_until


def kept_open(desk: Desk, person: Person) -> Person:
    """The person with the open time counted from now."""
    return replace(person, open_until=desk.now() + timedelta(minutes=desk.numbers.door))


def agreed(person: Person) -> dict[str, Any] | None:
    """What staff agreed to while the welcome waited, as what is pending: it outlasts "not now", /stop and /privacy."""
    facts = (person.pending or {}).get("facts")
    return {"do": "open", "item": "welcome", "facts": facts} if facts else None


async def ask(
    unit: Unit,
    desk: Desk,
    person: Person,
    chat: Chat,
    then: dict[str, Any],
    *,
    due_at: datetime | None = None,
) -> Person:
    """Put the door before `then`, or stage that for later. What stands open in the chat is taken away at once."""
    if kept := agreed(person):
        then = {**then, "facts": kept["facts"]}
    if held_back := (person.pending or {}).get("help"):
        then = {**then, "help": held_back}
    for slot in ("question", "lead", "menu"):
        await retract(unit, desk, chat, slot)
    say = desk.texts.line
    rows = tuple(
        ((say(person.language, label), f"DOOR:{choice}"),)
        for label, choice in (
            (neutral.DOOR_YES, "yes"),
            (neutral.DOOR_LATER, "later"),
            (neutral.DOOR_NOT_ME, "not_me"),
        )
    )
    message = Message("door", say(person.language, neutral.DOOR), rows, fresh=True)
    await post(unit, desk, chat, message, due_at=due_at)
    return replace(person, pending=then, open_until=None)
