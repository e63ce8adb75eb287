"""The pseudo-language itself: whole, found out where it is passed by, and nobody's language; and every script in it."""

from __future__ import annotations

import re

import pytest

from bot.commands.catalogues import texts as every_text
from bot.commands.rehearse import PARAMS
from bot.texts import GettextTexts, languages, locales_folder
from flows.effects import Line
from tests.conversations.test_every_language import LIBRARY, lines_of
from tests.pseudo import MARKS, bypasses, catalogue, pseudo, pseudo_languages, template

__all__ = ["pseudo_languages"]  # the fixture, for the tests below
KEPT_ALIKE = re.compile(r"\{[a-z_]+\}|(?<!\w)/[a-z]+")


@pytest.fixture(params=sorted(MARKS))
def language(request: pytest.FixtureRequest) -> str:
    """One way of writing and the other."""
    return str(request.param)


def test_it_is_no_language_of_the_product() -> None:
    """It is offered to nobody: no catalogue of it lies anywhere, and without the fixture nobody can be given it."""
    assert not set(MARKS) & set(languages())
    assert not any((locales_folder() / code).exists() for code in MARKS)
    marks = {mark.encode() for pair in MARKS.values() for mark in pair}
    for file in locales_folder().rglob("*.po"):
        assert not any(mark in file.read_bytes() for mark in marks), file


@pytest.mark.parametrize("language", sorted(MARKS))
def test_it_has_every_text(language: str) -> None:
    """Every text of the template is in it, marked, at least 40 % longer, placeholders and commands as they were."""
    found = {(context, text if isinstance(text, str) else text[0]) for context, text in template()}
    assert {(text.context, text.msgid) for text in every_text()} == found
    for context, text in template():
        for one in [text] if isinstance(text, str) else text:
            said = pseudo(one, language)
            assert len(said) >= len(one) * 1.4 - 1, said
            assert KEPT_ALIKE.findall(said) == KEPT_ALIKE.findall(one)
        if isinstance(text, str):
            assert catalogue(language).pgettext(context or "", text) == pseudo(text, language)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("⟦Á⟧ and so on", "not of the catalogue: 'and so on'"),
        ("⟦Á \u2068session\u2069⟧", "English in a placeholder: session"),
        ("⟦Á \u2068x⟧", "isolates that do not close"),
    ],
)
def test_it_finds_what_passes_by(text: str, says: str) -> None:
    """Words outside the marks, English words in a placeholder and open isolates are told; data are not."""
    [told] = bypasses(text, "nl", ())
    assert told.startswith(says)
    assert bypasses("⟦Á \u2068maandag\u2069⟧\n• P-07: ⟦b⟧ /ack K-101", "nl", ("P-07",)) == []


@pytest.mark.parametrize("script", LIBRARY.names)
def test_every_script(script: str, language: str, pseudo_languages: tuple[str, ...]) -> None:
    """S-09: all that a script can say, with each choice taken once, comes out of the catalogue."""
    data = (*PARAMS.values(), "Teams", "Telegram")
    for line, longest in {(one.context, one.msgid): (one, size) for one, size in lines_of(script)}.values():
        text = GettextTexts().line(language, line, PARAMS)
        assert bypasses(text, language, data) == []
        assert len(text) <= longest * 1.4 + 120  # and the values of its placeholders


def test_a_line_that_no_catalogue_has_is_found(language: str, pseudo_languages: tuple[str, ...]) -> None:
    """A text that was not extracted, such as one put together, is shown in English and told."""
    said = GettextTexts().line(language, Line("staff", "Something " + "new"))
    assert bypasses(said, language, ()) == ["not of the catalogue: 'Something new'"]
