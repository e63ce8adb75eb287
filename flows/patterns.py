"""What answers mean over several sessions: values in, findings out. Each names the answers that make it (S-25)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flows.concerns import verdicts
from flows.script import Script
from flows.values import Level
from flows.visit import Visit

Answers = Mapping[str, tuple[str, ...]]

TEST, START, DURING, CHECK_IN = "self_test", "reflection_start", "reflection_during", "check_in"
# Steps of the self-test about equipment or space; the others are about the person and the people there.
EQUIPMENT_OR_SPACE = frozenset(
    {"ST-01", "ST-02", "ST-03", "ST-04", "ST-05", "ST-06", "ST-07", "ST-09", "ST-14", "ST-15"}
)
PLACE, HOME, OVERHEARD, DEVICE, LAST = "ST-07", "ST-08", "ST-09", "ST-02", "ST-15"
LIVING, NEAR, HEARD = "RS-L1", "RS-L3", "RS-L5"
URGE, CHANGES = "RD-G3", "CI-03"
MISSED = "MISSED"
"""Stands for a step where tests were not done: there is no answer to point at."""
WINDOW = 3
"""So many tests are looked back on."""
OFTEN, DEFERRALS = 2, 3


@dataclass(frozen=True, slots=True)
class Sign:
    """An answer that is part of a pattern."""

    script: str
    step: str
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A concern and the answers that make it together, the newest first. `about`: two of the same are one."""

    concern: str
    signs: tuple[Sign, ...]
    about: str


