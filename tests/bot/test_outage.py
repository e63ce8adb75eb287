"""After an outage: staff hear of it once, and open questions are asked again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.ports.inbound import Command
from bot.ports.plan import Reminder, ReminderKind
from bot.ports.records import OutboxRow, StaffRole
from bot.ports.services import Away
from bot.ports.stores import StorageFault
from bot.storage.sealing import Keyring
from bot.usecases import neutral
from bot.usecases.outage import PULSE, Pulse
from bot.usecases.staff_notice import is_notice
from flows.read import load_library
from tests.bot.desks import Room, Tripwire, open_room


@pytest.fixture
async def room(database_url: str, keyring: Keyring):
    """A programme with all its staff, and a participant at the self-test."""
    async with open_room(database_url, keyring, load_library()) as room:
        yield room


class Intake:
    def __init__(self) -> None:
        self.away = False
        self.away_from: Away | None = None

    def is_away(self) -> bool:
        return self.away

    def was_away(self) -> Away | None:
        away, self.away_from = self.away_from, None
        return away


def started(room: Room, intake: Intake | None = None) -> Pulse:
    """The pulse of a process that has just started."""
    return Pulse(room.storage, room.desk, lambda: None, intake or Intake())


async def away(room: Room, **time: float) -> Pulse:
    """The process beat, was gone for so long, and beats again."""
    await started(room)()
    await sent(room)
    room.clock.advance(timedelta(**time))
    again = started(room)
    await again()
    return again


async def waiting(room: Room, person: str) -> list[OutboxRow]:
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(person)
        return await unit.outbox.waiting(chat.id) if chat else []


async def sent(room: Room) -> None:
    """All that waits counts as sent."""
    async with room.storage.unit() as unit:
        for person in (room.participant, *room.people.values()):
            chat = await unit.chats.of_person(person)
            for row in await unit.outbox.waiting(chat.id) if chat else []:
                await unit.outbox.save(replace(row, state="sent"))
        await unit.commit()


async def notices(room: Room, role: StaffRole) -> list[str]:
    return [row.text for row in await waiting(room, room.people[role]) if is_notice(row)]


async def said(room: Room) -> list[str]:
    return [row.text for row in await waiting(room, room.participant) if row.op == "say"]


DOOR = [neutral.BACK_AGAIN.msgid, neutral.DOOR.msgid]


async def test_staff_hear_from_when_to_when(room: Room) -> None:
    """R-11: facilitators, duty, managers and administrators hear once, in their zone; nobody else."""
    await away(room, minutes=20)
    for role in StaffRole:
        heard = await notices(room, role)
        expected = role in (StaffRole.FACILITATOR, StaffRole.DUTY, StaffRole.MANAGER, StaffRole.ADMINISTRATOR)
        assert len(heard) == expected, role
        if expected:
            assert heard[0].startswith("The assistant was away from Mon 1 Mar, 17:00 to Mon 1 Mar, 17:20.")
            assert "/ack" in heard[0]


async def test_once(room: Room) -> None:
    """R-11: it is told in the transaction of the next sign of life, so that no restart tells it again."""
    await room.begin()
    pulse = await away(room, minutes=20)
    await sent(room)
    room.clock.advance(timedelta(minutes=1))
    await pulse()
    await started(room)()
    assert await notices(room, StaffRole.DUTY) == []
    assert await said(room) == []


async def test_a_short_restart_is_no_outage(room: Room) -> None:
    """R-11: within 150 seconds Telegram keeps a press, so that nothing is lost and nothing said."""
    await room.begin()
    await away(room, seconds=149)
    assert await notices(room, StaffRole.DUTY) == []
    assert await said(room) == []


async def test_the_first_start_is_no_outage(room: Room) -> None:
    """R-11: a database that has never seen a sign of life has missed nothing."""
    await started(room)()
    assert await notices(room, StaffRole.DUTY) == []


async def test_the_checks_that_fell_into_it(room: Room) -> None:
    """R-11: the sessions whose deadline or roster was due meanwhile are named by their time; moved ones are not."""
    async with room.storage.unit() as unit:
        [session] = await unit.sessions.between(room.clock.now(), room.clock.now() + timedelta(days=1))
        for minute, kind, guard in ((5, ReminderKind.DEADLINE, 1), (15, ReminderKind.ROSTER, 1),
                                    (10, ReminderKind.TEST_OPENS, 1), (11, ReminderKind.DEADLINE, 0),
                                    (50, ReminderKind.ROSTER, 1)):  # fmt: skip
            at = room.clock.now() + timedelta(minutes=minute)
            await unit.reminders.add(
                Reminder(
                    room.desk.ids.new(),
                    f"{kind}{minute}",
                    room.programme,
                    kind,
                    at,
                    at,
                    session.id,
                    None,
                    guard,
                )
            )
        await unit.commit()
    await away(room, minutes=20)
    for role in (StaffRole.FACILITATOR, StaffRole.MANAGER):
        [text] = await notices(room, role)
        assert text.splitlines()[-2:] == [
            "Self-test not done · session Mon 1 Mar, 18:30",
            "Last roster · session Mon 1 Mar, 18:30",
        ]


async def test_the_open_question_is_asked_again(room: Room) -> None:
    """R-11: a worrying press lost in 200 s: neutral line, door, the question again; the answer then counts."""
    await room.begin()
    await away(room, seconds=200)
    rows = [row for row in await waiting(room, room.participant) if row.op == "say"]
    assert [row.text for row in rows] == DOOR
    assert not any(row.sensitive for row in rows)
    await room.play("DOOR:yes", "ST-07:car")
    assert len(await room.cases()) == 1


async def test_a_door_that_was_asked(room: Room) -> None:
    """R-11, S-05: an answer at the door may be lost too: it is asked again, for what was wanted."""
    await room.take([room.update(Command("selftest"))])
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.participant)
        assert chat is not None
        from bot.ports.records import LedgerEntry

        await unit.ledger.add(
            LedgerEntry(room.desk.ids.new(), chat.id, 9, "bot", "door", False, room.clock.now())
        )
        await unit.commit()
    await away(room, minutes=5)
    assert await said(room) == DOOR
    await room.play("DOOR:yes")
    assert any("ST-07" in str(row.rows) for row in await waiting(room, room.participant))


async def test_what_waited_at_telegram_comes_first(room: Room) -> None:
    """R-11: whoever's answer was taken in after the outage has the next question already."""
    await room.begin()
    await started(room)()
    room.clock.advance(timedelta(minutes=20))
    again = started(room)
    await room.play("ST-07:usual_room", "DOOR:yes")
    await sent(room)
    await again()
    assert await said(room) == []


