"""The machine that runs and the graph that is drawn come from one definition."""

from __future__ import annotations

import re

import pytest
from transitions import MachineError

from flows.concerns import Known
from flows.machine import SKIP, Asked, Course, definition, mermaid
from flows.script import END, Script
from tests.flows.walks import SCRIPTS, library

every_script = pytest.mark.parametrize("script", SCRIPTS)
NOTHING = Known({}, {})


@every_script
def test_every_step_is_drawn(script: str) -> None:
    """The drawn graph has every step and the end, and the title."""
    found = library().newest(script).script
    drawn = mermaid(found)
    assert set(re.findall(r'state "([^"]+)" as', drawn)) == {*(s.id for s in found.steps), END}
    assert found.title in drawn
    assert f"[*] --> {found.steps[0].id}" in drawn


@every_script
def test_every_drawn_arrow_is_a_way_the_machine_goes(script: str) -> None:
    """Each arrow carries the triggers of the definition that the machine is built from, and none is left out."""
    found = library().newest(script).script
    _, rows = definition(found)
    drawn = {
        (source, target, trigger.partition(" [")[0])
        for source, target, label in re.findall(r"^\s*(\S+) --> (\S+): (.+)$", mermaid(found), re.MULTILINE)
        for trigger in re.split(r" \| (?![^\[]*\])", label)
    }
    shown = {
        (row["source"], row["dest"], row["trigger"])
        for row in rows
        if row["trigger"] != SKIP or row["unless"][0].__name__
    }
    assert drawn == shown


@every_script
def test_every_way_in_the_definition_can_be_gone(script: str) -> None:
    """Every transition but skipping moves the running machine to a step of the script or its end."""
    found = library().newest(script).script
    course = Course(found)
    known = Known({}, {"released": "RS-"})
    ids = {s.id for s in found.steps} | {END}
    for row in definition(found)[1]:
        if row["trigger"] != SKIP:
            assert course.after(row["source"], row["trigger"], known) in ids


def test_a_trigger_that_leads_nowhere_is_refused() -> None:
    """The machine goes no way that is not in the script."""
    course = library().newest("check_in").course
    assert course.first == "CI-01"
    with pytest.raises(MachineError):
        course.after("CI-02", "little", NOTHING)


def test_conditions_are_in_words_on_the_arrows() -> None:
    """A skipped step says in words when it is asked."""
    drawn = mermaid(library().newest("self_test").script)
    [arrow] = re.findall(r"^\s*ST-10 --> ST-13: (.+)$", drawn, re.MULTILINE)
    assert "skip [!ST-08 is children]" in arrow


def test_a_step_is_asked_when_all_of_its_conditions_hold() -> None:
    """S-12 Asked means: its condition holds, it is released, and it is not among those done before."""
    script = library().newest("reflection_start").script
    more = Asked(script.step("RS-D4-MORE"))
    answered = {"RS-D4": ("now",)}
    assert more(Known(answered, {"released": "RS-D4"}))
    assert not more(Known(answered, {}))
    assert not more(Known({"RS-D4": ("never",)}, {"released": "RS-D4"}))
    assert not more(Known(answered, {"released": "RS-D4", "skip": "RS-D4"}))
    assert not more(Known(answered, {"released": "RS-H1"}))


def test_a_closing_leads_to_the_end() -> None:
    """A choice that closes has its arrow to the end, whatever stands below it."""
    script = Script.model_validate(
        {
            "format": 1,
            "script": "small",
            "version": 1,
            "title": "Small",
            "steps": [
                {
                    "id": "SM-01",
                    "kind": "choose",
                    "text": "Which?",
                    "choices": [
                        {"id": "stop", "label": "Stop", "closing": "wait"},
                        {"id": "go", "label": "Go"},
                        {"id": "back_to", "label": "Back to", "next": "SM-01"},
                    ],
                },
                {"id": "SM-02", "kind": "say", "text": "That is all."},
            ],
        }
    )
    course = Course(script)
    assert course.after("SM-01", "stop", NOTHING) == END
    assert course.after("SM-01", "go", NOTHING) == "SM-02"
    assert course.after("SM-01", "back_to", NOTHING) == "SM-01"
    with pytest.raises(KeyError):
        script.step("SM-09")
