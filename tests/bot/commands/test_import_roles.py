"""What becomes of staff's roles and groups when the programme file says otherwise (S-21)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.ports.records import Person, StaffRole
from bot.ports.stores import Unit
from tests.bot.commands.conftest import Opened, Vestibule
from tests.bot.commands.lives import IDS, within
from tests.bot.commands.test_import import SMALL

TWO = SMALL.replace("    name: One\n", "    name: One\n  - key: two\n    name: Two\n")
ENTRY = "  - alias: Facilitator\n    role: facilitator\n"
Held = set[tuple[str, str]]
"""Alias and role with its group, as `tech`, `facilitator one`."""


def listed(*roles: str) -> str:
    """The file's text with one entry of `Facilitator` for each, as `facilitator two` or `tech`."""
    entries = ""
    for role in roles:
        name, _, group = role.partition(" ")
        entries += ENTRY.replace("role: facilitator", f"role: {name}") + (
            f"    group: {group}\n" if group else ""
        )
    return TWO.replace(ENTRY, entries)


@pytest.fixture
def held(vestibule: Vestibule, opened: Opened, tmp_path: Path):
    """Imports the file with these entries; gives what is said of `Facilitator`, and what each of staff holds then.

    Enrolled before: `Facilitator` in group one, and `Other`, technical help whom the file does not name.
    """
    file = tmp_path / "small.yaml"
    file.write_text(listed("facilitator one"), encoding="utf-8")
    assert vestibule("import", file).code == 0

    async def enrol(unit: Unit) -> None:
        programme = await unit.programmes.by_key("small")
        assert programme is not None
        one = await unit.programmes.group_by_key(programme.id, "one")
        assert one is not None
        for alias, role, group in (
            ("Facilitator", StaffRole.FACILITATOR, one.id), ("Other", StaffRole.TECH, None),
        ):  # fmt: skip
            person = Person(IDS.new(), programme.id, None, "staff", alias, "en", "Europe/London", "active")
            await unit.people.add(person)
            await unit.people.add_role(person.id, role, group)

    async def look(unit: Unit) -> Held:
        [programme] = await unit.programmes.all()
        keys = {group.id: group.key for group in await unit.programmes.groups(programme.id)}
        found: Held = set()
        for role in StaffRole:
            for person in await unit.people.in_role(programme.id, role):
                groups = await unit.people.groups_of(person.id, role)
                found |= {(person.alias, f"{role} {keys[one]}") for one in groups} or {(person.alias, role)}
        return found

    within(opened, enrol)

    def again(*roles: str) -> tuple[list[str], Held]:
        file.write_text(listed(*roles), encoding="utf-8")
        outcome = vestibule("import", file)
        assert outcome.code == 0, outcome.err
        said = [line for line in outcome.out.splitlines() if re.match(r"\w+ Facilitator: ", line)]
        return said, within(opened, look)

    return again


OTHER = ("Other", "tech")


def test_a_move_to_another_group_ends_the_former(held) -> None:
    """S-21: whoever the file names in another group now reads nothing of the former group, and the output says so."""
    said, now = held("facilitator two")
    assert now == {("Facilitator", "facilitator two"), OTHER}
    assert "facilitator Facilitator: ended, since the file says otherwise now" in said


def test_another_role_ends_the_former(held) -> None:
    """S-21: whoever the file gives another role no longer has the former; said once, and not at the next import."""
    said, now = held("partner_support")
    assert now == {("Facilitator", "partner_support"), OTHER}
    assert "facilitator Facilitator: ended, since the file says otherwise now" in said
    said, again = held("partner_support")
    assert (said, again) == (["partner_support Facilitator: as it was"], now)


def test_two_entries_are_two_roles(held) -> None:
    """S-21: who stands in the file once for each of several roles or groups has all of them, and no others."""
    said, now = held("facilitator two", "duty")
    assert now == {("Facilitator", "facilitator two"), ("Facilitator", "duty"), OTHER}
    assert "facilitator Facilitator: changed" in said
    assert held("duty")[1] == {("Facilitator", "duty"), OTHER}


def test_the_same_entry_twice_ends_nothing(held, vestibule: Vestibule, tmp_path: Path) -> None:
    """S-21: an entry that stands twice is a slip: the file is refused whole, and every role stays."""
    file = tmp_path / "small.yaml"
    file.write_text(listed("duty", "duty"), encoding="utf-8")
    outcome = vestibule("import", file)
    assert (outcome.code, "Facilitator stands twice as duty" in outcome.err) == (1, True)
    assert held("facilitator one") == (
        ["facilitator Facilitator: as it was"], {("Facilitator", "facilitator one"), OTHER},
    )  # fmt: skip


def test_who_is_not_enrolled_gets_one_link(vestibule: Vestibule, service: str, tmp_path: Path) -> None:
    """S-21: one link for one person: of a second role it is said that the next import gives it, again and again."""
    file = tmp_path / "small.yaml"
    file.write_text(listed("facilitator one", "duty"), encoding="utf-8")
    for _ in range(2):
        outcome = vestibule("import", file)
        assert outcome.code == 0, outcome.err
        assert "duty Facilitator: not enrolled yet; import again once they are, for this role" in outcome.out
    assert "facilitator Facilitator: invited already" in outcome.out


def test_whom_the_file_does_not_name_keeps_theirs(held) -> None:
    """S-21: staff who were invited on the command line, or taken out of the file, go by `leave` and not by an import."""
    for roles in (["facilitator one"], ["facilitator two"]):
        assert OTHER in held(*roles)[1]
