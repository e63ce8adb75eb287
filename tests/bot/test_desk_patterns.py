"""Patterns over sessions at the desk: when they are looked for, whom they reach, and that the chat does not show it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.ports.inbound import Command, Press
from bot.ports.records import Person, Session, StaffRole, VisitRow
from bot.storage.sealing import Keyring
from bot.usecases import patterns
from flows.effects import KeepAnswer
from flows.engine import Turn
from flows.library import Library
from flows.read import load_library
from flows.visit import Visit, to_json
from tests.bot.damage import damage
from tests.bot.desks import STAFF, START, Room, open_room

FACILITATOR = STAFF[StaffRole.FACILITATOR]
FEELING = ("ST-13:calm", "ST-13:done", "ST-12:none")
ALONE = ("ST-07:usual_room", "ST-08:nobody", "ST-08:done", *FEELING)
REST = (
    "ST-06:both", "ST-14:chair", "ST-14:dressed", "ST-14:no_food_smoke", "ST-14:real_background", "ST-14:done",
    "ST-15:nothing", "ST-16:continue",
)  # fmt: skip
WORKS = ("ST-02:mine", "ST-01:laptop", "ST-03:yes", "ST-04:steady", "ST-05:work", *REST)
WEAK = ("ST-02:mine", "ST-01:laptop", "ST-03:yes", "ST-04:weak", "ST-04:weak", "ST-05:work", *REST)


@pytest.fixture(scope="module")
def library() -> Library:
    """The scripts, read once."""
    return load_library()


@pytest.fixture
async def room(database_url: str, keyring: Keyring, library: Library) -> AsyncIterator[Room]:
    """A desk with everybody in place, and a session each week."""
    async with open_room(database_url, keyring, library) as room:
        async with room.storage.unit() as unit:
            first = await unit.sessions.by_key(room.programme, "s")
            assert first is not None
            for week in (1, 2, 3, 4):
                starts = first.starts_at + timedelta(weeks=week)
                await unit.sessions.save(
                    replace(first, id=room.desk.ids.new(), key=f"s{week}", starts_at=starts)
                )
            await unit.commit()
        yield room


async def week_with(room: Room, *presses: str) -> None:
    """A self-test, and then it is a week later."""
    await room.begin()
    await room.play(*presses)
    room.clock.advance(timedelta(weeks=1))


async def said_before(room: Room, script: str, **answers: str) -> None:
    """A visit that was done earlier, with these answers."""
    visit = Visit(
        script=script, version=1, step="END", status="done", outcome="done",
        answers={step.replace("_", "-"): (choice,) for step, choice in answers.items()},
    )  # fmt: skip
    async with room.storage.unit() as unit:
        await unit.visits.add(
            VisitRow(
                room.desk.ids.new(), room.participant, script, 1, None, "done", to_json(visit),
                START - timedelta(days=3), START - timedelta(days=3),
            )
        )  # fmt: skip
        await unit.commit()


async def told(room: Room, concern: str) -> list[tuple[str, str, tuple[str, ...], str]]:
    """Everything raised as that concern: script, step, choices, by what."""
    return [
        (r.script, r.step, r.choices, r.raised_by)
        for case in await room.cases()
        for r in case.raised
        if r.concern == concern
    ]


async def to_participant(room: Room) -> list[str]:
    """What waits to be said to the participant."""
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.participant)
        assert chat is not None
        return [row.text for row in await unit.outbox.waiting(chat.id)]


async def test_the_second_failure_is_told_with_both_answers(room: Room) -> None:
    """S-32 Two sessions with a weak connection raise `repeated_failure` once, in the case of the second test."""
    await week_with(room, *ALONE, *WEAK)
    assert await told(room, "repeated_failure") == []
    await week_with(room, *ALONE, *WEAK)
    assert await told(room, "repeated_failure") == [("self_test", "ST-04", ("weak",), "pattern")]
    await week_with(room, *ALONE, *WORKS)
    assert len(await told(room, "repeated_failure")) == 1
    await week_with(room, *ALONE, *WEAK)
    assert len(await told(room, "repeated_failure")) == 2


async def test_a_test_taken_again_tells_nothing_twice(room: Room) -> None:
    """S-33 What was told is remembered: testing again for the same session raises no second case of it."""
    await week_with(room, *ALONE, *WEAK)
    await room.begin()
    await room.play(*ALONE, *WEAK)
    await room.begin()
    await room.play(*ALONE, *WEAK)
    assert len(await told(room, "repeated_failure")) == 1


async def test_heard_before_and_alone_now(room: Room) -> None:
    """S-25 Staff get the pair; Details show both answers; the next session with the same pair is quiet."""
    await said_before(room, "reflection_start", RS_L5="yes")
    await week_with(room, *ALONE, *WORKS)
    assert await told(room, "contradiction") == [
        ("self_test", "ST-08", ("nobody",), "pattern"),
        ("reflection_start", "RS-L5", ("yes",), "pattern"),
    ]
    (case,) = await room.cases()
    await room.ask(room.update(Press("CASE", "details", case.ref, "cb"), FACILITATOR))
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.people[StaffRole.FACILITATOR])
        assert chat is not None
        text = "\n".join(r.text for r in await unit.outbox.waiting(chat.id) if r.slot.startswith("details-"))
    assert "ST-08: Who else will be in the home" in text
    assert "RS-L5: Could anyone overhear you" in text
    await week_with(room, *ALONE, *WORKS)
    assert len(await told(room, "contradiction")) == 2


async def test_others_than_usual_are_there(room: Room) -> None:
    """S-25, S-30 Who is usually there changes: F and P are asked before the session starts."""
    for _ in range(2):
        await week_with(room, *ALONE, *WORKS)
    home = ("ST-07:usual_room", "ST-08:others", "ST-08:done", "ST-09:no", *FEELING, "ST-11:yes")
    await week_with(room, *home, *WORKS)
    assert await told(room, "home_changed") == [
        ("self_test", "ST-08", ("others",), "pattern"),
        ("self_test", "ST-08", ("nobody",), "pattern"),
    ]
    (case,) = await room.cases()
    async with room.storage.unit() as unit:
        assert {part.role.value for part in await unit.cases.roles(case.id)} == {"F", "P"}


async def test_what_the_answer_raised_is_not_raised_again(room: Room) -> None:
    """S-33 Another home is told by its answer, at once; the pattern adds nothing, also not at the next test."""
    for _ in range(2):
        await week_with(room, *ALONE, *WORKS)
    await week_with(room, "ST-07:other_home", *ALONE[1:], *WORKS)
    assert await told(room, "home_changed") == [("self_test", "ST-07", ("other_home",), "answer")]
    await week_with(room, *ALONE, *WORKS)
    assert len(await told(room, "home_changed")) == 1


async def test_two_sessions_without_a_test_and_the_urge(room: Room) -> None:
    """S-25 Missed tests count from their sessions on, together with an urge often felt."""
    await said_before(room, "reflection_during", RD_G3="often")
    room.clock.advance(timedelta(weeks=2))
    await room.ask(room.update(Command("menu")))
    await room.play("DOOR:yes", "MENU:checkin", "CI-01:little")
    assert await told(room, "disengaging") == [
        ("self_test", "MISSED", ("2",), "pattern"),
        ("reflection_during", "RD-G3", ("often",), "pattern"),
    ]
    await room.play("CI-02:none", "CI-02:done")
    assert len(await told(room, "disengaging")) == 2


async def test_the_chat_does_not_show_it(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-03 With and without the rules, the participant gets the same messages in the same order."""
    await said_before(room, "reflection_start", RS_L5="yes")
    await week_with(room, *ALONE, *WEAK)
    assert await told(room, "contradiction")
    first = await to_participant(room)
    monkeypatch.setattr(patterns, "findings", lambda history: ())
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.participant)
        assert chat is not None
        await unit.outbox.cancel(chat.id, ["*"])
        await unit.commit()
    await week_with(room, *ALONE, *WEAK)
    day = ("1 Mar", "8 Mar")
    assert [text.replace(*day) for text in first] == await to_participant(room)
    assert not await told(room, "repeated_failure")


