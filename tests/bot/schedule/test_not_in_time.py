"""A line that was decided in time and did not get through in time stays unsent, and its reminder says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.ports.plan import Fate, ReminderKind
from bot.ports.records import OutboxRow, Session
from bot.ports.services import Refused, SendLimits, TryLater, Unreachable
from bot.storage.sealing import Keyring
from bot.usecases.deliver import Sender
from bot.usecases.remind_person import SLOT_OF_WEEK
from tests.bot.deliveries import FakeMessenger
from tests.bot.desks import PARTICIPANT, START, Room, open_room
from tests.bot.schedule.watching import AT, FIRST, REST, Watch, published

K = ReminderKind
NOT_IN_TIME = (Fate.WITHHELD, "not_delivered_in_time")


@dataclass
class Wire:
    """The schedule with a sender behind it, and a Telegram that may be away."""

    room: Room
    watch: Watch
    messenger: FakeMessenger
    sender: Sender

    def breaks(self, fault: Exception | None) -> None:
        """From now on every call to the participant ends so."""
        self.messenger.before = lambda op, chat: fault if chat == PARTICIPANT else None

    async def deliver(self) -> None:
        """All that may go, goes."""
        while await self.sender.step():
            pass

    async def later(self, when: datetime) -> None:
        """The sender alone looks again then."""
        self.room.clock.advance(when - self.room.clock.now())
        await self.deliver()

    async def fate(self, kind: ReminderKind) -> tuple[Fate, str]:
        """What became of it."""
        return (await self.watch.fates())[kind]

    def read(self) -> list[str]:
        """What stands in the participant's chat."""
        return self.messenger.texts(PARTICIPANT)


@pytest.fixture
async def wire(database_url: str, keyring: Keyring) -> AsyncIterator[Wire]:
    """A desk whose session begins in 90 minutes."""
    async with open_room(database_url, keyring, published()) as room:
        messenger = FakeMessenger()

        async def on_fault(unit: Any, row: OutboxRow, why: str) -> None:
            return None

        sender = Sender(room.storage, messenger, room.clock, room.desk.ids, SendLimits(off=True), on_fault)
        yield Wire(room, Watch(room), messenger, sender)


async def test_telegram_away_until_night(wire: Wire) -> None:
    """S-02, R-18: what was staged at 17:00 does not go out at 02:00, nothing in its place, and it is not `sent`."""
    wire.breaks(TryLater(30))
    await wire.watch.at(START)
    await wire.deliver()
    assert await wire.fate(K.TEST_OPENS) == (Fate.SENT, "")
    wire.breaks(None)
    await wire.later(START + timedelta(hours=9))
    assert wire.read() == []
    assert await wire.fate(K.TEST_OPENS) == NOT_IN_TIME


async def test_telegram_back_within_its_time(wire: Wire) -> None:
    """R-18: as long as the line still makes sense it goes out, and stays `sent`."""
    wire.breaks(TryLater(30))
    await wire.watch.at(START)
    await wire.deliver()
    wire.breaks(None)
    await wire.later(AT - timedelta(minutes=31))
    assert len(wire.read()) == 1
    assert await wire.fate(K.TEST_OPENS) == (Fate.SENT, "")


async def test_not_into_a_time_that_is_not_safe(wire: Wire) -> None:
    """S-02: a line decided within a safe time is withheld once that is over, though it would still make sense."""
    async with wire.room.storage.unit() as unit:
        person = await unit.people.get(wire.room.participant)
        assert person is not None
        await unit.people.save(replace(person, safe_times=("afternoon",)))
        await unit.commit()
    early = AT.replace(hour=17, minute=30)  # the test opens at 16:00, is said again at 16:45, five is evening
    await wire.watch.put(replace(await wire.watch.session(), starts_at=early + timedelta(days=1), version=2))
    wire.breaks(TryLater(30))
    await wire.watch.at(early + timedelta(days=1, minutes=-90))
    await wire.deliver()
    wire.breaks(None)
    [line] = await wire.watch.lines()
    assert line.not_after == early + timedelta(days=1, minutes=-30)
    await wire.later(early + timedelta(days=1, minutes=-30))
    assert wire.read() == []
    assert await wire.fate(K.TEST_OPENS) == NOT_IN_TIME


async def test_a_hold_is_said_as_long_as_the_session_runs(wire: Wire) -> None:
    """S-08: *please do not join* still goes out during the session, and not after its end."""
    await wire.room.begin()
    await wire.room.play("ST-07:car", *FIRST[1:], *REST, "ST-16:continue")
    await wire.deliver()
    wire.breaks(TryLater(30))
    await wire.watch.until(AT)
    await wire.deliver()
    [line] = await wire.watch.lines()
    assert line.not_after == AT + timedelta(minutes=91)
    wire.breaks(None)
    await wire.later(AT + timedelta(minutes=80))
    assert "Please do not join now. We will contact you by Mon 1 Mar, 20:00." in wire.read()


@pytest.mark.parametrize(("fault", "why"), [(Unreachable(), "unreachable"), (Refused("no"), "refused")])
async def test_what_telegram_refuses_has_failed(wire: Wire, fault: Exception, why: str) -> None:
    """R-18: a line that Telegram does not take makes its reminder `failed`, with the reason."""
    wire.breaks(fault)
    await wire.watch.at(START)
    await wire.deliver()
    assert await wire.fate(K.TEST_OPENS) == (Fate.FAILED, why)


