"""What holds on every walk through every script, whatever is pressed, written or interrupted."""

from __future__ import annotations

import pytest

from flows import inputs, lines
from flows.effects import FinishVisit, KeepAnswer, PauseVisit, RaiseConcern, Retract, Say, Slot
from flows.values import Level
from flows.visit import from_json, to_json
from tests.conversations.playing import Conversation
from tests.flows.walks import RELEASED, SCRIPTS, WORDS, Seen, library, turns, walks

every_script = pytest.mark.parametrize("script", SCRIPTS)
WARNINGS = (lines.NOT_EMERGENCY, lines.NOBODY_ON_DUTY)


def questions(seen: Seen) -> list[Say]:
    """What was asked in this turn."""
    return [e for e in seen.effects if isinstance(e, Say) and e.slot is Slot.QUESTION]


@every_script
def test_every_input_has_an_outcome(script: str) -> None:
    """S-23 On an open visit every input says something, closes or pauses; only a repeated tap is passed over."""
    for seen in turns(script):
        spoke = any(isinstance(e, (Say, Retract, FinishVisit, PauseVisit)) for e in seen.effects)
        if seen.before.status == "open" and not spoke:
            assert isinstance(seen.happened, inputs.Answered)
            step = seen.happened.step
            assert step in (seen.before.step, *seen.before.trail[-1:])


@every_script
def test_a_visit_that_is_over_stays_silent(script: str) -> None:
    """S-06 After its end a visit says nothing more; while it waits, it asks nothing."""
    for seen in turns(script):
        if seen.before.status == "done":
            assert seen.after.status == "done"
            assert not [e for e in seen.effects if isinstance(e, (Say, Retract))]
        if seen.after.status != "open":
            assert not questions(seen)


@every_script
def test_no_step_is_unreachable(script: str) -> None:
    """Every step is asked on some walk."""
    asked = {seen.after.step for seen in turns(script) if questions(seen)}
    assert asked == {step.id for step in library().newest(script).script.steps}


@every_script
def test_no_state_is_a_dead_end(script: str) -> None:
    """From wherever a walk stands, plain answers lead to the end."""
    for walked in walks(script)[::2]:
        for seen in walked[3::35]:
            c = Conversation(seen.playable, dict(seen.after.facts))
            c.visit = seen.after
            if seen.after.status == "new":
                c.say("open")
            c.turn(inputs.Resumed())
            c.go_on("END")
            assert c.visit.status == "done"


@every_script
def test_visits_survive_their_json(script: str) -> None:
    """R-01 A visit saved and loaded is the same visit, and holds nothing that was written in free text."""
    for seen in turns(script):
        text = to_json(seen.after)
        assert from_json(text) == seen.after
        assert WORDS not in text


@every_script
def test_asking_numbers_only_grow(script: str) -> None:
    """The number of what is being asked never goes down, and a new question always has a new one."""
    for seen in turns(script):
        assert seen.after.asking >= seen.before.asking
        if seen.after.step not in (seen.before.step, "END") and seen.after.status == "open":
            assert seen.after.asking > seen.before.asking


@every_script
def test_what_was_raised_is_never_lost(script: str) -> None:
    """S-30 The list of what people were told only grows, and holds exactly what was raised."""
    for walked in walks(script):
        told: list[str] = []
        for seen in walked:
            told += [f"{e.concern}:{e.urgency}:{e.step}" for e in seen.effects if isinstance(e, RaiseConcern)]
            assert list(seen.after.raised) == told
            assert len(set(told)) == len(told)


@every_script
def test_answers_are_versions(script: str) -> None:
    """S-34 Each step's answers are kept as versions 1, 2, 3 without a gap; nothing is overwritten."""
    for walked in walks(script):
        counts: dict[str, int] = {}
        for seen in walked:
            for kept in (e for e in seen.effects if isinstance(e, KeepAnswer)):
                counts[kept.step] = counts.get(kept.step, 0) + 1
                assert kept.version == counts[kept.step]


@every_script
def test_a_hold_is_never_lifted_by_an_answer(script: str) -> None:
    """S-08 Once on hold, no answer, going back or second test takes it away."""
    for seen in turns(script):
        if seen.before.level is Level.HOLD:
            assert seen.after.level is Level.HOLD


@every_script
def test_unasked_for_lines_are_neutral(script: str) -> None:
    """S-02 Whatever is not marked sensitive consists of the neutral lines only, and every notice is such."""
    for seen in turns(script):
        for said in (e for e in seen.effects if isinstance(e, Say)):
            if not said.sensitive or said.slot is Slot.NOTICE:
                assert not said.sensitive
                assert {line.context for line in said.lines} == {"neutral"}


@every_script
def test_free_text_is_never_said_back(script: str) -> None:
    """S-05 What somebody wrote never appears in the chat again."""
    for seen in turns(script):
        for said in (e for e in seen.effects if isinstance(e, Say)):
            assert WORDS not in repr(said)


@every_script
def test_messages_fit(script: str) -> None:
    """S-09 No message is longer than 600 characters, tips and lines above it included; no label over 40."""
    filled = {
        "emergency_number": "112",
        "service_number": "0800 000 0000",
        "service": "the advice centre",
        "session_time": "Wednesday, 14 October, 18:30",
        "session_minutes": "90",
        "timezone": "Dublin",
        "platform": "Microsoft Teams",
        "retention": "answers 12 months, case notes 24 months after the end, the rest sooner",
    }
    for seen in turns(script):
        for said in (e for e in seen.effects if isinstance(e, Say)):
            text = "\n\n".join(line.msgid.format(**filled) for line in said.lines)
            assert len(text) <= 600, text
            for button in (b for row in said.rows for b in row):
                assert len(button.label.msgid) <= 40
                assert max(len(button.step.encode()), len(button.choice.encode())) <= 20


@every_script
def test_a_sitting_is_short(script: str) -> None:
    """S-12 At most three new reflection questions between two pauses (or what the programme sets)."""
    playable = library().newest(script)
    for walked in walks(script):
        ever: set[str] = set()
        sitting: set[str] = set()
        for seen in walked:
            if seen.before.status != "open":
                sitting = set()
            if questions(seen) and playable.step(seen.after.step).question and seen.after.step not in ever:
                sitting.add(seen.after.step)
                ever.add(seen.after.step)
            assert len(sitting) <= int(seen.after.facts.get("per_sitting", "3"))


@every_script
def test_released_questions_stay_closed(script: str) -> None:
    """S-12 RS-D4 and RS-H1 to H4 are never shown unless a facilitator released them."""
    for seen in turns(script):
        if questions(seen) and seen.after.step.startswith(tuple(RELEASED.split())):
            assert seen.after.facts["released"] == RELEASED


@every_script
def test_risk_questions_say_that_this_is_no_emergency_line(script: str) -> None:
    """S-07 Before the first risk question after every opening stands the line; with nobody on duty, the other one."""
    playable = library().newest(script)
    for walked in walks(script):
        warned = False
        for seen in walked:
            if isinstance(seen.happened, inputs.Resumed) and seen.before.status != "done":
                warned = False
            for said in questions(seen):
                found = [line for line in said.lines if line in WARNINGS]
                if found:
                    off = seen.after.facts.get("duty") == "off"
                    assert found == [lines.NOBODY_ON_DUTY if off else lines.NOT_EMERGENCY]
                warned = warned or bool(found)
                assert warned or not playable.step(seen.after.step).risk
