"""`vestibule check` holds a catalogue to its glossary, and finds what was left in English."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from babel.messages import Catalog
from babel.messages.pofile import write_po

from bot import texts as texts_module
from bot.commands import catalogues, check, wording
from bot.commands.catalogues import Text
from bot.commands.glossary import BadGlossary, glossary, meanings, terms_in
from bot.texts import languages
from tests.bot.commands.conftest import Vestibule

ENGLISH = {
    "terms": {
        "case": {"means": "concerns together", "elsewhere": ["in case"]},
        "case management": {"means": "the meeting"},
        "hand over": {"means": "give away", "said": ["hand over", "handed over"]},
    }
}
GERMAN: dict[str, Any] = {
    "address": {"form": "Sie", "why": "usual"},
    "terms": {
        "case": {"word": "Fall", "why": "usual", "forms": ["fall", "fäll"]},
        "case management": {"word": "Fallbesprechung", "why": "usual", "forms": ["*besprechung"]},
        "hand over": {"word": "übergeben", "why": "usual", "forms": ["übergeb"]},
    },
}
LOCALES = texts_module.locales_folder()
GOOD = {
    "Your open cases": "Ihre offenen Fälle",
    "Take it to case management.": "Bringen Sie es in die Fallbesprechung.",
    "Pause": "Unterbrechen",
}


@pytest.fixture
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a good German catalogue and glossary, and English's; gives the German folder."""
    found = tuple(Text("staff", english, 600, "bot/x.py:1") for english in GOOD)
    for module in (texts_module, catalogues):
        monkeypatch.setattr(module, "locales_folder", lambda: tmp_path / "locales")
    for module in (catalogues, check, wording):
        monkeypatch.setattr(module, "texts", lambda: found)
    folder = tmp_path / "locales" / "de"
    (folder / "LC_MESSAGES").mkdir(parents=True)
    write(folder.with_name("en") / "glossary.yaml", ENGLISH)
    write(folder / "glossary.yaml", GERMAN)
    for language in ("en", "de"):
        shutil.copy(LOCALES / language / "writing.yaml", folder.with_name(language))
    say_in(folder, {})
    return folder


def write(file: Path, content: object) -> None:
    """A YAML file of this."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


def say_in(folder: Path, said: dict[str, str]) -> None:
    """The good catalogue, but for these."""
    catalogue = Catalog("de")
    for english, translation in {**GOOD, **said}.items():
        catalogue.add(english, translation, context="staff")
    with (folder / "LC_MESSAGES" / "vestibule.po").open("wb") as file:
        write_po(file, catalogue)


def with_term(name: str, **more: object) -> dict[str, Any]:
    """The German glossary, with more said of one term."""
    return {**GERMAN, "terms": {**GERMAN["terms"], name: {**GERMAN["terms"][name], **more}}}


@pytest.mark.usefixtures("german")
def test_a_good_catalogue_passes(vestibule: Vestibule) -> None:
    """What uses the glossary's words in any of their forms has no faults."""
    assert vestibule("check").code == 0


@pytest.mark.parametrize(
    ("english", "said", "says"),
    [
        ("Your open cases", "Ihre offenen Vorgänge", "has no word for “case”: use Fall (fall, fäll)"),
        ("Your open cases", "Ihre {vorfall}", "has no word for “case”"),
        ("Take it to case management.", "Bringen Sie es ins Team.", "has no word for “case management”"),
        ("Pause", "Pause", "is the same as the English; translate it"),
        ("Pause", 'Eine "Pause"', "write „…“"),
    ],
)
def test_each_fault_names_language_context_message_and_remedy(
    german: Path, vestibule: Vestibule, english: str, said: str, says: str
) -> None:
    """A fault in the wording is one line with file, line, context, the message's beginning and what to do."""
    say_in(german, {english: said})
    outcome = vestibule("check")
    assert outcome.code == 1
    line = next(line for line in outcome.err.splitlines() if says in line)
    assert line.startswith("locales/de/LC_MESSAGES/vestibule.po:")
    assert f" staff: {english!r} " in line