async def test_a_chat_closed_meanwhile(wire: Wire) -> None:
    """R-18: a line for a chat that was closed before it went is `failed`."""
    await wire.watch.at(START)
    async with wire.room.storage.unit() as unit:
        chat = await unit.chats.of_person(wire.room.participant)
        assert chat is not None
        await unit.chats.set_state(chat.id, "blocked")
        await unit.commit()
    await wire.deliver()
    assert await wire.fate(K.TEST_OPENS) == (Fate.FAILED, "unreachable")


async def test_a_line_that_gave_way_was_not_sent(wire: Wire) -> None:
    """R-18: what a later line of the same place overtakes unsent is `skipped`."""
    await wire.watch.at(START)
    await wire.watch.at(AT - timedelta(minutes=30))
    assert await wire.fate(K.TEST_OPENS) == (Fate.SKIPPED, "overtaken")
    assert await wire.fate(K.TEST_AGAIN) == (Fate.SENT, "")
    await wire.deliver()
    assert len(wire.read()) == 1


async def test_a_line_on_its_way_when_it_gave_way(wire: Wire) -> None:
    """R-18: what was overtaken in the middle of its call and arrived all the same is `sent`."""
    await wire.watch.at(START)
    [line] = await wire.watch.lines()
    await wire.watch.at(AT - timedelta(minutes=30))
    async with wire.room.storage.unit() as unit:
        await unit.outbox.save(replace(line, state="sent"))
        await unit.commit()
    assert await wire.fate(K.TEST_OPENS) == (Fate.SENT, "")


async def test_only_what_counts_as_sent_is_corrected(wire: Wire) -> None:
    """R-18: a fate that says that nothing went out stays what it is."""
    await wire.watch.at(START)
    rows = {row.kind: row for row in await wire.watch.rows() if row.person_id == wire.room.participant}
    async with wire.room.storage.unit() as unit:
        await unit.reminders.correct(rows[K.CONFIRM].id, Fate.FAILED, "refused")
        await unit.reminders.save(replace(rows[K.CONFIRM], fate=Fate.SKIPPED, reason="too_late"))
        await unit.reminders.correct(rows[K.CONFIRM].id, Fate.FAILED, "refused")
        await unit.commit()
    assert await wire.fate(K.CONFIRM) == (Fate.SKIPPED, "too_late")


# --- decided when it is due: what may not arrive is withheld ---------------------------------------------


async def lines(room: Room) -> list[OutboxRow]:
    """The lines of the week's reminders that wait for the participant."""
    async with room.storage.unit() as unit:
        chat = await unit.chats.of_person(room.participant)
        assert chat is not None
        return [row for row in await unit.outbox.waiting(chat.id) if row.slot == SLOT_OF_WEEK]


async def test_late_into_quiet_hours(wire: Wire) -> None:
    """S-02, R-18: a check-in planned for 18:00 that could be sent only at 21:00 is withheld; no line, no `sent`."""
    wednesday = START.replace(day=3)
    await wire.watch.at(wednesday)
    assert await wire.fate(K.CHECK_IN) == (Fate.DUE, "")
    async with wire.room.storage.unit() as unit:
        programme = await unit.programmes.get(wire.room.programme)
        assert programme is not None
        hours = {"reminders": {"quiet_from": 20}}
        await unit.programmes.save(replace(programme, settings=hours))
        await unit.commit()
    await wire.watch.at(wednesday.replace(hour=20, minute=30))
    assert await wire.fate(K.CHECK_IN) == (Fate.WITHHELD, "quiet_hours")
    assert await lines(wire.room) == []


async def test_a_time_that_is_safe_no_more(wire: Wire) -> None:
    """S-02, R-18: whoever said since that evenings are not safe gets no line then, and it is not `sent`."""
    await wire.watch.at(START - timedelta(minutes=5))
    async with wire.room.storage.unit() as unit:
        person = await unit.people.get(wire.room.participant)
        assert person is not None
        await unit.people.save(replace(person, safe_times=("morning",)))
        await unit.commit()
    await wire.watch.at(START)
    assert await wire.fate(K.TEST_OPENS) == (Fate.WITHHELD, "no_safe_time")
    assert await wire.watch.lines() == []


async def test_a_session_planned_since(wire: Wire) -> None:
    """S-12, R-18: a check-in planned before a session was put near it is withheld when its time comes."""
    wednesday = START.replace(day=3)
    await wire.watch.at(wednesday)
    async with wire.room.storage.unit() as unit:
        starts = wednesday.replace(hour=19)
        await unit.sessions.save(
            Session(wire.room.desk.ids.new(), wire.room.programme, "own", None, wire.room.participant, starts, 60, "zoom",
                    "https://m.example")
        )  # fmt: skip
        await unit.commit()
    await wire.watch.at(wednesday.replace(hour=18))
    assert await wire.fate(K.CHECK_IN) == (Fate.WITHHELD, "near_a_session")
    assert await lines(wire.room) == []
