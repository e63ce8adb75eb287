"""Script -> transitions. One definition builds the machine that runs and the graph that is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from transitions import Machine
from transitions.extensions import GraphMachine

from flows.concerns import Known, holds
from flows.script import END, Script, Step
from flows.steps import kinds

SKIP = "skip"


class Asked:
    """Whether a step is to be asked: its own condition, its release (S-12), and not answered before."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self.__name__ = f"{step.when.label if step.when else ''}{' released' if step.release else ''}".strip()

    def __call__(self, known: Known) -> bool:
        """The condition, as the machine asks it."""
        step = self._step
        if any(step.id.startswith(done) for done in known.facts.get("skip", "").split()):
            return False
        if step.release and known.facts.get("staffed") == "off":
            return False
        if step.release and not any(step.id.startswith(r) for r in known.facts.get("released", "").split()):
            return False
        return holds(step.when, known)


@dataclass(slots=True)
class Cursor:
    """What the machine moves: anything with a `state`."""

    state: str


def _target(script: Script, step: Step, trigger: str) -> str:
    choice = step.choice(trigger)
    if choice is not None and choice.closing is not None:
        return END
    return (choice.next if choice else None) or script.following(step)


def definition(script: Script) -> tuple[list[str], list[dict[str, Any]]]:
    """States and transitions of a script: the step ids and END; the choices, and `skip` past what is not asked."""
    rows: list[dict[str, Any]] = []
    for step in script.steps:
        triggers = [*kinds()[step.kind].triggers(step)]
        if script.defer and kinds()[step.kind].answered and step.kind not in ("agree", "teach"):
            triggers.append("defer")
        rows += [{"trigger": t, "source": step.id, "dest": _target(script, step, t)} for t in triggers]
        if step.when or step.release or step.question or step.kind in ("say", "choose"):
            rows.append(
                {"trigger": SKIP, "source": step.id, "dest": script.following(step), "unless": [Asked(step)]}
            )
    return [*(s.id for s in script.steps), END], rows


class Course:
    """The running machine of a script. Stateless: it moves the cursors it is given."""

    def __init__(self, script: Script) -> None:
        self._script = script
        states, rows = definition(script)
        self._skippable = {row["source"] for row in rows if row["trigger"] == SKIP}
        self._machine = Machine(
            model=None, states=states, transitions=rows, initial=script.steps[0].id, auto_transitions=False
        )

    @property
    def first(self) -> str:
        """Where it begins."""
        return self._script.steps[0].id

    def after(self, step: str, trigger: str, known: Known) -> str:
        """The step to ask next, or END. Raises transitions.MachineError when the trigger leads nowhere."""
        cursor = Cursor(step)
        self._machine.events[trigger].trigger(cursor, known)
        return self.settle(cursor.state, known)

    def settle(self, step: str, known: Known) -> str:
        """The step itself if it is to be asked, otherwise the first after it that is."""
        cursor = Cursor(step)
        skip = self._machine.events.get(SKIP)
        while skip and cursor.state in self._skippable and skip.trigger(cursor, known):
            pass
        return cursor.state


class _Drawn:
    """Stands where the cursor stands when the machine runs; a graph is drawn for a model only."""


def mermaid(script: Script) -> str:
    """The script's graph as Mermaid, drawn from a machine of the same definition."""
    states, rows = definition(script)
    drawn = [row for row in rows if row["trigger"] != SKIP or row["unless"][0].__name__]
    graph = GraphMachine(
        model=_Drawn(),
        states=states,
        transitions=drawn,
        initial=script.steps[0].id,
        auto_transitions=False,
        graph_engine="mermaid",
        show_conditions=True,
        title=script.title,
    )
    return str(graph.get_combined_graph().draw(None))
