"""The reader of script files: every fault is one line, and nothing is half-loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.read import ROOT, ScriptFault, load_library, read_script

CONCERNS = """\
format: 1
concerns:
  - id: needs_help
    urgency: session
    route: [F]
    kind: review
    staff: The participant asked for help.
    next_step: Talk with them.
    source: S0 Client Participation
    variants:
      - {urgency: review}
"""
SCRIPT = """\
format: 1
script: small
version: 1
title: A small script
steps:
  - id: SM-01
    kind: choose
    text: How is it?
    choices:
      - {id: good, label: Good}
      - id: bad
        label: Bad
        raises: needs_help
  - id: SM-02
    kind: say
    text: That is all.
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one small script and its catalogue, without a fault."""
    (tmp_path / "scripts" / "small").mkdir(parents=True)
    (tmp_path / "concerns.yaml").write_text(CONCERNS, encoding="utf-8")
    (tmp_path / "scripts" / "small" / "1.yaml").write_text(SCRIPT, encoding="utf-8")
    return tmp_path


def faults(root: Path) -> list[str]:
    """What the reader says, with the folder left out."""
    with pytest.raises(ScriptFault) as caught:
        load_library(root)
    assert str(caught.value) == "\n".join(caught.value.faults)
    return [line.replace(f"{root}/", "") for line in caught.value.faults]


def change(root: Path, before: str, after: str, name: str = "scripts/small/1.yaml") -> None:
    """Change the one place in a file."""
    path = root / name
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, after), encoding="utf-8")


def test_a_folder_without_a_fault_is_read(root: Path) -> None:
    """A good script is loaded with its catalogue."""
    library = load_library(root)
    assert library.names == ("small",)
    assert library.newest("small").script.step("SM-01").choices[1].raises[0].concern == "needs_help"
    with pytest.raises(KeyError):
        library.newest("other")
    assert library.at("small", 2) is None


def test_the_published_scripts_have_no_fault() -> None:
    """Everything that ships is read without a fault."""
    assert len(load_library(ROOT).names) == 10


FAULTS = {
    "unknown field": (
        "    text: How is it?", "    text: How is it?\n    colour: red",
        "scripts/small/1.yaml:9: step SM-01: colour", "there is no such field",
    ),
    "unknown kind": (
        "kind: choose", "kind: chose",
        "scripts/small/1.yaml:6: step SM-01: kind chose is not known; there are agree, choose, ",
    ),
    "unknown target": (
        "{id: good, label: Good}", "{id: good, label: Good, next: SM-09}",
        "scripts/small/1.yaml:6: step SM-01: leads to SM-09, which does not exist", "use a step id",
    ),
    "unknown concern": (
        "raises: needs_help", "raises: needs_hlep",
        "step SM-01: raises needs_hlep, which is not in concerns.yaml; add it there or correct the name",
    ),
    "another urgency": (
        "raises: needs_help", "raises: {concern: needs_help, urgency: now}",
        "step SM-01: raises needs_help as now to F; list that under its `variants`",
    ),
    "words for staff where there is no choice": (
        "steps:", "defer: {label: Later, raises: {concern: needs_help, staff: It was put off.}}\nsteps:",
        "raises needs_help with `staff`, which only a choice can have; take it out",
    ),
    "condition about an unknown step": (
        "    text: That is all.", "    text: That is all.\n    when: {answered: {SM-07: good}}",
        "scripts/small/1.yaml:14: step SM-02: asks about step SM-07, which does not exist",
    ),
    "condition about an unknown choice": (
        "    text: That is all.", "    text: That is all.\n    when: {none: [{answered: {SM-01: god}}]}",
        "step SM-02: asks whether SM-01 is god; it has bad, defer, good, written",
    ),
    "step twice": (
        "  - id: SM-02", "  - id: SM-01",
        "scripts/small/1.yaml:1: ", "step SM-01 is defined twice; every step id stands once",
    ),
    "choice twice": (
        "{id: good, label: Good}", "{id: bad, label: Good}",
        "step SM-01 has a choice id twice; choice ids are unique in a step",
    ),
    "unreachable step": (
        "    text: How is it?", "    text: How is it?\n    next: END",
        "scripts/small/1.yaml:15: step SM-02: is never reached; lead to it with `next`, or take it out",
    ),
    "dead end": (
        "    text: That is all.", "    text: That is all.\n    next: SM-02",
        "scripts/small/1.yaml:6: step SM-01: is a dead end", "give a choice a `next`",
    ),
    "a hold nobody hears of": (
        "{id: good, label: Good}", "{id: good, label: Good, readiness: hold}",
        "step SM-01: choice good stops the person but raises no concern; add `raises`",
    ),
    "a closing nobody hears of": (
        "{id: good, label: Good}", "{id: good, label: Good, closing: wait}",
        "step SM-01: choice good stops the person but raises no concern; add `raises`",
    ),
    "label too long": (
        "label: Good", f"label: {'Good ' * 9}",
        "scripts/small/1.yaml:10: step SM-01: choices.0.label: ", "at most 40 characters; write it shorter",
    ),
    "text too long": (
        "How is it?", "How is it? " * 60,
        "scripts/small/1.yaml:8: step SM-01: text: ", "at most 600 characters; write it shorter",
    ),
    "missing field": (
        "    text: How is it?\n", "",
        "scripts/small/1.yaml:6: step SM-01: text: Field required; this field is required; add it",
    ),
    "step id": (
        "id: SM-02", "id: sm two", "scripts/small/1.yaml:14: step sm two: id: ", "step ids are capitals",
    ),
    "closing that does not exist": (
        "{id: good, label: Good}", "{id: good, label: Good, closing: goodbye}",
        "choices.0.closing", "'nearby', 'not_person'", "use one of the values named",
    ),
    "indentation": (
        "  - id: SM-02", "   - id: SM-02",
        "scripts/small/1.yaml:14: not readable as YAML", "check indentation and quotes",
    ),
    "field twice": (
        "    text: That is all.", "    text: That is all.\n    text: Really.",
        "scripts/small/1.yaml:17: not readable as YAML (text stands twice)",
    ),
    "a field's name that is a list": (
        "    text: That is all.", "    [text]: That is all.",
        "scripts/small/1.yaml:16: not readable as YAML (a field's name has to be a word)",
    ),
    "control character": (
        "That is all.", "That is \x07 all.",
        "scripts/small/1.yaml:1: not readable as YAML (unacceptable character #x0007", "save it as plain UTF-8",
    ),
    "another version than the file's name": (
        "version: 1", "version: 2",
        "scripts/small/1.yaml:1: the file says small version 2; it belongs at scripts/small/2.yaml",
    ),
    "another script than the folder's name": (
        "script: small", "script: large",
        "scripts/small/1.yaml:1: the file says large version 1; it belongs at scripts/large/1.yaml",
    ),
    "another format": (
        "format: 1", "format: 7", "scripts/small/1.yaml:1: format 7 is not known; this software reads format 1",
    ),
    "a defer button that raises what is not there": (
        "title: A small script",
        "title: A small script\ndefer: {label: Later, raises: no_such}",
        "scripts/small/1.yaml:1: raises no_such, which is not in concerns.yaml",
    ),
    "no steps": (
        SCRIPT[SCRIPT.index("steps:"):], "steps: []\n",
        "scripts/small/1.yaml:5: steps: ", "at least 1 item",
    ),
    "an empty file": (SCRIPT, "", "scripts/small/1.yaml:1: ", "valid dictionary"),
}  # fmt: skip


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_fault_is_one_line_with_its_place(root: Path, fault: str) -> None:
    """A fault says file, line, step, what is wrong and what would be right, and nothing is loaded."""
    before, after, *wanted = FAULTS[fault]
    change(root, before, after)
    found = faults(root)
    assert any(all(part in line for part in wanted) for line in found), found
    assert all(line.startswith(("scripts/small/1.yaml:", "concerns.yaml")) for line in found)
    assert not [line for line in found if "\n" in line]


def test_two_faults_are_both_said(root: Path) -> None:
    """Faults in two places of a file, and in two files, are reported together."""
    change(root, "{id: good, label: Good}", "{id: good, label: Good, clr: 1}")
    change(root, "    text: That is all.", "    txt: That is all.")
    (root / "scripts" / "other").mkdir()
    (root / "scripts" / "other" / "1.yaml").write_text("script: [", encoding="utf-8")
    found = faults(root)
    assert [line.split(": ")[0] for line in found] == [
        "scripts/other/1.yaml:1",
        *["scripts/small/1.yaml:10", "scripts/small/1.yaml:14", "scripts/small/1.yaml:16"],
    ]


def test_an_idle_concern_is_said(root: Path) -> None:
    """S-30 A concern that nothing raises, and one that stands twice, are faults of the catalogue."""
    change(root, "raises: needs_help", "label: Bad\n".replace("label: Bad\n", "tip: Oh."))
    assert faults(root) == [
        "concerns.yaml: concern needs_help is raised by no script; raise it or take it out"
    ]


def test_a_concern_twice_is_said(root: Path) -> None:
    """One concern has one entry."""
    path = root / "concerns.yaml"
    path.write_text(CONCERNS + CONCERNS.partition("concerns:\n")[2], encoding="utf-8")
    assert faults(root) == ["concerns.yaml: concern needs_help stands twice; keep one"]


def test_a_faulty_catalogue_loads_nothing(root: Path) -> None:
    """Without a catalogue no script is loaded, however good."""
    change(root, "urgency: session", "urgency: soon", "concerns.yaml")
    [line] = faults(root)
    assert line.startswith("concerns.yaml:4: step needs_help: urgency: Input should be 'now', ")
    (root / "concerns.yaml").unlink()
    assert faults(root) == ["concerns.yaml:1: cannot be read (FileNotFoundError); a UTF-8 file is expected"]


def test_a_file_that_is_no_text_is_said(root: Path) -> None:
    """A file in another encoding is a fault, not a traceback."""
    (root / "scripts" / "small" / "1.yaml").write_bytes(b"\xff\xfe\x00s")
    assert faults(root) == [
        "scripts/small/1.yaml:1: cannot be read (UnicodeDecodeError); a UTF-8 file is expected"
    ]


def test_no_scripts_at_all_is_said(root: Path) -> None:
    """An empty folder is a fault."""
    (root / "scripts" / "small" / "1.yaml").unlink()
    assert faults(root) == ["scripts: no script files; expected NAME/VERSION.yaml"]


def test_reading_one_script_says_its_faults(root: Path) -> None:
    """One file can be read by itself; its faults come as lines, not as an exception."""
    path = root / "scripts" / "small" / "1.yaml"
    script, found = read_script(path)
    assert script is not None
    assert found == []
    change(root, "version: 1", "version: zero")
    script, found = read_script(path)
    assert script is None
    assert found[0].startswith(f"{path}:3: version: ")


def test_unquoted_no_stays_a_word(root: Path) -> None:
    """An unquoted `no` is a choice and not a truth value."""
    change(root, "{id: good, label: Good}", "{id: no, label: No}")
    script, _ = read_script(root / "scripts" / "small" / "1.yaml")
    assert script is not None
    assert script.step("SM-01").choices[0].label == "No"


def test_newer_versions_stand_beside_older_ones(root: Path) -> None:
    """S-34 Two versions are both loaded; new visits take the newest, old ones find theirs."""
    second = SCRIPT.replace("version: 1", "version: 2").replace("How is it?", "How is it now?")
    (root / "scripts" / "small" / "2.yaml").write_text(second, encoding="utf-8")
    library = load_library(root)
    assert library.newest("small").script.version == 2
    old = library.at("small", 1)
    assert old is not None
    assert old.step("SM-01").text == "How is it?"
