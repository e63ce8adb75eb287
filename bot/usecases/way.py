"""The person's way through the programme, as a machine: what is open to a participant when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from transitions import Machine, MachineError

from bot.ports.records import Person
from flows.machine import Cursor

STATES = ("language", "welcome", "waiting", "orientation", "active", "left")
TRANSITIONS: list[dict[str, Any]] = [
    {"trigger": "chose_language", "source": "language", "dest": "welcome"},
    {"trigger": "must_wait", "source": ["welcome", "waiting"], "dest": "waiting"},
    {"trigger": "let_on", "source": ["waiting", "welcome"], "dest": "welcome"},
    {"trigger": "agreed", "source": ["welcome", "waiting"], "dest": "orientation"},
    {"trigger": "oriented", "source": "orientation", "dest": "active"},
    {"trigger": "left", "source": list(STATES), "dest": "left"},
]
_MACHINE = Machine(
    model=None, states=list(STATES), transitions=TRANSITIONS, initial="language", auto_transitions=False
)


def moved(person: Person, trigger: str) -> Person:
    """The person one step further; unchanged when that step is not open from where they are."""
    cursor = Cursor(person.state)
    try:
        _MACHINE.events[trigger].trigger(cursor)
    except MachineError:
        return person
    return replace(person, state=cursor.state)


def may_test(person: Person) -> bool:
    """The self-test and all that follows are open once the agreement stands."""
    return person.state in ("orientation", "active")


def is_being_erased(person: Person) -> bool:
    """Whether their erasure has begun and waits for their chat to be cleared (bot.usecases.erase_person)."""
    return person.state == "left" and (person.pending or {}).get("do") == "erase"