@dataclass(frozen=True, slots=True)
class Test:
    """What the self-test of one session came to. `unready`: answers about equipment or space in the way."""

    __test__ = False  # no test of pytest's

    session: str
    answers: Answers = field(default_factory=dict)
    unready: tuple[Sign, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """What one person has said. `tests`: newest first, one for each session; the rest: current answers.

    `missed`: those of the last three sessions held that had no test, newest first.
    """

    tests: tuple[Test, ...] = ()
    start: Answers = field(default_factory=dict)
    during: Answers = field(default_factory=dict)
    check_in: Answers = field(default_factory=dict)
    deferred: tuple[Sign, ...] = ()
    missed: tuple[str, ...] = ()


def counts(visit: Visit) -> bool:
    """Whether a self-test got as far as a result; one that somebody else answered never does (S-05)."""
    if visit.outcome == "not_person":
        return False
    return visit.outcome in ("done", "nearby", "later") or LAST in visit.answers


def unready(script: Script, visit: Visit, at_least: Level = Level.TO_FIX) -> tuple[Sign, ...]:
    """The answers about equipment or space for which this test was not *ready*; one broken off as well (S-04)."""
    said = visit.said
    found = [
        Sign(script.name, step.id, said.answers[step.id])
        for step, verdict in verdicts(script, said)
        if step.id in EQUIPMENT_OR_SPACE
        and verdict.level.rank >= at_least.rank
        and "defer" not in said.answers[step.id]
    ]
    broken_off = [Sign(script.name, "DOOR", ("later",))] if visit.outcome == "later" else []
    return tuple(dict.fromkeys((*found, *broken_off)))


def findings(history: History) -> tuple[Finding, ...]:
    """Everything the rules find, each once."""
    return tuple(dict.fromkeys(found for rule in RULES for found in rule(history)))


def repeated_failure(history: History) -> Iterator[Finding]:
    """Equipment or space not *ready* now and in one of the two sessions before (S0, suitability)."""
    recent = history.tests[:WINDOW]
    failed = [test for test in recent if test.unready]
    if len(failed) >= OFTEN and recent[0].unready:
        signs = (*failed[0].unready, *failed[1].unready)
        yield Finding("repeated_failure", tuple(dict.fromkeys(signs)), recent[0].session)


def home_changed(history: History) -> Iterator[Finding]:
    """Another home, or other people there, than usual in the last three tests; or changes told in the check-in."""
    before = history.tests[1 : WINDOW + 1]
    if history.tests:
        newest = history.tests[0]
        place = newest.answers.get(PLACE, ())
        usual = _usual(before, PLACE)
        if "other_home" in place and usual is not None and set(usual) != set(place):
            yield _pair("home_changed", newest, PLACE, usual)
        people, usual = newest.answers.get(HOME, ()), _usual(before, HOME)
        if people and "defer" not in people and usual is not None and set(usual) != set(people):
            yield _pair("home_changed", newest, HOME, usual)
    changes = history.check_in.get(CHANGES, ())
    if set(changes) - {"nothing", "defer"}:
        usual = _usual(history.tests[:WINDOW], HOME)
        signs = [Sign(CHECK_IN, CHANGES, changes), *([Sign(TEST, HOME, usual)] if usual else [])]
        yield Finding("home_changed", tuple(signs), f"{CHANGES} {_listed(changes)}")


def contradiction(history: History) -> Iterator[Finding]:
    """Two answers that do not fit together (S-25): told once while they stand, and again when they come back."""
    for pair in _contradicting(history):
        began, older = history.tests[0].session, replace(history, tests=history.tests[1:])
        while older.tests and pair in _contradicting(older):
            began, older = older.tests[0].session, replace(older, tests=older.tests[1:])
        about = " ".join([began, *(f"{sign.step} {_listed(sign.choices)}" for sign in pair)])
        yield Finding("contradiction", pair, about)


def disengaging(history: History) -> Iterator[Finding]:
    """Two of: tests missed, often an urge to switch off, several questions put off (S4, programme engagement)."""
    missed = [Sign(TEST, MISSED, (str(len(history.missed)),))] if len(history.missed) >= OFTEN else []
    deferred = list(history.deferred[:DEFERRALS]) if len(history.deferred) >= DEFERRALS else []
    urge = history.during.get(URGE, ())
    often = [Sign(DURING, URGE, urge)] if "often" in urge else []
    kinds = [kind for kind in (missed, deferred, often) if kind]
    if len(kinds) >= OFTEN:
        signs = tuple(sign for kind in kinds for sign in kind)
        what = [name for name, kind in (("missed", missed), ("deferred", deferred), ("often", often)) if kind]
        yield Finding("disengaging", signs, " ".join([*what, *history.missed[:1]]))


RULES = (repeated_failure, home_changed, contradiction, disengaging)


def _contradicting(history: History) -> tuple[tuple[Sign, Sign], ...]:
    if not history.tests:
        return ()
    now, start = history.tests[0].answers, history.start
    found: list[tuple[Sign, Sign]] = []

    def against(step: str, other: Sign) -> None:
        found.append((Sign(TEST, step, now[step]), other))

    alone = "nobody" in now.get(HOME, ())
    unheard = OVERHEARD if "no" in now.get(OVERHEARD, ()) else HOME if alone else None
    if unheard and "yes" in start.get(HEARD, ()):
        against(unheard, Sign(START, HEARD, start[HEARD]))
    if alone and set(start.get(NEAR, ())) - {"nobody", "defer"}:
        against(HOME, Sign(START, NEAR, start[NEAR]))
    if "partner" in now.get(HOME, ()) and "no" in start.get(LIVING, ()):
        against(HOME, Sign(START, LIVING, start[LIVING]))
    earlier = history.tests[1].answers if len(history.tests) > 1 else {}
    if "mine" in now.get(DEVICE, ()) and "shared" in earlier.get(DEVICE, ()):
        against(DEVICE, Sign(TEST, DEVICE, earlier[DEVICE]))
    return tuple(found)


def _usual(tests: Sequence[Test], step: str) -> tuple[str, ...] | None:
    """The answer given at least twice in these tests; None when no answer is usual."""
    given = [test.answers[step] for test in tests if test.answers.get(step)]
    for answer in given:
        if sum(set(other) == set(answer) for other in given) >= OFTEN and "defer" not in answer:
            return answer
    return None


def _pair(concern: str, newest: Test, step: str, usual: tuple[str, ...]) -> Finding:
    signs = (Sign(TEST, step, newest.answers[step]), Sign(TEST, step, usual))
    return Finding(concern, signs, f"{newest.session} {step} {_listed(newest.answers[step])}")


def _listed(choices: Sequence[str]) -> str:
    return ",".join(sorted(choices))
