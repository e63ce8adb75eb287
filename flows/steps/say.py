"""`say`: a card with Continue."""

from __future__ import annotations

from flows import lines
from flows.effects import Button
from flows.script import Step
from flows.steps import Accept, Taken
from flows.steps.base import Basic
from flows.visit import Visit


class SayCard(Basic):
    """Nothing is asked; Continue goes on."""

    name = "say"
    answered = False

    def faults(self, step: Step) -> list[str]:
        """A card has no choices of its own."""
        return ["a say step has no choices; use `choose` to ask something"] if step.choices else []

    def triggers(self, step: Step) -> tuple[str, ...]:
        """Continue."""
        return ("continue",)

    def rows(self, step: Step, visit: Visit) -> tuple[tuple[Button, ...], ...]:
        """Continue."""
        return ((Button(step.id, "continue", lines.CONTINUE),),)

    def press(self, step: Step, visit: Visit, choice: str) -> Taken:
        """Continue is kept as an answer: the card was read."""
        return Accept(("continue",), "continue") if choice == "continue" else None


KIND = SayCard()
