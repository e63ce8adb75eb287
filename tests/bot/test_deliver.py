"""The sender: what goes out, in which order, how often, and what is written down about it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.clock import MovableClock
from bot.ids import CountingIds
from bot.ports.records import Chat, Lane, LedgerEntry, OutboxRow
from bot.ports.services import (
    Ambiguous,
    CannotDelete,
    MissingMessage,
    Refused,
    SendLimits,
    TryLater,
    Unreachable,
)
from bot.usecases.courier import NOTHING, UNANSWERED_TRIES
from bot.usecases.deliver import Sender
from tests.bot.deliveries import START, FakeMessenger, MemoryStorage, once, until


class House:
    """A sender with everything around it, and short ways to fill and to read it."""

    def __init__(self, limits: SendLimits | None = None) -> None:
        self.clock = MovableClock(START)
        self.storage = MemoryStorage()
        self.messenger = FakeMessenger()
        self.ids = CountingIds()
        self.limits = limits or SendLimits()
        self.faults: list[tuple[str, str]] = []
        self.chat(1)
        self.sender = self.restart()

    def restart(self) -> Sender:
        self.sender = Sender(self.storage, self.messenger, self.clock, self.ids, self.limits, self.on_fault)
        return self.sender

    async def on_fault(self, unit: Any, row: OutboxRow, why: str) -> None:
        self.faults.append((row.chat_id, why))

    def chat(self, number: int) -> None:
        self.storage.tables.chats[f"c{number}"] = Chat(f"c{number}", 7, number, f"p{number}")

    async def add(self, text: str, chat: int = 1, **more: Any) -> None:
        row = {"lane": Lane.REPLY, "slot": "question", "op": "say", "due_at": self.clock.now()} | more
        async with self.storage.unit() as unit:
            await unit.outbox.add(OutboxRow(chat_id=f"c{chat}", text=text, **row))
            await unit.commit()

    async def stand(self, message_id: int, side: Any = "bot", slot: str = "question", **more: Any) -> None:
        entry = {"sensitive": False, "at": self.clock.now()} | more
        self.messenger.chats[1][message_id] = f"old {message_id}"
        async with self.storage.unit() as unit:
            await unit.ledger.add(LedgerEntry(self.ids.new(), "c1", message_id, side, slot, **entry))
            await unit.commit()

    async def settle(self, seconds: float = 0.0) -> None:
        """Move on and deliver all that may go."""
        self.clock.advance(timedelta(seconds=seconds))
        while await self.sender.step():
            pass

    def states(self) -> list[str]:
        return [row.state for row in self.storage.tables.rows.values()]

    def row(self, number: int) -> OutboxRow:
        return self.storage.tables.rows[number]

    def standing(self) -> list[int]:
        return [e.message_id for e in self.storage.tables.entries.values() if e.gone_at is None]

    def kept(self) -> list[str]:
        return [e.kept for e in self.storage.tables.entries.values() if e.kept]


async def test_send_then_edit_in_the_slot() -> None:
    """A slot shows one message: the first row is sent, the next of the same kind edits it."""
    house = House()
    await house.add("one")
    await house.settle()
    await house.add("two")
    await house.settle()
    assert [call[0] for call in house.messenger.calls] == ["send", "edit"]
    assert house.messenger.texts(1) == ["two"]
    assert house.states() == ["sent", "sent"]


async def test_an_edit_not_yet_sent_gives_way() -> None:
    """Of two rows waiting for one slot only the newer goes out."""
    house = House()
    await house.add("one")
    await house.add("two")
    await house.settle()
    assert house.messenger.texts(1) == ["two"]
    assert house.states() == ["superseded", "sent"]


@pytest.mark.parametrize("fresh", [True, False])
async def test_what_a_person_wrote_below_makes_it_new(fresh: bool) -> None:
    """A message stands at the bottom when it is asked for or when the person wrote below; the old one goes."""
    house = House()
    await house.stand(10)
    if not fresh:
        await house.stand(11, "person", "")
        await house.stand(12, slot="notice")
    await house.add("again", fresh=fresh)
    await house.settle()
    assert [call[0] for call in house.messenger.calls] == ["send", "delete"]
    assert 10 not in house.messenger.chats[1]


async def test_a_neutral_message_is_never_edited_into_a_sensitive_one() -> None:
    """S-43 A sensitive text is sent anew with protection where a neutral message stood, and the old one goes."""
    house = House()
    await house.stand(10)
    await house.add("sensitive", sensitive=True, not_after=START + timedelta(minutes=10))
    await house.settle()
    assert [call[0] for call in house.messenger.calls] == ["send", "delete"]
    assert house.messenger.protected == {(1, 101)}
    assert house.standing() == [101]


async def test_a_sensitive_message_becomes_neutral_by_a_new_one() -> None:
    """S-43 A neutral text replaces a sensitive message instead of editing it, so that the ledger stays true."""
    house = House()
    await house.stand(10, sensitive=True)
    await house.add("neutral")
    await house.settle()
    entries = house.storage.tables.entries.values()
    assert [(e.message_id, e.sensitive) for e in entries if e.gone_at is None] == [(101, False)]


async def test_a_missing_edit_target_is_sent_anew() -> None:
    """Where the message to edit is gone, the text is sent."""
    house = House()
    await house.stand(10)
    house.messenger.before = once("edit", MissingMessage())
    await house.add("again")
    await house.settle()
    assert [call[0] for call in house.messenger.calls] == ["send"]
    assert house.standing() == [101]


async def test_past_the_door_a_sensitive_row_is_withheld() -> None:
    """S-01 A sensitive row past its door's expiry is withheld and its neutral line is sent in its place."""
    house = House()
    await house.add("sensitive", sensitive=True, not_after=START + timedelta(minutes=10), instead="neutral")
    house.clock.advance(timedelta(minutes=10))
    await house.settle()
    assert house.messenger.calls == [("send", 1, "neutral")]
    assert house.states() == ["withheld", "sent"]


