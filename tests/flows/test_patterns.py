"""Patterns over sessions: values in, findings out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.engine import advance, begin
from flows.inputs import Answered, Interrupted, Opened
from flows.patterns import History, Sign, Test, counts, findings, unready
from flows.values import Level
from flows.visit import Visit
from tests.conversations.playing import NOON
from tests.flows.walks import library

Answers = dict[str, tuple[str, ...]]
WEAK = Sign("self_test", "ST-04", ("weak",))
CAMERA = Sign("self_test", "ST-03", ("no",))


def all_of(*newest_first: Answers) -> tuple[Test, ...]:
    """A test for each, of sessions s9, s8, ..."""
    return tuple(Test(f"s{9 - n}", answers) for n, answers in enumerate(newest_first))


def failing(*newest_first: bool) -> tuple[Test, ...]:
    """Tests in which the connection was weak, or nothing was."""
    return tuple(Test(f"s{9 - n}", unready=(WEAK,) if bad else ()) for n, bad in enumerate(newest_first))


def found(history: History, concern: str) -> list[tuple[Sign, ...]]:
    """The answers of each finding of that concern."""
    return [finding.signs for finding in findings(history) if finding.concern == concern]


@pytest.mark.parametrize(
    ("newest_first", "told"),
    [
        ((True,), False),
        ((True, False, False), False),
        ((True, True), True),
        ((True, False, True), True),
        ((True, False, False, True), False),
        ((False, True, True), False),
        ((True, True, True), True),
    ],
)
def test_two_of_three_failures(newest_first: tuple[bool, ...], told: bool) -> None:
    """S-32 Equipment or space not ready now and in one of the two sessions before is `repeated_failure` (S0)."""
    assert bool(found(History(tests=failing(*newest_first)), "repeated_failure")) is told


def test_repeated_failure_names_both_answers() -> None:
    """S-25 The answers of both sessions are named, the newer first."""
    tests = (Test("s9", unready=(CAMERA,)), Test("s8", unready=(WEAK,)))
    assert found(History(tests=tests), "repeated_failure") == [(CAMERA, WEAK)]


ALONE: Answers = {"ST-07": ("usual_room",), "ST-08": ("nobody",)}
CHILDREN: Answers = {"ST-07": ("usual_room",), "ST-08": ("children",)}
BOTH: Answers = {"ST-07": ("usual_room",), "ST-08": ("children", "others")}
BOTH_AGAIN: Answers = {"ST-07": ("usual_room",), "ST-08": ("others", "children")}
ELSEWHERE: Answers = {"ST-07": ("other_home",), "ST-08": ("nobody",)}


@pytest.mark.parametrize(
    ("newest_first", "steps"),
    [
        ((ALONE, ALONE, ALONE, ALONE), []),
        ((CHILDREN, ALONE, ALONE, ALONE), ["ST-08"]),
        ((CHILDREN, ALONE, CHILDREN, ALONE), ["ST-08"]),
        ((CHILDREN, ALONE), []),  # one test makes no habit
        ((CHILDREN, ALONE, BOTH, {}), []),
        ((BOTH_AGAIN, BOTH, BOTH), []),
        ((ELSEWHERE, ALONE, ALONE), ["ST-07"]),
        ((ELSEWHERE, ELSEWHERE, ELSEWHERE), []),
        ((CHILDREN, BOTH, ALONE, CHILDREN, ALONE, ALONE), []),  # only the last three before count
        (({"ST-07": ("car",)}, ALONE, ALONE), []),
    ],
)
def test_home_as_usual_or_not(newest_first: tuple[Answers, ...], steps: list[str]) -> None:
    """S-25 Another home, or other people there, than twice in the last three tests is `home_changed`."""
    pairs = found(History(tests=all_of(*newest_first)), "home_changed")
    assert [pair[0].step for pair in pairs] == steps


def test_home_changed_names_what_was_usual() -> None:
    """S-25 Details get the answer now and the usual one."""
    (pair,) = found(History(tests=all_of(CHILDREN, ALONE, ALONE)), "home_changed")
    assert [sign.choices for sign in pair] == [("children",), ("nobody",)]


@pytest.mark.parametrize(("changes", "told"), [(("nothing",), 0), (("moved_in",), 1), (("defer",), 0)])
def test_changes_told_in_the_check_in(changes: tuple[str, ...], told: int) -> None:
    """S-25 What CI-03 says stands beside who was usually there."""
    history = History(tests=all_of(ALONE, ALONE), check_in={"CI-03": changes})
    pairs = found(history, "home_changed")
    assert len(pairs) == told
    assert all([sign.step for sign in pair] == ["CI-03", "ST-08"] for pair in pairs)


UNHEARD: Answers = {"ST-08": ("partner",), "ST-09": ("no",)}
PARTNER: Answers = {"ST-08": ("partner",), "ST-09": ("maybe",)}
MINE: Answers = {"ST-02": ("mine",)}
SHARED: Answers = {"ST-02": ("shared",)}


@pytest.mark.parametrize(
    ("tests", "start", "pairs"),
    [
        ((ALONE,), {"RS-L5": ("yes",)}, [("ST-08", "RS-L5")]),
        ((ALONE,), {"RS-L5": ("maybe",)}, []),
        ((UNHEARD,), {"RS-L5": ("yes",)}, [("ST-09", "RS-L5")]),
        ((CHILDREN,), {"RS-L5": ("yes",)}, []),
        ((ALONE,), {"RS-L3": ("children",)}, [("ST-08", "RS-L3")]),
        ((ALONE,), {"RS-L3": ("nobody",)}, []),
        ((ALONE,), {"RS-L3": ("defer",)}, []),
        ((ALONE,), {"RS-L3": ("partner",), "RS-L5": ("yes",)}, [("ST-08", "RS-L5"), ("ST-08", "RS-L3")]),
        ((PARTNER,), {"RS-L1": ("no",)}, [("ST-08", "RS-L1")]),
        ((PARTNER,), {"RS-L1": ("sometimes",)}, []),
        ((MINE, SHARED), {}, [("ST-02", "ST-02")]),
        ((SHARED, MINE), {}, []),
        ((MINE, MINE, SHARED), {}, []),
        ((), {"RS-L5": ("yes",)}, []),
    ],
)
def test_answers_that_do_not_fit(
    tests: tuple[Answers, ...], start: Answers, pairs: list[tuple[str, str]]
) -> None:
    """S-25 Alone now, but heard before; mine only, but shared last time; lives alone, then with the partner."""
    signs = found(History(tests=all_of(*tests), start=start), "contradiction")
    assert [(pair[0].step, pair[1].step) for pair in signs] == pairs


def test_a_contradiction_is_one_while_it_stands() -> None:
    """S-25, S-33 The same pair at the next session is the same finding; back after a gap, it is a new one."""
    start = {"RS-L3": ("partner",)}

    def key(*newest_first: Test) -> str:
        return next(f.about for f in findings(History(newest_first, start)) if f.concern == "contradiction")

    first, second = Test("s1", ALONE), Test("s2", ALONE)
    between, back = Test("s3", CHILDREN), Test("s4", ALONE)
    assert key(first) == key(second, first)
    assert key(back, between, second, first) != key(second, first)


DEFERRED = tuple(Sign("reflection_start", f"RS-M{n}", ("defer",)) for n in (1, 2, 3))
OFTEN: Answers = {"RD-G3": ("often",)}


@pytest.mark.parametrize(
    ("history", "told"),
    [
        (History(missed=("s9", "s8")), False),
        (History(during=OFTEN), False),
        (History(deferred=DEFERRED), False),
        (History(missed=("s9", "s8"), during=OFTEN), True),
        (History(missed=("s9",), during=OFTEN), False),
        (History(missed=("s9", "s8"), deferred=DEFERRED), True),
        (History(during=OFTEN, deferred=DEFERRED), True),
        (History(during=OFTEN, deferred=DEFERRED[:2]), False),
        (History(during={"RD-G3": ("sometimes",)}, deferred=DEFERRED), False),
    ],
)
def test_two_signs_of_drawing_back(history: History, told: bool) -> None:
    """S-25 Two of missed tests, an urge often, three questions put off, are `disengaging`; one is not."""
    assert bool(found(history, "disengaging")) is told


CHOICES = st.sampled_from(
    [
        ALONE, CHILDREN, BOTH, ELSEWHERE, UNHEARD, PARTNER, {**ALONE, **MINE}, {**CHILDREN, **SHARED}, {},
        {"ST-08": ("defer",)},
    ]
)  # fmt: skip
HISTORIES = st.builds(
    lambda answers, bad, start, during, missed: History(
        tests=tuple(
            Test(f"s{n}", a, (WEAK,) if b else ()) for n, (a, b) in enumerate(zip(answers, bad, strict=False))
        ),
        start=start,
        during=during,
        missed=tuple(f"s{n}" for n in range(missed)),
    ),
    st.lists(CHOICES, max_size=8),
    st.lists(st.booleans(), max_size=8),
    st.sampled_from([{}, {"RS-L1": ("no",), "RS-L3": ("partner",), "RS-L5": ("yes",)}]),
    st.sampled_from([{}, OFTEN]),
    st.integers(0, 3),
)


@given(HISTORIES)
def test_every_finding_points_at_answers(history: History) -> None:
    """S-25 Whatever was said: every finding is one of the catalogue, names at least two answers or one told change,
    no two are the same, and looking twice finds the same."""
    made = findings(history)
    assert made == findings(history)
    assert len({(finding.concern, finding.about) for finding in made}) == len(made)
    for finding in made:
        assert finding.concern in library().catalogue
        assert finding.signs
        for sign in finding.signs:
            assert sign.choices
            assert sign.step == "MISSED" or (
                library().newest(sign.script).find(sign.step) is not None or sign.step == "DOOR"
            )


@given(HISTORIES)
def test_what_is_long_past_counts_for_nothing(history: History) -> None:
    """S-08 Only a contradiction knows more than the last four tests, and of it only when it began."""
    short = replace(history, tests=history.tests[:4])
    assert [(f.concern, f.signs) for f in findings(history)] == [
        (f.concern, f.signs) for f in findings(short)
    ]


def played(*presses: tuple[str, str]) -> Visit:
    """A self-test after these presses."""
    playable = library().newest("self_test")
    visit = advance(playable, begin(playable), Opened({}), NOON).visit
    for step, choice in presses:
        visit = advance(playable, visit, Answered(step, choice, visit.asking), NOON).visit
    return visit


def test_what_is_in_the_way_is_read_from_the_verdicts() -> None:
    """S-32 Place and equipment count, how somebody feels does not, nor does asking for a person."""
    script = library().newest("self_test").script
    presses = (
        ("ST-07", "car"), ("ST-08", "nobody"), ("ST-08", "done"), ("ST-13", "very_upset"), ("ST-13", "done"),
        ("ST-12", "some"), ("ST-02", "defer"), ("ST-01", "phone"),
    )  # fmt: skip
    visit = played(*presses)
    assert [sign.step for sign in unready(script, visit)] == ["ST-07", "ST-01"]
    assert [sign.step for sign in unready(script, visit, Level.HOLD)] == ["ST-07"]
    assert not counts(visit)


def test_a_test_counts_from_its_result_on() -> None:
    """S-04, S-05 One broken off because somebody is near counts, one answered by somebody else does not."""
    script = library().newest("self_test").script
    near = played(("ST-07", "usual_room"), ("ST-08", "partner"), ("ST-08", "done"), ("ST-09", "yes"))
    assert counts(near)
    assert [sign.step for sign in unready(script, near)] == ["ST-09"]
    playable = library().newest("self_test")
    later = advance(playable, begin(playable), Interrupted("later"), NOON).visit
    assert counts(later)
    assert [sign.step for sign in unready(script, later)] == ["DOOR"]
    assert not counts(
        advance(playable, near.model_copy(update={"status": "open"}), Interrupted("not_person"), NOON).visit
    )
