"""After an outage, a slice in each unit of work: nobody is left out or told twice, and nobody else waits long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.ports.plan import Reminder, ReminderKind
from bot.ports.records import Chat, LedgerEntry, OutboxRow, Session, StaffRole
from bot.ports.stores import Storage, StorageFault
from bot.storage.outbox import OutboxStore
from bot.storage.unit_of_work import StoredUnit
from bot.usecases import look_back
from bot.usecases.outage import Pulse
from tests.bot.damage import damage
from tests.bot.desks import BOT, Room
from tests.bot.test_outage import DOOR, Intake, notices, room, said, sent, started, waiting

__all__ = ["room"]


class Faulty:
    """A storage whose commit number `at` fails, before or after what it keeps is on the disk."""

    def __init__(self, inner: Storage, at: int, *, kept: bool) -> None:
        self._inner, self._left, self._kept = inner, at, kept

    @asynccontextmanager
    async def unit(self, *, beside: bool = False) -> AsyncIterator[Any]:
        async with self._inner.unit(beside=beside) as unit:
            commit = unit.commit

            async def failing() -> None:
                self._left -= 1
                if self._left != 0 or self._kept:
                    await commit()
                if self._left == 0:
                    raise StorageFault("as the test asks")

            unit.commit = failing  # type: ignore[method-assign]  # a double
            yield unit

    async def empty_journal(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """The one beneath is closed by whoever opened it."""


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("at", range(1, 9))
async def test_once_wherever_it_breaks_off(room: Room, at: int, kept: bool, restarted: bool) -> None:
    """R-02, R-11: whichever unit fails, everybody is told and asked once, by the same process or by the next."""
    await room.begin()
    await started(room)()
    await sent(room)
    room.clock.advance(timedelta(minutes=20))
    pulse = Pulse(Faulty(room.storage, at, kept=kept), room.desk, lambda: None, Intake())
    with suppress(StorageFault):
        await pulse()
    room.clock.advance(timedelta(seconds=5))
    pulse = started(room) if restarted else pulse
    while await pulse():
        pass
    assert await said(room) == DOOR
    assert [len(await notices(room, role)) for role in (StaffRole.FACILITATOR, StaffRole.DUTY)] == [1, 1]
    await sent(room)
    await started(room)()
    assert (await said(room), await notices(room, StaffRole.DUTY)) == ([], [])


async def more_in_a_test(room: Room, number: int) -> list[str]:
    """So many participants more, each at the question at which the first one is."""
    async with room.storage.unit() as unit:
        first = await unit.people.get(room.participant)
        assert first is not None
        assert first.visit_id is not None
        visit = await unit.visits.get(first.visit_id)
        assert visit is not None
        found = []
        for place in range(number):
            one = replace(first, id=room.desk.ids.new(), visit_id=room.desk.ids.new())
            await unit.people.add(one)
            await unit.visits.add(replace(visit, id=one.visit_id or "", person_id=one.id))
            chat = Chat(room.desk.ids.new(), BOT, 5000 + place, one.id)
            await unit.chats.add(chat)
            # The door that they passed could not be deleted.
            entry = LedgerEntry(room.desk.ids.new(), chat.id, place, "bot", "door", False, room.clock.now())
            await unit.ledger.add(entry)
            found.append(one.id)
        await unit.commit()
    return found


async def test_many_are_asked_in_short_units(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-11, R-12: no unit asks or tells more than its share, a look ends after so many units, and a restart asks nobody twice."""
    for name, value in {"AT_ONCE": 2, "LOOKED_AT": 3, "SLICES": 2}.items():
        monkeypatch.setattr(look_back, name, value)
    await room.begin()
    await started(room)()
    others = await more_in_a_test(room, 6)
    await sent(room)
    in_unit: list[int] = []
    add, end = OutboxStore.add, StoredUnit.end

    async def counted(store: OutboxStore, row: OutboxRow) -> None:
        in_unit[-1] += row.op == "say"
        await add(store, row)

    def ended(unit: StoredUnit) -> None:
        in_unit.append(0)
        end(unit)

    room.clock.advance(timedelta(minutes=20))
    monkeypatch.setattr(OutboxStore, "add", counted)
    monkeypatch.setattr(StoredUnit, "end", ended)
    in_unit.append(0)
    looks = 0
    pulse = started(room)
    while await pulse():
        looks += 1
        if looks == 4:
            pulse = started(room)  # a process that begins goes over it again
    assert looks > 4
    assert max(in_unit) == 2 * 2, "for two people the line and the door"
    assert sum(in_unit) == 2 * 7 + 4, "each once, of the participants as of the staff"
    for person in others:
        assert [row.text for row in await waiting(room, person) if row.op == "say"] == DOOR


async def test_an_outage_before_the_last_one_is_done_with(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-11: away again before everybody was asked, all who may have pressed since the first time away are asked, again if need be."""
    monkeypatch.setattr(look_back, "SLICES", 1)
    await room.begin()
    await started(room)()
    await sent(room)
    room.clock.advance(timedelta(hours=20))
    await started(room)()
    await sent(room)
    room.clock.advance(timedelta(hours=20))
    pulse = started(room)
    while await pulse():
        pass
    assert await said(room) == DOOR
    [told] = await notices(room, StaffRole.DUTY)
    assert told.startswith("The assistant was away from Mon 1 Mar, 17:00 to Wed 3 Mar, 09:00.")


async def test_checks_of_many_sessions(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-11: each check is named once, however many were due at the same time or fell into a slice."""
    monkeypatch.setattr(look_back, "LOOKED_AT", 2)
    await started(room)()
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
        assert person is not None
        at = room.clock.now() + timedelta(minutes=5)
        for number in range(7):
            new = room.desk.ids.new()
            starts = at + timedelta(hours=1, minutes=number)
            await unit.sessions.save(
                Session(
                    new, room.programme, new, person.group_id, None, starts, 60, "zoom", "https://m.example"
                )
            )
            due_at = at if number < 5 else at + timedelta(minutes=number)
            row = (room.programme, ReminderKind.DEADLINE, due_at, due_at, new, None, 1)
            await unit.reminders.add(Reminder(room.desk.ids.new(), f"deadline{number}", *row))
        await unit.commit()
    room.clock.advance(timedelta(minutes=20))
    await started(room)()
    [text] = await notices(room, StaffRole.MANAGER)
    assert [line for line in text.splitlines() if line.startswith("Self-test not done")] == [
        f"Self-test not done · session Mon 1 Mar, 18:{5 + number:02}" for number in range(7)
    ]


async def test_a_damaged_session_ends_no_look_back(room: Room) -> None:
    """R-11, S-31: a check whose session cannot be read is left out; staff hear of the outage, and it is done with."""
    await started(room)()
    at = room.clock.now() + timedelta(minutes=5)
    session_id = room.desk.ids.new()
    async with room.storage.unit() as unit:
        person = await unit.people.get(room.participant)
        assert person is not None
        link = "https://m.example"
        await unit.sessions.save(
            Session(session_id, room.programme, "d", person.group_id, None, at, 60, "zoom", link)
        )
        row = (room.programme, ReminderKind.DEADLINE, at, at, session_id, None, 1)
        await unit.reminders.add(Reminder(room.desk.ids.new(), "deadline0", *row))
        await unit.commit()
    damage(room.url, "sessions", "sealed_link", "id = ?", session_id)
    room.clock.advance(timedelta(minutes=20))
    pulse = started(room)
    while await pulse():
        pass
    assert await notices(room, StaffRole.DUTY)
    async with room.storage.unit() as unit:
        assert await look_back.unfinished(unit) is None
