"""The sender on the real database."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.clock import MovableClock
from bot.ids import CountingIds
from bot.ports.records import Lane, OutboxRow
from bot.ports.services import Ambiguous, SendLimits, TryLater, Unreachable
from bot.ports.stores import Unit
from bot.storage.sqlite import SqliteStorage
from bot.usecases.deliver import Sender
from bot.usecases.pick import ROWS_AT_ONCE
from tests.bot.damage import damage
from tests.bot.deliveries import FakeMessenger, once
from tests.bot.storage import rows as make

pytestmark = pytest.mark.both_databases

CHATS = 40
Add = Callable[..., Awaitable[None]]


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(make.NOW)


@pytest.fixture
def messenger() -> FakeMessenger:
    return FakeMessenger()


@pytest.fixture
def faults() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def sender(
    storage: SqliteStorage,
    clock: MovableClock,
    messenger: FakeMessenger,
    ids: CountingIds,
    faults: list[tuple[str, str]],
) -> Sender:
    async def on_fault(unit: Unit, row: OutboxRow, why: str) -> None:
        faults.append((row.text, why))

    return Sender(storage, messenger, clock, ids, SendLimits(), on_fault)


@pytest.fixture
async def add(storage: SqliteStorage, clock: MovableClock) -> Add:
    """Puts rows into the outbox of chats that are there."""
    async with storage.unit() as unit:
        await unit.programmes.save(make.programme())
        await unit.programmes.save_group(make.group())
        for number in range(1, CHATS + 1):
            await unit.people.add(make.person(number))
            await unit.chats.add(make.chat(number, telegram_id=number))
        await unit.commit()

    async def adding(*texts: str, chat: int = 1, **more: Any) -> None:
        async with storage.unit() as unit:
            for text in texts:
                given = {"lane": Lane.REPLY, "slot": text, "op": "say", "due_at": clock.now()} | more
                await unit.outbox.add(OutboxRow(chat_id=make.named("chat", chat), text=text, **given))
            await unit.commit()

    return adding


async def all_of(sender: Sender) -> None:
    while await sender.step():
        pass


async def test_what_takes_nothing_away_goes_on_at_once(
    add: Add, sender: Sender, messenger: FakeMessenger
) -> None:
    """R-05: after as many rows of a chat as one unit takes that need no call, the sender does not rest before the next."""
    for number in range(ROWS_AT_ONCE):
        await add("", slot=f"slot {number}", op="retract")
    await add("said")
    assert await sender.step() == 1
    assert not messenger.calls
    await all_of(sender)
    assert messenger.texts(1) == ["said"]


async def test_the_slot_is_found_again(
    add: Add, sender: Sender, messenger: FakeMessenger, storage: SqliteStorage
) -> None:
    """R-10 What was sent is in the ledger, so that the slot's next row edits it and a retract deletes it."""
    await add("one", slot="question")
    await all_of(sender)
    await add("two", slot="question")
    await all_of(sender)
    assert messenger.texts(1) == ["two"]
    await add("", slot="question", op="retract")
    await all_of(sender)
    assert messenger.texts(1) == []
    async with storage.unit() as unit:
        assert await unit.outbox.counts() == {"sent": 3}
        assert await unit.ledger.standing(make.named("chat", 1)) == []


async def test_order_pause_and_orphan(
    add: Add, sender: Sender, messenger: FakeMessenger, clock: MovableClock
) -> None:
    """R-10 A chat keeps its order through a 429 and a lost answer, and other chats do not wait for it."""
    await add("one", "two")
    await add("other", chat=2)
    messenger.before = once("send", TryLater(20), 1)
    await all_of(sender)
    assert (messenger.texts(1), messenger.texts(2)) == ([], ["other"])
    messenger.after = once("send", Ambiguous(), 1)
    for _ in range(3):
        clock.advance(timedelta(seconds=20))
        await all_of(sender)
    assert messenger.texts(1) == ["one", "one", "two"]


async def test_withheld_on_the_real_database(
    add: Add, sender: Sender, messenger: FakeMessenger, clock: MovableClock, storage: SqliteStorage
) -> None:
    """S-01 The neutral line takes the place of a sensitive row that is too late, in one unit of work."""
    await add("late", sensitive=True, not_after=clock.now() + timedelta(minutes=10), instead="neutral")
    clock.advance(timedelta(minutes=10))
    await all_of(sender)
    assert messenger.texts(1) == ["neutral"]
    async with storage.unit() as unit:
        assert await unit.outbox.counts() == {"sent": 1, "withheld": 1}


async def test_blocked_chats_fail_at_once(
    add: Add, sender: Sender, messenger: FakeMessenger, faults: list[tuple[str, str]], storage: SqliteStorage
) -> None:
    """R-07 After one 403 every row of the chat fails and is told without another call."""
    messenger.before = once("send", Unreachable())
    await add("one", "two", lane=Lane.ALERT)
    await all_of(sender)
    assert faults == [("one", "unreachable"), ("two", "unreachable")]
    assert messenger.calls == []
    async with storage.unit() as unit:
        chat = await unit.chats.get(make.named("chat", 1))
    assert chat is not None
    assert chat.state == "blocked"


async def test_an_alert_behind_ten_thousand_reminders(
    add: Add, sender: Sender, messenger: FakeMessenger
) -> None:
    """R-12 With 10,000 reminders waiting, an alert goes out next, and picking it stays quick."""
    for chat in range(1, CHATS + 1):
        await add(*(f"reminder {n}" for n in range(250)), chat=chat, lane=Lane.REMINDER)
    await sender.step()
    before = len(messenger.calls)
    await add("K-104", chat=CHATS, lane=Lane.ALERT)
    started = time.perf_counter()
    await sender.step()
    assert messenger.calls[before] == ("send", CHATS, "K-104")
    assert time.perf_counter() - started < 2


async def test_a_row_that_does_not_open_stops_no_other(
    sender: Sender, add: Add, storage: SqliteStorage, database_url: str, messenger: FakeMessenger,
    faults: list[tuple[str, str]],
) -> None:  # fmt: skip
    """S-31: it is marked failed and told; later rows of its chat, and other chats, are delivered."""
    await add("broken", "later")
    await add("other", chat=2)
    damage(database_url, "outbox", "sealed_payload", "slot = 'broken'")
    await all_of(sender)
    assert messenger.texts(1) == ["later"]
    assert messenger.texts(2) == ["other"]
    assert faults == [("", "unreadable")]
    async with storage.unit() as unit:
        assert await unit.outbox.counts() == {"failed": 1, "sent": 2}


async def test_what_needs_no_text_is_done_without_it(
    sender: Sender, add: Add, database_url: str, messenger: FakeMessenger, faults: list[tuple[str, str]]
) -> None:
    """S-43: a withdrawal whose payload does not open still takes the message away."""
    await add("shown")
    await all_of(sender)
    await add("", slot="shown", op="retract")
    damage(database_url, "outbox", "sealed_payload", "op = 'retract'")
    await all_of(sender)
    assert messenger.texts(1) == []
    assert faults == []


async def test_a_chat_that_does_not_open_stops_no_other(
    sender: Sender, add: Add, database_url: str, messenger: FakeMessenger, faults: list[tuple[str, str]]
) -> None:
    """S-31: its rows are told as undeliverable, those of other chats go out."""
    await add("lost")
    await add("other", chat=2)
    damage(database_url, "chats", "sealed_body", "id = ?", make.named("chat", 1))
    await all_of(sender)
    assert messenger.texts(2) == ["other"]
    assert faults == [("lost", "unreachable")]
