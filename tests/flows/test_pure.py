"""The core is pure: no I/O, no clock, no chance. The same visit and input give the same turn."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest

import flows
from flows.engine import advance
from tests.flows.walks import SCRIPTS, library, walks

ROOT = Path(flows.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
MAY = {
    "__future__", "collections", "dataclasses", "datetime", "enum", "flows", "importlib", "pkgutil", "pydantic",
    "transitions", "typing",
}  # fmt: skip
READER = {"pathlib", "yaml"}
FORBIDDEN_CALLS = {
    "open",
    "print",
    "input",
    "exec",
    "eval",
    "now",
    "utcnow",
    "today",
    "read_text",
    "write_text",
}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_nothing_that_does_io(path: Path) -> None:
    """Only values, pydantic and transitions are imported; files and YAML in the reader alone."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add((node.module or "").split(".")[0])
    assert imported <= (MAY | READER if path.name == "read.py" else MAY)


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.name != "read.py"], ids=lambda p: str(p.relative_to(ROOT))
)
def test_calls_nothing_that_reads_a_clock_or_a_file(path: Path) -> None:
    """No call in the core reads a file, a clock or the keyboard."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            assert name not in FORBIDDEN_CALLS, f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_same_input_gives_the_same_turn(script: str) -> None:
    """R-01 A turn decided again from the same visit is the same turn, at any time of day."""
    later = datetime(2031, 7, 9, 3, 0, tzinfo=UTC)
    for seen in walks(script)[0] + walks(script)[1]:
        again = advance(library().newest(script), seen.before, seen.happened, later)
        assert (again.visit, again.effects) == (seen.after, seen.effects)