def test_an_exception_needs_a_reason_and_is_kept_no_longer_than_needed(
    german: Path, vestibule: Vestibule
) -> None:
    """A text may have another word, or be the same, where the glossary says why; an exception without use is a fault."""
    say_in(german, {"Your open cases": "Ihre Vorgänge", "Pause": "Pause"})
    allowed = {
        **with_term("case", besides={"Your open": "as the app calls them"}),
        "same": {"Pause": "same word"},
    }
    write(german / "glossary.yaml", allowed)
    assert vestibule("check").code == 0
    say_in(german, {})
    told = vestibule("check").err
    assert "locales/de/glossary.yaml:1: case: the exception 'Your open' is not needed; take it away" in told
    assert "locales/de/glossary.yaml:1: same: the exception 'Pause' is not needed; take it away" in told


def test_a_glossary_has_every_term(german: Path, vestibule: Vestibule) -> None:
    """A term that English explains and the language does not have, or has without forms, is a fault."""
    write(german / "glossary.yaml", with_term("hand over", forms=[]))
    assert (
        "locales/de/glossary.yaml:1: has no word with forms for “hand over”; add it" in vestibule("check").err
    )


@pytest.mark.parametrize("content", ["", "terms: [", "{address: {form: du, why: x}, terms: {}, more: 1}"])
def test_a_broken_glossary_is_one_line(german: Path, vestibule: Vestibule, content: str) -> None:
    """A glossary that cannot be read is named with what is wrong."""
    (german / "glossary.yaml").write_text(content, encoding="utf-8")
    told = vestibule("check").err.splitlines()
    assert [line.startswith("locales/de/glossary.yaml:1: cannot be read") for line in told] == [True, False]
    assert vestibule("languages", "--markdown").code == 1


@pytest.mark.parametrize("content", ["", "terms: {case: {}}", "[]"])
def test_a_broken_english_glossary_is_named(german: Path, content: str) -> None:
    """What the terms mean has to be readable, too."""
    (german.with_name("en") / "glossary.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(BadGlossary, match=r"locales/en/glossary\.yaml:1: cannot be read"):
        meanings()


def test_a_missing_glossary_is_a_fault(german: Path, vestibule: Vestibule) -> None:
    """A language needs a glossary; `check` and `languages` say what to do."""
    (german / "glossary.yaml").unlink()
    says = "locales/de/glossary.yaml:1: there is none; write it as another language's (docs/translating.md)"
    assert says in vestibule("check").err.splitlines()
    assert says in vestibule("languages", "--markdown").err


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "there is none"),
        ("{script: Latin}", "cannot be read (quotes: Field required)"),
        ("{", "cannot be read (ParserError)"),
        ("{script: Latin, quotes: „“, dash: –, neutral: []}", "has no `neutral` words"),
    ],
)
def test_a_language_of_unknown_writing_is_a_fault(
    german: Path, vestibule: Vestibule, content: str | None, why: str
) -> None:
    """S-02: a folder that does not say how its language is written is named in one line, with why and what to do."""
    (german / "writing.yaml").unlink()
    if content is not None:
        (german / "writing.yaml").write_text(content, encoding="utf-8")
    [told] = [line for line in vestibule("check").err.splitlines() if "writing.yaml" in line]
    assert told.startswith(
        f"locales/de/writing.yaml:1: {why}; S-02 needs its words in every language; write it"
    )


@pytest.mark.usefixtures("german")
@pytest.mark.parametrize(
    ("english", "found"),
    [
        ("Cases: {case}", ("case",)),
        ("{case} goes on; see /case", ()),
        ("Keep it in case of damage", ()),
        ("case management", ("case management",)),
        ("A case for case management", ("case", "case management")),
        ("It was handed over", ("hand over",)),
    ],
)
def test_terms_are_found_in_english(english: str, found: tuple[str, ...]) -> None:
    """A term is found in any number; placeholders, commands, another meaning and a longer term's part do not count."""
    assert terms_in(english, meanings()) == found


@pytest.mark.parametrize("language", languages()[1:])
def test_every_shipped_glossary_is_whole(language: str) -> None:
    """Each language has a form of address and about 25 terms or more, each with a word and why."""
    chosen = glossary(language)
    assert chosen.address.form
    assert chosen.address.why
    assert set(meanings()) <= set(chosen.terms)
    assert len(meanings()) >= 25
    assert all(term.word and term.why for term in chosen.terms.values())
