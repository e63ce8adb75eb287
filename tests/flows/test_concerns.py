"""Conditions, and what several answers mean together."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.check import faults_in
from flows.concerns import Known, holds, level_of, meanings, verdicts
from flows.effects import RaiseConcern
from flows.engine import advance, begin
from flows.inputs import Answered, Opened
from flows.library import Playable
from flows.script import Condition, Script
from flows.values import Level, Role, Urgency
from tests.conversations.playing import NOON
from tests.flows.walks import library

CATALOGUE = library().catalogue
KNOWN = Known({"SM-01": ("one", "two"), "SM-02": ("three",)}, {"platform": "zoom"})

CONDITIONS: list[tuple[dict[str, Any], bool, str]] = [
    ({}, True, "always"),
    ({"answered": {"SM-01": "two"}}, True, "SM-01 is two"),
    ({"answered": {"SM-01": ["three", "two"]}}, True, "SM-01 is three or two"),
    ({"answered": {"SM-01": "three"}}, False, "SM-01 is three"),
    ({"answered": {"SM-01": "one", "SM-02": "one"}}, False, "SM-01 is one and SM-02 is one"),
    ({"answered": {"SM-07": "one"}}, False, "SM-07 is one"),
    ({"facts": {"platform": ["teams", "zoom"]}}, True, "platform is teams or zoom"),
    ({"facts": {"duty": "off"}}, False, "duty is off"),
    (
        {"any": [{"facts": {"duty": "off"}}, {"answered": {"SM-02": "three"}}]},
        True,
        "(duty is off or SM-02 is three)",
    ),
    ({"any": [{"facts": {"duty": "off"}}]}, False, "(duty is off)"),
    (
        {"all": [{"answered": {"SM-01": "one"}}, {"facts": {"duty": "off"}}]},
        False,
        "SM-01 is one and duty is off",
    ),
    ({"none": [{"facts": {"duty": "off"}}]}, True, "not (duty is off)"),
    ({"none": [{"answered": {"SM-01": "one"}}]}, False, "not (SM-01 is one)"),
    (
        {"answered": {"SM-01": "one"}, "none": [{"any": [{"answered": {"SM-02": "three"}}]}]},
        False,
        "SM-01 is one and not ((SM-02 is three))",
    ),
]


@pytest.mark.parametrize(("given_as", "met", "words"), CONDITIONS)
def test_conditions_hold_as_they_read(given_as: dict[str, Any], met: bool, words: str) -> None:
    """A condition is met when every part of it is, and reads the same in words on the drawn arrow."""
    condition = Condition.model_validate(given_as)
    assert holds(condition, KNOWN) is met
    assert condition.label == words


def test_no_condition_is_always_met() -> None:
    """What has no condition is always asked and always raised."""
    assert holds(None, KNOWN)


def small(**more: Any) -> Script:
    """Three questions, with whatever rules are given."""
    steps = [
        {
            "id": f"SM-0{n}",
            "kind": "choose",
            "text": "Well?",
            "choices": [
                {"id": "good", "label": "Good"},
                {"id": "bad", "label": "Bad"},
                {"id": "odd", "label": "Odd", "raises": "no_plan"},
            ],
        }
        for n in (1, 2, 3)
    ]
    fields = {"format": 1, "script": "small", "version": 1, "title": "Small", "steps": steps}
    return Script.model_validate(fields | more)


RULES = [
    {
        "step": "SM-03",
        "when": {"answered": {"SM-01": "bad", "SM-02": "bad", "SM-03": "bad"}},
        "raises": {"concern": "very_upset", "urgency": "now", "route": ["F", "D", "P"]},
        "readiness": "hold",
    },
    {
        "step": "SM-02",
        "when": {"answered": {"SM-01": "bad"}},
        "raises": ["very_upset", {"concern": "no_support", "when": {"answered": {"SM-02": "bad"}}}],
        "readiness": [
            {"level": "hold", "when": {"answered": {"SM-03": "odd"}}},
            {"level": "to_fix", "fix": "This"},
        ],
    },
]


def test_rules_are_without_fault() -> None:
    """The rules of these tests are such as a script file may have."""
    assert faults_in(small(rules=RULES), CATALOGUE) == []


def raised_by(script: Script, order: tuple[str, ...], choice: str) -> set[tuple[str, Urgency, str]]:
    """What comes up when the questions are answered in this order."""
    playable = Playable(script, CATALOGUE)
    turn = advance(playable, begin(playable), Opened(), NOON)
    found = []
    for step in order:
        visit = turn.visit.model_copy(update={"step": step})
        turn = advance(playable, visit, Answered(step, choice, visit.asking), NOON)
        found += [e for e in turn.effects if isinstance(e, RaiseConcern)]
        assert "status" not in turn.visit.facts
        turn = type(turn)(turn.visit.model_copy(update={"status": "open", "outcome": ""}), turn.effects)
    return {(e.concern, e.urgency, e.step) for e in found}


@pytest.mark.parametrize("order", list(permutations(("SM-01", "SM-02", "SM-03"))))
def test_rules_hold_in_any_order(order: tuple[str, ...]) -> None:
    """S-33 What several answers mean together comes up whichever of them was given last."""
    assert raised_by(small(rules=RULES), order, "bad") == {
        ("very_upset", Urgency.NOW, "SM-03"),
        ("very_upset", Urgency.SESSION, "SM-02"),
        ("no_support", Urgency.REVIEW, "SM-02"),
    }


def test_the_same_at_another_step_is_another_meaning() -> None:
    """S-33 One concern raised at three questions is raised three times, for each with its step."""
    assert {step for _, _, step in raised_by(small(), ("SM-02", "SM-01", "SM-03"), "odd")} == {
        *("SM-01", "SM-02", "SM-03"),
    }


answers = st.dictionaries(
    st.sampled_from(["ST-07", "ST-08", "ST-09", "ST-10", "ST-11", "ST-12", "ST-13", "ST-02", "ST-15"]),
    st.sampled_from(
        ["partner", "children", "others", "nobody", "no", "yes", "maybe", "some", "very_upset", "car"]
    ).map(lambda choice: (choice,)),
)


@given(answers)
def test_meanings_do_not_depend_on_the_order_of_answers(given_answers: dict[str, tuple[str, ...]]) -> None:
    """The same answers mean the same, in whatever order they were given, the most urgent first."""
    script = library().newest("self_test").script
    one = meanings(script, CATALOGUE, Known(given_answers, {}))
    other = meanings(script, CATALOGUE, Known(dict(reversed(given_answers.items())), {}))
    assert one == other
    assert [m.urgency.rank for m in one] == sorted((m.urgency.rank for m in one), reverse=True)


@given(answers, answers)
def test_more_answers_never_make_a_result_better(
    one: dict[str, tuple[str, ...]], two: dict[str, tuple[str, ...]]
) -> None:
    """S-08 Saying more to other questions never turns a hold into ready, except where a condition says so."""
    script = library().newest("self_test").script
    both = two | one
    alone, together = (level_of(verdicts(script, Known(said, {}))) for said in (one, both))
    assert together.rank >= alone.rank


def test_verdicts_take_the_first_that_holds() -> None:
    """A list of verdicts is read from the top; the most restrictive over all answers is the result."""
    script = small(rules=RULES, before_session=True)
    once = verdicts(script, Known({"SM-01": ("bad",)}, {}))
    assert [(step.id, v.level, v.fix) for step, v in once] == [("SM-02", Level.TO_FIX, "This")]
    assert level_of(verdicts(script, Known({"SM-01": ("bad",), "SM-03": ("odd",)}, {}))) is Level.HOLD
    assert level_of(()) is Level.READY


def test_a_concern_allows_what_its_entry_lists() -> None:
    """A script may raise a concern with the urgency and route of the entry or a variant, with no other."""
    entry = CATALOGUE["very_upset"]
    assert entry.allows(Urgency.SESSION, (Role.FACILITATOR,))
    assert entry.allows(Urgency.NOW, (Role.FACILITATOR, Role.DUTY, Role.PARTNER_SUPPORT))
    assert not entry.allows(Urgency.NOW, (Role.FACILITATOR,))
    assert "no_such" not in CATALOGUE
    with pytest.raises(KeyError):
        CATALOGUE["no_such"]
