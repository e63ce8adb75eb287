"""The roster: who stands where before a session, in one message that follows what participants do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.ports.inbound import Command, Press
from bot.ports.records import Chat, Group, Invitation, LedgerEntry, OutboxRow, Person, Session, StaffRole
from bot.ports.stores import Unit
from bot.storage.sealing import Keyring
from bot.usecases import roster
from bot.usecases.plan_sessions import cancel, move
from flows.library import Library
from flows.read import load_library
from flows.values import Level
from tests.bot.damage import damage
from tests.bot.desks import BOT, STAFF, START, Room, open_room

FACILITATOR = STAFF[StaffRole.FACILITATOR]
BY = "operator"
ALONE = ("ST-08:nobody", "ST-08:done", "ST-13:calm", "ST-13:done", "ST-12:none")
EQUIPMENT = (
    "ST-02:mine", "ST-01:laptop", "ST-03:yes", "ST-04:steady", "ST-05:work", "ST-06:both", "ST-14:chair",
    "ST-14:dressed", "ST-14:no_food_smoke", "ST-14:real_background", "ST-14:done", "ST-15:nothing",
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


async def the_session(room: Room) -> Session:
    """The group's coming session."""
    async with room.storage.unit() as unit:
        found = await unit.sessions.by_key(room.programme, "s")
    assert found is not None
    return found


async def waiting(room: Room) -> list[OutboxRow]:
    """The roster's rows that wait for the facilitator's chat."""
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.people[StaffRole.FACILITATOR])
        assert chat is not None
        return [row for row in await unit.outbox.waiting(chat.id) if row.slot.startswith("roster-")]


async def shown(room: Room) -> str:
    """The roster's newest text."""
    (row,) = [row for row in await waiting(room) if row.op == "say"]
    return row.text


async def opened(room: Room) -> None:
    """The roster has gone out and stands in the facilitator's chat."""
    session = await the_session(room)
    async with room.storage.unit() as unit:
        assert await roster.open_roster(unit, room.desk, session) == 1
        await unit.commit()
    await delivered(room)


async def delivered(room: Room) -> None:
    """What waits to be said is marked as sent, and stands."""
    async with room.storage.unit() as unit:
        for row in await waiting_in(unit, room):
            await unit.outbox.save(replace(row, state="sent"))
            entry = LedgerEntry(
                room.desk.ids.new(), row.chat_id, 900, "bot", row.slot, True, room.clock.now()
            )
            if not await unit.ledger.standing(row.chat_id, row.slot):
                await unit.ledger.add(entry)
        await unit.commit()


async def waiting_in(unit: Unit, room: Room) -> list[OutboxRow]:
    """As `waiting`, what is to be said only, inside a unit."""
    chat = await unit.chats.of_person(room.people[StaffRole.FACILITATOR])
    assert chat is not None
    rows = await unit.outbox.waiting(chat.id)
    return [row for row in rows if row.slot.startswith("roster-") and row.op == "say"]


async def test_it_opens_for_the_facilitator_alone(room: Room) -> None:
    """S-20, S-43 It goes to facilitators only, protected as sensitive, and goes away an hour after the end."""
    session = await the_session(room)
    async with room.storage.unit() as unit:
        await roster.open_roster(unit, room.desk, session)
        await unit.commit()
    say, gone = await waiting(room)
    over = session.starts_at + timedelta(minutes=session.minutes + 60)
    assert (say.op, say.sensitive, say.not_after, gone.op, gone.due_at) == (
        "say",
        True,
        over,
        "retract",
        over,
    )
    async with room.storage.unit() as unit:
        others = {*room.people.values(), room.participant} - {room.people[StaffRole.FACILITATOR]}
        for person in others:
            chat = await unit.chats.of_person(person)
            assert chat is not None
            assert not await unit.outbox.waiting(chat.id)


async def test_it_says_what_ready_means(room: Room) -> None:
    """S-24 Alias, time left and state; *ready* means only that the participant says so."""
    await opened(room)
    await room.begin()
    text = await shown(room)
    assert "Starts in 1 hour and 30 minutes (as of 17:00)." in text
    assert "Under way (1)\n• alias 1000" in text
    assert "Ready means only: so the participant says." in text


