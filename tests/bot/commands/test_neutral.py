"""Nothing that arrives unasked tells (S-02)."""

from __future__ import annotations

import pytest

from bot.commands.catalogues import texts
from bot.commands.neutral_words import stems_of, telling_words
from bot.texts import GettextTexts, languages
from bot.usecases import neutral
from bot.usecases.commands import COMMANDS
from flows.effects import Line

FOUND = [Line(text.context, text.msgid) for text in texts() if text.context == "neutral"]


def test_the_neutral_lines_are_found() -> None:
    """S-02: every neutral line of the shell and every command's description is among those that are read."""
    known = {line.msgid for line in FOUND}
    assert {line.msgid for line in neutral.ALL if line.context == "neutral"} <= known
    assert {line.msgid for line in COMMANDS.values()} <= known
    assert len(known) > 25


@pytest.mark.parametrize("language", languages())
def test_no_neutral_line_tells(language: str) -> None:
    """S-02: no line that arrives unasked, and no command, has a word that tells, in any language."""
    said = GettextTexts()
    rendered = [said.line(language, line) for line in (*FOUND, *neutral.ALL, *COMMANDS.values())]
    assert not {text: told for text in rendered if (told := telling_words(text, language))}


@pytest.mark.parametrize("language", languages())
def test_every_language_has_its_words(language: str) -> None:
    """S-02: a language that is offered has a word list."""
    assert len(stems_of(language)) >= 15


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Your programme goes on", "en"),
        ("Three Questions are waiting", "en"),
        ("Is there violence?", "en"),
        ("Call your ex-partner", "en"),
        ("Das Gruppenprogramm geht weiter", "de"),
        ("Es gibt noch Fragen", "de"),
        ("Ihre Ehefrau", "de"),
        ("The alarm", "de"),
    ],
)
def test_the_list_finds_what_tells(text: str, language: str) -> None:
    """S-02: the word list finds words at their beginning, in any case, and inside German compounds."""
    assert telling_words(text, language)


@pytest.mark.parametrize(
    "text", ["Please go on with /menu.", "Is this a good moment?", "{programme} {question}"]
)
def test_the_list_lets_plain_lines_through(text: str) -> None:
    """Plain lines pass, and what a placeholder is called does not count."""
    assert not telling_words(text, "en")
