"""What an export says of times, of plain buttons, and of staff."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.ports.records import Agreement, StaffRole
from bot.ports.stores import Unit
from tests.bot.commands.conftest import EXAMPLE, Vestibule
from tests.bot.commands.lives import IDS, NOW, Opened, settle, within


@pytest.fixture
def lived(vestibule: Vestibule, service: str, opened: Opened) -> dict[str, str]:
    """The example programme with people in it; gives their ids."""
    assert vestibule("import", EXAMPLE).code == 0
    found: dict[str, str] = within(opened, settle)
    return found


def test_it_says_that_some_is_kept_longer(vestibule: Vestibule, lived: dict[str, str]) -> None:
    """S-42: a date is no promise while staff still need something, or a court holds it; the copy says so."""
    assert vestibule("export", "--person", "P-1", "--out", "copy").code == 0
    data = json.loads(Path("copy/export.json").read_text("utf-8"))
    assert "is kept longer than the dates" in data["scope"]
    assert "is kept longer than the dates" in Path("copy/export.html").read_text("utf-8")
    assert all("at most" not in one["kept"] for one in data["answers"])


def test_plain_buttons_have_words(vestibule: Vestibule, lived: dict[str, str], opened: Opened) -> None:
    """S-45: a step that has only a plain button shows its words, not its code."""

    async def agree(unit: Unit) -> None:
        points = {"WE-02": "continue", "WE-10": "agree"}
        await unit.agreements.add(Agreement(IDS.new(), lived["person"], 1, "de", points, NOW))

    within(opened, agree)
    assert vestibule("export", "--person", "P-1", "--out", "copy").code == 0
    data = json.loads(Path("copy/export.json").read_text("utf-8"))
    said = [one for agreed in data["agreements"] for point in agreed["points"] for one in point["answer"]]
    assert sorted(said) == ["Continue", "I agree", "I agree"]


def test_a_copy_for_staff(vestibule: Vestibule, lived: dict[str, str], opened: Opened) -> None:
    """S-45: of staff a copy holds their roles, groups and mail address."""

    async def more(unit: Unit) -> None:
        manager = await unit.people.get(lived["manager"])
        assert manager is not None
        await unit.people.save(replace(manager, email="m@service.example"))
        group = (await unit.programmes.groups(manager.programme_id))[0]
        await unit.people.add_role(manager.id, StaffRole.FACILITATOR, group.id)

    within(opened, more)
    assert vestibule("export", "--person", "M-1", "--out", "copy").code == 0
    about = {
        one["what"]: one["is"] for one in json.loads(Path("copy/export.json").read_text("utf-8"))["about"]
    }
    assert set(about["Role"].split(" and ")) == {"managers", "facilitators"}
    assert about["Groups"]
    assert about["Mail address"] == "m@service.example"