async def test_nobody_else_is_written_to(room: Room) -> None:
    """S-02: nothing goes to whoever was asked nothing, or over a day before the outage began."""
    await away(room, minutes=20)
    assert await said(room) == []
    await room.begin()
    await sent(room)
    room.clock.advance(timedelta(hours=25))
    await away(room, minutes=20)
    assert await said(room) == []


async def test_an_outage_of_more_than_a_day(room: Room) -> None:
    """R-11: how long the software was away does not make a press that was lost at its beginning too old."""
    await room.begin()
    await away(room, hours=25)
    assert await said(room) == DOOR


async def test_without_an_allowed_time_nothing_is_sent(room: Room) -> None:
    """S-02: whose own times leave none within a day is not written to at a forbidden one instead."""
    await room.begin()
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
        programme = await unit.programmes.get(room.programme)
        assert person is not None
        assert programme is not None
        await unit.people.save(replace(person, safe_times=("evening",)))
        await unit.programmes.save(replace(programme, settings={"reminders": {"quiet_from": 17}}))
        await unit.commit()
    await away(room, hours=3)
    assert await said(room) == []


async def test_any_time_is_a_safe_time(room: Room) -> None:
    """R-11: whoever said that any time is safe is asked again like whoever said nothing."""
    await room.begin()
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
        assert person is not None
        await unit.people.save(replace(person, safe_times=("any",)))
        await unit.commit()
    await away(room, hours=2)
    assert await said(room) == DOOR


async def test_quiet_hours_are_kept(room: Room) -> None:
    """S-02: after hours the line waits for the morning; the question is taken away at once."""
    await room.begin()
    await away(room, hours=9)  # 02:00
    rows = await waiting(room, room.participant)
    says = [row for row in rows if row.op == "say"]
    assert [row.text for row in says] == DOOR
    assert {row.due_at.hour for row in says} == {8}
    assert any(
        row.op == "retract" and row.slot == "question" and row.due_at <= room.clock.now() for row in rows
    )


async def test_a_network_that_was_down(room: Room) -> None:
    """R-11: Telegram out of reach for 200 s with the process alive is an outage too, also over a restart."""
    await room.begin()
    intake = Intake()
    pulse = started(room, intake)
    await pulse()
    await sent(room)
    since = room.clock.now()
    intake.away = True
    room.clock.advance(timedelta(seconds=200))
    await pulse()
    async with room.storage.unit() as unit:
        assert await unit.pulses.last(PULSE) == since, "no sign of life while nothing comes in"
    intake.away, intake.away_from = False, Away(since, room.clock.now())
    await pulse()
    assert await said(room) == DOOR
    assert len(await notices(room, StaffRole.DUTY)) == 1


async def test_an_outage_between_two_looks(room: Room) -> None:
    """R-11: whoever answered before an outage that no look fell into (a machine that slept) is asked again, too."""
    intake = Intake()
    pulse = started(room, intake)
    await pulse()
    await room.begin()
    await sent(room)
    since = room.clock.now()
    room.clock.advance(timedelta(seconds=200))
    intake.away_from = Away(since, room.clock.now())
    await pulse()
    assert await said(room) == DOOR


async def test_a_network_that_comes_and_goes(room: Room) -> None:
    """R-11: an outage that was followed by a short one before anybody was told counts from its beginning."""
    await room.begin()
    intake = Intake()
    pulse = started(room, intake)
    await pulse()
    await sent(room)
    since = room.clock.now()
    room.clock.advance(timedelta(seconds=200))
    intake.away, intake.away_from = True, Away(since, room.clock.now())
    await pulse()
    again = room.clock.now()
    room.clock.advance(timedelta(seconds=5))
    intake.away, intake.away_from = False, Away(again, room.clock.now())
    await pulse()
    assert await said(room) == DOOR


async def test_a_clock_that_is_moved_is_no_outage(room: Room) -> None:
    """R-05: hours that pass on the clock while the process runs are not taken for an outage."""
    await room.begin()
    pulse = started(room)
    await pulse()
    await sent(room)
    for hours in (3, -1):
        room.clock.advance(timedelta(hours=hours))
        await pulse()
    assert await notices(room, StaffRole.DUTY) == []


async def test_nothing_by_halves(room: Room) -> None:
    """R-02: where the database fails in between nothing is told, and the next look tells all of it."""
    await room.begin()
    await started(room)()
    await sent(room)
    room.clock.advance(timedelta(minutes=20))
    wire = Tripwire(room.storage, named="before commit")
    again = Pulse(wire, room.desk, lambda: None, Intake())
    with pytest.raises(StorageFault):
        await again()
    assert await said(room) == []
    wire.named = ""
    await again()
    assert await said(room) == DOOR
