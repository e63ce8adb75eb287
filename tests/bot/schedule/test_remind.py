"""Reminders, the deadline, confirmations and holds, on a real database with the movable clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.ports.inbound import Command
from bot.ports.plan import Fate, ReminderKind
from bot.ports.records import Chat, Person, StaffRole
from bot.schedule.cycle import Schedule
from bot.storage.sealing import Keyring
from bot.usecases import neutral
from bot.usecases import staff_texts as texts
from bot.usecases.case_beside import LIFTING
from bot.usecases.remind_person import in_touch_by
from tests.bot.desks import BOT, STAFF, START, Room, open_room
from tests.bot.schedule.watching import AT, FIRST, READY, REST, Watch, concerns, published

K = ReminderKind


@pytest.fixture
async def room(database_url: str, keyring: Keyring) -> AsyncIterator[Room]:
    """A desk whose session begins in 90 minutes."""
    async with open_room(database_url, keyring, published()) as room:
        yield room


@pytest.fixture
def watch(room: Room) -> Watch:
    """The schedule of the room."""
    return Watch(room)


async def test_planning_again_adds_nothing(room: Room, watch: Watch) -> None:
    """R-18 The plan has one row for each thing, however often it is written."""
    await watch.at(START + timedelta(minutes=1))
    before = await watch.rows()
    await Schedule(room.storage, room.desk, lambda: None).look()
    assert await watch.rows() == before
    assert len({row.key for row in before}) == len(before) > 10


async def test_lines_are_neutral_and_lead_behind_the_door(room: Room, watch: Watch) -> None:
    """S-01 S-02 A reminder is a line of the fixed list with one button; the button asks the door first."""
    await watch.at(START)
    [line] = await watch.lines()
    assert not line.sensitive
    assert line.lane == "reminder"
    assert line.text == neutral.TEST_OPENS.msgid.replace("{session_time}", "Mon 1 Mar, 18:30")
    assert [data for row in line.rows for _, data in row] == ["MENU:selftest"]
    await room.play("MENU:selftest")
    assert (await room.state())["visits"] == []


async def test_who_has_not_finished_hears_once_more(watch: Watch) -> None:
    """R-18 The second line goes half an hour before the start; the deadline then raises one case."""
    await watch.until(AT)
    fates = await watch.fates()
    assert fates[K.TEST_OPENS] == (Fate.SKIPPED, "overtaken")  # nothing delivers here
    assert fates[K.TEST_AGAIN] == (Fate.SENT, "")
    assert fates[K.HOLD_STANDS] == (Fate.SKIPPED, "no_hold")
    assert await concerns(watch.room) == [("check_not_done", "DEADLINE")]


async def test_who_is_ready_hears_nothing_more(room: Room, watch: Watch) -> None:
    """R-14 A test finished since is not reminded of; fresh answers are not confirmed, and nobody is alerted."""
    await watch.until(AT - timedelta(minutes=40))
    await watch.at(AT - timedelta(minutes=31))
    room.clock.advance(timedelta(minutes=-2))
    await watch.until(AT - timedelta(minutes=29, seconds=50), timedelta(seconds=10))
    await room.begin()
    await room.play(*READY)
    await watch.until(AT + timedelta(minutes=1))
    fates = await watch.fates()
    assert fates[K.CONFIRM] == (Fate.SKIPPED, "nothing_to_confirm")
    assert await concerns(room) == []


async def test_old_answers_are_confirmed(room: Room, watch: Watch) -> None:
    """S-32 Answers older than half an hour at the start are asked about 15 minutes before; *still so* is enough."""
    await room.begin()
    await room.play(*READY)
    await watch.until(AT - timedelta(minutes=14))
    fates = await watch.fates()
    assert fates[K.TEST_AGAIN] == (Fate.SKIPPED, "done")
    assert fates[K.CONFIRM] == (Fate.SENT, "")
    await room.play("MENU:confirm", "DOOR:yes", "CF-01:still_so")
    await watch.until(AT + timedelta(minutes=1))
    assert await concerns(room) == []


async def test_unconfirmed_answers_come_to_people(room: Room, watch: Watch) -> None:
    """S-32 Who has not confirmed is told to staff before the session starts, and not once more at its start."""
    await room.begin()
    await room.play(*READY)
    await watch.until(AT - timedelta(minutes=6))
    assert await concerns(room) == []
    await watch.until(AT - timedelta(minutes=5))
    assert await concerns(room) == [("check_not_done", "LAST")]
    await watch.until(AT + timedelta(minutes=1))
    assert await concerns(room) == [("check_not_done", "LAST")]


async def test_a_change_asks_the_whole_test_anew(room: Room, watch: Watch) -> None:
    """S-32 *Changed* withdraws the result and opens the test at its start; unfinished, it comes to people."""
    await room.begin()
    await room.play(*READY)
    await watch.until(AT - timedelta(minutes=14))
    await room.play("MENU:confirm", "DOOR:yes", "CF-01:changed")
    session = await watch.session()
    async with room.storage.unit() as unit:
        row = await unit.visits.get(_person(await unit.people.get(room.participant)).visit_id or "")
        readiness = await unit.readiness.get(session.id, room.participant)
    assert row is not None
    assert (row.script, row.status) == ("self_test", "open")
    assert readiness is not None
    assert not readiness.final
    await room.play("ST-07:usual_room")
    await watch.until(AT - timedelta(minutes=4))
    assert await concerns(room) == [("check_not_done", "LAST")]


async def test_a_change_in_the_last_minutes_is_seen_at_the_start(room: Room, watch: Watch) -> None:
    """S-32 The look at the start stays, for what is withdrawn after the one before it."""
    await room.begin()
    await room.play(*READY)
    await watch.until(AT - timedelta(minutes=14))
    await room.play("MENU:confirm", "DOOR:yes")
    await room.play("CF-01:still_so")
    await watch.until(AT - timedelta(minutes=4))
    assert await concerns(room) == []
    session = await watch.session()
    async with room.storage.unit() as unit:
        readiness = await unit.readiness.get(session.id, room.participant)
        assert readiness is not None
        await unit.readiness.put(replace(readiness, final=False))
        await unit.commit()
    await watch.until(AT + timedelta(minutes=1))
    assert await concerns(room) == [("check_not_done", "START")]


async def test_not_now_shortly_before_is_somebody_near(room: Room, watch: Watch) -> None:
    """S-04 *Not now* at the door of the confirmation holds, and staff are told."""
    await room.begin()
    await room.play(*READY)
    await watch.until(AT - timedelta(minutes=14))
    await room.play("MENU:confirm", "DOOR:later")
    assert await concerns(room) == [("other_nearby", "CF-01")]
    await watch.until(AT)
    assert (await watch.fates())[K.HOLD_STANDS] == (Fate.SENT, "")


async def test_a_hold_that_stands_at_the_start_says_so(room: Room, watch: Watch) -> None:
    """S-08 To the minute of the start: please do not join, and by when people will be in touch."""
    await room.begin()
    await room.play("ST-07:car", *FIRST[1:], *REST, "ST-16:continue")
    await watch.until(AT)
    [line] = await watch.lines()
    assert line.text == "Please do not join now. We will contact you by Mon 1 Mar, 20:00."
    assert line.lane == "reply"
    await watch.until(AT + timedelta(minutes=120))
    assert (await watch.fates())[K.AFTER_SESSION] == (Fate.SKIPPED, "held")


async def test_without_cover_a_hold_gives_the_services_number(room: Room, watch: Watch) -> None:
    """S-08 With nobody on duty the line gives the service's number, as nobody would be in touch."""
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.people[StaffRole.DUTY])
        assert chat is not None
        await unit.chats.set_state(chat.id, "blocked")
        await unit.commit()
    await room.begin()
    await room.play("ST-07:car", *FIRST[1:], *REST, "ST-16:continue")
    await watch.until(AT)
    assert (await watch.lines())[0].text == "Please do not join now. You can call us: 0300."


