"""docs/privacy claims nothing that no test keeps, and leads nowhere that is not there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs" / "privacy").glob("*.md"))
INDEX = ROOT / "docs" / "privacy" / "README.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ROW = re.compile(r"^\| ([SR]-\d\d) \| .+ \| (`tests/.+`) \|$", re.MULTILINE)
WANTED = {f"S-{number}" for number in (*range(20, 27), *range(40, 46))}
"""What the index has to answer for, at least."""


@cache
def promises(file: str) -> dict[str, str]:
    """Name -> first words of every test in the file; empty if there is no such file."""
    path = ROOT / file
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
    tests = (node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return {test.name: ast.get_docstring(test) or "" for test in tests if test.name.startswith("test_")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_test_that_is_named_is_there(page: Path) -> None:
    """S-40 to S-45: a page of docs/privacy names no test that is not in the project."""
    named = NAMED.findall(page.read_text(encoding="utf-8"))
    assert [f"{file}::{name}" for file, name in named if name not in promises(file)] == []


def test_every_claim_is_kept_by_a_test_of_its_id() -> None:
    """S-20 to S-26, S-40 to S-45: each has a row in the index, and each row a test that begins with its id."""
    rows = ROW.findall(INDEX.read_text(encoding="utf-8"))
    assert {mark for mark, _ in rows} >= WANTED
    for mark, kept_by in rows:
        named = NAMED.findall(kept_by)
        assert named, kept_by
        for file, name in named:
            begins = re.match(r"(?:[SR]-\d\d[,: ]*)*", promises(file)[name])
            assert mark in (begins[0] if begins else ""), f"{mark}: {file}::{name}"


def test_every_threat_is_shown_by_a_story() -> None:
    """S-40: each row of the threat model says what somebody can do, what stops them, what remains, and which tests show it."""
    text = (ROOT / "docs" / "privacy" / "threat-model.md").read_text(encoding="utf-8")
    threats = text.split("\n## ")[1:]
    assert len(threats) == 10
    for threat in threats:
        for part in ("| stopped by |", "| remains |", "| shown by | `tests/"):
            assert part in threat, threat.splitlines()[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    """S-40: a link of docs/privacy leads to a file, and to a heading in it, that are there."""
    for address in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        where, _, heading = address.partition("#")
        target = (page.parent / where).resolve() if where else page
        assert target.exists(), address
        if heading:
            heads = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}, (
                address
            )
