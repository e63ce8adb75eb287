"""A role's part of a case: asked, taken on, done. One definition runs it and draws it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, cast

from transitions import EventData, Machine
from transitions.extensions import GraphMachine

from flows.values import Role

State = Literal["asking", "taken", "done"]
Trigger = Literal["take", "see", "resolve", "climb", "keep", "hand", "lapse", "ask_again"]

STATES = ["asking", "taken", "done"]


class Refusal(StrEnum):
    """Why a step is not possible now. Shown to staff as a line, never raised."""

    TAKEN = "already_taken"
    DONE = "already_done"
    ONLY_SEEN = "partner_support_only_sees"
    NOT_PARTNER_SUPPORT = "only_partner_support_sees"
    NOT_TAKEN = "not_taken"
    NOT_YOURS = "not_yours"
    """Taken by somebody else; the caller knows by whom."""


@dataclass(slots=True)
class Cursor:
    """Where a part stands; the machine moves it."""

    state: str
    role: Role


def is_partner_support(event: EventData) -> bool:
    """Partner support has one outcome only, `seen` (S-22)."""
    return isinstance(event.model, Cursor) and event.model.role is Role.PARTNER_SUPPORT


def is_not_partner_support(event: EventData) -> bool:
    """Everybody else takes on and resolves."""
    return not is_partner_support(event)


TRANSITIONS: list[Any] = [
    {"trigger": "take", "source": "asking", "dest": "taken", "conditions": is_not_partner_support},
    {"trigger": "see", "source": "asking", "dest": "done", "conditions": is_partner_support},
    {
        "trigger": "resolve",
        "source": ["asking", "taken"],
        "dest": "done",
        "conditions": is_not_partner_support,
    },
    {"trigger": "climb", "source": "asking", "dest": "asking"},
    {"trigger": "keep", "source": "taken", "dest": "taken"},
    {"trigger": "hand", "source": "taken", "dest": "taken"},
    {"trigger": "lapse", "source": "taken", "dest": "asking"},
    {"trigger": "ask_again", "source": ["asking", "taken", "done"], "dest": "asking"},  # S-33
]

# Events that cannot be triggered in a state are ignored (False) instead of raised; `move` names the reason.
_machine = Machine(
    model=None,
    states=STATES,
    transitions=TRANSITIONS,
    initial="asking",
    auto_transitions=False,
    send_event=True,
    ignore_invalid_triggers=True,
)


def machine_for_drawing() -> GraphMachine:
    """A second machine of the same definition, which can be drawn (the first runs without models)."""
    return GraphMachine(
        states=STATES,
        transitions=TRANSITIONS,
        initial="asking",
        auto_transitions=False,
        send_event=True,
        graph_engine="mermaid",
        show_conditions=True,
        title="A role's part of a case",
    )


def move(state: State, role: Role, trigger: Trigger) -> State | Refusal:
    """The state after the trigger, or why it is not possible. Never raises for a trigger of the list."""
    cursor = Cursor(state, role)
    if _machine.events[trigger].trigger(cursor):
        return cast(State, cursor.state)
    if trigger == "see" and role is not Role.PARTNER_SUPPORT:
        return Refusal.NOT_PARTNER_SUPPORT
    if trigger in ("take", "resolve") and role is Role.PARTNER_SUPPORT:
        return Refusal.ONLY_SEEN
    if state == "done":
        return Refusal.DONE
    return Refusal.TAKEN if state == "taken" else Refusal.NOT_TAKEN
