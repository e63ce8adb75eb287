"""Faults across scripts, found without running them: dead ends, unreachable steps, silent risky answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flows.concerns import Catalogue
from flows.machine import definition
from flows.script import END, Condition, Raise, Script
from flows.steps import kinds
from flows.values import Level

# Raised by the engine, the shell or staff records rather than by a choice (3-content.md).
RAISED_ELSEWHERE = frozenset(
    {
        "check_not_done",
        "repeated_failure",
        "contradiction",
        "left_or_absent",
        "text_flagged",
        "unreadable_answer",
        "not_the_person",
    }
)
Fault = tuple[str, str]


def faults_in(script: Script, catalogue: Catalogue) -> list[Fault]:
    """(step id, what is wrong and what would be right) for one script."""
    unknown = [
        (s.id, f"kind {s.kind} is not known; there are {', '.join(kinds())}")
        for s in script.steps
        if s.kind not in kinds()
    ]
    if unknown:
        return unknown
    found = [(s.id, what) for s in script.steps for what in kinds()[s.kind].faults(s)]
    found += _targets(script)
    if not found:
        found += _reach(script)
    found += _conditions(script)
    found += _concerns(script, catalogue)
    found += _said(script)
    found += _risky(script)
    return found


def faults_across(scripts: Sequence[Script], catalogue: Catalogue) -> list[str]:
    """What only shows when all scripts are looked at together."""
    raised = {r.concern for script in scripts for _, r in _all_raises(script)}
    idle = [c for c in catalogue.ids if c not in raised | RAISED_ELSEWHERE]
    twice = {c for c in catalogue.ids if catalogue.ids.count(c) > 1}
    return [f"concern {c} is raised by no script; raise it or take it out" for c in idle] + [
        f"concern {c} stands twice; keep one" for c in sorted(twice)
    ]


def _targets(script: Script) -> Iterator[Fault]:
    ids = {s.id for s in script.steps} | {END}
    for step in script.steps:
        for target in [step.next, *(c.next for c in step.choices)]:
            if target is not None and target not in ids:
                yield step.id, f"leads to {target}, which does not exist; use a step id of this script or END"


def _reach(script: Script) -> Iterator[Fault]:
    _, rows = definition(script)
    leads: dict[str, set[str]] = {}
    for row in rows:
        leads.setdefault(row["source"], set()).add(row["dest"])
    reached = _closure({script.steps[0].id}, leads)
    back: dict[str, set[str]] = {}
    for source, targets in leads.items():
        for target in targets:
            back.setdefault(target, set()).add(source)
    ending = _closure({END}, back)
    for step in script.steps:
        if step.id not in reached:
            yield step.id, "is never reached; lead to it with `next`, or take it out"
        elif step.id not in ending:
            yield step.id, "is a dead end: no way from here to the end; give a choice a `next`"


def _closure(start: set[str], leads: dict[str, set[str]]) -> set[str]:
    seen, todo = set(start), list(start)
    while todo:
        for target in leads.get(todo.pop(), set()) - seen:
            seen.add(target)
            todo.append(target)
    return seen


def _all_conditions(script: Script) -> Iterator[tuple[str, Condition]]:
    for step in script.steps:
        if step.when:
            yield step.id, step.when
        for choice in step.choices:
            whens = [choice.when, *(r.when for r in choice.raises), *(v.when for v in choice.readiness)]
            yield from ((step.id, when) for when in whens if when)
    for rule in script.rules:
        yield rule.step, rule.when
        inner = [*(r.when for r in rule.raises), *(v.when for v in rule.readiness)]
        yield from ((rule.step, when) for when in inner if when)


def _inner(condition: Condition) -> Iterator[Condition]:
    yield condition
    for part in (*condition.any, *condition.all, *condition.none):
        yield from _inner(part)


def _conditions(script: Script) -> Iterator[Fault]:
    steps = {s.id: s for s in script.steps}
    for at, outer in _all_conditions(script):
        for condition in _inner(outer):
            for step_id, choices in condition.answered.items():
                if step_id not in steps:
                    yield at, f"asks about step {step_id}, which does not exist in this script"
                    continue
                known = {c.id for c in steps[step_id].choices} | {
                    "defer",
                    "written",
                    *kinds()[steps[step_id].kind].triggers(steps[step_id]),
                }
                for choice in choices:
                    if choice not in known:
                        yield at, f"asks whether {step_id} is {choice}; it has {', '.join(sorted(known))}"


def _all_raises(script: Script) -> Iterator[tuple[str, Raise]]:
    for step in script.steps:
        yield from ((step.id, r) for c in step.choices for r in c.raises)
    for rule in script.rules:
        yield from ((rule.step, r) for r in rule.raises)
    if script.defer:
        yield from (("", r) for r in script.defer.raises)


def _concerns(script: Script, catalogue: Catalogue) -> Iterator[Fault]:
    for step, item in _all_raises(script):
        if item.concern not in catalogue:
            yield (
                step,
                f"raises {item.concern}, which is not in concerns.yaml; add it there or correct the name",
            )
            continue
        entry = catalogue[item.concern]
        urgency, route = item.urgency or entry.urgency, item.route or entry.route
        if not entry.allows(urgency, route):
            shown = " ".join(role.value for role in route)
            yield step, f"raises {item.concern} as {urgency.value} to {shown}; list that under its `variants`"


def _said(script: Script) -> Iterator[Fault]:
    """Words for staff that nobody would read: they are looked for among the choices."""
    elsewhere = [(rule.step, r) for rule in script.rules for r in rule.raises]
    elsewhere += [("", r) for r in script.defer.raises] if script.defer else []
    for step, item in elsewhere:
        if item.staff is not None:
            yield step, f"raises {item.concern} with `staff`, which only a choice can have; take it out"


def _risky(script: Script) -> Iterator[Fault]:
    """A hold nobody hears of: a choice that holds (or closes) but raises nothing."""
    ruled = {rule.step for rule in script.rules if rule.raises}
    for step in script.steps:
        for choice in step.choices:
            grave = any(v.level is Level.HOLD for v in choice.readiness) or choice.closing is not None
            if grave and not choice.raises and step.id not in ruled:
                yield step.id, f"choice {choice.id} stops the person but raises no concern; add `raises`"
