"""`vestibule check` finds what is wrong with scripts and catalogues, a line each."""

from __future__ import annotations

import ast
import importlib
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.pofile import write_po

from bot import texts as texts_module
from bot import texts_found
from bot.commands import catalogues, check, wording
from bot.commands.catalogues import Text
from bot.commands.neutral_words import telling_words
from bot.texts_extract import BUTTONS, extract_python
from bot.usecases import neutral
from flows import read
from flows.effects import Line
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


ENGLISH = "Send /menu, {name}:\n• /zone P-07\n• {name}"
TRANSLATED = "{name}, bitte /menu:\n• /zone P-07\n• {name}"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("/menu", "Menü", "has the commands /zone; it should have /menu /zone"),
        ("/menu", "/menue", "has the commands /menue /zone; it should have /menu /zone"),
        ("/menu", "/menu/", "has the commands /zone; it should have /menu /zone"),
        ("P-07", "P-70", "has the references P-70; it should have P-07"),
        ("P-07", "", "has the references none; it should have P-07"),
        (
            ", bitte",
            " {name}, bitte",
            "has the placeholders {name} {name} {name}; it should have {name} {name}",
        ),
        ("• {name}", "• Sie", "has the placeholders {name}; it should have {name} {name}"),
        (":\n", ": \n\n", "has 3 line breaks; it should have 2, where the English has them"),
        ("• {name}", "{name}", "has 1 lines with a bullet; it should have 2, as the English has"),
    ],
)
def test_what_stays_is_compared(
    german: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, says: str
) -> None:
    """Commands, references, placeholders, line breaks and bullets are in a translation as often as in the English."""
    monkeypatch.setattr(catalogues, "texts", lambda: (Text("staff", ENGLISH, 600, "bot/a.py:1"),))
    write(german, {("staff", ENGLISH): TRANSLATED})
    assert not catalogues.faults_of("de")
    write(german, {("staff", ENGLISH): TRANSLATED.replace(old, new, 1)})
    (fault,) = catalogues.faults_of("de")
    assert fault.endswith(says)


def test_what_stays_is_compared_in_each_form(german: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plural form that loses its command is named, whichever it is."""
    one, several = "and {number} more; /case", "and {number} others; /case"
    monkeypatch.setattr(catalogues, "texts", lambda: (Text("staff", one, 600, "bot/a.py:1", several),))
    catalogue = Catalog("de")
    catalogue.add((one, several), ("und {number} mehr", "und {number} andere; /case"), context="staff")
    with german.open("wb") as file:
        write_po(file, catalogue)
    (fault,) = catalogues.faults_of("de")
    assert fault.endswith("form 0 (for 1): has the commands none; it should have /case")


@pytest.mark.parametrize(
    "line", [neutral.DOOR_YES, neutral.DOOR_LATER, neutral.DOOR_NOT_ME, neutral.MENU_BUTTON]
)
def test_buttons_below_neutral_lines_may_not_tell(
    german: Path, monkeypatch: pytest.MonkeyPatch, line: Line
) -> None:
    """S-02: the door's buttons and the menu's are held to the words of the neutral lines they stand under."""
    monkeypatch.setattr(catalogues, "texts", lambda: (Text(line.context, line.msgid, 40, "bot/a.py:1"),))
    write(german, {(line.context, line.msgid): "Zum Programm"})
    (fault,) = catalogues.faults_of("de")
    assert fault.endswith("arrives unasked and must not say Programm (S-02)")


def test_neutral_lines_of_any_context_may_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """S-02: what usecases.neutral holds is neutral, whatever its context; what a person has asked for is not."""
    monkeypatch.setattr(neutral, "WAITING", Line("menu", "The programme"))
    texts = tuple(Text("menu", said, 600, "bot/a.py:1") for said in ("The programme", "Your programme"))
    monkeypatch.setattr(catalogues, "texts", lambda: texts)
    catalogues._neutral_lines.cache_clear()
    try:
        assert catalogues.faults_of_source() == [
            "bot/a.py:1: menu: arrives unasked and must not say programme (S-02)"
        ]
    finally:
        catalogues._neutral_lines.cache_clear()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Das Pro\u00adgramm", "de"),
        ("Part\u200bner", "en"),
        ("عُنْف", "ar"),
        ("Die Gruppensitzung", "de"),
        ("Ihre Ex\u00adfreundin", "de"),
        ("Häusliches", "de"),
        ("Die Familie", "de"),
        ("Ihre Beziehung", "de"),
        ("Ängste", "de"),
        ("Ihre Beratungsstelle", "de"),
        ("Er schlägt", "de"),
        ("Der Schlag", "de"),
        ("Your group", "en"),
        ("Boyfriend", "en"),
        ("Your spouse", "en"),
        ("Families", "en"),
        ("Fearful", "en"),
    ],
)
def test_hidden_words_tell_too(text: str, language: str) -> None:
    """S-02: soft hyphens, signs without width and Arabic vowel marks hide no word from the list."""
    assert telling_words(text, language)


def lines_in(value: object) -> Iterator[Line]:
    """The line, or those of the mapping."""
    yield from (value,) if isinstance(value, Line) else value.values() if isinstance(value, dict) else ()


@pytest.mark.parametrize(
    ("module", "name"), [(m, name) for m, names in BUTTONS.items() for name in sorted(names)]
)
def test_buttons_of_staff_have_40_characters(module: str, name: str) -> None:
    """S-09: lines that become labels of buttons are held to 40 characters, whatever their context."""
    limits = {(text.context, text.msgid): text.longest for text in catalogues.texts()}
    found = list(lines_in(getattr(importlib.import_module(f"bot.usecases.{module}"), name)))
    assert found
    assert {limits[line.context, line.msgid] for line in found} == {40}


def test_only_the_named_module_is_meant() -> None:
    """S-09: a line of the same name in another module is a message and keeps its 600 characters."""
    file = io.BytesIO(b'SEEN = Line("staff", "Write /seen")')
    file.name = "bot/usecases/mail.py"
    ((*_, comments),) = extract_python(file, (), (), {})
    assert comments == ["at most 600 characters"]


def test_the_shorter_limit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """S-09: words that are a message here and a button there are held to what a button can hold."""
    found = [
        (1, "pgettext", ("staff", "No"), [f"at most {longest} characters"]) for longest in (600, 40, 600)
    ]
    monkeypatch.setattr(texts_found, "extract_python", lambda *_: iter(found))
    assert {
        t.longest for t in catalogues.texts.__wrapped__() if t.msgid == "No" and t.context == "staff"
    } == {40}


def labels_of(tree: ast.Module) -> Iterator[str]:
    """The constants that stand in a pair before what a press of the button sends."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple) and len(node.elts) == 2:
            label, data = (ast.unparse(one) for one in node.elts)
            if re.match(r"f?['\"](\{STEP\}|[A-Z]{2,6}):", data):
                yield from re.findall(r"\b(?<!\w\.)(?:texts\.|neutral\.)?[A-Z_]{2,}\b", label)


def test_no_button_is_forgotten() -> None:
    """S-09: every constant that stands before a button's data is among those held to 40 characters."""
    found = set()
    for path in sorted(Path(neutral.__file__).parent.glob("*.py")):
        for label in labels_of(ast.parse(path.read_text(encoding="utf-8"))):
            room, _, name = label.rpartition(".")
            found.add(({"texts": "staff_texts", "": path.stem}.get(room, room), name))
    assert {("staff_texts", "BACK"), ("written", "LATER"), ("neutral", "MENU_BUTTON")} <= found
    assert not {(m, n) for m, n in found if m != "neutral" and n not in BUTTONS.get(m, ())}