async def test_a_test_moves_through_the_groups(room: Room) -> None:
    """S-24 Not begun, under way, ready: each change of the visit or its result is seen."""
    await opened(room)
    session = await the_session(room)
    async with room.storage.unit() as unit:
        entries = await roster._entries(unit, room.desk, session)
    assert [entry.standing for entry in entries] == ["not_begun"]
    await room.begin()
    await room.play("ST-07:usual_room", *ALONE)
    assert "Under way (1)" in await shown(room)
    await room.play(*EQUIPMENT)
    assert "\n\nReady (1)\n• alias 1000" in await shown(room)


async def test_to_fix_is_not_ready(room: Room) -> None:
    """S-32 What the test left open shows as *to fix*, and a test begun anew as under way."""
    await opened(room)
    await room.begin()
    weak = [press.replace("ST-05:work", "ST-05:none") for press in EQUIPMENT]
    await room.play("ST-07:usual_room", *ALONE, *weak)
    assert "To fix (1)" in await shown(room)
    await room.play("ST-16:again")
    assert "Under way (1)" in await shown(room)


async def test_a_hold_shows_how_it_was_answered(room: Room) -> None:
    """S-08 A hold stands first whatever else is under way, and shows the template a person chose."""
    await opened(room)
    await room.begin()
    await room.play("ST-07:shared_room")
    assert "Hold (1)\n• alias 1000\n" in await shown(room)
    await room.ask(room.update(Press("LIFT", "not_today", "K-101", "cb"), FACILITATOR))
    assert "Hold (1)\n• alias 1000: Not today, we will call\n" in await shown(room)


async def test_the_partner_at_home_is_marked_neutrally(room: Room) -> None:
    """S-20 A mark, explained below, that names nobody."""
    await opened(room)
    await room.begin()
    at_home = ("ST-08:partner", "ST-08:done", "ST-09:no", *ALONE[2:], "ST-11:yes")
    await room.play("ST-07:usual_room", *at_home, *EQUIPMENT)
    text = await shown(room)
    assert "Ready (1)\n• alias 1000 *" in text
    assert "* Says that somebody else is at home, out of sight and hearing." in text
    assert "partner" not in text.lower()


async def test_a_moved_session_wants_a_new_test(room: Room) -> None:
    """S-32 Readiness counts only for the session as it was."""
    await room.begin()
    await room.play("ST-07:usual_room", *ALONE, *EQUIPMENT, "ST-16:continue")
    session = await the_session(room)
    async with room.storage.unit() as unit:
        moved = replace(
            session, starts_at=session.starts_at + timedelta(hours=1), version=session.version + 1
        )
        await unit.sessions.save(moved)
        await roster.final_roster(unit, room.desk, moved)
        await unit.commit()
    assert "Not begun (1)" in await shown(room)
    assert "This is the last roster before the start." in await shown(room)


async def test_at_most_one_edit_in_five_seconds(room: Room) -> None:
    """S-24 What comes while an edit waits goes into it; the next is due five seconds after the last was due."""
    await opened(room)
    await room.begin()
    (row,) = await waiting_says(room)
    due = row.due_at
    assert due == START + timedelta(seconds=5)
    for second, press in enumerate(("ST-07:usual_room", *ALONE), start=1):
        room.clock.advance(timedelta(milliseconds=600))
        await room.play(press)
        (row,) = await waiting_says(room)
        assert row.due_at == due, second
    room.clock.advance(timedelta(seconds=5))  # it is due now, and may be on its way
    await room.play("ST-02:mine")
    (row,) = await waiting_says(room)
    assert row.due_at == room.clock.now() + timedelta(seconds=5)


async def waiting_says(room: Room) -> list[OutboxRow]:
    """What waits to be said in the roster's slot."""
    return [row for row in await waiting(room) if row.op == "say"]


