"""`vestibule check` and `make messages` know texts that have a form for each number."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.pofile import write_po

from bot import texts as texts_module
from bot.commands import catalogues
from bot.commands.catalogues import Text, faults_of, faults_of_source
from bot.texts import GettextTexts
from bot.texts_extract import extract_python
from flows.effects import Line

ONE, SEVERAL = "{number} day", "{number} days"
DAYS = Text("staff", ONE, 20, "bot/a.py:1", SEVERAL)
RUSSIAN = ("{number} день", "{number} дня", "{number} дней")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Catalogues of their own, with one text; what was read of the real ones is forgotten and comes back."""
    for written in texts_module.locales_folder().glob("*/writing.yaml"):
        kept = tmp_path / "locales" / written.parent.name
        kept.mkdir(parents=True)
        shutil.copy(written, kept)
    for module in (texts_module, catalogues):
        monkeypatch.setattr(module, "locales_folder", lambda: tmp_path / "locales")
    monkeypatch.setattr(catalogues, "texts", lambda: (DAYS,))
    monkeypatch.setattr(texts_module, "catalogue", texts_module.catalogue.__wrapped__)
    return tmp_path / "locales"


def write(folder: Path, language: str, forms: tuple[str, ...], header: str = "") -> None:
    """A catalogue with these forms."""
    made = Catalog(language)
    made.add((ONE, SEVERAL), forms, context="staff")
    written = io.BytesIO()
    write_po(written, made, width=0)
    path = folder / language / "LC_MESSAGES" / "vestibule.po"
    path.parent.mkdir(parents=True)
    text = written.getvalue().decode("utf-8")
    path.write_text(text.replace(made.plural_forms, header or made.plural_forms), encoding="utf-8")


def test_a_plural_comes_out_with_its_context() -> None:
    """A line with a plural is extracted as one message with two texts, and says that it depends on the number."""
    source = b'Line("staff", "{number} day", plural="{number} days")\nLine("staff", "Day")'
    first, second = extract_python(io.BytesIO(source), (), (), {})
    assert first == (
        1,
        "npgettext",
        ("staff", ONE, SEVERAL),
        ["depends on {number}", "at most 600 characters"],
    )
    assert second[1:3] == ("pgettext", ("staff", "Day"))


def test_all_forms_pass(folder: Path) -> None:
    """A catalogue with every form is without fault, and each number gets its own."""
    write(folder, "ru", RUSSIAN)
    assert not faults_of("ru")
    line = Line("staff", ONE, plural=SEVERAL)
    said = [GettextTexts().line("ru", line, {"number": number}) for number in (1, 2, 5, 21)]
    assert said == ["1 день", "2 дня", "5 дней", "21 день"]


def test_a_form_for_one_number_may_say_it_in_words(folder: Path) -> None:
    """In Romanian the first form is for 1 alone, and may leave the number out."""
    write(folder, "ro", ("o zi", "{number} zile", "{number} de zile"))
    assert not faults_of("ro")


@pytest.mark.parametrize(
    ("forms", "says"),
    [
        (("{number} день", "{number} дня", ""), "is not translated in 3 forms"),
        (
            ("день", *RUSSIAN[1:]),
            "form 0 (for 1, 21, 31, 41): has the placeholders none; it should have {number}",
        ),
        ((*RUSSIAN[:2], "{nummer} дней"), "form 2 (for 0, 5, 6, 7): has the placeholders {nummer}"),
        ((*RUSSIAN[:2], "{number} " + "д" * 20), "form 2 (for 0, 5, 6, 7): 29 characters; 20 at most"),
    ],
)
def test_each_form_is_checked(folder: Path, forms: tuple[str, ...], says: str) -> None:
    """A form that is missing, too long or without its number is a fault that says for which numbers it is."""
    write(folder, "ru", forms)
    (fault,) = faults_of("ru")
    assert says in fault


def test_the_rule_is_babels(folder: Path) -> None:
    """A header with another rule than Babel's table would choose wrong forms: a fault."""
    write(folder, "ru", RUSSIAN, "nplurals=3; plural=(n != 1);")
    assert (
        "has Plural-Forms: nplurals=3; plural=(n != 1);; it should have nplurals=3; plural=(n%10==1"
        in faults_of("ru")[0]
    )


def test_a_plural_on_one_side_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that had a plural when it was translated, and has none any more, is to be brought up to date."""
    write(folder, "ru", RUSSIAN)
    monkeypatch.setattr(catalogues, "texts", lambda: (Text("staff", ONE, 20, "bot/a.py:1"),))
    assert "has a plural on one side only" in faults_of("ru")[0]


def test_a_plural_of_nothing_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plural without {number} could not be chosen."""
    text = Text("staff", "a day", 20, "bot/a.py:1", "days")
    monkeypatch.setattr(catalogues, "texts", lambda: (text,))
    assert faults_of_source() == ["bot/a.py:1: staff: has a plural, and no {number} that it depends on"]
