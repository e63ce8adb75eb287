"""The catalogue of concerns, and what the answers of a visit mean together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import Field

from flows.effects import Line
from flows.script import Condition, Raise, Script, Step, Verdict
from flows.values import CaseKind, Frozen, Level, Role, Urgency


class Variant(Frozen):
    """Another urgency or route that a script may give a concern; unset parts stay as in the entry."""

    urgency: Urgency | None = None
    route: tuple[Role, ...] | None = None


class Concern(Frozen):
    """One entry of the catalogue. `staff` and `next_step` are shown to staff only (S-26).

    `once`: told when it begins and then not again until it has changed.
    """

    id: str
    urgency: Urgency
    route: tuple[Role, ...] = Field(min_length=1)
    kind: CaseKind
    staff: str = Field(min_length=1, max_length=600)
    next_step: str = Field(min_length=1, max_length=600)
    source: str = Field(min_length=1)
    variants: tuple[Variant, ...] = ()
    once: bool = False

    def allows(self, urgency: Urgency, route: tuple[Role, ...]) -> bool:
        """Whether a script may raise it with these."""
        allowed = {(self.urgency, self.route)} | {
            (v.urgency or self.urgency, v.route or self.route) for v in self.variants
        }
        return (urgency, route) in allowed


class Catalogue(Frozen):
    """All concerns, by id."""

    format: int
    concerns: tuple[Concern, ...]

    def __getitem__(self, concern_id: str) -> Concern:
        for concern in self.concerns:
            if concern.id == concern_id:
                return concern
        raise KeyError(concern_id)

    def __contains__(self, concern_id: str) -> bool:
        return any(c.id == concern_id for c in self.concerns)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids in the order of the file."""
        return tuple(c.id for c in self.concerns)


def said_to_staff(catalogue: Catalogue, concern: str, step: Step | None, chosen: Iterable[str]) -> Line:
    """What staff read of a concern raised by these choices of the step: their own words, else the catalogue's.

    Where they raise it in different words it is the catalogue's; a concern that is not in it is said by its id.
    """
    ids = set(chosen)
    raising = [
        item for choice in (step.choices if step else ()) if choice.id in ids for item in choice.raises
    ]
    own = {item.staff for item in raising if item.concern == concern}
    text = catalogue[concern].staff if concern in catalogue else concern
    return Line(f"concern/{concern}", (own.pop() if len(own) == 1 else None) or text)


@dataclass(frozen=True, slots=True)
class Known:
    """What conditions look at: the current answers (step -> choices) and the shell's facts."""

    answers: Mapping[str, tuple[str, ...]]
    facts: Mapping[str, str]


def holds(condition: Condition | None, known: Known) -> bool:
    """Whether the condition is met; no condition always is."""
    if condition is None:
        return True
    return (
        all(set(ids) & set(known.answers.get(step, ())) for step, ids in condition.answered.items())
        and all(known.facts.get(name) in values for name, values in condition.facts.items())
        and all(holds(c, known) for c in condition.all)
        and (not condition.any or any(holds(c, known) for c in condition.any))
        and not any(holds(c, known) for c in condition.none)
    )


@dataclass(frozen=True, slots=True)
class Meaning:
    """A concern that the answers imply, with the urgency and route it has here."""

    concern: str
    urgency: Urgency
    route: tuple[Role, ...]
    step: str
    choices: tuple[str, ...]


def _raised_by(script: Script, known: Known) -> Iterator[tuple[Step, Raise]]:
    for step in script.steps:
        chosen = known.answers.get(step.id)
        if not chosen:
            continue
        for choice in step.choices:
            if choice.id in chosen:
                yield from ((step, r) for r in choice.raises)
        if script.defer and "defer" in chosen:
            yield from ((step, r) for r in script.defer.raises)
    for rule in script.rules:
        if holds(rule.when, known):
            yield from ((script.step(rule.step), r) for r in rule.raises)


def meanings(script: Script, catalogue: Catalogue, known: Known) -> tuple[Meaning, ...]:
    """What all current answers imply, whatever the order they were given in.

    A concern implied at several steps comes once for each (S-33: a second sign of the same thing is not merged
    into the first), and at one step once for each urgency and route; the most urgent first.
    """
    found: dict[tuple[str, str, Urgency, tuple[Role, ...]], Meaning] = {}
    for step, item in _raised_by(script, known):
        if not holds(item.when, known):
            continue
        entry = catalogue[item.concern]
        urgency, route = item.urgency or entry.urgency, item.route or entry.route
        meaning = Meaning(item.concern, urgency, route, step.id, known.answers.get(step.id, ()))
        found.setdefault((item.concern, step.id, urgency, route), meaning)
    return tuple(sorted(found.values(), key=lambda m: -m.urgency.rank))


def verdicts(script: Script, known: Known) -> tuple[tuple[Step, Verdict], ...]:
    """The verdict of every current answer that has one, in the script's order; the first that holds counts."""
    found: list[tuple[Step, Verdict]] = []
    ruled = {rule.step for rule in script.rules}
    for step in script.steps:
        chosen = known.answers.get(step.id, ())
        if not chosen and step.id not in ruled:
            continue
        lists = [c.readiness for c in step.choices if c.id in chosen]
        if script.defer and "defer" in chosen:
            lists.append(script.defer.readiness)
        lists += [r.readiness for r in script.rules if r.step == step.id and holds(r.when, known)]
        for options in lists:
            verdict = next((v for v in options if holds(v.when, known)), None)
            if verdict:
                found.append((step, verdict))
    return tuple(found)


def level_of(found: tuple[tuple[Step, Verdict], ...]) -> Level:
    """The most restrictive of the verdicts; ready when there is none."""
    return max((v.level for _, v in found), key=lambda level: level.rank, default=Level.READY)