async def test_withheld_rows_share_one_neutral_line() -> None:
    """S-01 Several withheld rows of a chat are replaced by one neutral line."""
    house = House()
    for slot in ("a", "b"):
        expiry = START + timedelta(minutes=10)
        await house.add("sensitive", slot=slot, sensitive=True, not_after=expiry, instead="neutral")
    await house.settle(601)
    assert house.messenger.texts(1) == ["neutral"]


async def test_a_retried_sensitive_row_is_withheld_too() -> None:
    """S-01 A row that was in time at its first try is withheld when the try that could go comes too late."""
    house = House()
    await house.add("sensitive", sensitive=True, not_after=START + timedelta(seconds=30), instead="neutral")
    house.messenger.before = once("send", TryLater(60))
    await house.settle()
    await house.settle(60)
    assert house.messenger.calls == [("send", 1, "neutral")]


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


async def test_alerts_overtake_bulk() -> None:
    """R-12 One alert goes out first, whatever number of reminders waits, also in its own chat."""
    house = House()
    for number in range(1, 301):
        house.chat(number)
        await house.add("reminder", number, lane=Lane.REMINDER, slot="reminder")
    await house.sender.step()
    await house.add("K-104", 300, lane=Lane.ALERT, slot="alert")
    before = len(house.messenger.calls)
    await house.sender.step()
    assert house.messenger.calls[before] == ("send", 300, "K-104")


async def test_calls_that_hang_hold_no_alert_up() -> None:
    """R-12 With all calls of other lanes hanging, an alert to another chat goes out at once."""
    house = House()
    hang = asyncio.Event()
    real = house.messenger.send

    async def send(telegram_chat: int, text: str, rows: Any, *, protect: bool) -> int:
        if text == "reminder":
            await hang.wait()
        return await real(telegram_chat, text, rows, protect=protect)

    house.messenger.send = send  # type: ignore[method-assign]
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


async def test_a_chat_keeps_its_order() -> None:
    """Within a chat rows go in the order they were decided, also when the first has to wait."""
    house = House()
    house.messenger.before = once("send", TryLater(5))
    for text in ("one", "two", "three"):
        await house.add(text, slot=text)
    await house.settle()
    assert house.messenger.calls == []
    await house.settle(5)
    assert house.messenger.texts(1) == ["one", "two", "three"]


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


