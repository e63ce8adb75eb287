"""`vestibule check` finds what is wrong with scripts and catalogues, a line each."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.pofile import write_po

from bot import texts as texts_module
from bot.commands import catalogues, check, wording
from bot.commands.catalogues import Text
from flows import read
from tests.bot.commands.conftest import Vestibule

LOCALES = texts_module.locales_folder()
TEXTS = (
    Text("neutral", "Please wait for {service}.", 600, "flows/lines.py:1"),
    Text("button", "Continue", 40, "flows/lines.py:2"),
)
GOOD = {
    ("neutral", "Please wait for {service}."): "Bitte warten Sie auf {service}.",
    ("button", "Continue"): "Weiter",
}


@pytest.fixture
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of catalogues with a German one for two texts; gives the file to write."""
    path = tmp_path / "locales" / "de" / "LC_MESSAGES" / "vestibule.po"
    path.parent.mkdir(parents=True)
    (path.parents[1] / "glossary.yaml").write_text("{address: {form: Sie, why: usual}, terms: {}}")
    (path.parents[2] / "en").mkdir()
    (path.parents[2] / "en" / "glossary.yaml").write_text("terms: {}")
    for language in ("en", "de"):
        shutil.copy(LOCALES / language / "writing.yaml", path.parents[2] / language)
    for module in (texts_module, catalogues):
        monkeypatch.setattr(module, "locales_folder", lambda: tmp_path / "locales")
    for module in (catalogues, check, wording):
        monkeypatch.setattr(module, "texts", lambda: TEXTS)
    return path


def write(path: Path, messages: dict[tuple[str, str], str], *, fuzzy: bool = False) -> None:
    """A catalogue of these messages."""
    catalogue = Catalog("de")
    for (context, msgid), string in messages.items():
        catalogue.add(msgid, string, context=context, flags=["fuzzy"] if fuzzy else [])
    with path.open("wb") as file:
        write_po(file, catalogue)


def test_a_good_catalogue_passes(german: Path, vestibule: Vestibule) -> None:
    """Complete, sure, short and neutral: no faults, exit code 0."""
    write(german, GOOD)
    outcome = vestibule("check")
    assert outcome.code == 0, outcome.err
    assert "en, de: no faults" in outcome.out


@pytest.mark.parametrize(
    ("key", "string", "says"),
    [
        (("button", "Continue"), "", "is not translated"),
        (("button", "Continue"), "W" * 41, "41 characters; 40 at most"),
        (
            ("neutral", "Please wait for {service}."),
            "Bitte warten.",
            "placeholders none; it should have {service}",
        ),
        (("neutral", "Please wait for {service}."), "Bitte {servce} {service}", "it should have {service}"),
        (
            ("neutral", "Please wait for {service}."),
            "Ihr Programm: {service}",
            "must not say Programm (S-02)",
        ),
    ],
)
def test_each_fault_is_one_line(
    german: Path, vestibule: Vestibule, key: tuple[str, str], string: str, says: str
) -> None:
    """S-02: a fault of a catalogue is one line with file, line and context, and exit code 1."""
    write(german, {**GOOD, key: string})
    outcome = vestibule("check")
    assert outcome.code == 1
    first, last = outcome.err.splitlines()
    assert first.startswith("locales/de/LC_MESSAGES/vestibule.po:")
    assert f" {key[0]}: " in first
    assert says in first
    assert last == "1 fault"


def test_missing_and_fuzzy_messages_are_faults(german: Path, vestibule: Vestibule) -> None:
    """A text that is not in the catalogue, and one that is marked fuzzy, would fall back to English: faults."""
    write(german, {("button", "Continue"): "Weiter"}, fuzzy=True)
    outcome = vestibule("check")
    assert "'Please wait for {service}.' is not in it" in outcome.err
    assert "'Continue' is marked fuzzy" in outcome.err


def test_a_broken_catalogue_is_one_line(german: Path, vestibule: Vestibule) -> None:
    """A file that is no catalogue is named with what is wrong."""
    german.write_text('msgid "a"\nmsgstr "b"\nnonsense\n', encoding="utf-8")
    outcome = vestibule("check")
    assert (outcome.code, outcome.err.count("cannot be read as a catalogue")) == (1, 1)


def test_long_or_telling_source_texts_are_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """S-02, S-09: the English texts are held to the same lengths and words."""
    texts = (
        Text("button", "C" * 41, 40, "flows/lines.py:2"),
        Text("neutral", "A question", 600, "flows/lines.py:3"),
    )
    monkeypatch.setattr(catalogues, "texts", lambda: texts)
    assert catalogues.faults_of_source() == [
        "flows/lines.py:2: button: 41 characters; 40 at most",
        "flows/lines.py:3: neutral: arrives unasked and must not say question (S-02)",
    ]


def test_faults_of_scripts_are_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vestibule: Vestibule
) -> None:
    """Faults in scripts are printed a line each, and the exit code is 1."""
    monkeypatch.setattr(check, "load_library", lambda: read.load_library(tmp_path))
    outcome = vestibule("check")
    assert outcome.code == 1
    assert str(tmp_path) in outcome.err


def test_source_texts_are_all_found() -> None:
    """The texts that are checked come from scripts, catalogue of concerns, core and shell alike."""
    contexts = {text.context.split("/")[0] for text in catalogues.texts()}
    assert {"self_test", "welcome", "concern", "neutral", "button", "staff", "menu"} <= contexts
