"""`vestibule diagram`: pictures of the machines that run."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.commands.diagram import drawn_pages
from flows.machine import definition
from flows.read import load_library
from tests.bot.commands.conftest import Vestibule

FOLDER = Path(__file__).parents[3] / "docs" / "diagrams"


def test_the_pictures_in_docs_are_current() -> None:
    """docs/diagrams shows the machines as they are now, all of them and no others (`make diagrams` draws them)."""
    assert {path.name: path.read_text("utf-8") for path in FOLDER.glob("*")} == drawn_pages()


@pytest.mark.parametrize("script", load_library().names)
def test_a_picture_has_every_state(vestibule: Vestibule, script: str) -> None:
    """Every step of a script stands in its picture, and conditions are named, never shown as lambdas."""
    outcome = vestibule("diagram", script)
    assert outcome.code == 0, outcome.err
    states, _ = definition(load_library().newest(script).script)
    assert not [state for state in states if f'state "{state}"' not in outcome.out]
    assert "lambda" not in outcome.out
    assert not [line for line in outcome.out.splitlines() if " --> " in line and line.count(":") > 1]
    arrows = [line.split(":")[0] for line in outcome.out.splitlines() if " --> " in line]
    assert arrows
    assert not [arrow for arrow in arrows if "-" in arrow.replace(" --> ", "")]


def test_the_lifecycle_and_the_way_are_drawn(vestibule: Vestibule) -> None:
    """A case's lifecycle and the way through the programme are drawn too."""
    assert "asking --> taken: take" in vestibule("diagram", "case").out
    assert "orientation --> active: oriented" in vestibule("diagram", "way").out


def test_write_makes_a_file_for_each(vestibule: Vestibule, tmp_path: Path) -> None:
    """--write draws one, or all, into a folder that is made."""
    assert vestibule("diagram", "case", "--write", tmp_path / "new" / "one").code == 0
    assert [path.name for path in (tmp_path / "new" / "one").iterdir()] == ["case.md"]
    assert vestibule("diagram", "--write", tmp_path / "all").code == 0
    assert {path.name for path in (tmp_path / "all").iterdir()} == set(drawn_pages())


def test_an_unknown_name_is_wrong_use(vestibule: Vestibule) -> None:
    """A name that is none gets the names there are, and exit code 2."""
    outcome = vestibule("diagram", "nothing")
    assert outcome.code == 2
    assert "there is no script nothing; there are: after_session" in outcome.err