async def test_six_people_share_one_edit(room: Room) -> None:
    """S-24 Six people who answer at once make one waiting edit that shows all of them."""
    session = await the_session(room)
    async with room.storage.unit() as unit:
        for number in range(5):
            person = Person(
                room.desk.ids.new(), room.programme, session.group_id, "participant", f"alias {number}", "en",
                "Europe/London", "active", created_at=START,
            )  # fmt: skip
            await unit.people.add(person)
            await unit.chats.add(Chat(room.desk.ids.new(), BOT, 5000 + number, person.id))
        await unit.commit()
    await opened(room)
    for chat in (1000, *range(5000, 5005)):
        await room.ask(room.update(Command("selftest"), chat))
        await room.ask(room.update(Press("DOOR", "yes", "", "cb"), chat))
    assert len(await waiting_says(room)) == 1
    assert "Under way (6)" in await shown(room)


async def test_nothing_is_sent_before_it_opens(room: Room) -> None:
    """S-03 A test done early sends no roster, and one taken away by /stop does not come back by itself."""
    await room.begin()
    assert not await waiting(room)


async def test_a_cancelled_session_takes_it_away(room: Room) -> None:
    """S-43 The roster of a session that is cancelled is taken away, and none is sent."""
    await opened(room)
    session = replace(await the_session(room), state="cancelled")
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
        assert person is not None
        await roster.refresh_rosters(unit, room.desk, person, session)
        assert await roster.open_roster(unit, room.desk, session) == 0
        await unit.commit()
    assert [row.op for row in await waiting(room)] == ["retract"]


async def moved(room: Room, **to: float) -> Session:
    """The session begins that long after the start of the test instead."""
    session = await the_session(room)
    async with room.storage.unit() as unit:
        done = await move(unit, room.desk, session, START + timedelta(**to), BY)
        await unit.commit()
    return done.session


async def test_a_moved_session_shows_its_new_time(room: Room) -> None:
    """R-14, S-43 A roster that stands shows the new start and stays until the new end, in one edit; it sends none."""
    await moved(room, hours=2)
    assert not await waiting(room)
    await opened(room)
    await moved(room, hours=3)
    session = await moved(room, hours=4)
    assert len(await waiting_says(room)) == 1
    assert "21:00" in await shown(room)
    [gone] = [row for row in await waiting(room) if row.op == "retract"]
    assert gone.due_at == session.starts_at + timedelta(minutes=session.minutes) + roster.STAYS


@pytest.mark.parametrize("far", [False, True])
async def test_a_session_cancelled_or_far_away_takes_it_away(room: Room, far: bool) -> None:
    """S-43 Cancelling a session, or moving it days on, takes its standing roster away by itself."""
    await opened(room)
    if far:
        await moved(room, days=3)
    else:
        session = await the_session(room)
        async with room.storage.unit() as unit:
            await cancel(unit, room.desk, session, BY)
            await unit.commit()
    assert [row.op for row in await waiting(room) if row.due_at <= START] == ["retract"]


async def test_whoever_enrols_or_leaves_is_on_it_or_not(room: Room) -> None:
    """S-24 A standing roster takes in a participant who enrols meanwhile, and drops one who has left."""
    await opened(room)
    async with room.storage.unit() as unit:
        group = (await unit.programmes.groups(room.programme))[0]
        guest = Invitation(
            room.desk.ids.new(), room.programme, group.id, "participant", "P-77", "en", "Europe/London",
            START + timedelta(days=1),
        )  # fmt: skip
        await unit.invitations.add(guest, "t" * 22)
        await unit.commit()
    await room.ask(room.update(Command("start", "t" * 22), 7777))
    assert "P-77" in await shown(room)
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
        assert person is not None
        gone = replace(person, state="left")
        await unit.people.save(gone)
        await roster.membership_changed(unit, room.desk, gone)
        await unit.commit()
    assert len(await waiting_says(room)) == 1
    assert "P-77" in await shown(room)
    assert "alias 1000" not in await shown(room)