async def test_somebody_else_s_answers_are_no_part_of_it(room: Room) -> None:
    """S-05 What was answered before *this is not my chat* makes no pattern."""
    await room.begin()
    await room.play(*ALONE, "ST-02:mine", "ST-01:phone")
    room.clock.advance(timedelta(minutes=11))
    await room.play("ST-03:yes", "DOOR:not_me")
    async with room.storage.unit() as unit:
        visits = await unit.visits.of_person(room.participant)
        person = await unit.people.get(room.participant)
        assert person is not None
        said = [(row, Visit.model_validate_json(row.body)) for row in visits]
        made = await patterns._history(unit, room.desk, person, said)
    assert made.tests == ()


async def test_an_old_row_that_does_not_open_hinders_no_answer(room: Room) -> None:
    """S-30 A visit that cannot be read leaves the pattern out; the answer is kept all the same."""
    await said_before(room, "reflection_start", RS_L5="yes")
    damage(room.url, "visits", "sealed_body", "script = ?", "reflection_start")
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
        assert isinstance(person, Person)
        session = await unit.sessions.next_for(person, room.clock.now())
        assert isinstance(session, Session)
    visit = Visit(script="check_in", version=1, step="CI-02")
    turn = Turn(visit, (KeepAnswer("CI-01", 1, "chosen", ("little",)),))
    row = VisitRow("v", person.id, "check_in", 1, None, "open", to_json(visit), START, START)
    async with room.storage.unit() as unit:
        assert await patterns.look(unit, room.desk, person, row, turn) == (visit, ())
