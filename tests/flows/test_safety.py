"""The lines of 2-safety.md that the core answers for, each on the scripts it matters for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flows import inputs, lines
from flows.effects import (
    FinishVisit,
    KeepAnswer,
    Line,
    NoteUnasked,
    RaiseConcern,
    Retract,
    Say,
    SetReadiness,
    Slot,
)
from flows.script import Choice, Step
from flows.values import Level
from tests.conversations.playing import Conversation, plain_line, play, raised_in
from tests.flows.walks import RELEASED, SCRIPTS, library

# Lines that make a step come up which is skipped when nobody is at home or nothing was ticked.
BEFORE = {
    "ST-09": ["press ST-07:usual_room", "press ST-08:partner", "press ST-08:children", "press ST-08:done"],
    "ST-10": ["press ST-07:usual_room", "press ST-08:children", "press ST-08:done"],
    "ST-11": ["press ST-07:usual_room", "press ST-08:partner", "press ST-08:done", "press ST-09:no"],
    "WE-01-WAIT": ["press WE-01:defer"],
}
LEAVING = ("stop", "pause", "put aside", "time out", "later", "not the person", "back", "defer")


def at(script: str, step: str, **facts: str) -> Conversation:
    """A conversation that stands at the step, with nothing worrying said before."""
    c = play(library().newest(script), ["open", *BEFORE.get(step, [])], {"released": RELEASED, **facts})
    c.go_on(step)
    return c


def steps(kind: str) -> Iterator[tuple[str, Step]]:
    """Every step of that kind, with its script."""
    for name in SCRIPTS:
        yield from ((name, s) for s in library().newest(name).script.steps if s.kind == kind)


def alarming(kind: str) -> list[tuple[str, str, str]]:
    """(script, step, choice) of every choice that raises something by itself."""
    return [
        (script, step.id, choice.id)
        for script, step in steps(kind)
        for choice in step.choices
        if any(r.when is None for r in choice.raises) and choice.id != "missing"
    ]


def chosen(script: str, step: str, choice: str) -> Choice:
    """That choice."""
    found = library().newest(script).script.step(step).choice(choice)
    assert found is not None
    return found


def concerns(c: Conversation) -> set[str]:
    """What was raised so far."""
    return {concern for concern, _, _ in raised_in(c.effects)}


@pytest.mark.parametrize(("script", "step", "choice"), alarming("many"))
@pytest.mark.parametrize("way", LEAVING)
def test_a_half_made_answer_still_counts(script: str, step: str, choice: str, way: str) -> None:
    """S-06 What was ticked and left without Done, in whatever way, raises its concerns all the same."""
    c = at(script, step)
    c.press(f"{step}:{choice}")
    if way in ("back", "defer"):
        if way == "back" and not c.visit.trail:
            return  # the first question has nothing before it
        c.press(f"{step}:{way}")
    else:
        c.say(way)
    assert {r.concern for r in chosen(script, step, choice).raises} <= concerns(c)
    assert any(isinstance(e, KeepAnswer) and (e.step, e.kind) == (step, "draft") for e in c.effects)


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


@pytest.mark.parametrize("where", ["partner", "children", "others"])
@pytest.mark.parametrize("sure", ["maybe", "yes"])
def test_someone_nearby_closes(where: str, sure: str) -> None:
    """S-04 The question is withdrawn, one neutral line, the unasked listed, a hold, and then silence."""
    c = play(library().newest("self_test"), ["open", "press ST-07:usual_room"])
    for line in (f"press ST-08:{where}", "press ST-08:done"):
        c.say(line)
    came = c.turn(inputs.Answered("ST-09", sure, c.visit.asking))
    said = [e for e in came if isinstance(e, (Say, Retract))]
    assert said == [
        Retract(),
        Say(Slot.NOTICE, (lines.CLOSINGS["nearby", True],), sensitive=False),  # type: ignore[index]  # StrEnum
    ]
    assert "before you join" in said[1].lines[0].msgid  # type: ignore[union-attr]  # the Say above
    [unasked] = [e for e in came if isinstance(e, NoteUnasked)]
    assert {"ST-13", "ST-12", "ST-02", "ST-15"} <= set(unasked.steps)
    assert ("ST-10" in unasked.steps) == (where == "children")
    assert [e.level for e in came if isinstance(e, SetReadiness)][-1] is Level.HOLD
    wanted = {"partner": "partner_nearby", "children": "child_nearby", "others": "other_nearby"}[where]
    assert concerns(c) == {wanted}
    for line in ("resume", "write hello", "voice"):
        c.record.clear()
        c.say(line)
        assert c.record == [f"> {line}"]


def test_not_now_outside_a_self_test_is_only_recorded() -> None:
    """S-04 At the door of any other script *not now* raises nothing, and the visit waits."""
    for script in SCRIPTS:
        c = play(library().newest(script), ["later"])
        assert bool(concerns(c)) == (script == "self_test")
        assert c.visit.status == ("done" if script == "self_test" else "new")


def test_another_person_gets_the_same_closing_everywhere() -> None:
    """S-05 Not the enrolled person: the same neutral line in every script and at every point; staff are told."""
    seen = set()
    for script in SCRIPTS:
        for first in ([], ["open"], ["open", "pause"], ["open", "voice"]):
            c = play(library().newest(script), first)
            came = c.turn(inputs.Interrupted("not_person"))
            seen.add(tuple(e for e in came if isinstance(e, (Say, Retract))).__repr__())
            assert "not_the_person" in concerns(c)
            assert FinishVisit("not_person") in came
    assert len(seen) == 1


@pytest.mark.parametrize("script", SCRIPTS)
def test_stop_works_at_every_step(script: str) -> None:
    """S-06 /stop at any step takes the question away, says one neutral line and leaves the visit waiting."""
    c = play(library().newest(script), ["open"])
    while c.visit.status == "open":
        here = c.visit.step
        came = c.turn(inputs.Stopped())
        assert came[0] == Retract()
        assert [e.slot for e in came if isinstance(e, Say)] == [Slot.NOTICE]
        assert (c.visit.status, c.visit.step) == ("paused", here)
        while c.visit.step == here:
            c.say(plain_line(c))
        if c.visit.status == "paused":
            c.say("resume")
    assert c.visit.status == "done"


def test_a_hold_gives_no_reason() -> None:
    """S-08 Whatever led to a hold, the result is the same message, and going on to test again is not offered."""
    results = set()
    for step, choice in [("ST-07", "shared_room"), ("ST-07", "car"), ("ST-12", "some"), ("ST-02", "shared")]:
        c = at("self_test", step)
        c.press(f"{step}:{choice}")
        c.go_on("ST-16")
        assert c.screen is not None
        assert c.buttons == ["ST-16:continue"]
        results.add(tuple(line.msgid for line in c.screen.lines))
    assert len(results) == 1


def test_the_test_runs_on_after_a_hold() -> None:
    """S-08 A hold does not end the self-test early: every question up to ST-15 is asked."""
    c = play(library().newest("self_test"), ["open", "press ST-07:car", "on to END"])
    assert c.asked == [
        "ST-07",
        "ST-08",
        *(f"ST-{n}" for n in ["13", "12", "02", "01", "03", "04", "05", "06", "14", "15", "16"]),
    ]


def test_staff_hold_from_before_is_kept() -> None:
    """S-25 With a hold from before, fine answers change nothing in the result and the contradiction is raised."""
    c = play(library().newest("self_test"), ["open", "on to END"], {"held": "yes"})
    assert c.visit.level is Level.HOLD
    assert concerns(c) == {"contradiction"}


@pytest.mark.parametrize(
    "said", ["write hello", "voice", "photo", "sticker", "edited", "unreadable", "fault", "other"]
)
def test_unclear_goes_to_people(said: str) -> None:
    """S-23 At a risk question at once; elsewhere asked again, and the second time; never taken for an answer."""
    c = at("self_test", "ST-08")
    c.say(said)
    assert (concerns(c), c.visit.step) == ({"unreadable_answer"}, "ST-08")
    assert "ST-08" not in c.visit.answers
    assert c.screen is not None
    assert c.screen.fresh
    calm = at("self_test", "ST-07")
    calm.say(said)
    assert (concerns(calm), calm.visit.step) == (set(), "ST-07")
    calm.say(said)
    assert concerns(calm) == {"unreadable_answer"}


def test_unclear_counts_for_each_question_anew() -> None:
    """S-23 One unclear message at each of two ordinary questions brings nobody."""
    c = at("self_test", "ST-02")
    c.say("voice")
    c.say("press ST-02:mine")
    c.say("voice")
    assert concerns(c) == set()


def test_text_with_free_text_off_is_unclear() -> None:
    """S-23 A programme without free text takes no text as an answer; *I have thought about it* goes on."""
    c = at("reflection_start", "RS-D2", free_text="off")
    c.say("write my words")
    assert c.visit.step == "RS-D2"
    assert "RS-D2" not in c.visit.answers
    assert "RS-D2:thought" in c.buttons


def test_showing_the_third_question_again_does_not_end_the_sitting() -> None:
    """S-12 The question that is asked can be shown again; the sitting ends when a fourth would come."""
    c = play(library().newest("reflection_during"), ["open"])
    c.go_on("RD-P3")
    c.say("resume")
    assert (c.visit.status, c.visit.step, c.buttons[0]) == ("open", "RD-P3", "RD-P3:breathe")


def test_pausing_does_not_stretch_a_sitting() -> None:
    """S-12 After a pause the question that is asked again is the first of three."""
    c = play(library().newest("reflection_during"), ["open", "pause", "resume"])
    c.go_on("RD-P3")
    c.say("press RD-P3:breathe")
    c.say("press RD-P3:done")
    assert (c.visit.status, c.visit.step) == ("paused", "RD-P4")


@pytest.mark.parametrize("step", RELEASED.split())
def test_released_questions_warn_and_end_calmly(step: str) -> None:
    """S-12 It need not be answered and may be passed on is said beforehand; a calming card follows, also when deferred."""
    c = at("reflection_start", step)
    assert c.screen is not None
    text = " ".join(line.msgid for line in c.screen.lines)
    assert "You do not have to answer" in text
    assert "legal consequences" in text
    assert "passed on" in text
    c.press(f"{step}:defer")
    assert c.visit.step == f"{step}-CALM"


def test_a_draft_never_turns_up_at_another_question() -> None:
    """Ticks belong to their question: when that one is no longer asked, the next begins empty."""
    c = play(library().newest("reflection_start"), ["open", "on to RS-D1", "press RS-D1:devices"])
    c.turn(inputs.Resumed({**c.visit.facts, "skip": "RS-D1"}))
    assert c.visit.draft == ()


def test_lines_are_values() -> None:
    """Every fixed line is in the list the translators get, with its context."""
    found = [v for v in vars(lines).values() if isinstance(v, Line)] + list(lines.CLOSINGS.values())
    assert {line.context for line in found} == {"button", "ask", "neutral"}
