"""Dated allowances: who may give them, what they change, and that they end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.ports.inbound import Command, Press
from bot.ports.plan import Allowance
from bot.ports.records import OutboxRow, Session, StaffRole
from bot.storage.sealing import Keyring
from bot.usecases import allow
from bot.usecases.facts import facts_for
from flows.library import Library
from flows.read import load_library
from tests.bot.desks import STAFF, START, Room, open_room

TECH, FACILITATOR = StaffRole.TECH, StaffRole.FACILITATOR


@pytest.fixture(scope="module")
def library() -> Library:
    """The scripts, read once."""
    return load_library()


@pytest.fixture
async def room(database_url: str, keyring: Keyring, library: Library) -> AsyncIterator[Room]:
    """A desk with everybody in place."""
    async with open_room(database_url, keyring, library) as room:
        yield room


async def press(room: Room, choice: str, role: StaffRole = FACILITATOR) -> None:
    """A button about the participant."""
    await room.ask(room.update(Press("ALW", choice, room.participant[-12:], "cb"), STAFF[role]))


async def rows_of(room: Room, role: StaffRole = FACILITATOR) -> list[OutboxRow]:
    """What waits to be said to them."""
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.people[role])
        assert chat is not None
        return [row for row in await unit.outbox.waiting(chat.id) if row.op == "say"]


async def current(room: Room) -> list[Allowance]:
    """The participant's allowances."""
    async with room.storage.unit() as unit:
        return await unit.allowances.current(room.participant, room.clock.now())


async def facts(room: Room, *, alone: bool) -> tuple[str, str]:
    """What the test would be told about headphones and phone, in a group's or a single person's session."""
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
        programme = await unit.programmes.get(room.programme)
        session: Session | None = await unit.sessions.by_key(room.programme, "s")
        assert person is not None
        assert programme is not None
        assert session is not None
        if alone:
            session = replace(session, group_id=None, person_id=person.id)
        told = await facts_for(unit, room.desk, person, programme, session)
    return told["headphones_allowed"], told["phone_allowed"]


@pytest.mark.parametrize("role", [FACILITATOR, TECH])
async def test_three_presses_allow_it(room: Room, role: StaffRole) -> None:
    """S-22, R-16 Person, what and until when come from lists; who gave it is kept and written down."""
    await room.ask(room.update(Command("allow"), STAFF[role]))
    (listed,) = await rows_of(room, role)
    assert listed.sensitive
    assert [line[0] for line in listed.rows] == [("alias 1000", f"ALW:who:{room.participant[-12:]}")]
    await press(room, "who", role)
    await press(room, "no_headphones", role)
    (asked,) = await rows_of(room, role)
    for line in asked.rows:
        assert len(line[0][1].encode()) <= 64
    await press(room, asked.rows[1][0][1].split(":")[1], role)
    (kept,) = await current(room)
    assert (kept.what, kept.until, kept.given_by) == (
        "no_headphones", START + timedelta(weeks=2), room.people[role],
    )  # fmt: skip
    async with room.storage.unit() as unit:
        (entry,) = await unit.audit.of_subject(room.participant)
    assert (entry.action, entry.actor, entry.detail["what"]) == (
        "allowance.given", room.people[role], "no_headphones",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("span", "days"), [("next", timedelta(hours=3)), ("2w", timedelta(days=14)), ("3m", timedelta(days=92))]
)
async def test_each_ends(room: Room, span: str, days: timedelta) -> None:
    """S-42 An allowance ends: with the next session, after two weeks, after three months."""
    await press(room, f"phone.{span}")
    (kept,) = await current(room)
    assert kept.until == START + days
    room.clock.advance(days)
    assert not await current(room)


async def test_a_phone_is_for_sessions_alone(room: Room) -> None:
    """S-32 A phone is allowed in an individual session only; headphones may be missing in both."""
    assert await facts(room, alone=True) == ("no", "no")
    await press(room, "phone.2w")
    assert await facts(room, alone=False) == ("no", "no")
    assert await facts(room, alone=True) == ("no", "yes")
    await press(room, "no_headphones.next")
    assert await facts(room, alone=False) == ("yes", "no")


