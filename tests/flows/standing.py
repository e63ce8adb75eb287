"""Conversations that stand at a given step, and the choices of the scripts that raise something."""

from __future__ import annotations

from collections.abc import Iterator

from flows.script import Choice, Step
from tests.conversations.playing import Conversation, play, raised_in
from tests.flows.walks import RELEASED, SCRIPTS, library

# Lines that make a step come up which is skipped when nobody is at home or nothing was ticked.
BEFORE = {
    "ST-09": ["press ST-07:usual_room", "press ST-08:partner", "press ST-08:children", "press ST-08:done"],
    "ST-10": ["press ST-07:usual_room", "press ST-08:children", "press ST-08:done"],
    "ST-11": ["press ST-07:usual_room", "press ST-08:partner", "press ST-08:done", "press ST-09:no"],
    "WE-01-WAIT": ["press WE-01:defer"],
}


def at(script: str, step: str, **facts: str) -> Conversation:
    """A conversation that stands at the step, with nothing worrying said before."""
    c = play(library().newest(script), ["open", *BEFORE.get(step, [])], {"released": RELEASED, **facts})
    c.go_on(step)
    return c


def steps(kind: str) -> Iterator[tuple[str, Step]]:
    """Every step of that kind, with its script."""
    for name in SCRIPTS:
        yield from ((name, s) for s in library().newest(name).script.steps if s.kind == kind)


def alarming(kind: str) -> list[tuple[str, str, str]]:
    """(script, step, choice) of every choice that raises something by itself."""
    return [
        (script, step.id, choice.id)
        for script, step in steps(kind)
        for choice in step.choices
        if any(r.when is None for r in choice.raises) and choice.id != "missing"
    ]


def chosen(script: str, step: str, choice: str) -> Choice:
    """That choice."""
    found = library().newest(script).script.step(step).choice(choice)
    assert found is not None
    return found


def concerns(c: Conversation) -> set[str]:
    """What was raised so far."""
    return {concern for concern, _, _ in raised_in(c.effects)}
