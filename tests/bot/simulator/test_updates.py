"""getUpdates: offsets, long polls, what is asked for, and how long things wait."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from bot.clock import MovableClock
from bot.simulator import Phone


async def test_offset_confirms(api: Any, phone: Phone) -> None:
    """R-01: an update comes again until a call with a higher offset confirms it."""
    phone.write("one")
    phone.write("two")
    first, second = await api.ok("getUpdates")
    assert await api.ok("getUpdates", limit=1) == [first]
    assert await api.ok("getUpdates", offset=first["update_id"] + 1) == [second]
    assert await api.ok("getUpdates", offset=0) == [second]
    assert await api.ok("getUpdates", offset=second["update_id"] + 1) == []


async def test_negative_offset(api: Any, phone: Phone) -> None:
    """A negative offset keeps only the last updates and forgets the others."""
    for text in "abc":
        phone.write(text)
    assert [update["message"]["text"] for update in await api.ok("getUpdates", offset=-2)] == ["b", "c"]
    assert len(await api.ok("getUpdates")) == 2


async def test_long_poll(api: Any, phone: Phone) -> None:
    """A long poll returns as soon as something comes, and empty when nothing did in time."""
    assert await api.ok("getUpdates", timeout=0) == []
    poll = asyncio.create_task(api.ok("getUpdates", timeout=30))
    await asyncio.sleep(0.05)
    assert not poll.done()
    phone.write("hello")
    assert [update["message"]["text"] for update in await poll] == ["hello"]


async def test_long_poll_ends_empty(api: Any) -> None:
    """A long poll during which nothing comes ends after its timeout with no updates."""
    assert await api.ok("getUpdates", timeout=1) == []


async def test_second_poller(api: Any, phone: Phone) -> None:
    """A second getUpdates ends the first one with 409 and takes its place."""
    first = asyncio.create_task(api.refused("getUpdates", timeout=30))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(api.ok("getUpdates", timeout=30))
    assert await first == (
        409,
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    )
    phone.write("hello")
    assert len(await second) == 1


async def test_24_hours(api: Any, clock: MovableClock, phone: Phone) -> None:
    """Messages wait 24 hours for a bot that is down."""
    phone.write("one")
    clock.advance(timedelta(hours=24))
    assert len(await api.ok("getUpdates")) == 1
    clock.advance(timedelta(seconds=1))
    assert await api.ok("getUpdates") == []


async def test_150_seconds(api: Any, clock: MovableClock, phone: Phone, keyboard: Any) -> None:
    """A press waits 150 seconds for the bot and can be answered for as long."""
    await phone.start()
    await api.ok("sendMessage", chat_id=phone.id, text="a", reply_markup=keyboard("ST-01:yes"))
    phone.press("ST-01:yes")
    clock.advance(timedelta(seconds=150))
    query = (await api.ok("getUpdates"))[-1]["callback_query"]
    assert await api.ok("answerCallbackQuery", callback_query_id=query["id"], text="Thanks") is True
    assert phone.log[-1].note == "Thanks"
    clock.advance(timedelta(seconds=1))
    assert ["message" in update for update in await api.ok("getUpdates")] == [True]
    assert await api.refused("answerCallbackQuery", callback_query_id=query["id"]) == (
        400,
        "Bad Request: query is too old and response timeout expired or query ID is invalid",
    )


async def test_quiet_week(api: Any, clock: MovableClock, phone: Phone) -> None:
    """After a quiet week ids start again at random, and an old offset does not hide what is new."""
    phone.write("one")
    (old,) = await api.ok("getUpdates")
    clock.advance(timedelta(days=8))
    phone.write("two")
    (new,) = await api.ok("getUpdates", offset=0)
    assert new["update_id"] not in range(old["update_id"] - 100, old["update_id"] + 100)
    offset = max(old["update_id"], new["update_id"] + 1000) + 1
    assert await api.ok("getUpdates", offset=offset) == [new]


async def test_allowed_updates_are_remembered(api: Any, phone: Phone) -> None:
    """The kinds asked for hold until another call names others; earlier updates stay."""
    said = await phone.start()
    phone.edit(said, "changed")
    assert len(await api.ok("getUpdates", allowed_updates=["callback_query"])) == 2
    phone.write("not asked for")
    assert len(await api.ok("getUpdates")) == 2
    assert (await api.ok("getWebhookInfo"))["allowed_updates"] == ["callback_query"]
    await api.ok("getUpdates", allowed_updates=[])
    phone.write("asked for")
    assert len(await api.ok("getUpdates")) == 3


async def test_drop_pending_updates(api: Any, phone: Phone) -> None:
    """deleteWebhook can throw away what waits."""
    phone.write("one")
    await api.ok("deleteWebhook", drop_pending_updates=True)
    assert (await api.ok("getWebhookInfo"))["pending_update_count"] == 0


async def test_groups_pass_on_commands_only(api: Any, phone: Phone) -> None:
    """Of a group's messages the bot sees commands, as with privacy mode on."""
    group = phone.in_chat(api.world.add_group("Team", [phone.id]).id)
    group.write("chatter")
    group.write("/here")
    kinds = [update.get("message", {}).get("text") for update in await api.ok("getUpdates")]
    assert kinds == [None, "/here"]


async def test_malformed_update(api: Any, phone: Phone) -> None:
    """A test can put any body among the good updates."""
    phone.write("one")
    api.world.updates.add_raw({"message": {"nonsense": True}})
    phone.write("two")
    updates = await api.ok("getUpdates")
    assert [update["update_id"] - updates[0]["update_id"] for update in updates] == [0, 1, 2]
    assert updates[1]["message"] == {"nonsense": True}
