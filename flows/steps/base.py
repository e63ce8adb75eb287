"""What most kinds have in common; a kind overrides what it does differently."""

from __future__ import annotations

from flows.concerns import holds
from flows.effects import Button, Line
from flows.script import Choice, Step
from flows.steps import Accept, Repeat, Taken
from flows.visit import Visit


def context(visit_or_script: str, step: str) -> str:
    """The gettext context of a script's texts."""
    return f"{visit_or_script}/{step}"


def choice_label(script: str, step: Step, choice: Choice) -> Line:
    """A choice's label, translatable."""
    return Line(context(script, step.id), choice.label)


def offered(step: Step, visit: Visit) -> tuple[Choice, ...]:
    """The choices whose condition holds now."""
    return tuple(c for c in step.choices if c.id != "missing" and holds(c.when, visit.known))


class Basic:
    """Buttons one under another, text not expected."""

    name = ""
    answered = True

    def faults(self, step: Step) -> list[str]:
        """A question needs something to choose."""
        return [] if step.choices else [f"a {self.name} step needs choices; write at least one"]

    def triggers(self, step: Step) -> tuple[str, ...]:
        """Every choice leads on."""
        return tuple(c.id for c in step.choices)

    def lines(self, step: Step, visit: Visit) -> tuple[Line, ...]:
        """The step's text."""
        return (Line(context(visit.script, step.id), step.text),)

    def rows(self, step: Step, visit: Visit) -> tuple[tuple[Button, ...], ...]:
        """One row for each choice offered."""
        return tuple(
            (Button(step.id, c.id, choice_label(visit.script, step, c)),) for c in offered(step, visit)
        )

    def press(self, step: Step, visit: Visit, choice: str) -> Taken:
        """The choice, or its tips and the question once more the first time."""
        made = next((c for c in offered(step, visit) if c.id == choice), None)
        if made is None:
            return None
        if made.retry and step.id not in visit.retried:
            return Repeat((Line(context(visit.script, step.id), made.retry),), (choice,))
        return Accept((choice,), choice, lead=tips(visit.script, step, (choice,)))

    def wrote(self, step: Step, visit: Visit, text: str) -> Taken:
        """A button was expected."""
        return None


def tips(script: str, step: Step, choices: tuple[str, ...]) -> tuple[Line, ...]:
    """The tips of these choices, in the order of the script."""
    return tuple(Line(context(script, step.id), c.tip) for c in step.choices if c.id in choices and c.tip)
