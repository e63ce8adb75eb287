"""Erasure: when it is refused, what it takes away, and what stays by law."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.storage.sealing import Keyring
from bot.usecases import neutral
from bot.usecases.erase_person import CannotErase
from bot.usecases.invite import OPERATOR
from tests.acceptance.house import House
from tests.acceptance.rights import TYPED, erased, lived_in, looked, marks_of, settle_cases, traces
from tests.acceptance.stories import reads


async def test_erasure_is_refused_while_somebody_is_needed(house: House) -> None:
    """S-45: with a case open, or before and during a session, nothing is erased, and it is said why."""
    phone, staff = await lived_in(house)
    person = await house.person(phone)
    before = house.tables()
    with pytest.raises(CannotErase, match="while a case is open: K-101"):
        await erased(house, person)
    await settle_cases(house, staff)
    with pytest.raises(CannotErase, match="has a session at"):
        await erased(house, person)
    with pytest.raises(CannotErase, match="has a session at"):
        await looked(house, person)
    assert len(house.tables()["answers"]) == len(before["answers"])


async def test_a_dry_run_changes_nothing(house: House) -> None:
    """S-45: without --yes an erasure says what would go and what stays, and changes not one row."""
    phone, staff = await lived_in(house)
    await settle_cases(house, staff)
    await house.later(hours=20)
    before = house.tables()
    found = await looked(house, await house.person(phone))
    assert house.tables() == before
    assert found.goes["answers"] > 5
    assert {"agreements", "readiness", "chats", "cases", "visits", "people"} <= found.goes.keys()
    assert "audit" in found.stays


async def test_nothing_of_an_erased_person_is_left(house: House) -> None:
    """S-45, S-41: after both steps no cell of any table, plain or sealed, has a trace but the named audit entries."""
    phone, staff = await lived_in(house)
    await settle_cases(house, staff)
    await house.later(hours=20)
    person, marks = await house.person(phone), await marks_of(house, phone)
    keys = Keyring(house.settings.keys_text())
    assert traces(house.file, keys, marks)
    done = await erased(house, person)
    assert not done.finished
    assert done.goes["answers"] > 5
    await house.quiet()
    assert phone.last.text == reads(neutral.LEFT)
    assert [m.text for m in phone.messages if m.text != reads(neutral.LEFT)] == []
    again = await erased(house, person)
    assert again.finished
    assert traces(house.file, keys, marks) == []
    assert [row for row in house.tables()["people"] if person.id in row] == []
    async with house.unit() as unit:
        proof = [e for e in await unit.audit.of_subject(person.id) if e.action.startswith("person.erased")]
        assert [entry.actor for entry in proof] == [OPERATOR, OPERATOR]
        assert f"answers:{done.goes['answers']}," in proof[0].detail["gone"]
        assert "chats:1," in proof[1].detail["gone"]
        assert (await unit.audit.verify()).faults == ()
    await house.later(minutes=2)


async def test_the_bot_finishes_an_erasure_by_itself(house: House) -> None:
    """S-45: once the chat is cleared the second step is taken within a minute, nobody need run the command again."""
    phone = await house.member()
    person, marks = await house.person(phone), await marks_of(house, phone)
    await erased(house, person)
    await house.quiet()
    await house.later(minutes=2)
    assert traces(house.file, Keyring(house.settings.keys_text()), marks) == []


async def test_an_erasure_outlasts_a_blocked_chat(house: House) -> None:
    """S-45: a chat that is blocked and cannot be cleared holds an erasure up for no longer than Telegram deletes."""
    phone = await house.member()
    await house.write(phone, TYPED)
    person, marks = await house.person(phone), await marks_of(house, phone)
    phone.block()
    await house.quiet()
    await erased(house, person)
    await house.quiet()
    await house.later(hours=49)
    assert traces(house.file, Keyring(house.settings.keys_text()), marks) == []


async def test_a_bare_case_stays_if_the_programme_says_so(house: House) -> None:
    """S-45: with keep_closed_cases the closed case stays as number, urgency, kind and times, without content."""
    house.programme = replace(
        house.programme, settings={**house.programme.settings, "keep_closed_cases": True}
    )
    async with house.bot.storage.unit() as unit:
        await unit.programmes.save(house.programme)
        await unit.commit()
    phone, staff = await lived_in(house)
    await settle_cases(house, staff)
    await house.later(hours=20)
    person, marks = await house.person(phone), await marks_of(house, phone)
    found = await looked(house, person)
    assert "bare record" in found.stays["cases"]
    await erased(house, person)
    await house.quiet()
    assert (await erased(house, person)).finished
    left = traces(house.file, Keyring(house.settings.keys_text()), marks)
    assert set(left) == {("cases", "person_id"), ("people", "id")}
    async with house.unit() as unit:
        case, row = await unit.cases.by_number(101), await unit.people.get(person.id)
    assert case is not None
    assert (case.raised, case.unasked, case.visit_id, case.session_id) == ((), (), None, None)
    assert row is not None
    assert (row.alias, row.language, row.group_id) == ("", "", None)
