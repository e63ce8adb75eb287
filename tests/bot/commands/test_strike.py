"""`vestibule strike`: what was typed, found and taken away from the command line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.ports.records import AnswerRow, AuditEntry
from bot.ports.stores import Unit
from tests.bot.commands.conftest import EXAMPLE, Vestibule
from tests.bot.commands.lives import NASTY, Opened, settle, within


@pytest.fixture
def lived(vestibule: Vestibule, service: str, opened: Opened) -> dict[str, str]:
    """The example programme with people in it; gives their ids."""
    assert vestibule("import", EXAMPLE).code == 0
    found: dict[str, str] = within(opened, settle)
    return found


def answers(opened: Opened, person: str) -> list[AnswerRow]:
    """What is kept of the person's answers."""

    async def look(unit: Unit) -> list[AnswerRow]:
        return await unit.answers.of_person(person)

    found: list[AnswerRow] = within(opened, look)
    return found


def entries(opened: Opened, person: str) -> list[AuditEntry]:
    """What the audit log says about texts of the person."""

    async def look(unit: Unit) -> list[AuditEntry]:
        return [one for one in await unit.audit.of_subject(person) if one.action.startswith("text.")]

    found: list[AuditEntry] = within(opened, look)
    return found


def test_where_something_was_typed_is_said_without_the_text(
    vestibule: Vestibule, lived: dict[str, str], opened: Opened
) -> None:
    """S-40, S-21: the list says step, version and time; the text is shown on purpose only, and that is recorded."""
    outcome = vestibule("strike", "--person", "P-1")
    assert outcome.code == 0, outcome.err
    assert "ST-16  version 1" in outcome.out
    assert "ST-02" not in outcome.out
    assert NASTY not in outcome.out
    assert entries(opened, lived["person"]) == []
    assert NASTY in vestibule("strike", "--person", "P-1", "--show").out
    [shown] = entries(opened, lived["person"])
    assert (shown.actor, shown.action, shown.detail) == ("operator", "text.shown", {"count": "1"})


def test_what_raised_nothing_is_struck_out_too(
    vestibule: Vestibule, lived: dict[str, str], opened: Opened
) -> None:
    """S-40: the text goes and what was chosen stays; without --yes nothing changes; recorded by step and number."""
    assert vestibule("strike", "--person", "P-1", "--step", "ST-16").code == 0
    assert NASTY in [one.text for one in answers(opened, lived["person"])]
    outcome = vestibule("strike", "--person", "P-1", "--step", "ST-16", "--yes")
    assert (outcome.code, "struck out at ST-16: 1" in outcome.out) == (0, True), outcome.err
    kept = answers(opened, lived["person"])
    assert [one.text for one in kept] == ["", "", ""]
    [struck] = [one for one in kept if one.struck_at is not None]
    assert (struck.step, struck.choices, struck.struck_by) == ("ST-16", ("text",), "operator")
    [entry] = entries(opened, lived["person"])
    assert (entry.action, entry.detail) == ("text.struck", {"step": "ST-16", "count": "1"})
    assert "nothing typed stands there" in vestibule("strike", "--person", "P-1").out


def test_a_wrong_strike_says_why(vestibule: Vestibule, lived: dict[str, str]) -> None:
    """S-40: nobody of that alias and --yes alone exit with 2, a step without text with 1; nothing is struck."""
    assert vestibule("strike", "--person", "nobody").code == 2
    assert vestibule("strike", "--person", "P-1", "--yes").code == 2
    outcome = vestibule("strike", "--person", "P-1", "--step", "ST-02", "--yes")
    assert (outcome.code, "steps with text: ST-16" in outcome.err) == (1, True)


def test_under_a_legal_hold_nothing_is_struck_out(
    vestibule: Vestibule, lived: dict[str, str], opened: Opened
) -> None:
    """S-42: the command says why and exits with 1; the text stays, and nothing is recorded as struck."""

    async def hold(unit: Unit) -> None:
        [programme] = await unit.programmes.all()
        await unit.programmes.save(
            replace(programme, settings={**programme.settings, "legal_hold": [lived["person"]]})
        )

    within(opened, hold)
    outcome = vestibule("strike", "--person", "P-1", "--step", "ST-16", "--yes")
    assert (outcome.code, "a legal hold covers this person" in outcome.err) == (1, True)
    assert NASTY in [one.text for one in answers(opened, lived["person"])]
    assert entries(opened, lived["person"]) == []
