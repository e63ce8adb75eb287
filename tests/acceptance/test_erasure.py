"""Erasure: when it is refused, what it takes away, and what stays by law."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.ports.records import Case, Person, Raised, Request
from bot.simulator.phone import Phone
from bot.storage.sealing import Keyring
from bot.usecases import neutral
from bot.usecases.case_beside import SESSION_SCRIPT
from bot.usecases.erase_person import CannotErase
from bot.usecases.invite import OPERATOR
from flows.values import CaseKind, Role, Urgency
from tests.acceptance.house import House
from tests.acceptance.rights import TYPED, erased, lived_in, looked, marks_of, settle_cases, traces
from tests.acceptance.stories import READY, reads


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


async def test_an_erasure_stops_at_a_case_that_leaving_opened(house: House) -> None:
    """S-30, S-06, S-45: ticks without Done become a case by leaving; it stays, is asked about, and stops the erasure."""
    await house.plan_session(timedelta(hours=30))
    staff = await house.staff("facilitator", "duty")
    phone = await house.member()
    await house.later(hours=16)
    await house.selftest(phone)
    await house.walk(phone, READY, until="ST-13")
    await house.press(phone, "ST-13:hurt_self")
    person = await house.person(phone)
    done = await erased(house, person)
    assert (done.finished, done.goes) == (False, {})
    await house.quiet()
    [case] = await house.cases()
    assert done.opened == (case.ref,)
    assert "self_harm" in await house.concerns()
    assert staff["duty"].shows(case.ref) or staff["facilitator"].shows(case.ref)
    assert await house.roles(case)
    assert len(house.tables()["answers"]) > 0
    with pytest.raises(CannotErase, match=f"while a case is open: {case.ref}"):
        await erased(house, person)
    await settle_cases(house, staff)
    assert (await erased(house, person)).goes["cases"] == 1


async def test_an_erasure_ends_every_request(house: House) -> None:
    """S-45: a copy or a correction asked for is over with the erasure; staff are not reminded of it for ever."""
    phone = await house.member()
    person = await house.person(phone)
    async with house.bot.storage.unit() as unit:
        for kind in ("copy", "erasure", "correction"):
            await unit.requests.add(
                Request(house.ids.new(), house.programme.id, person.id, kind, house.clock.now())
            )
        await unit.commit()
    await erased(house, person)
    async with house.unit() as unit:
        asked = await unit.requests.of_person(person.id)
        assert await unit.requests.open_in(house.programme.id) == []
    assert [one.outcome for one in asked] == ["erased"] * 3


def of_a_session(house: House, *people: Person, state: str = "closed") -> Case:
    """A case about a session's people."""
    now = house.clock.now()
    raised = tuple(
        Raised("no_result", Urgency.SESSION, (Role.FACILITATOR,), SESSION_SCRIPT, "none", (one.id,), now)
        for one in people
    )
    return Case(
        house.ids.new(), 900 + len(people), house.programme.id, people[0].group_id, people[0].id, None, None,
        Urgency.SESSION, CaseKind.REVIEW, "open" if state == "open" else "closed", raised, (), now,
        None if state == "open" else now,
    )  # fmt: skip


async def keep(house: House, case: Case, **settings: object) -> None:
    """The case is there, and the programme has these settings."""
    async with house.bot.storage.unit() as unit:
        await unit.cases.add(case, [])
        programme = await unit.programmes.get(house.programme.id)
        assert programme is not None
        await unit.programmes.save(replace(programme, settings={**programme.settings, **settings}))
        await unit.commit()


async def two(house: House) -> tuple[Person, Person]:
    """Two participants."""
    one, other = await house.member(), Phone(house.world, "other")
    await other.start(await house.invite("participant", "Another one"))
    await house.quiet()
    return await house.person(one), await house.person(other)


async def test_a_session_s_case_needs_everybody_it_names(house: House) -> None:
    """S-45: a case of a session that is open holds up the erasure of each person it names, not of the first alone."""
    first, second = await two(house)
    await keep(house, of_a_session(house, first, second, state="open"))
    with pytest.raises(CannotErase, match="while a case is open: K-902"):
        await erased(house, second)


@pytest.mark.parametrize("by", ["case", "the other"])
async def test_a_hold_covers_all_whom_a_session_s_case_names(house: House, by: str) -> None:
    """S-42, S-45: a legal hold on a session's case, or on one person in it, keeps the case and all it names as they are."""
    first, second = await two(house)
    case = of_a_session(house, first, second)
    await keep(house, case, legal_hold=["K-902" if by == "case" else first.id])
    with pytest.raises(CannotErase, match="legal hold"):
        await erased(house, second)
    async with house.unit() as unit:
        assert await unit.cases.get(case.id) == case
