"""Where one person stands in one script; to and from JSON."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from flows.concerns import Known
from flows.values import Frozen, Level

Status = Literal["new", "open", "paused", "done"]


class Visit(Frozen):
    """A visit, whole: with its script it is all `advance` needs. Free text is not in it.

    `asking` numbers what is being asked; buttons carry it, so that old ones are known as old.
    `answers` are the current ones; `counts` says how many versions each step's answer has had.
    `late`: what old buttons said since; people hear of it, the order of the questions does not (S-03).
    `draft`: the ticks of a `many` under way. `trail`: the steps asked before this one, for going
    back. `raised`: what was brought to people already; `holds`: what holds, as step:choice. `sitting`: questions asked in
    this sitting; `full`: it ended before the step that stands was shown (S-12).
    """

    script: str
    version: int
    step: str
    status: Status = "new"
    asking: int = 0
    answers: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    late: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    counts: dict[str, int] = Field(default_factory=dict)
    draft: tuple[str, ...] = ()
    trail: tuple[str, ...] = ()
    retried: tuple[str, ...] = ()
    unclear: int = 0
    facts: dict[str, str] = Field(default_factory=dict)
    raised: tuple[str, ...] = ()
    level: Level = Level.READY
    holds: tuple[str, ...] = ()
    sitting: int = 0
    full: bool = False
    warned: bool = False
    outcome: str = ""

    @property
    def known(self) -> Known:
        """What conditions are asked of."""
        return Known(self.answers, self.facts)

    @property
    def said(self) -> Known:
        """All that counts for concerns and the result: the answers and what old buttons added."""
        steps = {*self.answers, *self.late}
        together = {step: (*self.answers.get(step, ()), *self.late.get(step, ())) for step in steps}
        return Known(together, self.facts)


def to_json(visit: Visit) -> str:
    """The visit as JSON, without what has its default value."""
    return visit.model_dump_json(exclude_defaults=True)


def from_json(text: str) -> Visit:
    """The visit of that JSON. Raises pydantic.ValidationError when it is not one."""
    return Visit.model_validate_json(text)
