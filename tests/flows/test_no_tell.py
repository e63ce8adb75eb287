"""S-03: with all concerns taken out of the scripts, the chat is the same, message for message."""

from __future__ import annotations

from functools import cache

import pytest

from flows.effects import Effect, RaiseConcern, Retract, Say
from flows.engine import advance, begin
from flows.library import Playable
from flows.script import Script
from tests.conversations.playing import NOON
from tests.flows.walks import SCRIPTS, library, walks


def without_concerns(script: Script) -> Script:
    """The script as it would be if no answer ever meant anything to people; tips, results and closings stay."""
    steps = tuple(
        step.model_copy(
            update={"choices": tuple(choice.model_copy(update={"raises": ()}) for choice in step.choices)}
        )
        for step in script.steps
    )
    rules = tuple(rule.model_copy(update={"raises": ()}) for rule in script.rules)
    defer = script.defer.model_copy(update={"raises": ()}) if script.defer else None
    return script.model_copy(update={"steps": steps, "rules": rules, "defer": defer})


@cache
def silenced(name: str) -> Playable:
    """The script without concerns, ready to play."""
    return Playable(without_concerns(library().newest(name).script), library().catalogue)


def to_participant(effects: tuple[Effect, ...]) -> list[Effect]:
    """The calls to the participant, in order."""
    return [e for e in effects if isinstance(e, (Say, Retract))]


@pytest.mark.parametrize("script", SCRIPTS)
def test_nothing_in_the_chat_depends_on_a_concern(script: str) -> None:
    """S-03 The same inputs give the same messages, buttons and retractions with and without concerns."""
    playable = silenced(script)
    for walked in walks(script):
        visit = begin(playable)
        for seen in walked:
            made = advance(playable, visit, seen.happened, NOON)
            assert to_participant(made.effects) == to_participant(seen.effects), seen.happened
            visit = made.visit


def test_the_comparison_compares_something() -> None:
    """S-03 The walks raise concerns of every script that has any, and the silenced scripts raise none of them."""
    for script in SCRIPTS:
        loud = [
            e
            for walked in walks(script)
            for seen in walked
            for e in seen.effects
            if isinstance(e, RaiseConcern)
        ]
        if script == "confirm":  # no answer of its own raises anything
            continue
        assert {e.concern for e in loud} - {"unreadable_answer", "not_the_person"}, script
        plain = silenced(script).script
        assert not [r for step in plain.steps for choice in step.choices for r in choice.raises]
