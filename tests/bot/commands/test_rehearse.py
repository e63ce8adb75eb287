"""`vestibule rehearse`: a script played in the terminal."""

from __future__ import annotations

import pytest

from flows.read import load_library
from tests.bot.commands.conftest import Vestibule


@pytest.mark.parametrize("language", ["en", "de"])  # all of them: tests/conversations/test_every_language.py
@pytest.mark.parametrize("script", load_library().names)
def test_every_script_can_be_played_to_its_end(vestibule: Vestibule, script: str, language: str) -> None:
    """Pressing the first button (and Done) or writing brings every script to an end, in English and in another."""
    typed = "\n".join(["continue", "1", "done", "some words"] * 40)
    outcome = vestibule("rehearse", script, "--language", language, typed=typed)
    assert outcome.code == 0, outcome.err
    assert "no more answers" not in outcome.out
    assert "{" not in outcome.out


def test_what_staff_would_get_is_shown(vestibule: Vestibule) -> None:
    """A worrying answer shows the concern with urgency, route and step, beside what the participant sees."""
    outcome = vestibule("rehearse", "check_in", "--answers", "little,hurt,done")
    assert "[staff] harm_done, " in outcome.out
    assert ", at CI-02: " in outcome.out


def test_facts_change_what_is_asked(vestibule: Vestibule) -> None:
    """--facts tells the script what the bot would know."""
    on, off = (vestibule("rehearse", "check_in", "--facts", f"duty={duty}").out for duty in ("on", "off"))
    assert "Nobody is on duty" in off
    assert "Nobody is on duty" not in on


def test_it_ends_cleanly_when_nothing_more_comes(vestibule: Vestibule) -> None:
    """The end of what is typed, and a pause, end it with exit code 0."""
    assert vestibule("rehearse", "welcome").code == 0
    outcome = vestibule("rehearse", "check_in", typed="pause\n")
    assert (outcome.code, "(paused)" in outcome.out) == (0, True)


def test_sittings_follow_one_another(vestibule: Vestibule) -> None:
    """S-12: after the questions of one sitting the rehearsal says so and goes on with the next."""
    outcome = vestibule("rehearse", "reflection_start", typed="1\ndone\nsome words\n" * 40)
    assert "(another day: the next sitting)" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nothing",), "there is no script nothing; there are: after_session"),
        (("check_in", "--language", "xx"), "there is no catalogue for xx; there are: en"),
        (("check_in", "--facts", "duty"), "--facts duty: it should look like duty=off"),
    ],
)
def test_wrong_use_is_said(vestibule: Vestibule, arguments: tuple[str, ...], says: str) -> None:
    """What cannot be played gets one line and exit code 2."""
    outcome = vestibule("rehearse", *arguments)
    assert outcome.code == 2
    assert says in outcome.err
