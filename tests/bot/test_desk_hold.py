"""Holds, ticks left behind, and what comes while nothing is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.ports.inbound import Command, Press, Sent, Text
from bot.ports.records import Readiness, StaffRole
from bot.schedule.cycle import Schedule
from bot.storage.sealing import Keyring
from bot.usecases.hold import is_held
from flows.library import Library
from flows.read import load_library
from flows.values import Level
from tests.bot.behind import change
from tests.bot.desks import STAFF, Room, open_room

FACILITATOR = STAFF[StaffRole.FACILITATOR]
REST = (
    "ST-08:nobody", "ST-08:done", "ST-13:calm", "ST-13:done", "ST-12:none", "ST-02:mine", "ST-01:laptop",
    "ST-03:yes", "ST-04:steady", "ST-05:work", "ST-06:both", "ST-14:chair", "ST-14:dressed",
    "ST-14:no_food_smoke", "ST-14:real_background", "ST-14:done", "ST-15:nothing",
)  # fmt: skip


@pytest.fixture(scope="module")
def library() -> Library:
    """The scripts, read once."""
    return load_library()


@pytest.fixture
async def room(database_url: str, keyring: Keyring, library: Library) -> AsyncIterator[Room]:
    """A desk with everybody in place."""
    async with open_room(database_url, keyring, library) as room:
        yield room


async def readiness(room: Room) -> Readiness:
    """What stands for the coming session."""
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
        assert person is not None
        session = await unit.sessions.next_for(person, room.clock.now())
        assert session is not None
        found = await unit.readiness.get(session.id, person.id)
    assert found is not None
    return found


async def lift(room: Room, template: str) -> None:
    """The facilitator answers the hold."""
    await room.ask(room.update(Press("LIFT", template, "K-101", "cb"), FACILITATOR))


async def concerns(room: Room) -> list[tuple[str, str]]:
    """Every concern that reached people, with its step."""
    return [(r.concern, r.step) for case in await room.cases() for r in case.raised]


async def said(room: Room) -> str:
    """What waits to be sent to the participant, as one text."""
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.participant)
        assert chat is not None
        return "\n".join(row.text for row in await unit.outbox.waiting(chat.id))


async def test_another_reason_after_a_lift_holds_again(room: Room) -> None:
    """S-08: what staff lifted is what they knew of; somebody near in the same test holds anew."""
    await room.begin()
    await room.play("ST-07:shared_room")
    await lift(room, "join")
    assert not is_held(await readiness(room))
    await room.play("ST-08:partner", "ST-08:done", "ST-09:yes")
    assert is_held(await readiness(room))
    await lift(room, "not_today")
    assert (await readiness(room)).lifted == "not_today"


async def test_the_same_reason_after_a_lift_stays_lifted(room: Room) -> None:
    """S-08: going on with the test that was lifted does not hold again for what staff had seen."""
    await room.begin()
    await room.play("ST-07:shared_room")
    await lift(room, "join")
    await room.play(*REST)
    row = await readiness(room)
    assert (row.level, row.lifted, is_held(row)) == (Level.HOLD, "join", False)


@pytest.mark.parametrize("template", ["not_today", "call_us"])
async def test_not_today_is_no_permission(room: Room, template: str) -> None:
    """S-08: *not today* and *please call us* leave the hold; a second test neither lifts it nor forgets them."""
    await room.begin()
    await room.play("ST-07:shared_room")
    await lift(room, template)
    assert is_held(await readiness(room))
    await room.play(*REST, "ST-16:continue")
    await room.begin()
    await room.play("ST-07:usual_room", *REST)
    row = await readiness(room)
    assert (row.level, row.lifted, is_held(row)) == (Level.HOLD, template, True)
    assert "By your own answers" not in await said(room)
    assert "contradiction" in {concern for concern, _ in await concerns(room)}
    await lift(room, "join")
    assert not is_held(await readiness(room))


async def test_an_old_button_of_a_finished_test_says_to_wait(room: Room) -> None:
    """S-08: a late press that holds is answered with the line to wait, also when the test was over."""
    await room.begin()
    await room.play("ST-07:usual_room", "ST-08:partner", "ST-08:done")
    old = await room.pressed("ST-09", "yes")
    await room.play("ST-09:no", *REST[2:5], "ST-11:yes", *REST[5:], "ST-16:continue")
    assert (await readiness(room)).level is Level.READY
    await room.ask(old)
    assert is_held(await readiness(room))
    assert "Please wait for a message from us before you join." in await said(room)


async def test_an_old_button_holds_the_test_in_front(room: Room) -> None:
    """S-08: what an old test's button holds is not said to be in place by the test under way."""
    await room.begin()
    await room.play("ST-07:usual_room", *REST[:5])
    old = await room.pressed("ST-02", "shared")
    await room.play(*REST[5:], "ST-16:continue")
    await room.begin()
    await room.ask(old)
    await room.play("ST-07:usual_room", *REST)
    assert is_held(await readiness(room))
    assert "By your own answers" not in await said(room)


