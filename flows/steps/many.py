"""`many`: tick several, then Done. The ticks are a durable draft; Done makes the answer."""

from __future__ import annotations

from flows import lines
from flows.effects import Button, Line
from flows.script import Step
from flows.steps import Accept, Draft, Repeat, Taken
from flows.steps.base import Basic, choice_label, context, offered, tips
from flows.visit import Visit


class Many(Basic):
    """Ticks toggle; a choice marked `alone` excludes the others; `needs_all` is a check-list."""

    name = "many"

    def faults(self, step: Step) -> list[str]:
        """A check-list says what missing means."""
        found = super().faults(step)
        if step.needs_all and step.choice("missing") is None:
            found.append("needs_all wants a choice `missing` that says what an unticked point means; add one")
        if any(c.next for c in step.choices):
            found.append(
                "a many step goes on with Done, so its choices cannot have `next`; put `when` on later steps"
            )
        return found

    def triggers(self, step: Step) -> tuple[str, ...]:
        """Done."""
        return ("done",)

    def rows(self, step: Step, visit: Visit) -> tuple[tuple[Button, ...], ...]:
        """The choices with their ticks, then Done."""
        rows = [
            (Button(step.id, c.id, choice_label(visit.script, step, c), marked=c.id in visit.draft),)
            for c in offered(step, visit)
        ]
        return (*rows, (Button(step.id, "done", lines.DONE),))

    def press(self, step: Step, visit: Visit, choice: str) -> Taken:
        """A toggle, or Done."""
        if choice == "done":
            return self._done(step, visit)
        made = next((c for c in offered(step, visit) if c.id == choice), None)
        if made is None:
            return None
        if choice in visit.draft:
            return Draft(tuple(c for c in visit.draft if c != choice))
        kept = () if made.alone else tuple(c for c in visit.draft if not _alone(step, c))
        return Draft((*kept, choice))

    def _done(self, step: Step, visit: Visit) -> Taken:
        chosen = answer_of(step, visit)
        if not chosen:
            return Repeat((lines.CHOOSE_ONE,))
        first = next((c for c in step.choices if c.id in chosen and c.retry), None)
        if first and first.retry and step.id not in visit.retried:
            return Repeat((Line(context(visit.script, step.id), first.retry),), chosen)
        return Accept(chosen, "done", lead=tips(visit.script, step, chosen))


def answer_of(step: Step, visit: Visit) -> tuple[str, ...]:
    """The draft as an answer: in the script's order, with `missing` first when a check-list has gaps."""
    ticked = tuple(c.id for c in step.choices if c.id in visit.draft)
    if step.needs_all and any(c.id not in ticked for c in offered(step, visit)):
        return ("missing", *ticked)
    return ticked


def _alone(step: Step, choice: str) -> bool:
    found = step.choice(choice)
    return found is not None and found.alone


KIND = Many()
