"""`vestibule erase`, `leave`, and the links that move or are taken back."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.ports.records import Invitation, Person
from bot.ports.stores import Unit
from bot.usecases import erase_person
from bot.usecases.leave import Left, leave
from tests.bot.commands.conftest import EXAMPLE, Outcome, Vestibule
from tests.bot.commands.lives import Opened, settle, within


@pytest.fixture
def lived(vestibule: Vestibule, service: str, opened: Opened) -> dict[str, str]:
    """The example programme with people in it; gives their ids."""
    assert vestibule("import", EXAMPLE).code == 0
    found: dict[str, str] = within(opened, settle)
    return found


def erase(vestibule: Vestibule, *more: str) -> Outcome:
    """The command for P-1."""
    return vestibule("erase", "--person", "P-1", *more)


def test_erasing_is_a_dry_run_first(vestibule: Vestibule, lived: dict[str, str], opened: Opened) -> None:
    """S-45: without --yes it is said per kind what would go and what stays; with it, it is done and proved."""
    outcome = erase(vestibule)
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("nothing has been changed")
    assert re.search(r"\b3  answers", outcome.out)
    assert "this stays:\n  audit: entries by pseudonymous id" in outcome.out
    assert "requests: what was asked for" in outcome.out
    assert "--yes" in outcome.out

    async def answers(unit: Unit) -> int:
        return len(await unit.answers.of_person(lived["person"]))

    assert within(opened, answers) == 3
    outcome = erase(vestibule, "--yes")
    assert outcome.code == 0, outcome.err
    assert "the chat is being cleared; run it again to finish" in outcome.out
    assert within(opened, answers) == 0
    assert "still being cleared" in erase(vestibule, "--yes").out


def test_erasing_is_refused_with_a_reason(
    vestibule: Vestibule, lived: dict[str, str], opened: Opened
) -> None:
    """S-45: with a case open it exits with 1 and says so; with nobody of that alias with 2."""

    async def reopen(unit: Unit) -> None:
        case = await unit.cases.get(lived["case"])
        assert case is not None
        await unit.cases.save(replace(case, state="open", closed_at=None))

    within(opened, reopen)
    for flags in ((), ("--yes",)):
        outcome = erase(vestibule, *flags)
        assert (outcome.code, "cannot be erased while a case is open: K-101" in outcome.err) == (1, True)
    outcome = vestibule("erase", "--person", "P-2")
    assert (outcome.code, "there is nobody with the alias P-2" in outcome.err) == (2, True)


def test_a_legal_hold_stops_an_erasure(vestibule: Vestibule, lived: dict[str, str], opened: Opened) -> None:
    """S-45: what a programme holds back by law is not erased, and the command says what holds it."""

    async def hold(unit: Unit) -> None:
        programme = (await unit.programmes.all())[0]
        await unit.programmes.save(
            replace(programme, settings={**programme.settings, "legal_hold": ["K-101"]})
        )

    within(opened, hold)
    outcome = erase(vestibule, "--yes")
    assert (outcome.code, "under a legal hold" in outcome.err) == (1, True)


def test_leaving_says_what_it_came_to(vestibule: Vestibule, lived: dict[str, str]) -> None:
    """S-44: leaving is said in words, is done once, and takes its reasons from a list."""
    assert vestibule("leave", "P-1", "--reason", "bored").code == 2
    outcome = vestibule("leave", "P-1", "--reason", "completed")
    assert (outcome.code, "P-1 has left example" in outcome.out) == (0, True)
    outcome = vestibule("leave", "P-1")
    assert (outcome.code, "P-1 has left already" in outcome.err) == (1, True)
    assert vestibule("leave", "nobody").code == 2


def kept(opened: Opened, token: str) -> Invitation:
    """What is kept under a token."""

    async def looking(unit: Unit) -> Invitation | None:
        return await unit.invitations.by_token(token)

    found = within(opened, looking)
    assert found is not None
    return found


def test_a_link_to_another_account(vestibule: Vestibule, lived: dict[str, str], opened: Opened) -> None:
    """S-44: --replace gives a link for somebody enrolled, short-lived, one at a time, and recorded."""
    outcome = vestibule("invite", "--replace", "P-1", "--json")
    assert outcome.code == 0, outcome.err
    first = kept(opened, json.loads(outcome.out)["token"])
    assert (first.replaces, first.role) == (lived["person"], "participant")
    assert timedelta(days=1) < first.expires_at - datetime.now(UTC) < timedelta(days=3)
    assert vestibule("invite", "--replace", "P-1").code == 2
    assert vestibule("invite", "--replace", "P-1", "--again").code == 0
    assert vestibule("invite", "--replace", "nobody").code == 2
    outcome = vestibule("invite", "--replace", "P-1", "--role", "duty")
    assert (outcome.code, "--replace takes no --role" in outcome.err) == (2, True)


def test_a_link_is_taken_back(vestibule: Vestibule, lived: dict[str, str], opened: Opened) -> None:
    """S-44: --revoke ends the unused link of an alias; where there is none it says so."""
    who = ("--alias", "N-1", "--language", "en", "--timezone", "Europe/London")
    token = json.loads(vestibule("invite", "--role", "duty", *who, "--json").out)["token"]
    outcome = vestibule("invite", "--revoke", "N-1")
    assert (outcome.code, outcome.out) == (0, "1 link of N-1 taken back\n")
    assert kept(opened, token).revoked_at is not None
    outcome = vestibule("invite", "--revoke", "N-1")
    assert (outcome.code, "there is no unused link for N-1" in outcome.err) == (2, True)
    outcome = vestibule("invite", "--revoke", "N-1", "--replace", "P-1")
    assert (outcome.code, "not both" in outcome.err) == (2, True)


def test_a_refusal_needs_reasons(vestibule: Vestibule, lived: dict[str, str]) -> None:
    """S-45: whoever marks a request as refused is reminded to tell why, and where one can complain."""
    ref = vestibule("requests").out.split()[0]
    outcome = vestibule("requests", "done", ref, "--outcome", "refused")
    assert (outcome.code, outcome.out.splitlines()[0]) == (0, f"{ref}  copy  refused")
    assert "told why" in outcome.out
    assert "art. 12(4)" in outcome.out


def test_erasing_says_what_leaving_opened(
    vestibule: Vestibule, lived: dict[str, str], opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-30, S-45: with a case that leaving opened the command exits with 1 and names it, and the leaving is kept."""

    async def leaving(unit: Unit, desk: object, person: Person, why: str, by: str) -> Left:
        left = await leave(unit, desk, person, why, by)  # type: ignore[arg-type]  # the desk as it was given
        return replace(left, cases=("K-102",))

    monkeypatch.setattr(erase_person, "leave", leaving)
    outcome = erase(vestibule, "--yes")
    assert (outcome.code, "P-1 has left; K-102 is open, erase afterwards" in outcome.err) == (1, True)

    async def look(unit: Unit) -> tuple[str, int]:
        person = await unit.people.get(lived["person"])
        assert person is not None
        return person.state, len(await unit.answers.of_person(person.id))

    assert within(opened, look) == ("left", 3)