async def test_a_hold_that_staff_answered_is_left_alone(room: Room, watch: Watch) -> None:
    """S-08 Whoever was answered by a person, whatever the template, reads nothing more at the start."""
    await room.begin()
    await room.play("ST-07:car", *FIRST[1:], *REST, "ST-16:continue")
    async with room.storage.unit() as unit:
        session = await unit.sessions.next_for(
            _person(await unit.people.get(room.participant)), room.clock.now()
        )
        assert session is not None
        readiness = await unit.readiness.get(session.id, room.participant)
        assert readiness is not None
        staff = room.people[StaffRole.FACILITATOR]
        await unit.readiness.put(
            replace(readiness, lifted="not_today", lifted_by=staff, lifted_at=room.clock.now())
        )
        await unit.commit()
    await watch.until(AT)
    assert (await watch.fates())[K.HOLD_STANDS] == (Fate.SKIPPED, "staff_answered")


def _person(person: Person | None) -> Person:
    assert person is not None
    return person


async def test_one_alert_for_all_who_are_missing(room: Room, watch: Watch) -> None:
    """S-20 One case lists everybody's alias in Details alone; the alert names nobody."""
    async with room.storage.unit() as unit:
        first = _person(await unit.people.get(room.participant))
        for number in range(3):
            other = replace(first, id=room.desk.ids.new(), alias=f"alias {number}", visit_id=None)
            await unit.people.add(other)
            await unit.chats.add(Chat(room.desk.ids.new(), BOT, 5000 + number, other.id))
        await unit.commit()
    await watch.until(AT - timedelta(minutes=14))
    [case] = await room.cases()
    assert len(case.raised) == 4
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.people[StaffRole.FACILITATOR])
        assert chat is not None
        alerts = [r for r in await unit.outbox.waiting(chat.id) if r.slot == f"case-{case.ref}"]
    assert len(alerts) == 1
    assert "alias" not in alerts[0].text
    await room.ask(room.update(Command("ack", case.ref), STAFF[StaffRole.FACILITATOR]))
    told = await watch.details(case.number)
    assert all(alias in told for alias in ("alias 1000", "alias 0", "alias 1", "alias 2"))
    assert texts.SESSION_STEPS["DEADLINE"].msgid in told


