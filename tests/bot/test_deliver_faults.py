"""The sender when calls fail: what is tried again, how often, and who is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest

from bot.ports.records import Lane
from bot.ports.services import (
    Ambiguous,
    Refused,
    TryLater,
    Unreachable,
)
from bot.usecases.courier import UNANSWERED_TRIES
from bot.usecases.deliver import Sender
from tests.bot.deliveries import START, MemoryStorage, once, until
from tests.bot.house import House

pytestmark = pytest.mark.both_databases


async def test_response_dropped_after_acceptance() -> None:
    """R-10 A send whose answer is lost goes once more, with the same text, and its orphan is counted."""
    house = House()
    await house.add("K-104", lane=Lane.ALERT, ref="K-104")
    house.messenger.after = once("send", Ambiguous())
    await house.settle()
    assert house.row(1).ambiguous
    await house.settle(1)
    assert house.messenger.texts(1) == ["K-104", "K-104"]
    assert (house.row(1).state, house.row(1).ambiguous) == ("sent", True)


async def test_killed_between_send_and_mark() -> None:
    """R-10 A sender killed after the call and before the mark sends one extra copy, not more."""
    house = House()
    await house.add("K-104", lane=Lane.ALERT)
    house.storage.commits_failing = 1
    sent = asyncio.create_task(house.sender.step())
    await until(lambda: bool(house.messenger.calls))
    sent.cancel()
    await asyncio.gather(sent, return_exceptions=True)
    house.storage.commits_failing = 0
    house.restart()
    await house.settle()
    await house.settle(60)
    assert house.messenger.texts(1) == ["K-104", "K-104"]


async def test_a_storage_fault_while_marking_sends_nothing_twice() -> None:
    """R-10 While results cannot be marked they are kept and nothing more is sent, so that no copy goes out."""
    house = House()
    house.chat(2)
    await house.add("one")
    house.storage.commits_failing = 3
    await house.settle()
    await house.add("two", 2)
    await house.settle()
    assert house.messenger.calls == [("send", 1, "one"), ("send", 2, "two")]
    assert house.states() == ["sent", "sent"]


async def test_unanswered_sends_end() -> None:
    """A message other than an alert fails after its tries without an answer, and staff are told."""
    house = House()
    house.messenger.after = lambda op, chat: Ambiguous()
    await house.add("question")
    for _ in range(20):
        await house.settle(40)
    assert len(house.messenger.calls) == UNANSWERED_TRIES
    assert (house.states(), house.faults) == (["failed"], [("c1", "unanswered")])


async def test_an_alert_is_never_given_up() -> None:
    """S-30 An alert without an answer is tried for as long as it takes."""
    house = House()
    house.messenger.after = lambda op, chat: Ambiguous()
    await house.add("K-104", lane=Lane.ALERT)
    for _ in range(20):
        await house.settle(40)
    assert len(house.messenger.calls) == 20
    assert house.states() == ["waiting"]


async def test_calls_that_hang_hold_no_alert_up() -> None:
    """R-12 With all calls of other lanes hanging, an alert to another chat goes out at once."""
    house = House()
    hang = asyncio.Event()
    real = house.messenger.send

    async def send(telegram_chat: int, text: str, rows: Any, *, protect: bool) -> int:
        if text == "reminder":
            await hang.wait()
        return await real(telegram_chat, text, rows, protect=protect)

    house.messenger.send = send  # type: ignore[method-assign]  # a double
    for number in range(2, 40):
        house.chat(number)
        await house.add("reminder", number, lane=Lane.REMINDER)
    running = asyncio.create_task(house.sender.run())
    await asyncio.sleep(0.05)
    await house.add("K-104", lane=Lane.ALERT)
    house.sender.wake()
    await until(lambda: bool(house.messenger.texts(1)))
    hang.set()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert house.messenger.calls[0] == ("send", 1, "K-104")


async def test_429_pauses_that_chat_alone() -> None:
    """429 stops everything to its chat for the time given, alerts included, and nothing to others."""
    house = House()
    house.chat(2)
    house.messenger.before = once("send", TryLater(30), 1)
    await house.add("one")
    await house.add("other", 2)
    await house.settle()
    await house.add("K-104", lane=Lane.ALERT, slot="alert")
    await house.settle(29)
    assert house.messenger.calls == [("send", 2, "other")]
    await house.settle(1)
    assert house.messenger.calls[1:] == [("send", 1, "K-104"), ("send", 1, "one")]


async def test_an_outage_pauses_all_and_loses_nothing() -> None:
    """Trouble of the server stops all sending for growing pauses; afterwards each row goes out once."""
    house = House()
    house.chat(2)
    house.messenger.before = lambda op, chat: TryLater(1, chat_only=False)
    await house.add("one")
    await house.add("two", 2)
    for _ in range(50):
        await house.settle(4)
    house.messenger.before = lambda op, chat: None
    await house.settle(8)
    assert sorted(house.messenger.calls) == [("send", 1, "one"), ("send", 2, "two")]


async def test_403_asks_the_next() -> None:
    """R-07 A chat that cannot be reached fails its rows and says so in the same unit, without calling again."""
    house = House()
    house.messenger.before = lambda op, chat: Unreachable()
    await house.add("K-104", lane=Lane.ALERT)
    await house.settle()
    house.messenger.before = lambda op, chat: None
    await house.add("K-105", lane=Lane.ALERT)
    await house.settle()
    assert house.faults == [("c1", "unreachable"), ("c1", "unreachable")]
    assert house.states() == ["failed", "failed"]
    assert house.messenger.calls == []
    assert house.storage.tables.chats["c1"].state == "blocked"


@pytest.mark.parametrize("text", ["", "refused by the server"])
async def test_a_refusal_is_told(text: str) -> None:
    """A row that can never succeed fails and is told; an empty text is not even tried."""
    house = House()
    house.messenger.before = lambda op, chat: Refused()
    await house.add(text)
    await house.settle()
    assert (house.faults, house.states()) == ([("c1", "refused")], ["failed"])


async def test_a_cancelled_row_is_not_brought_back() -> None:
    """S-06 A sensitive row cancelled by /stop while its call failed is not tried again."""
    house = House()
    await house.add("sensitive", sensitive=True, not_after=START + timedelta(minutes=10))

    def stop(op: str, chat: int) -> Exception | None:
        rows = house.storage.tables.rows
        rows[1] = type(rows[1])(
            **{**{f: getattr(rows[1], f) for f in rows[1].__slots__}, "state": "superseded"}
        )
        return Ambiguous()

    house.messenger.after = stop
    await house.settle()
    house.messenger.after = lambda op, chat: None
    await house.settle(60)
    assert len(house.messenger.calls) == 1
    assert (house.row(1).state, house.row(1).ambiguous) == ("superseded", True)


@pytest.mark.parametrize("op", ["say", "retract"])
async def test_an_unanswered_edit_or_deletion_leaves_nothing_behind(op: str) -> None:
    """R-10 An edit or a deletion without an answer is made again and counts as no orphan."""
    house = House()
    await house.stand(10)
    house.messenger.after = once("edit" if op == "say" else "delete", Ambiguous())
    await house.add("words", op=op)
    await house.settle()
    await house.settle(1)
    assert len(house.messenger.calls) == 2
    assert (house.row(1).state, house.row(1).ambiguous) == ("sent", False)


async def test_a_row_without_a_chat_fails() -> None:
    """A row whose chat is gone fails and is told, and holds nothing up."""
    house = House()
    await house.add("lost", 9)
    await house.add("found")
    await house.settle()
    assert (house.states(), house.faults) == (["failed", "sent"], [("c9", "unreachable")])


async def test_a_fault_of_our_own_ends_the_run() -> None:
    """What is not a delivery fault is raised, not swallowed with the chat's messages stuck behind it."""
    house = House()
    house.messenger.before = lambda op, chat: ZeroDivisionError()
    await house.add("one")
    with pytest.raises(ZeroDivisionError):
        await house.sender.run()
    assert house.states() == ["waiting"]


