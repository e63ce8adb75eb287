"""Texts in a language: which one serves whom, and what stands inside a sentence written from right to left."""

from __future__ import annotations

import pytest
from babel.messages import Catalog
from babel.messages.pofile import write_po

from bot import texts as texts_module
from bot.texts import GettextTexts, best_of, from_right, own_name, set_apart
from flows.effects import Line

AMONG = ("en", "nb", "de", "ar", "ro", "pt_BR")


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("de-AT", "de"), ("DE", "de"), ("no", "nb"), ("nn", "nb"), ("nb-NO", "nb"), ("no-NO", "nb"), ("mo", "ro"),
        ("ar-EG", "ar"), ("pt-br", "pt_BR"), ("pt-PT", None), ("sr", None), ("sr-Latn-RS", None), ("xx", None), ("", None),
    ],
)  # fmt: skip
def test_telegrams_code_finds_its_language(code: str, language: str | None) -> None:
    """A region, an older name and another case find the language; what nothing serves finds none."""
    assert best_of(code, AMONG) == language


def test_languages_are_named_in_themselves() -> None:
    """The names in the choice of language are those that readers of the language know."""
    assert [own_name(one) for one in ("en", "de", "nb", "ar")] == [
        "English",
        "Deutsch",
        "Norsk bokmål",
        "العربية",
    ]


def test_isolates_stand_in_languages_written_from_the_right_only() -> None:
    """What is filled in is isolated in Arabic, and left alone in English and Ukrainian; nothing is isolated from nothing."""
    assert [from_right(one) for one in ("ar", "en", "uk", "de")] == [True, False, False, False]
    assert set_apart("ar", "18:30") == "\u206818:30\u2069"
    assert set_apart("ar", "") == ""
    assert set_apart("uk", "18:30") == "18:30"


def test_what_is_filled_in_is_isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """Every placeholder of an Arabic text is isolated, in lines and in the shell's own texts; in English none is."""
    import pathlib

    path = pathlib.Path(str(tmp_path)) / "ar" / "LC_MESSAGES" / "vestibule.po"
    path.parent.mkdir(parents=True)
    made = Catalog("ar")
    made.add("Case {case}: {time}", "الحالة {case}: {time}", context="staff")
    with path.open("wb") as file:
        write_po(file, made)
    monkeypatch.setattr(texts_module, "locales_folder", lambda: pathlib.Path(str(tmp_path)))
    texts_module.catalogue.cache_clear()
    try:
        line = Line("staff", "Case {case}: {time}", {"case": "K-104"})
        said = GettextTexts().line("ar", line, {"time": "18:30"})
        assert said == "الحالة \u2068K-104\u2069: \u206818:30\u2069"
        assert GettextTexts().say("ar", "staff", line.msgid, case="K-104", time="18:30") == said
        assert GettextTexts().line("en", line, {"time": "18:30"}) == "Case K-104: 18:30"
    finally:
        texts_module.catalogue.cache_clear()
