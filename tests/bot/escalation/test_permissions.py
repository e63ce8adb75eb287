"""The table of permissions, cell by cell, and what people might make up to get around it."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

import bot
from bot.ports.inbound import Command, Inbound, Sent
from bot.telegram.inbound import parse
from bot.usecases import commands, participant_desk, staff_desk
from bot.usecases.release import releasable
from tests import permissions
from tests.bot.escalation.conftest import Town
from tests.bot.escalation.permitted import TYPED, button_of, parsed, settled, tried

ROWS = permissions.rows()
STAFF_ONLY = ("CASE", "OUT", "LIFT", "HAND", "STRK", "REL", "ALW", "WRIT", "ROST", "DUTY")


async def named(town: Town) -> dict[str, str]:
    """What the placeholders of an action stand for."""
    return {
        "question": await button_of(town, "participant"),
        "alias": "alias of participant",
        "step": next(iter(releasable(town.desk))),
        **{
            name: town.ids[whose][-12:]
            for name, whose in (
                ("colleague", "facilitator"), ("own", "participant"), ("other", "neighbour"),
                ("session", "session"), ("duty", "duty"), ("administrator", "administrator"),
            )
        },
    }  # fmt: skip


@pytest.mark.parametrize("column", permissions.COLUMNS, ids=lambda column: column.letter)
async def test_every_cell_of_the_table(town: Town, column: permissions.Column) -> None:
    """S-21, S-22: each command and button does for each role what the table says, and refusals tell and change nothing."""
    town, wrong = await settled(town), []
    words = await named(town)
    for action, signs in ROWS.items():
        came = await tried(town, column.who, parsed(action.format(case=column.case, **words)))
        wanted = permissions.VERDICTS[signs[column.letter]]
        if came.verdict != wanted:
            wrong.append(f"{action}: {came.verdict} instead of {wanted}")
        if wanted != "yes":
            assert "alias" not in came.said, action
            assert TYPED not in came.said, action
        if wanted in ("no", "first"):
            refusals = [a for a in came.recorded if a.endswith(".refused")]
            assert refusals or "no hold" in came.said, f"{action} is not recorded"
    assert not wrong, "\n".join(wrong)


FORGED = (
    "CASE:take:K-999", "CASE:take:", "CASE:nonsense:K-101", "CASE:take:K-101.x", "OUT:nonsense:K-101", "OUT:seen:K-101",
    "OUT:device_agreed:K-101", "LIFT:nonsense:K-101", "HAND:000000000000:K-103", "HAND:{own}:K-103",
    "HAND:{administrator}:K-103", "HAND:a:K-103", "STRK:yes.ST-99:K-101", "STRK:yes.:K-101", "STRK:yes.yes.ST-01:K-101",
    "REL:who:", "REL:who:{own[11]}", "REL:yes.{step}:{own[11]}", "REL:yes.nonsense:{own}", "REL:yes.st_07:{own}",
    "ALW:phone.9y:{own}", "ALW:phone.2w:{own[11]}", "ALW:weapons.2w:{own}", "ROST:show:", "ROST:show:{session[11]}",
    "WRIT:page.1:", "WRIT:page.x:{own[11]}", "WRIT:yes.ST-99:{own}", "WRIT:yes.:{own}", "WRIT:nonsense:{own}",
    "DUTY:duty:", "DUTY:duty:{duty[11]}", "DUTY:administrator:{administrator}", "DUTY:nonsense:{duty}", "LANG:xx:",
    "DOOR:perhaps:", "PRIV:nonsense:", "PRIV:yes.nonsense:", "PRIV:yes.:", "MENU:nonsense:", "MENU:welcome:", "A:b:c", "ST-01:maybe:", "ST-01:maybe:000000000000.1",
)  # fmt: skip


@pytest.mark.parametrize("column", permissions.COLUMNS, ids=lambda column: column.letter)
async def test_made_up_buttons_change_nothing(town: Town, column: permissions.Column) -> None:
    """S-21, S-22: data that no button ever had give nobody more than a line, and do not get into the audit log."""
    town = await settled(town)
    words = await named(town)
    short = {name: [*value, *[""] * 12] for name, value in words.items()}
    for data in FORGED:
        full = re.sub(r"\{(\w+)\[(\d+)\]\}", lambda m: short[m[1]][int(m[2])], data).format(**words)
        came = await tried(town, column.who, parsed(full))
        assert came.changed <= {"people", "visits"}, f"{full}: {came.changed}"
        assert TYPED not in came.said, full
        assert not {"nonsense", "weapons", "ST-99"} & set(re.split(r"[.:]", " ".join(came.recorded))), full


@pytest.mark.parametrize("who", ["participant", "facilitator", "manager", "stranger", "left participant"])
async def test_another_persons_buttons_are_nobodys(town: Town, who: str) -> None:
    """S-05, S-21: a copied button of another participant's question is an old button, whoever presses it."""
    town = await settled(town)
    came = await tried(town, who, parsed(await button_of(town, "neighbour")))
    assert came.verdict in ("line", "stranger")
    assert not came.changed - {"visits"}


