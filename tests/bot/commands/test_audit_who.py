"""`vestibule audit show` by alias, `audit who`, and the words of the log."""

from __future__ import annotations

import ast
import csv
import io
import re
from pathlib import Path
from typing import get_args

import pytest

from bot.ports.records import AuditEntry, Programme
from bot.ports.stores import Unit
from bot.usecases import plan_sessions, staff_desk
from bot.usecases.audit_words import WORDS
from tests.bot.commands.conftest import EXAMPLE, Vestibule
from tests.bot.commands.lives import Opened, settle, within

ROOM = Path(__file__).parents[3] / "bot"
DEED = re.compile(
    r"(account|allowance|audit|case|chat|door|duty|hold|invitation|keys|person|programme|release|request|retention"
    r"|roster|sessions?|step|text|zone)(\.[a-z_]+)+"
)


@pytest.fixture
def lived(vestibule: Vestibule, service: str, opened: Opened) -> dict[str, str]:
    """The example programme with people in it; gives their ids."""
    assert vestibule("import", EXAMPLE).code == 0
    found: dict[str, str] = within(opened, settle)
    return found


def rows(out: str) -> list[list[str]]:
    """What `--csv` gave, without its heads."""
    return list(csv.reader(io.StringIO(out)))[1:]


def newest(opened: Opened, action: str) -> AuditEntry:
    """The last entry of a deed."""

    async def looking(unit: Unit) -> list[AuditEntry]:
        return [*await unit.audit.of_subject("audit"), *await unit.audit.of_subject("unknown")]

    return [one for one in within(opened, looking) if one.action == action][-1]


def test_an_alias_leads_to_what_was_done(vestibule: Vestibule, lived: dict[str, str], opened: Opened) -> None:
    """R-16: what was done to and by somebody is found by their alias; whom it was about is recorded, the name not."""
    vestibule("export", "--person", "P-1", "--out", "copy")
    found = vestibule("audit", "show", "--subject", "P-1", "--csv")
    assert [row[2] for row in rows(found.out)] == ["made a copy of the data of"]
    assert "P-1" not in found.out
    assert newest(opened, "audit.shown").detail == {"count": "1", "people": lived["person"]}
    by = rows(vestibule("audit", "show", "--actor", "M-1", "--csv").out)
    assert {(row[1], row[3]) for row in by} == {(f"staff {lived['manager'][-8:]}", "K-101")}
    assert {row[1] for row in rows(vestibule("audit", "show", "--actor", "operator", "--csv").out)} == {
        "operator"
    }


def test_an_id_leads_to_a_person(vestibule: Vestibule, lived: dict[str, str], opened: Opened) -> None:
    """R-16: alias and role of an id, whole or as the table shows it; each look is an entry."""
    for asked in (lived["manager"], lived["manager"][-8:]):
        found = vestibule("audit", "who", asked)
        assert (found.code, found.out) == (0, f"{lived['manager']}  M-1  manager\n"), found.err
    assert vestibule("audit", "who", lived["person"]).out.endswith("  P-1  participant\n")

    async def looks(unit: Unit) -> list[str]:
        return [one.action for one in await unit.audit.of_subject(lived["manager"])]

    assert within(opened, looks) == ["audit.who", "audit.who"]
    for wrong in (lived["manager"][-4:], "f" * 32):
        assert vestibule("audit", "who", wrong).code == 2
    assert newest(opened, "audit.who").subject == "unknown"


@pytest.mark.parametrize(
    ("option", "name"),
    [("--subject", "P-99"), ("--subject", "K-999"), ("--actor", "N-1"), ("--action", "cas")],
)
def test_a_name_that_is_not_there_is_said(
    vestibule: Vestibule, lived: dict[str, str], opened: Opened, option: str, name: str
) -> None:
    """R-16: a slip is not taken for an empty log; that it was tried is recorded."""
    told = vestibule("audit", "show", option, name)
    assert (told.code, told.err) == (2, f"nothing by that name is in the log: {name}\n")
    assert newest(opened, "audit.shown").detail["count"] == "0"
    assert vestibule("audit", "show", "--action", "text.struck").out == "0 entries\n"


def test_nothing_is_folded_in_a_pipe(
    vestibule: Vestibule, lived: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-16: a line for each entry, whatever the width, so that it can be searched."""
    monkeypatch.setenv("COLUMNS", "40")
    told = vestibule("audit", "show").out.splitlines()
    assert int(told[-1].split()[0]) == len(told) - 2
    assert all(re.match(r"\d{4}-\d\d-\d\d ", line) for line in told[1:-1])


def deeds() -> set[str]:
    """Every action that the code can put into the log."""
    found: set[str] = set()
    for file in sorted((*(ROOM / "usecases").glob("*.py"), *(ROOM / "commands").glob("*.py"))):
        tree = ast.parse(file.read_text("utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        logged = {
            id(part) for call in calls if ast.unparse(call.func).startswith("log.") for part in ast.walk(call)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in logged:
                found |= {node.value} if DEED.fullmatch(node.value) else set()
        for call in calls:
            if (
                ast.unparse(call.func) == "AuditEntry"
                and len(call.args) > 3
                and isinstance(call.args[3], ast.Constant)
            ):
                found.add(str(call.args[3].value))
    names = {*staff_desk.COMMANDS, *staff_desk.BUTTONS, *(name for name, _ in staff_desk.CHOSEN.values())}
    found |= {f"case.{name}.refused" for name in names} | {
        f"case.{moved}" for moved in ("take", "see", "resolve", "keep")
    }
    return found | {f"session.{what.replace(' ', '_')}" for what in get_args(plan_sessions.What)}


def test_every_deed_has_words() -> None:
    """R-16: whoever reads the log reads words; no deed is shown by its code, and no word is left over."""
    never = {
        "session.made",
        "session.as_it_was",
        "session.over",
    }  # a new session is in the import's entry; the others change nothing
    assert deeds() - never == set(WORDS)


def test_a_legal_hold_by_alias(vestibule: Vestibule, lived: dict[str, str], opened: Opened) -> None:
    """S-42: a hold is written by alias and kept by id; one on nobody is a fault, not a hold on nothing."""
    text = EXAMPLE.read_text("utf-8").replace("# legal_hold: [K-104]", "legal_hold: [P-1, K-104]")
    assert "legal_hold: [P-1" in text
    Path("held.yaml").write_text(text, "utf-8")
    assert vestibule("import", "held.yaml").code == 0

    async def programme(unit: Unit) -> Programme:
        return (await unit.programmes.all())[0]

    assert within(opened, programme).settings["legal_hold"] == [lived["person"], "K-104"]
    assert "under a legal hold" in vestibule("erase", "--person", "P-1").err
    Path("held.yaml").write_text(text.replace("[P-1, ", "[P-11, "), "utf-8")
    wrong = vestibule("import", "held.yaml")
    assert (wrong.code, "legal_hold: P-11 is no case (K-104), no id" in wrong.err) == (1, True)
    assert within(opened, programme).settings["legal_hold"] == [lived["person"], "K-104"]
