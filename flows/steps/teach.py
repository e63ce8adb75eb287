"""`teach`: a question with a right answer, an explanation, and another try."""

from __future__ import annotations

from flows.effects import Line
from flows.script import Step
from flows.steps import Accept, Repeat, Taken
from flows.steps.base import Basic, context, tips
from flows.visit import Visit


class Teach(Basic):
    """A choice with `explain` that is not right asks again; one without goes on (help was asked for)."""

    name = "teach"

    def faults(self, step: Step) -> list[str]:
        """Something must be right, and explained."""
        found = super().faults(step)
        if not any(c.right for c in step.choices):
            found.append("a teach step needs a choice with `right: true`")
        found += [
            f"choice {c.id} is right but not explained; add `explain`"
            for c in step.choices
            if c.right and not c.explain
        ]
        return found

    def triggers(self, step: Step) -> tuple[str, ...]:
        """The right answer, or asking for help."""
        return tuple(c.id for c in step.choices if c.right or not c.explain)

    def press(self, step: Step, visit: Visit, choice: str) -> Taken:
        """Right: explanation and on. Wrong: explanation and another try."""
        made = step.choice(choice)
        if made is None:
            return None
        lead = (Line(context(visit.script, step.id), made.explain),) if made.explain else ()
        if made.explain and not made.right:
            return Repeat(lead, (choice,), counts=True)
        return Accept((choice,), choice, lead=lead or tips(visit.script, step, (choice,)))


KIND = Teach()
