"""Buttons of earlier messages, ten taps at once, and what a late answer means to people."""

from __future__ import annotations

import pytest

from flows import inputs
from flows.effects import KeepAnswer, RaiseConcern, Retract, Say, SetReadiness
from flows.values import Level
from tests.conversations.playing import plain_line, play, raised_in
from tests.flows.standing import alarming, at, chosen, concerns
from tests.flows.walks import SCRIPTS, library


@pytest.mark.parametrize(("script", "step", "choice"), alarming("choose"))
def test_an_old_button_that_matters_is_kept(script: str, step: str, choice: str) -> None:
    """S-30 An old button that would raise something new is kept as the next version and raises it."""
    c = at(script, step)
    asked = c.visit.asking
    c.say(plain_line(c))
    if c.visit.answers.get(step) == (choice,):
        return  # the only answer there is
    wanted = {r.concern for r in chosen(script, step, choice).raises if r.when is None}
    came = c.turn(inputs.Answered(step, choice, asked))
    kept = [e for e in came if isinstance(e, KeepAnswer)]
    assert [(e.step, e.version, e.choices) for e in kept] == [(step, 2, (choice,))]
    assert wanted <= {e.concern for e in came if isinstance(e, RaiseConcern)}


@pytest.mark.parametrize("script", SCRIPTS)
def test_ten_taps_answer_once(script: str) -> None:
    """S-30 Ten taps of one button at once, at every step: one answer, one step on, nothing said twice."""
    c = play(library().newest(script), ["open"])
    for _ in range(60):
        if c.visit.status != "open":
            break
        step = c.playable.step(c.visit.step)
        if step.kind in ("many", "text"):
            c.go_on(c.playable.course.after(step.id, "defer", c.visit.known))
            continue
        choice, asking = c.buttons[0].split(":")[1], c.visit.asking
        came = [c.turn(inputs.Answered(step.id, choice, asking)) for _ in range(10)]
        assert sum(isinstance(e, KeepAnswer) for e in came[0]) == 1
        assert not any(came[1:])


def test_ten_different_taps_are_answered_in_order() -> None:
    """S-30 All buttons of one message at once: the first is the answer, the rest only add what matters."""
    c = at("self_test", "ST-12")
    asking = c.visit.asking
    for choice in ("none", "some", "wont_say", "none", "some"):
        c.turn(inputs.Answered("ST-12", choice, asking))
    kept = [(e.version, e.choices) for e in c.effects if isinstance(e, KeepAnswer) and e.step == "ST-12"]
    assert kept == [(1, ("none",)), (2, ("some",))]
    assert (c.visit.answers["ST-12"], c.visit.step) == (("none",), "ST-02")
    assert raised_in(c.effects) == [("intoxicated", "session", "F")]
    assert c.visit.level is Level.HOLD


def test_a_double_tap_does_not_use_up_the_second_try() -> None:
    """Tapping "not yet" twice at once shows the tips once; it does not count as the second try."""
    c = at("self_test", "ST-03")
    asking = c.visit.asking
    c.turn(inputs.Answered("ST-03", "no", asking))
    assert c.turn(inputs.Answered("ST-03", "no", asking)) == ()
    assert (c.visit.step, concerns(c)) == ("ST-03", set())


def test_a_late_answer_counts_with_what_comes_after() -> None:
    """S-33 A partner named by an old button makes a later answer as urgent as if it had been named at once."""
    c = at("self_test", "ST-12")
    c.say("old ST-08:partner")
    c.say("press ST-12:some")
    assert raised_in(c.effects) == [("intoxicated", "now", "F D P")]


def test_an_old_button_never_changes_which_question_comes_next() -> None:
    """S-03 Children named by an old button raise nothing yet and ask nothing more."""
    c = at("self_test", "ST-12")
    c.say("old ST-08:children")
    assert c.visit.step == "ST-12"
    c.say("press ST-12:none")
    assert c.visit.step == "ST-02"


def test_a_result_given_out_is_corrected() -> None:
    """S-32 An old button pressed after the result makes it worse, and staff are told the new result."""
    c = at("self_test", "END")
    assert c.visit.level is Level.READY
    came = c.turn(inputs.Answered("ST-05", "none", 1))
    [readiness] = [e for e in came if isinstance(e, SetReadiness)]
    assert (readiness.level, readiness.final, len(readiness.fixes)) == (Level.TO_FIX, True, 1)
    assert not [e for e in came if isinstance(e, (Say, Retract))]


def test_raised_again_when_more_urgent() -> None:
    """S-33 Upset alone is for before the session; going back and naming a partner makes it now, once more raised."""
    c = at("self_test", "ST-13")
    for line in ("press ST-13:very_upset", "press ST-13:done", "back", "back"):
        c.say(line)
    for line in ("press ST-08:partner", "press ST-08:done"):
        c.say(line)
    upset = [row for row in raised_in(c.effects) if row[0] == "very_upset"]
    assert upset == [("very_upset", "session", "F"), ("very_upset", "now", "F D P")]


def test_the_same_concern_at_another_question_is_raised_again() -> None:
    """S-33 A second sign of the same thing does not disappear into the first."""
    c = at("reflection_start", "RS-L4")
    c.say("press RS-L4:no")
    c.say("old RS-L2:shared_room")
    found = [e.step for e in c.effects if isinstance(e, RaiseConcern)]
    assert found == ["RS-L4", "RS-L2"]
