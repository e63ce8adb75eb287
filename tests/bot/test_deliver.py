"""The sender: what goes out, in which order, and what is written down about it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.ports.records import Lane
from bot.ports.services import (
    CannotDelete,
    MissingMessage,
    TryLater,
)
from bot.usecases.courier import NOTHING
from tests.bot.deliveries import START, once, until
from tests.bot.house import House


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


async def test_a_clock_set_back_ends_pauses() -> None:
    """R-05 A chat that was to wait some seconds does not wait until the old time comes again."""
    house = House()
    house.messenger.before = lambda op, chat: TryLater(30.0, chat_only=True)
    await house.add("refused for a while", lane=Lane.ALERT)
    await house.settle()
    house.messenger.before = lambda op, chat: None
    house.clock.advance(timedelta(hours=-1))
    async with house.storage.unit() as unit:
        await unit.outbox.clock_set_back(START, house.clock.now())
        await unit.commit()
    await house.settle()
    assert house.messenger.texts(1) == ["refused for a while"]