async def test_whoever_was_talked_to_is_not_brought_up_again(room: Room, watch: Watch) -> None:
    """R-14 A case of the deadline that staff have closed does not open again at the start for the same people."""
    await watch.until(AT - timedelta(minutes=14))
    [case] = await room.cases()
    facilitator = STAFF[StaffRole.FACILITATOR]
    await room.ask(room.update(Command("resolve", f"{case.ref} talked_to_them"), facilitator))
    await watch.until(AT + timedelta(minutes=1))
    assert await room.cases() == []


async def test_another_concern_does_not_join_the_sessions_case(room: Room, watch: Watch) -> None:
    """S-33 What is raised about one person outside a visit opens a case of its own beside the session's."""
    await watch.until(AT - timedelta(minutes=14))
    await room.ask(room.update(Command("menu")))
    await room.play("DOOR:not_me")
    assert sorted(await concerns(room)) == [("check_not_done", "DEADLINE"), ("not_the_person", "DOOR")]
    assert len(await room.cases()) == 2


async def test_a_moved_session_cancels_what_was_planned(watch: Watch) -> None:
    """R-14 What was due for the session as it was does nothing; for the session as it is all is planned anew."""
    await watch.at(START + timedelta(minutes=1))
    before = await watch.session()
    moved = replace(before, starts_at=before.starts_at + timedelta(hours=4), version=2)
    await watch.put(moved)
    await watch.until(AT + timedelta(minutes=1))
    old = [
        r
        for r in await watch.rows()
        if r.session_id and r.guard == 1 and r.due_at > START + timedelta(minutes=1)
    ]
    assert {(r.fate, r.reason) for r in old if r.due_at <= AT} == {(Fate.CANCELLED, "session_changed")}
    assert await concerns(watch.room) == []
    assert {r.kind for r in await watch.rows() if r.guard == 2} >= {K.TEST_OPENS, K.DEADLINE, K.ROSTER}


async def test_a_cancelled_session_brings_nothing(watch: Watch) -> None:
    """R-14 Nothing is sent, and nobody alerted, because of a cancelled session."""
    await watch.at(START + timedelta(minutes=1))
    await watch.put(replace(await watch.session(), state="cancelled", version=2))
    await watch.until(AT + timedelta(minutes=1))
    assert (await watch.fates())[K.DEADLINE] == (Fate.CANCELLED, "session_cancelled")
    assert await concerns(watch.room) == []


async def test_another_link_says_nothing_twice(watch: Watch) -> None:
    """R-14 A session that changed without moving calls nobody to the test a second time."""
    await watch.at(START)
    await watch.put(replace(await watch.session(), link="https://m.example/other", version=2))
    await watch.until(START + timedelta(minutes=3))
    opens = [(r.fate, r.reason) for r in await watch.rows() if r.kind is K.TEST_OPENS]
    assert sorted(opens) == [(Fate.SENT, ""), (Fate.SKIPPED, "said_already")]


