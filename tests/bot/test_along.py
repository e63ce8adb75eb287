"""The sender picks in the unit that takes updates: one commit before an answer, and nothing lost by it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import timedelta

import pytest

from bot.ports.inbound import Command, Press
from bot.ports.records import Lane, OutboxRow, StaffRole
from bot.ports.services import Ambiguous, SendLimits
from bot.ports.stores import StorageFault, Unit
from bot.storage.address import database_file
from bot.storage.sealing import Keyring
from bot.storage.sqlite import SqliteDriver
from bot.usecases import staff_desk
from bot.usecases.deliver import Sender
from bot.usecases.pace import Pace
from bot.usecases.pick import Picker
from bot.usecases.take_updates import TakeUpdates
from flows.read import load_library
from tests.bot.deliveries import FakeMessenger, once, until
from tests.bot.desks import BOT, PARTICIPANT, STAFF, Room, open_room

pytestmark = (
    pytest.mark.sqlite_only
)  # on PostgreSQL updates are taken beside other units, where nothing is picked


@pytest.fixture
async def room(database_url: str, keyring: Keyring) -> AsyncIterator[Room]:
    async with open_room(database_url, keyring, load_library()) as room:
        yield room


@pytest.fixture
def messenger() -> FakeMessenger:
    return FakeMessenger()


@pytest.fixture
def faults() -> list[str]:
    return []


@pytest.fixture
async def sender(room: Room, messenger: FakeMessenger, faults: list[str]) -> AsyncIterator[Sender]:
    """A sender at work that nobody wakes."""

    async def on_fault(unit: Unit, row: OutboxRow, why: str) -> None:
        faults.append(why)

    sender = Sender(room.storage, messenger, room.clock, room.desk.ids, SendLimits(off=True), on_fault)  # type: ignore[arg-type]  # a double
    running = asyncio.create_task(sender.run())
    await asyncio.sleep(0.05)
    yield sender
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows with each commit."""
    done: list[str] = []
    commit = SqliteDriver.commit

    async def counted(driver: SqliteDriver) -> None:
        await commit(driver)
        done.append("commit")

    monkeypatch.setattr(SqliteDriver, "commit", counted)
    return done


def taking(room: Room, sender: Sender) -> TakeUpdates:
    return TakeUpdates(room.storage, room.desk, staff_desk.handle, along=sender.along)


async def to_the_first_question(room: Room, take: TakeUpdates, messenger: FakeMessenger) -> None:
    """The test is open, and its first question stands in the chat."""
    await take([room.update(Command("selftest"))])
    await until(lambda: bool(messenger.texts(PARTICIPANT)))
    await take([room.update(Press("DOOR", "yes", "", "cb"))])
    await until(lambda: any(chat == PARTICIPANT for chat, _ in messenger.protected))