async def test_rows_that_do_not_open_are_said_to_be_so(room: Room) -> None:
    """S-32 Whoever's rows do not open is not taken for ready; the roster goes out all the same."""
    await room.begin()
    damage(room.url, "visits", "sealed_body", "person_id = ?", room.participant)
    session = await the_session(room)
    async with room.storage.unit() as unit:
        await roster.open_roster(unit, room.desk, session)
        await unit.commit()
    assert "Cannot be read, please ask them (1)\n• alias 1000" in await shown(room)


async def test_asked_for_at_any_time(room: Room) -> None:
    """S-21 /roster shows the next session of the facilitator's own group, and is written down; nobody else gets it."""
    await room.ask(room.update(Command("roster"), FACILITATOR))
    assert "Not begun (1)" in await shown(room)
    session = await the_session(room)
    async with room.storage.unit() as unit:
        assert [e.action for e in await unit.audit.of_subject(session.id)] == ["roster.opened"]
    for role in (StaffRole.DUTY, StaffRole.PARTNER_SUPPORT, StaffRole.TECH):
        await room.ask(room.update(Command("roster"), STAFF[role]))
        async with room.storage.unit() as unit:
            chat = await unit.chats.of_person(room.people[role])
            assert chat is not None
            assert [r.text for r in await unit.outbox.waiting(chat.id)] == ["That is not open to you here."]


async def test_long_before_the_session_it_goes_away_soon(room: Room) -> None:
    """S-43 Asked for days before, it is taken away after the minutes that details have."""
    session = await the_session(room)
    async with room.storage.unit() as unit:
        await unit.sessions.save(replace(session, starts_at=START + timedelta(days=3)))
        await unit.commit()
    await room.ask(room.update(Command("roster"), FACILITATOR))
    says, gone = await waiting(room)
    assert gone.due_at == says.not_after == START + timedelta(minutes=10)
    assert "Starts in 3 days" in says.text


async def test_several_groups_give_a_list(room: Room) -> None:
    """S-21 With several groups each one's next session is a button; a foreign session's button opens nothing."""
    new = room.desk.ids.new
    other, foreign = (Session(new(), room.programme, key, new(), None, START + timedelta(hours=5), 90, "zoom", "")
                      for key in ("o", "f"))  # fmt: skip
    async with room.storage.unit() as unit:
        for session in (other, foreign):
            assert session.group_id is not None
            await unit.programmes.save_group(
                Group(session.group_id, room.programme, session.key, session.key, "Europe/London")
            )
            await unit.sessions.save(session)
        await unit.people.add_role(room.people[StaffRole.FACILITATOR], StaffRole.FACILITATOR, other.group_id)
        await unit.commit()
    await room.ask(room.update(Command("roster"), FACILITATOR))
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.people[StaffRole.FACILITATOR])
        assert chat is not None
        lists = [r for r in await unit.outbox.waiting(chat.id) if r.slot == roster.CHOOSE and r.op == "say"]
    assert [row[0][1][10:] for row in lists[0].rows] == [(await the_session(room)).id[-12:], other.id[-12:]]
    await room.ask(room.update(Press("ROST", "show", foreign.id[-12:], "cb"), FACILITATOR))
    assert not await waiting(room)
    await room.ask(room.update(Press("ROST", "show", other.id[-12:], "cb"), FACILITATOR))
    assert "There is nobody in this group yet." in await shown(room)


async def test_a_held_level_is_never_in_another_group(room: Room) -> None:
    """S-08 Also a hold that was lifted with *please join* stays under hold, with the template."""
    await opened(room)
    await room.begin()
    await room.play("ST-07:shared_room")
    await room.ask(room.update(Press("LIFT", "join", "K-101", "cb"), FACILITATOR))
    await room.play(*ALONE, *EQUIPMENT)
    session = await the_session(room)
    async with room.storage.unit() as unit:
        row = await unit.readiness.get(session.id, room.participant)
    assert row is not None
    assert row.level is Level.HOLD
    assert "Hold (1)\n• alias 1000: Please join\n" in await shown(room)
