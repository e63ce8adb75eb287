"""`result`: what the self-test came to. It says what to do, never why (S-08)."""

from __future__ import annotations

from flows import lines
from flows.concerns import verdicts
from flows.effects import Button, Line
from flows.script import Script, Step
from flows.steps import Accept, Taken
from flows.steps.base import Basic, choice_label, context
from flows.values import Level
from flows.visit import Visit


class Result(Basic):
    """Three texts, one for each level; `again` is offered when there is something to fix."""

    name = "result"
    answered = False

    def faults(self, step: Step) -> list[str]:
        """All three levels have words."""
        missing = [level.value for level in Level if level.value not in step.texts]
        return [f"a result step needs `texts` for {', '.join(missing)}"] if missing else []

    def triggers(self, step: Step) -> tuple[str, ...]:
        """Once more, or close."""
        return (*(c.id for c in step.choices), "continue")

    def lines(self, step: Step, visit: Visit) -> tuple[Line, ...]:
        """The level's text; what to fix is put below it by the engine."""
        return (Line(context(visit.script, step.id), step.texts[visit.level.value]),)

    def rows(self, step: Step, visit: Visit) -> tuple[tuple[Button, ...], ...]:
        """`again` only when something can be fixed."""
        again = step.choices if visit.level is Level.TO_FIX else ()
        rows = [(Button(step.id, c.id, choice_label(visit.script, step, c)),) for c in again]
        return (*rows, (Button(step.id, "continue", lines.CONTINUE),))

    def press(self, step: Step, visit: Visit, choice: str) -> Taken:
        """Once more, or close."""
        shown = {b.choice for row in self.rows(step, visit) for b in row}
        return Accept((choice,), choice) if choice in shown else None


def fixes(script: Script, visit: Visit) -> tuple[Line, ...]:
    """What there is to fix, in the script's words."""
    found = verdicts(script, visit.said)
    return tuple(
        Line(context(script.name, step.id), v.fix, item=True)
        for step, v in found
        if v.fix and v.level is Level.TO_FIX
    )


KIND = Result()
