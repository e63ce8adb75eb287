"""`text`: an answer in the person's own words, or, with free text off, a word that they thought about it."""

from __future__ import annotations

from flows import lines
from flows.effects import Button
from flows.script import Step
from flows.steps import Accept, Taken
from flows.steps.base import Basic
from flows.visit import Visit


class FreeText(Basic):
    """Text answers; `optional` offers a way past; fact free_text=off replaces the writing."""

    name = "text"

    def faults(self, step: Step) -> list[str]:
        """No choices of its own."""
        return ["a text step has no choices; write a `choose` step before it"] if step.choices else []

    def triggers(self, step: Step) -> tuple[str, ...]:
        """Written, passed over, or thought about."""
        return ("wrote", "skip_text", "thought") if step.optional else ("wrote", "thought")

    def rows(self, step: Step, visit: Visit) -> tuple[tuple[Button, ...], ...]:
        """The ways past writing."""
        rows: list[tuple[Button, ...]] = []
        if visit.facts.get("free_text") == "off":
            rows.append((Button(step.id, "thought", lines.THOUGHT),))
        if step.optional:
            rows.append((Button(step.id, "skip_text", lines.SKIP),))
        return tuple(rows)

    def press(self, step: Step, visit: Visit, choice: str) -> Taken:
        """Passed over, or thought about."""
        shown = {b.choice for row in self.rows(step, visit) for b in row}
        return Accept((choice,), choice) if choice in shown else None

    def wrote(self, step: Step, visit: Visit, text: str) -> Taken:
        """The text is the answer, unless the programme has free text off."""
        if visit.facts.get("free_text") == "off":
            return None
        return Accept((), "wrote", text=text, kind="written")


KIND = FreeText()
