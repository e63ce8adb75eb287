"""`agree`: one point of the agreement: agree, ask, do not agree."""

from __future__ import annotations

from flows.script import Step
from flows.steps import Accept, Repeat, Taken
from flows.steps.base import Basic, tips
from flows.visit import Visit


class Agree(Basic):
    """`ask` brings a person and leaves the point open; only agreeing (or declining) goes on."""

    name = "agree"

    def faults(self, step: Step) -> list[str]:
        """The three choices are fixed."""
        ids = {c.id for c in step.choices}
        return (
            []
            if ids == {"agree", "ask", "decline"}
            else ["an agree step has the choices agree, ask and decline"]
        )

    def triggers(self, step: Step) -> tuple[str, ...]:
        """Asking does not go on."""
        return ("agree", "decline")

    def press(self, step: Step, visit: Visit, choice: str) -> Taken:
        """Asking keeps the point open."""
        if choice == "ask":
            return Repeat(tips(visit.script, step, ("ask",)), ("ask",), counts=True)
        return (
            Accept((choice,), choice, lead=tips(visit.script, step, (choice,)))
            if step.choice(choice)
            else None
        )


KIND = Agree()