async def test_ticks_left_behind_reach_people(room: Room) -> None:
    """S-06: a worrying tick without Done raises its concern once the door has closed, without a word in the chat."""
    await room.begin()
    await room.play("ST-07:usual_room", "ST-08:nobody", "ST-08:done", "ST-13:hurt_someone")
    before = await said(room)
    schedule = Schedule(room.storage, room.desk, lambda: None)
    await schedule.look()
    assert ("harm_to_others", "ST-13") not in await concerns(room)
    room.clock.advance(timedelta(minutes=11))
    await schedule.look()
    assert ("harm_to_others", "ST-13") in await concerns(room)
    assert await said(room) == before
    room.clock.advance(timedelta(minutes=1))
    assert await schedule.look() == 0


async def test_a_self_test_lapses_with_its_session(room: Room) -> None:
    """S-32: an unfinished self-test is over when its session is, and says nothing about it."""
    await room.begin()
    room.clock.advance(timedelta(hours=4))
    await Schedule(room.storage, room.desk, lambda: None).look()
    async with room.storage.unit() as unit:
        rows = await unit.visits.of_person(room.participant)
    assert [row.status for row in rows] == ["done"]
    assert "closed" not in await said(room)


async def test_other_visits_lapse_after_thirty_days(room: Room) -> None:
    """S-34: a visit nobody comes back to lapses after the days set, with one neutral line."""
    await room.ask(room.update(Command("menu")))
    await room.play("DOOR:yes", "MENU:after")
    schedule = Schedule(room.storage, room.desk, lambda: None)
    for days, status in ((29, "open"), (2, "done")):
        room.clock.advance(timedelta(days=days))
        await schedule.look()
        async with room.storage.unit() as unit:
            assert (await unit.visits.of_person(room.participant))[0].status == status


async def test_text_at_the_door_is_kept_and_the_second_time_told(room: Room) -> None:
    """S-23: what somebody writes while nothing is asked is kept (S-24), and the second time people are told."""
    await room.ask(room.update(Command("selftest")))
    await room.ask(room.update(Text("the first words")))
    assert await concerns(room) == []
    await room.ask(room.update(Sent("voice")))
    assert await concerns(room) == [("unreadable_answer", "OUTSIDE")]
    assert ("OUTSIDE", 1, "unclear", ("text",), "the first words") in (await room.state())["answers"]


async def test_text_in_a_paused_visit_counts(room: Room) -> None:
    """S-23: words sent while a risk question waits go to people at once."""
    await room.begin()
    await room.play("ST-07:usual_room", "ST-08:pause")
    await room.ask(room.update(Text("words")))
    assert ("unreadable_answer", "ST-08") in await concerns(room)


async def test_a_partner_at_home_is_told_once_until_it_changes(room: Room) -> None:
    """S-33: what stays as it was is not told at every test, and told again after it had changed."""
    home = ("ST-07:usual_room", "ST-08:partner", "ST-08:done", "ST-09:no", *REST[2:5], "ST-11:yes", *REST[5:])
    alone = ("ST-07:usual_room", *REST)
    counts = []
    for test in (home, home, alone, home):
        await room.begin()
        await room.play(*test, "ST-16:continue")
        counts.append([c for c, _ in await concerns(room)].count("partner_at_home"))
    assert counts == [1, 1, 1, 2]


async def test_a_visit_that_does_not_open_stops_nobody(room: Room) -> None:
    """S-31: one damaged visit is put off and named in the log; the ticks of others still reach people."""
    await room.ask(room.update(Command("menu")))
    await room.play("DOOR:yes", "MENU:after")
    async with room.storage.unit() as unit:
        damaged = (await unit.visits.of_person(room.participant))[0].id
    await room.begin()
    await room.play("ST-07:usual_room", "ST-08:nobody", "ST-08:done", "ST-13:hurt_someone")
    change(room.url, "UPDATE visits SET sealed_body = ? WHERE id = ?", values=(b"\0", damaged))
    room.clock.advance(timedelta(days=31))
    await Schedule(room.storage, room.desk, lambda: None).look()
    assert ("harm_to_others", "ST-13") in await concerns(room)