@pytest.mark.parametrize("letter", "PFTSDMXN")
async def test_nothing_is_done_in_groups(town: Town, letter: str) -> None:
    """S-21: no command and no button is answered outside a private chat, whoever sends it."""
    town = await settled(town)
    words, column = await named(town), next(c for c in permissions.COLUMNS if c.letter == letter)
    for action in ROWS:
        came = await tried(town, column.who, parsed(action.format(case=column.case, **words)), private=False)
        assert came.verdict == "nothing", action


def forwarded(text: str) -> Inbound:
    """A message that somebody else wrote, passed on."""
    now = datetime(2026, 6, 9, 17, 0, tzinfo=UTC)
    origin = {"type": "hidden_user", "sender_user_name": "x", "date": 1}
    person = {"id": 5, "is_bot": False, "first_name": "x"}
    message = {
        "message_id": 3, "date": 1, "chat": {"id": 5, "type": "private"}, "from": person, "text": text,
        "forward_origin": origin,
    }  # fmt: skip
    found = parse(0, {"update_id": 1, "message": message}, now)
    assert isinstance(found, Inbound)
    return found


@pytest.mark.parametrize("action", [a for a in ROWS if a.startswith("/")])
async def test_forwarded_commands_are_none(town: Town, action: str) -> None:
    """S-21, S-06: a command somebody passes on is not theirs and does nothing; /stop alone always works."""
    what = forwarded(action.format(case="K-101", alias="alias of participant")).what
    if action == "/stop":
        assert what == Command("stop")
        return
    assert isinstance(what, Sent)
    came = await tried(await settled(town), "facilitator", what)
    assert came.verdict == "line"


SOURCES = Path(bot.__file__).parent / "usecases"


def compared(desk: ModuleType, *names: str) -> Iterator[str]:
    """The words with which `command.name` (or another of these) is compared in a desk."""
    for node in ast.walk(ast.parse(inspect.getsource(desk))):
        if isinstance(node, ast.Compare) and ast.unparse(node.left) in names:
            for other in node.comparators:
                if isinstance(other, ast.Name) and isinstance(found := getattr(desk, other.id), str):
                    yield found
                yield from (
                    c.value
                    for c in ast.walk(other)
                    if isinstance(c, ast.Constant) and isinstance(c.value, str)
                )


def test_every_command_has_a_row() -> None:
    """S-21: a command that is added to a desk, or to Telegram's list, is not without its row in the table."""
    written = {action[1:].split()[0] for action in ROWS if action.startswith("/")} - {"nonsense"}
    desks = [staff_desk, participant_desk]
    found = {word for desk in desks for word in compared(desk, "command.name", "name")}
    found |= {*staff_desk.COMMANDS, *staff_desk.OPENS, *participant_desk.COMMANDS, *commands.COMMANDS}
    assert found == written


def test_every_button_has_a_row() -> None:
    """S-21: every kind of button that a desk reads, or that any use case makes, has its row in the table."""
    written = {action.split(":")[0] for action in ROWS if action[0] not in "/{"}
    desks = [staff_desk, participant_desk]
    read = {word for desk in desks for word in compared(desk, "press.step", "step")}
    read |= {*staff_desk.LISTS, *staff_desk.CHOSEN}
    assert read == written
    assert {f"CASE:{choice}" for choice in staff_desk.BUTTONS} == {
        action.rsplit(":", 1)[0] for action in ROWS if action.startswith("CASE:")
    }
    made: set[str] = set()
    for file in SOURCES.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        made |= set(re.findall(r"""f?["']([A-Z]{3,6}):[a-z{]""", text))
        made |= set(re.findall(r"""^STEP(?:: Final)? = "([A-Z]{3,6})"$""", text, re.M))
    assert made <= written, made - written
    assert written >= set(STAFF_ONLY)


def test_the_page_says_what_the_table_says() -> None:
    """S-21: docs/privacy/permissions.md is the table that is tested; `python -m tests.permissions` writes it."""
    assert permissions.DOCUMENT.read_text(encoding="utf-8") == permissions.document()
