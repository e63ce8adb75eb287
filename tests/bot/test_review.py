"""What is reviewed and what is a draft, by the hash of source and translation."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.pofile import write_po

from bot import review as review_module
from bot import texts as texts_module
from bot.review import BadReview, is_draft, missing, offered, review, review_file, standing

GOOD = {("button", "Continue"): "Weiter", ("neutral", "Please wait."): "Bitte warten Sie."}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of catalogues with a German one."""
    for module in (texts_module, review_module):
        monkeypatch.setattr(
            module, "catalogue_file", lambda code: tmp_path / code / "LC_MESSAGES" / "vestibule.po"
        )
    monkeypatch.setattr(review_module, "languages", lambda: ("en", "de"))
    monkeypatch.setattr(
        review_module, "keys", lambda: frozenset((context, (msgid,)) for context, msgid in GOOD)
    )
    write(GOOD)
    is_draft.cache_clear()
    return tmp_path


def write(messages: dict[tuple[str, str], str]) -> None:
    """The German catalogue."""
    path = texts_module.catalogue_file("de")
    path.parent.mkdir(parents=True, exist_ok=True)
    catalogue = Catalog("de")
    for (context, msgid), string in messages.items():
        catalogue.add(msgid, string, context=context)
    with path.open("wb") as file:
        write_po(file, catalogue)
    is_draft.cache_clear()


def test_everything_begins_as_a_draft() -> None:
    """Without reviews every message is a draft, and the language is not offered unless drafts are."""
    found = standing("de")
    assert (found.messages, found.words, found.reviewed, found.drafts) == (2, 4, 0, 2)
    assert offered((), drafts=False) == ("en",)
    assert offered((), drafts=True) == ("en", "de")


def test_a_reviewed_language_is_offered() -> None:
    """Once each message has been read the language is offered; part of it is not enough."""
    assert review("de", "R-1", ("button",)) == 1
    assert is_draft("de")
    is_draft.cache_clear()
    assert review("de", "R-1", ("neutral", "button")) == 1
    assert offered((), drafts=False) == ("en", "de")
    assert "by: R-1" in review_file("de").read_text("utf-8")


def test_what_the_catalogue_does_not_hold_makes_a_draft() -> None:
    """A text of the product that is not in the catalogue would be read in English: the language is a draft, and says so."""
    review("de", "R-1", ("neutral", "button"))
    write({("button", "Continue"): "Weiter"})
    assert missing("de") == {("neutral", ("Please wait.",))}
    assert offered((), drafts=False) == ("en",)


@pytest.mark.parametrize("limit", ["de-AT", "DE"])
def test_a_limit_is_read_as_telegrams_codes_are(limit: str) -> None:
    """VESTIBULE_LANGUAGES takes what Telegram would say for the language."""
    assert offered((limit,), drafts=True) == ("en", "de")


@pytest.mark.parametrize(
    "changed",
    [
        {**GOOD, ("button", "Continue"): "Fortfahren"},
        {("button", "Go on"): "Weiter", ("neutral", "Please wait."): "Bitte warten Sie."},
        {("menu", "Continue"): "Weiter", ("neutral", "Please wait."): "Bitte warten Sie."},
    ],
)
def test_a_change_makes_a_draft(changed: dict[tuple[str, str], str]) -> None:
    """A changed translation, source or place is a draft again; the others stay reviewed, and the old line goes."""
    review("de", "R-1", ("",))
    write(changed)
    assert (standing("de").reviewed, standing("de").drafts) == (1, 1)
    assert is_draft("de")
    review("de", "R-2", ("",))
    lines = review_file("de").read_text("utf-8")
    assert (lines.count("by: R-1"), lines.count("by: R-2")) == (1, 1)


def test_empty_translations_cannot_be_reviewed() -> None:
    """What is not translated stays a draft whoever has read it."""
    write({**GOOD, ("button", "Continue"): ""})
    assert review("de", "R-1", ("",)) == 1
    assert standing("de").drafts == 1


def test_english_is_always_offered() -> None:
    """VESTIBULE_LANGUAGES limits the rest; English is the source and stays."""
    assert offered(("de",), drafts=True) == ("en", "de")
    assert offered(("de",), drafts=False) == ("en",)


def test_a_broken_review_file_is_named() -> None:
    """A file that is no list of reviews is a fault, not a language without reviews."""
    review_file("de").write_text("- {context: x}\n", encoding="utf-8")
    with pytest.raises(BadReview, match=r"review\.yaml"):
        standing("de")
