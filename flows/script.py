"""Script, Step, Choice: a conversation kept as data. Frozen values, read by `flows.read`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from flows.values import Closing, Frozen, Level, Role, Urgency

StepId = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9-]{1,19}$")]
ChoiceId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,19}$")]
ButtonText = Annotated[str, Field(min_length=1, max_length=40)]
MessageText = Annotated[str, Field(min_length=1, max_length=600)]

END = "END"


def _listed(value: Any) -> Any:
    """A single item stands for a list of one."""
    return value if isinstance(value, (list, tuple)) or value is None else [value]


class Condition(Frozen):
    """A question over the answers so far and the facts the shell gave. All parts given must hold.

    `answered`: step id -> choices, at least one of which was chosen. `facts`: name -> allowed values.
    `any`, `all`, `none`: further conditions.
    """

    answered: dict[StepId, Annotated[tuple[ChoiceId, ...], BeforeValidator(_listed)]] = Field(
        default_factory=dict
    )
    facts: dict[str, Annotated[tuple[str, ...], BeforeValidator(_listed)]] = Field(default_factory=dict)
    any: tuple[Condition, ...] = ()
    all: tuple[Condition, ...] = ()
    none: tuple[Condition, ...] = ()

    @property
    def label(self) -> str:
        """The condition in words, as it stands on a drawn arrow."""
        parts = [f"{step} is {' or '.join(ids)}" for step, ids in self.answered.items()]
        parts += [f"{name} is {' or '.join(values)}" for name, values in self.facts.items()]
        parts += [f"({' or '.join(c.label for c in self.any)})"] if self.any else []
        parts += [c.label for c in self.all]
        parts += [f"not ({c.label})" for c in self.none]
        return " and ".join(parts) or "always"


class Raise(Frozen):
    """A concern that a choice means, perhaps only together with other answers.

    `staff`: what staff read of it where the catalogue's line would not be true of this choice.
    """

    concern: str
    when: Condition | None = None
    urgency: Urgency | None = None
    route: tuple[Role, ...] | None = None
    staff: MessageText | None = None


class Verdict(Frozen):
    """What a choice does to the self-test's result; the first whose condition holds counts."""

    level: Level
    when: Condition | None = None
    fix: MessageText | None = None


def _raises(value: Any) -> Any:
    return [{"concern": v} if isinstance(v, str) else v for v in (_listed(value) or [])]


def _verdicts(value: Any) -> Any:
    return [{"level": v} if isinstance(v, str) else v for v in (_listed(value) or [])]


class Choice(Frozen):
    """One button of a step.

    `next` overrides the step's; `tip` is shown above the next message; `retry` is shown with the same
    step again the first time this is chosen (tips, once more), and only the second time counts;
    `alone` excludes the other choices of a `many`; `right` and `explain` belong to `teach`;
    `closing` ends the visit neutrally.
    """

    id: ChoiceId
    label: ButtonText
    next: str | None = None
    when: Condition | None = None
    raises: Annotated[tuple[Raise, ...], BeforeValidator(_raises)] = ()
    readiness: Annotated[tuple[Verdict, ...], BeforeValidator(_verdicts)] = ()
    tip: MessageText | None = None
    retry: MessageText | None = None
    explain: MessageText | None = None
    alone: bool = False
    right: bool = False
    closing: Closing | None = None


class Step(Frozen):
    """One thing said or asked.

    `kind` names the file in flows/steps that knows how it is shown and answered. `risk`: an unclear
    answer here goes to staff at once (S-23), and the line of S-07 stands before the first of them.
    `release`: opens only when a facilitator has released it (S-12). `question`: counts towards the
    sitting (S-12). `optional`: may be passed over. `needs_all`: for `many`. `source`: file and section.
    """

    id: StepId
    kind: str
    text: MessageText
    texts: dict[str, MessageText] = Field(default_factory=dict)
    note: str = ""
    source: str = ""
    choices: tuple[Choice, ...] = ()
    next: str | None = None
    when: Condition | None = None
    risk: bool = False
    release: bool = False
    question: bool = False
    optional: bool = False
    needs_all: bool = False

    def choice(self, choice_id: str) -> Choice | None:
        """The choice of that id, or None."""
        return next((c for c in self.choices if c.id == choice_id), None)


class Rule(Frozen):
    """A concern or verdict that follows from several answers together. `step`: where it belongs."""

    step: StepId
    when: Condition
    raises: Annotated[tuple[Raise, ...], BeforeValidator(_raises)] = ()
    readiness: Annotated[tuple[Verdict, ...], BeforeValidator(_verdicts)] = ()


class Defer(Frozen):
    """The button that hands a question to a person, and what it means in this script."""

    label: ButtonText
    raises: Annotated[tuple[Raise, ...], BeforeValidator(_raises)] = ()
    readiness: Annotated[tuple[Verdict, ...], BeforeValidator(_verdicts)] = ()


class Script(Frozen):
    """A whole conversation. Steps follow one another in the order written unless `next` says otherwise.

    `format`: version of the file format. `version`: of this script; it changes with structure or
    agreement wording only. `before_session`: the closing of S-04 then says to wait for a message
    before joining. `always_door`: the door is asked even within the open time. `paced`: S-12 applies.
    `platform`: the variant for Zoom or Teams. `moved`, `urgent`: an urgent version maps open steps
    of the one before (S-34).
    """

    format: int
    script: Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,30}$")]
    version: int = Field(ge=1)
    title: str
    before_session: bool = False
    always_door: bool = False
    paced: bool = False
    platform: str | None = None
    urgent: bool = False
    steps: tuple[Step, ...] = Field(min_length=1)
    rules: tuple[Rule, ...] = ()
    defer: Defer | None = None
    moved: dict[StepId, StepId] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ids_once(self) -> Script:
        seen: set[str] = set()
        for step in self.steps:
            if step.id in seen:
                raise ValueError(f"step {step.id} is defined twice; every step id stands once in a script")
            seen.add(step.id)
            ids = [c.id for c in step.choices]
            if len(ids) != len(set(ids)):
                raise ValueError(f"step {step.id} has a choice id twice; choice ids are unique in a step")
        return self

    @property
    def name(self) -> str:
        """The script's name, as the folder in flows/scripts has it."""
        return self.script

    def step(self, step_id: str) -> Step:
        """The step of that id. Raises KeyError when there is none."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)

    def following(self, step: Step) -> str:
        """Where a step leads when the choice does not say: its `next`, or the one written below, or END."""
        if step.next is not None:
            return step.next
        index = self.steps.index(step)
        return self.steps[index + 1].id if index + 1 < len(self.steps) else END