async def test_it_must_last_until_the_session(room: Room) -> None:
    """S-32 What ends before the session starts does not count for its test."""
    async with room.storage.unit() as unit:
        until = START + timedelta(minutes=60)
        await unit.allowances.add(
            Allowance("a", room.participant, "no_headphones", until, room.people[TECH], START)
        )
        await unit.commit()
    assert await facts(room, alone=False) == ("no", "no")


async def test_the_test_no_longer_asks_for_headphones(room: Room) -> None:
    """S-32 With the allowance, missing headphones are nothing to fix and raise nothing."""
    await press(room, "no_headphones.3m")
    await room.begin()
    await room.play(
        "ST-07:usual_room", "ST-08:nobody", "ST-08:done", "ST-13:calm", "ST-13:done", "ST-12:none", "ST-02:mine",
        "ST-01:laptop", "ST-03:yes", "ST-04:steady", "ST-05:none", "ST-06:both", "ST-14:chair", "ST-14:dressed",
        "ST-14:no_food_smoke", "ST-14:real_background", "ST-14:done", "ST-15:nothing",
    )  # fmt: skip
    assert await room.cases() == []
    async with room.storage.unit() as unit:
        session = await unit.sessions.by_key(room.programme, "s")
        assert session is not None
        found = await unit.readiness.get(session.id, room.participant)
    assert found is not None
    assert (found.level, found.final) == ("ready", True)


@pytest.mark.parametrize("role", [StaffRole.DUTY, StaffRole.PARTNER_SUPPORT, StaffRole.MANAGER])
async def test_others_may_not(room: Room, role: StaffRole) -> None:
    """S-21 Other roles neither see the list nor give anything, and that they tried is written down."""
    await room.ask(room.update(Command("allow"), STAFF[role]))
    await press(room, "phone.2w", role)
    assert not await current(room)
    assert {row.text for row in await rows_of(room, role)} == {"That is not open to you here."}
    async with room.storage.unit() as unit:
        assert {e.action for e in await unit.audit.of_subject(room.people[role])} == {"allowance.refused"}


async def test_another_group_s_facilitator_may_not(room: Room) -> None:
    """S-21 A participant of another group is out of reach, whatever button is pressed."""
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
        assert person is not None
        await unit.people.save(replace(person, group_id=None))
        await unit.commit()
    await press(room, "phone.2w")
    await room.ask(room.update(Press("ALW", "phone.2w", "", "cb"), STAFF[FACILITATOR]))
    assert not await current(room)


async def test_without_a_session_there_is_no_next(room: Room) -> None:
    """S-32 Until the next session, with none planned, gives nothing and says so."""
    room.clock.advance(timedelta(days=2))
    await press(room, "phone.next")
    assert not await current(room)
    assert [row.text for row in await rows_of(room)] == ["No session is planned for them."]


async def test_an_allowance_can_be_ended(room: Room) -> None:
    """S-32, R-16 What was allowed can be ended at once, and only that; the choice is there only while it stands."""
    await press(room, "phone")
    (asked,) = await rows_of(room)
    assert all(".end:" not in line[0][1] for line in asked.rows)
    await press(room, "phone.3m")
    await press(room, "no_headphones.3m")
    await press(room, "phone")
    asked = (await rows_of(room))[-1]
    assert asked.rows[-1][0] == ("No longer", f"ALW:phone.end:{room.participant[-12:]}")
    await press(room, "phone.end")
    assert [kept.what for kept in await current(room)] == ["no_headphones"]
    assert await facts(room, alone=True) == ("yes", "no")
    async with room.storage.unit() as unit:
        entry = (await unit.audit.of_subject(room.participant))[-1]
    assert (entry.action, entry.detail["what"]) == ("allowance.ended", "phone")


def test_spans_and_kinds_fit_in_a_button() -> None:
    """S-22 Every button's data stays within what Telegram and the reader of presses allow."""
    assert all(len(f"{what}.{span}") <= 20 for what in allow.WHAT for span in allow.SPAN)
