"""`vestibule languages`, `vestibule review`, and inviting into a draft."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.pofile import write_po

from bot import texts
from bot.review import is_draft
from bot.texts import languages, own_name
from tests.bot.commands.conftest import EXAMPLE, Vestibule

ROOT = Path(__file__).parents[3]
TABLE = ROOT / "docs" / "languages.md"
GUIDE = ROOT / "docs" / "translating.md"
MAKEFILE = ROOT / "Makefile"


def test_every_language_is_shown(vestibule: Vestibule) -> None:
    """Each language has a line with its own name, messages, words, reviewed and draft."""
    lines = vestibule("languages").out.splitlines()
    assert lines[0].split()[-4:] == ["messages", "words", "reviewed", "draft"]
    assert [line.split()[0] for line in lines[1:]] == list(languages())
    for line, code in zip(lines[2:], languages()[1:], strict=True):
        messages, words, reviewed, draft = (int(n) for n in line.split()[-4:])
        assert own_name(code) in line
        assert messages == reviewed + draft
        assert words > messages


def test_the_table_in_the_docs_is_the_one_that_is_printed(vestibule: Vestibule) -> None:
    """docs/languages.md holds what `vestibule languages --markdown` prints."""
    assert vestibule("languages", "--markdown").out in TABLE.read_text("utf-8")


def test_a_review_is_noted(vestibule: Vestibule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody has read counts as reviewed from then on."""
    shutil.copytree(texts.locales_folder() / "de", tmp_path / "locales" / "de")
    monkeypatch.setattr(texts, "locales_folder", lambda: tmp_path / "locales")
    is_draft.cache_clear()
    outcome = vestibule("review", "de", "neutral", "button", "--by", "R-1")
    assert outcome.code == 0, outcome.err
    assert "messages of de are" in outcome.out
    assert "by: R-1" in (tmp_path / "locales" / "de" / "review.yaml").read_text("utf-8")
    assert "0 more reviewed" in vestibule("review", "de", "neutral", "--by", "R-2").out


def test_a_new_languages_catalogue_is_laid_out_as_ours(tmp_path: Path) -> None:
    """What the documented command writes is left as it is by `make messages`, so that a first commit shows no rewrapping."""
    template, catalogue = Catalog(project="vestibule"), tmp_path / "pl" / "LC_MESSAGES" / "vestibule.po"
    template.add(
        "a text that is longer than the line of a catalogue would be by itself " * 3, context="staff"
    )
    template.add("one {number}", context="staff", auto_comments=["at most 600 characters"])
    with (tmp_path / "vestibule.pot").open("wb") as file:
        write_po(file, template, width=0)
    [init] = re.findall(r"`\.venv/bin/pybabel (init .*?) -l CODE`", GUIDE.read_text("utf-8"))
    [update] = re.findall(
        r"pybabel --quiet (update .*)", MAKEFILE.read_text("utf-8").replace("\\\n", "").replace("\t", "")
    )
    for command in (f"{init} -l pl", update.replace("$(POT)", "locales/vestibule.pot")):
        words = command.replace("locales", str(tmp_path), 2).replace("$(DOMAIN)", "vestibule").split()
        before = catalogue.read_bytes() if catalogue.exists() else b""
        subprocess.run([sys.executable, "-m", "babel.messages.frontend", "-q", *words], check=True)
    assert catalogue.read_bytes() == before
    assert before.count(b'\n"') < 20, "only the head has several lines"


@pytest.mark.parametrize("language", ["en", "xx"])
def test_what_has_no_catalogue_cannot_be_reviewed(vestibule: Vestibule, language: str) -> None:
    """English is the source; another language needs a catalogue first."""
    assert vestibule("review", language, "neutral", "--by", "R-1").code == 2


@pytest.mark.parametrize("context", ["slef_test", ""])
def test_a_context_that_no_text_has_is_refused(vestibule: Vestibule, context: str) -> None:
    """A slip in what was read is said, rather than noting nothing, or everything."""
    outcome = vestibule("review", "de", context, "--by", "R-1")
    assert (outcome.code, "no text's context begins with" in outcome.err) == (2, True)


@pytest.mark.usefixtures("service")
def test_nobody_is_invited_into_a_draft(vestibule: Vestibule, monkeypatch: pytest.MonkeyPatch) -> None:
    """A draft is refused by `invite`, unless VESTIBULE_DRAFTS=yes offers drafts."""
    assert vestibule("import", EXAMPLE).code == 0
    given = ("--role", "participant", "--alias", "P-1", "--language", "de", "--timezone", "Europe/Berlin")
    outcome = vestibule("invite", *given, "--group", "tuesday")
    assert (outcome.code, "VESTIBULE_DRAFTS=yes" in outcome.err) == (2, True)
    monkeypatch.setenv("VESTIBULE_DRAFTS", "yes")
    assert vestibule("invite", *given, "--group", "tuesday").code == 0
    assert "not wholly reviewed: " in vestibule("doctor").out