async def test_retract_takes_the_slot_away() -> None:
    """S-04 Withdrawing a slot deletes its message and no other."""
    house = House()
    await house.stand(10)
    await house.stand(11, slot="notice")
    await house.add("", op="retract")
    await house.settle()
    assert house.standing() == [11]
    assert list(house.messenger.chats[1]) == [11]


async def test_what_cannot_be_deleted_is_blanked_and_counted() -> None:
    """S-43 A sensitive message that cannot be deleted loses its text and is counted as kept."""
    house = House()
    await house.stand(10, sensitive=True)
    house.messenger.before = once("delete", CannotDelete())
    await house.add("", op="retract")
    await house.settle()
    assert house.messenger.texts(1) == [NOTHING]
    assert house.kept() == ["not deletable"]
    assert house.states() == ["sent"]


async def test_a_sweep_survives_a_restart() -> None:
    """S-43 A sweep takes both sides' messages, goes on after a restart and deletes none twice."""
    house = House()
    for number in range(10, 130):
        await house.stand(number, "person" if number % 2 else "bot", sensitive=True)
    await house.stand(200)
    await house.add("", op="sweep", slot="sensitive")
    await house.sender.step()
    assert len(house.standing()) == 71
    house.restart()
    await house.settle()
    assert house.standing() == [200]
    assert len(house.messenger.calls) == 120


async def test_a_late_sweep_spares_what_came_after_it() -> None:
    """A sweep of the tidy lane, which newer messages may pass, takes only what stood when it fell due."""
    house = House()
    await house.stand(10)
    await house.add("", op="sweep", slot="all", lane=Lane.TIDY)
    await house.stand(11, at=START + timedelta(seconds=1))
    await house.settle(2)
    assert house.standing() == [11]


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


async def test_the_limits_hold() -> None:
    """A chat gets its burst at once and then one a second; the sender asks before it picks."""
    house = House()
    for number in range(6):
        await house.add(f"{number}", slot=f"{number}")
    await house.settle()
    assert len(house.messenger.calls) == 3
    await house.settle(1)
    assert len(house.messenger.calls) == 4


async def test_wake_sends_at_once_and_a_stop_is_clean() -> None:
    """What was committed goes out as soon as the sender is woken, and what is due later when the clock moves."""
    house = House()
    running = asyncio.create_task(house.sender.run())
    await asyncio.sleep(0.01)
    await house.add("now")
    await house.add("later", slot="later", due_at=START + timedelta(hours=1))
    house.sender.wake()
    await until(lambda: house.messenger.texts(1) == ["now"] and house.states()[0] == "sent")
    await asyncio.sleep(0.05)
    house.clock.advance(timedelta(hours=1))
    await until(lambda: house.messenger.texts(1) == ["now", "later"])
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert house.states() == ["sent", "sent"]


async def test_what_cannot_be_cleared_now_stays_in_the_ledger() -> None:
    """S-43 Where the slot's old message cannot be deleted at once, the new one counts as sent, and both are known."""
    house = House()
    await house.stand(10, sensitive=True)
    house.messenger.before = once("delete", TryLater(5))
    await house.add("anew")
    await house.settle()
    assert (house.standing(), house.states()) == ([10, 101], ["sent"])
    await house.add("", op="retract")
    await house.settle(5)
    assert house.standing() == []


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


async def test_what_can_neither_go_nor_change_is_counted() -> None:
    """S-43 A sensitive message that can be neither deleted nor edited is counted, and the sweep goes on."""
    house = House()
    await house.stand(10, sensitive=True)
    await house.stand(11, sensitive=True)
    house.messenger.before = lambda op, chat: CannotDelete() if op == "delete" else MissingMessage()
    await house.add("", op="sweep", slot="sensitive")
    await house.settle()
    assert house.kept() == ["not deletable", "not deletable"]
    assert (house.states(), house.standing()) == (["sent"], [])


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