@pytest.mark.parametrize("sensitive", [True, False])
async def test_killed_in_flight_is_counted(sensitive: bool) -> None:
    """S-43 A sensitive send that was under way at a kill is kept as perhaps sent from before the call; one that ended is not."""
    house = House()
    await house.add("one", sensitive=sensitive)
    await house.settle()
    assert not house.row(1).ambiguous
    await house.add("two", slot="lead", sensitive=sensitive)
    house.messenger.before = once("send", asyncio.CancelledError())  # type: ignore[arg-type]  # as a kill would
    with suppress(asyncio.CancelledError):
        await house.sender.step()
    assert house.row(2).ambiguous == sensitive
    house.restart()
    await house.settle(1)
    assert (house.row(2).state, house.row(2).ambiguous) == ("sent", sensitive)


async def test_who_may_not_send_sends_nothing() -> None:
    """R-15: a process that was paused past its lease asks before each delivery and sends nothing; the row waits."""
    house, may = House(), [False]
    sender = Sender(
        house.storage,
        house.messenger,
        house.clock,
        house.ids,
        house.limits,
        house.on_fault,
        may_send=lambda: may[0],
    )
    await house.add("hello")
    await sender.step()
    assert (house.messenger.calls, house.states()) == ([], ["waiting"])
    may[0] = True
    await sender.step()
    assert (house.messenger.texts(1), house.states()) == (["hello"], ["sent"])


class Sleeping(MemoryStorage):
    """A storage on a machine that goes to sleep as soon as a unit is over: the clock has moved on when it wakes."""

    def __init__(self, house: House, sleeps: timedelta) -> None:
        super().__init__()
        self.tables, self._house, self.sleeps = house.storage.tables, house, sleeps

    @asynccontextmanager
    async def unit(self, *, beside: bool = False) -> AsyncIterator[Any]:
        async with super().unit(beside=beside) as unit:
            yield unit
        slept, self.sleeps = self.sleeps, timedelta(0)
        self._house.clock.advance(slept)


async def test_what_was_picked_before_a_long_sleep_is_looked_at_again() -> None:
    """S-43, R-15 A row whose time ends between picking and calling does not go out; its stand-in does."""
    house = House()
    ends = START + timedelta(minutes=10)
    await house.add("sensitive", sensitive=True, not_after=ends, instead="neutral")
    house.storage = Sleeping(house, timedelta(minutes=11))
    house.restart()
    await house.settle()
    assert house.messenger.calls == [("send", 1, "neutral")]