async def test_whoever_blocked_the_bot_is_told_to_staff_once(room: Room, watch: Watch) -> None:
    """S-31 A reminder that cannot reach anybody has failed, and administrators hear of it once a day."""
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.participant)
        assert chat is not None
        await unit.chats.set_state(chat.id, "blocked")
        await unit.commit()
    await watch.until(AT - timedelta(minutes=20))
    fates = await watch.fates()
    assert fates[K.TEST_OPENS] == fates[K.TEST_AGAIN] == (Fate.FAILED, "cannot_be_reached")
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.people[StaffRole.ADMINISTRATOR])
        assert chat is not None
        notices = [r for r in await unit.outbox.waiting(chat.id) if r.slot.startswith("notice-")]
    assert len(notices) == 1


async def test_after_an_outage_the_policy_decides(room: Room, watch: Watch) -> None:
    """R-05 Away from long before the deadline until the session runs: staff are told once, nobody is called to a test."""
    await room.begin()
    await room.play("ST-07:car", *FIRST[1:], *REST)
    await watch.at(START + timedelta(minutes=5))
    await watch.at(AT + timedelta(minutes=20))
    fates = await watch.fates()
    assert fates[K.TEST_AGAIN] == (Fate.SKIPPED, "too_late")
    assert fates[K.HOLD_STANDS] == (Fate.LATE, "after_its_time")
    assert {r.fate for r in await watch.rows() if r.kind is K.DEADLINE} <= {Fate.LATE, Fate.SKIPPED}


async def test_update_ids_long_past_are_pruned(room: Room, watch: Watch) -> None:
    """R-03 S-42 Update ids are remembered for 48 hours, longer than Telegram repeats them, and gone a day later."""
    await room.ask(room.update(Command("help")))
    async with room.storage.unit() as unit:
        assert await unit.seen.known(BOT, [room.last_update]) == {room.last_update}
    await watch.at(START + timedelta(hours=47))
    async with room.storage.unit() as unit:
        assert await unit.seen.known(BOT, [room.last_update]) == {room.last_update}
    await watch.at(START + timedelta(hours=72))
    async with room.storage.unit() as unit:
        assert await unit.seen.known(BOT, [room.last_update]) == set()


async def test_what_is_promised_with_a_hold_is_due_by_then(room: Room, watch: Watch) -> None:
    """S-08 Whoever took on the case of a hold is reminded before the time by which the participant will hear of us."""
    await room.begin()
    await room.play("ST-07:car", *FIRST[1:], *REST, "ST-16:continue")
    [case] = await room.cases()
    await watch.until(AT - timedelta(minutes=2))
    await room.ask(room.update(Command("ack", case.ref), STAFF[StaffRole.FACILITATOR]))
    async with room.storage.unit() as unit:
        for part in await unit.cases.roles(case.id):
            far = AT + timedelta(hours=9)
            await unit.cases.save_role(replace(part, next_due_at=far))
        await unit.commit()
    await watch.until(AT)
    by = in_touch_by(_person_of(room), AT)
    assert by == AT + timedelta(minutes=90)
    async with room.storage.unit() as unit:
        due = {
            part.state: part.next_due_at for part in await unit.cases.roles(case.id) if part.role in LIFTING
        }
    assert due["taken"] == by - timedelta(minutes=30)
    assert all(at is not None and at <= by for at in due.values())


async def test_nothing_is_promised_that_nobody_keeps(room: Room, watch: Watch) -> None:
    """S-08 With the case of a hold closed and the hold left standing, the line gives the service's number."""
    await room.begin()
    await room.play("ST-07:car", *FIRST[1:], *REST, "ST-16:continue")
    async with room.storage.unit() as unit:
        for case in await unit.cases.open_for(room.participant):
            for part in await unit.cases.roles(case.id):
                closed = replace(
                    part, state="done", next_target=None, next_due_at=None, outcome="talked_to_them"
                )
                await unit.cases.save_role(closed)
            await unit.cases.save(replace(case, state="closed", closed_at=room.clock.now()))
        await unit.commit()
    await watch.until(AT)
    assert (await watch.lines())[0].text == "Please do not join now. You can call us: 0300."


def _person_of(room: Room) -> Person:
    return Person(room.participant, "", None, "participant", "", "en", "Europe/London", "active")
