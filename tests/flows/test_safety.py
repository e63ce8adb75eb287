"""The lines of 2-safety.md that the core answers for, each on the scripts it matters for."""

from __future__ import annotations

import pytest

from flows import inputs, lines
from flows.effects import (
    FinishVisit,
    KeepAnswer,
    Line,
    NoteUnasked,
    Retract,
    Say,
    SetReadiness,
    Slot,
)
from flows.library import Playable
from flows.script import Script
from flows.values import Level
from tests.conversations.playing import plain_line, play
from tests.flows.standing import alarming, at, chosen, concerns
from tests.flows.walks import RELEASED, SCRIPTS, library

LEAVING = ("stop", "pause", "put aside", "time out", "later", "not the person", "back", "defer")


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
    """S-04 At the door of any script but the test and its confirmation *not now* raises nothing; the visit waits."""
    for script in SCRIPTS:
        c = play(library().newest(script), ["later"])
        tests = script in ("self_test", "confirm")
        assert bool(concerns(c)) == tests
        assert c.visit.status == ("done" if tests else "new")


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
    while not c.visit.outcome:
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


def test_a_full_sitting_stays_full_until_a_new_one_begins() -> None:
    """S-12 Coming back within the same sitting asks nothing more; in a new one the next question comes."""
    c = play(library().newest("reflection_during"), ["open"])
    c.go_on("RD-P3")
    for line in ("press RD-P3:breathe", "press RD-P3:done", "resume sitting=same"):
        c.say(line)
    assert (c.visit.status, c.visit.step, c.screen) == ("paused", "RD-P4", None)
    c.say("resume sitting=new")
    assert (c.visit.status, c.buttons[0]) == ("open", "RD-P4:friend")


def test_a_pause_at_the_last_question_is_no_new_sitting() -> None:
    """S-12 Pausing at the third question and coming back asks that one again, and no fourth."""
    c = play(library().newest("reflection_during"), ["open"])
    c.go_on("RD-P3")
    for line in ("pause", "resume", "press RD-P3:breathe", "press RD-P3:done"):
        c.say(line)
    assert (c.visit.status, c.visit.step, c.screen) == ("paused", "RD-P4", None)


def paced(**more: object) -> Playable:
    """Two questions, one a sitting, each with a tip."""
    choice = {"id": "one", "label": "One", "tip": "A tip."}
    asked = {"kind": "choose", "text": "Well?", "question": True, "choices": [choice]}
    steps = [{"id": "SM-01", **asked}, {"id": "SM-02", **asked}]
    fields = {"format": 1, "script": "small", "version": 1, "title": "Small", "paced": True, "steps": steps}
    return Playable(Script.model_validate(fields | more), library().catalogue)


def test_tips_of_the_last_answer_are_still_said() -> None:
    """S-12 When the sitting or the script ends with an answer, its tip is said before the question is gone for good."""
    c = play(paced(), ["open"], {"per_sitting": "1"})
    for line, paused in (("press SM-01:one", "paused"), ("press SM-02:one", "done")):
        came = [e for e in c.turn_of(line) if isinstance(e, (Say, Retract))]
        assert came[0] == Retract()
        assert next((e.slot, e.lines[0].msgid) for e in came if isinstance(e, Say)) == (Slot.HELP, "A tip.")
        assert c.visit.status == paused
        if paused == "paused":
            c.say("resume")


def test_coming_back_to_a_new_visit_opens_it() -> None:
    """A visit that was never opened is opened by coming back; opening an open one shows its question again."""
    c = play(library().newest("check_in"), ["resume"])
    assert (c.visit.status, c.visit.step) == ("open", "CI-01")
    c.say("press CI-01:some")
    c.say("open")
    assert (c.visit.status, c.visit.step) == ("open", "CI-02")


def test_a_draft_never_turns_up_at_another_question() -> None:
    """Ticks belong to their question: when that one is no longer asked, the next begins empty."""
    c = play(library().newest("reflection_start"), ["open", "on to RS-D1", "press RS-D1:devices"])
    c.turn(inputs.Resumed({**c.visit.facts, "skip": "RS-D1"}))
    assert c.visit.draft == ()


def test_lines_are_values() -> None:
    """Every fixed line is in the list the translators get, with its context."""
    found = [v for v in vars(lines).values() if isinstance(v, Line)] + list(lines.CLOSINGS.values())
    assert {line.context for line in found} == {"button", "ask", "neutral"}