def on_disk(room: Room, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{database_file(room.url)}?mode=ro", uri=True)) as other:
        return other.execute(sql).fetchall()


async def test_an_answer_waits_for_one_commit(
    room: Room, sender: Sender, messenger: FakeMessenger, commits: list[str]
) -> None:
    """R-02: what was sent in, the answer to it and that it is on its way are kept together, before it goes.

    Three times something is to be taken away before it that does not stand there; none of them costs a commit.
    """
    seen: list[int] = []
    messenger.before = lambda op, chat: seen.append(len(commits))
    await taking(room, sender)([room.update(Command("selftest"))])
    await until(lambda: bool(messenger.calls))
    assert seen == [1]


async def test_what_is_sensitive_is_marked_before_its_call(
    room: Room, sender: Sender, messenger: FakeMessenger
) -> None:
    """S-43: a sensitive message is on the disk as perhaps sent when its call begins, and not any more once it ended."""
    marked: list[tuple[str, list[tuple[object, ...]]]] = []
    waiting = "SELECT ambiguous FROM outbox WHERE sensitive AND state = 'waiting'"
    messenger.before = lambda op, chat: marked.append((op, on_disk(room, waiting)))
    await to_the_first_question(room, taking(room, sender), messenger)
    assert ("send", [(1,)]) in marked
    sender.wake()
    perhaps = "SELECT count(*) FROM outbox WHERE ambiguous"
    await until(lambda: on_disk(room, perhaps) == [(0,)])


async def test_nothing_goes_that_was_not_kept(
    room: Room, sender: Sender, messenger: FakeMessenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-02: where the commit fails nothing is sent; the update comes again, and its answer goes once."""
    take, update = taking(room, sender), room.update(Command("selftest"))

    async def failing(_: SqliteDriver) -> None:
        raise StorageFault("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(SqliteDriver, "commit", failing)
        with pytest.raises(StorageFault):
            await take([update])
        await asyncio.sleep(0.02)
        assert not messenger.calls
    await take([update])
    await until(lambda: bool(messenger.calls))
    await asyncio.sleep(0.02)
    assert len(messenger.texts(PARTICIPANT)) == 1


async def test_a_fault_of_the_sender_is_no_updates_fault(room: Room) -> None:
    """S-23: what goes wrong in picking costs no answer, and is recorded as nobody's faulty message."""

    async def broken(_: Unit) -> Callable[[], None]:
        raise LookupError

    take = TakeUpdates(room.storage, room.desk, staff_desk.handle, along=broken)
    update = room.update(Command("selftest"))
    taken = await take([update])
    assert not taken.faults
    async with room.storage.unit() as unit:
        assert await unit.seen.known(BOT, [update.update_id])
        chat = await unit.chats.by_telegram(BOT, PARTICIPANT)
        assert chat is not None
        assert [row.slot for row in await unit.outbox.waiting(chat.id) if row.op == "say"] == ["door"]
    assert on_disk(room, "SELECT fault FROM seen") == [("",)]


async def test_what_came_of_a_call_is_marked_along(
    room: Room, sender: Sender, messenger: FakeMessenger, commits: list[str]
) -> None:
    """R-10: a call's result is kept once, with the next updates or by the sender, and the chat's next message follows it."""
    take = taking(room, sender)
    for _ in range(3):
        await take([room.update(Command("help")), room.update(Command("privacy"))])
        sender.wake()
    await until(lambda: on_disk(room, "SELECT count(*) FROM outbox WHERE state = 'waiting'") == [(0,)])
    stand = on_disk(room, "SELECT message_id FROM ledger WHERE side = 'bot' AND gone_at IS NULL")
    assert {row[0] for row in stand} == set(messenger.chats[PARTICIPANT])
    assert len(messenger.calls) < len(commits) * 4


async def test_what_needs_no_call_is_left_to_the_senders_own_round(
    room: Room, sender: Sender, messenger: FakeMessenger, faults: list[str]
) -> None:
    """R-07: what cannot go any more is settled, and staff hear of it, in the sender's unit and not in an update's."""
    async with room.storage.unit() as unit:
        chat = await unit.chats.by_telegram(BOT, PARTICIPANT)
        assert chat is not None
        await unit.chats.set_state(chat.id, "blocked")
        row = OutboxRow(chat.id, Lane.REPLY, "notice", "say", room.clock.now(), "A line.")
        await unit.outbox.add(row)
        await unit.commit()
    await taking(room, sender)([room.update(Command("help"), STAFF[StaffRole.DUTY])])
    assert on_disk(room, "SELECT state FROM outbox ORDER BY id LIMIT 1") == [("waiting",)]
    assert not faults
    await until(lambda: bool(messenger.calls))
    sender.wake()
    await until(lambda: faults == ["unreachable"])


async def test_a_place_is_left_for_what_is_to_be_settled(room: Room, faults: list[str]) -> None:
    """R-12: an alert that can reach nobody in its chat is settled at once, however many messages wait behind it."""

    async def on_fault(unit: Unit, row: OutboxRow, why: str) -> None:
        faults.append(f"{row.lane.value} {why}")

    now = room.clock.now()
    async with room.storage.unit() as unit:
        closed = await unit.chats.by_telegram(BOT, PARTICIPANT)
        assert closed is not None
        await unit.chats.set_state(closed.id, "blocked")
        await unit.outbox.add(OutboxRow(closed.id, Lane.ALERT, "case", "say", now, "An alert."))
        for number in STAFF.values():
            chat = await unit.chats.by_telegram(BOT, number)
            assert chat is not None
            await unit.outbox.add(OutboxRow(chat.id, Lane.REPLY, "notice", "say", now, "A line."))
        await unit.commit()
    picker = Picker(Pace(room.clock, SendLimits(overall_per_second=3)), room.clock, on_fault)
    async with room.storage.unit() as unit:
        along = await picker.pick(unit, set(), 0, settling=False)
    assert len(along.errands) == 2
    assert not faults
    async with room.storage.unit() as unit:
        own = await picker.pick(unit, {one.row.chat_id for one in along.errands}, len(along.errands))
    assert faults == ["alert unreachable"]
    assert len(own.errands) == 1


async def test_an_answer_that_is_lost_is_tried_again(
    room: Room, sender: Sender, messenger: FakeMessenger
) -> None:
    """R-10: a message picked along whose answer is lost goes once more, and counts as perhaps sent twice."""
    messenger.after = once("send", Ambiguous("timeout"))
    await taking(room, sender)([room.update(Command("help"))])
    await until(lambda: on_disk(room, "SELECT attempts FROM outbox") == [(1,)])
    room.clock.advance(timedelta(seconds=5))
    sender.wake()
    await until(lambda: on_disk(room, "SELECT state FROM outbox") == [("sent",)])
    assert len(messenger.calls) == 2


async def test_who_does_not_send_picks_nothing(room: Room, messenger: FakeMessenger) -> None:
    """R-15: a sender that does not run, or may not send, leaves everything where it is."""

    async def on_fault(unit: Unit, row: OutboxRow, why: str) -> None:
        raise AssertionError(why)

    def made(*, may_send: bool) -> Sender:
        limits = SendLimits(off=True)
        ids, clock = room.desk.ids, room.clock
        return Sender(room.storage, messenger, clock, ids, limits, on_fault, may_send=lambda: may_send)  # type: ignore[arg-type]  # a double

    await taking(room, made(may_send=True))([room.update(Command("help"))])
    stopped = made(may_send=False)
    running = asyncio.create_task(stopped.run())
    await asyncio.sleep(0)
    async with room.storage.unit() as unit:
        assert (await stopped.along(unit))() is None
        assert not await unit.outbox.lanes_due(room.clock.now(), "email")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not messenger.calls
    assert on_disk(room, "SELECT state, ambiguous FROM outbox") == [("waiting", 0)]
